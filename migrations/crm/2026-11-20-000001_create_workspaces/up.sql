-- The tenants, the people in them and their teams, and the sessions they have open.

CREATE TABLE workspaces (
    id uuid NOT NULL CONSTRAINT workspaces_pkey PRIMARY KEY,
    name text NOT NULL,
    -- What a webhook subscription that names no payload version pins.
    webhook_payload_version integer NOT NULL DEFAULT 1
        CONSTRAINT workspaces_webhook_payload_version_check CHECK (webhook_payload_version IN (1, 2)),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE users (
    workspace_id uuid NOT NULL CONSTRAINT users_workspace_id_fkey REFERENCES workspaces (id),
    id uuid NOT NULL,
    name text NOT NULL,
    email text NOT NULL,
    role text NOT NULL DEFAULT 'rep'
        CONSTRAINT users_role_check CHECK (role IN ('owner', 'admin', 'manager', 'rep', 'viewer')),
    active boolean NOT NULL DEFAULT true,
    -- Null until somebody who was invited has chosen a password.
    password_digest text,
    status text NOT NULL GENERATED ALWAYS AS (
        CASE WHEN NOT active THEN 'inactive' WHEN password_digest IS NULL THEN 'invited' ELSE 'active' END
    ) STORED,
    title text,
    phone text,
    phone_e164 text,
    avatar_url text,
    timezone text NOT NULL DEFAULT 'UTC',
    locale text NOT NULL DEFAULT 'en',
    -- {"monday": [["09:00", "17:30"]], …}, in the user's time zone
    working_hours jsonb,
    signature text,
    last_signed_in_at timestamptz,
    lock_version integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT users_pkey PRIMARY KEY (workspace_id, id)
);

-- Signing in names no workspace, so an address belongs to one user of the installation.
CREATE UNIQUE INDEX users_email_key ON users (lower(email)) WHERE deleted_at IS NULL;

CREATE TABLE teams (
    workspace_id uuid NOT NULL CONSTRAINT teams_workspace_id_fkey REFERENCES workspaces (id),
    id uuid NOT NULL,
    name text NOT NULL,
    description text,
    manager_id uuid,
    lock_version integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT teams_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT teams_manager_id_fkey FOREIGN KEY (workspace_id, manager_id)
        REFERENCES users (workspace_id, id) ON DELETE SET NULL (manager_id)
);

CREATE UNIQUE INDEX teams_name_key ON teams (workspace_id, lower(name)) WHERE deleted_at IS NULL;
CREATE INDEX teams_manager_id_idx ON teams (workspace_id, manager_id);

-- Who is in which team.
CREATE TABLE team_members (
    workspace_id uuid NOT NULL,
    team_id uuid NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT team_members_pkey PRIMARY KEY (workspace_id, team_id, user_id),
    CONSTRAINT team_members_team_id_fkey
        FOREIGN KEY (workspace_id, team_id) REFERENCES teams (workspace_id, id) ON DELETE CASCADE,
    CONSTRAINT team_members_user_id_fkey
        FOREIGN KEY (workspace_id, user_id) REFERENCES users (workspace_id, id) ON DELETE CASCADE
);

CREATE INDEX team_members_user_id_idx ON team_members (workspace_id, user_id);

CREATE TABLE user_sessions (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    jti_digest bytea NOT NULL CONSTRAINT user_sessions_jti_digest_key UNIQUE,
    -- Of the one refresh token that is good; each is good once.
    refresh_digest bytea NOT NULL,
    refreshed_at timestamptz NOT NULL DEFAULT now(),
    ip text,
    user_agent text,
    device text NOT NULL,
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT user_sessions_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT user_sessions_user_id_fkey
        FOREIGN KEY (workspace_id, user_id) REFERENCES users (workspace_id, id) ON DELETE CASCADE
);

CREATE INDEX user_sessions_user_id_idx ON user_sessions (workspace_id, user_id);
