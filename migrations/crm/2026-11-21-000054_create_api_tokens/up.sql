-- Tokens by which programs act for a user.

CREATE TABLE api_tokens (
    workspace_id uuid NOT NULL CONSTRAINT api_tokens_workspace_id_fkey REFERENCES workspaces (id),
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    name text NOT NULL,
    prefix text NOT NULL,
    token_digest bytea NOT NULL CONSTRAINT api_tokens_token_digest_key UNIQUE,
    -- ["*"], or ["read" | "write" | "<type>:read" | "<type>:write"]
    scopes jsonb NOT NULL DEFAULT '["*"]',
    -- The token never does more than this role may, whatever its user may.
    role_cap text CONSTRAINT api_tokens_role_cap_check CHECK (
        role_cap IN ('owner', 'admin', 'manager', 'rep', 'viewer')
    ),
    -- Networks that it works from: [CIDR]; everywhere where there are none.
    ip_allowlist jsonb NOT NULL DEFAULT '[]',
    expires_at timestamptz,
    last_used_at timestamptz,
    last_used_ip text,
    revoked_at timestamptz,
    lock_version integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT api_tokens_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT api_tokens_user_id_fkey
        FOREIGN KEY (workspace_id, user_id) REFERENCES users (workspace_id, id) ON DELETE CASCADE
);

CREATE INDEX api_tokens_user_id_idx ON api_tokens (workspace_id, user_id);
