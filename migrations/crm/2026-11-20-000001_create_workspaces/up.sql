-- The tenants, the people in them, and the sessions they have open.

CREATE TABLE workspaces (
    id uuid NOT NULL CONSTRAINT workspaces_pkey PRIMARY KEY,
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE users (
    workspace_id uuid NOT NULL CONSTRAINT users_workspace_id_fkey REFERENCES workspaces (id),
    id uuid NOT NULL,
    name text NOT NULL,
    email text NOT NULL,
    role text NOT NULL CONSTRAINT users_role_check CHECK (role IN ('owner', 'admin', 'manager', 'rep', 'viewer')),
    password_digest text NOT NULL,
    lock_version integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT users_pkey PRIMARY KEY (workspace_id, id)
);

-- Signing in names no workspace, so an address belongs to one user of the installation.
CREATE UNIQUE INDEX users_email_key ON users (lower(email)) WHERE deleted_at IS NULL;

CREATE TABLE user_sessions (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    jti_digest bytea NOT NULL CONSTRAINT user_sessions_jti_digest_key UNIQUE,
    ip text,
    user_agent text,
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT user_sessions_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT user_sessions_user_id_fkey FOREIGN KEY (workspace_id, user_id) REFERENCES users (workspace_id, id)
);

CREATE INDEX user_sessions_user_id_idx ON user_sessions (workspace_id, user_id);
