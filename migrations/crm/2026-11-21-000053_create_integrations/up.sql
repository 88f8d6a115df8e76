-- Accounts at other systems, and what opens them.

CREATE TABLE integrations (
    workspace_id uuid NOT NULL CONSTRAINT integrations_workspace_id_fkey REFERENCES workspaces (id),
    id uuid NOT NULL,
    provider text NOT NULL,
    name text,
    status text NOT NULL DEFAULT 'active' CONSTRAINT integrations_status_check CHECK (
        status IN ('active', 'disabled', 'error')
    ),
    config jsonb NOT NULL DEFAULT '{}',
    -- A JSON object, sealed for the row's id.
    credentials_sealed bytea,
    has_credentials boolean NOT NULL GENERATED ALWAYS AS (credentials_sealed IS NOT NULL) STORED,
    -- [text]
    scopes jsonb NOT NULL DEFAULT '[]',
    last_sync_at timestamptz,
    last_error text,
    error_count integer NOT NULL DEFAULT 0,
    lock_version integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT integrations_pkey PRIMARY KEY (workspace_id, id)
);

CREATE INDEX integrations_provider_idx ON integrations (workspace_id, provider);
