DROP TABLE webhook_attempts;
DROP TABLE webhook_deliveries;
DROP TABLE webhook_payloads;
DROP TABLE webhook_recoveries;
DROP TABLE webhook_endpoints;
DROP TABLE webhook_subscriptions;
DROP FUNCTION notify_webhook_subscriptions;
