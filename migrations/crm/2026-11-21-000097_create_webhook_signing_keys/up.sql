-- Keys of ed25519 that deliveries of a workspace are signed with, for the subscriptions that ask for it.

CREATE TABLE webhook_signing_keys (
    workspace_id uuid NOT NULL CONSTRAINT webhook_signing_keys_workspace_id_fkey REFERENCES workspaces (id),
    id uuid NOT NULL,
    public_key text NOT NULL,
    -- The seed, sealed for the id of the key.
    private_key_sealed bytea NOT NULL,
    -- Since a rotation: until then it signs and is published beside its successor.
    expires_at timestamptz,
    lock_version integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT webhook_signing_keys_pkey PRIMARY KEY (workspace_id, id)
);

CREATE UNIQUE INDEX webhook_signing_keys_present_key ON webhook_signing_keys (workspace_id) WHERE expires_at IS NULL;
CREATE INDEX webhook_signing_keys_newest_idx ON webhook_signing_keys (workspace_id, created_at, id);
