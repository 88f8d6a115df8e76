DROP TABLE webhook_signing_keys;
