-- Documents that are sent out to be signed, and who signs them.

CREATE TABLE esignature_requests (
    workspace_id uuid NOT NULL CONSTRAINT esignature_requests_workspace_id_fkey REFERENCES workspaces (id),
    id uuid NOT NULL,
    title text NOT NULL,
    status text NOT NULL DEFAULT 'draft' CONSTRAINT esignature_requests_status_check CHECK (
        status IN ('draft', 'sent', 'viewed', 'partially_signed', 'completed', 'declined', 'cancelled', 'expired')
    ),
    -- [{"file_id": text, "name": text, "sha256": hex, "pages": number}]
    documents jsonb NOT NULL DEFAULT '[]',
    signing_order text NOT NULL DEFAULT 'parallel' CONSTRAINT esignature_requests_signing_order_check CHECK (
        signing_order IN ('parallel', 'sequential')
    ),
    message text,
    expires_at timestamptz,
    -- {"every_days": number, "max": number}
    reminder jsonb,
    sent_at timestamptz,
    completed_at timestamptz,
    declined_reason text,
    contact_id uuid,
    deal_id uuid,
    owner_id uuid,
    team_id uuid,
    lock_version integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT esignature_requests_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT esignature_requests_contact_id_fkey FOREIGN KEY (workspace_id, contact_id)
        REFERENCES contacts (workspace_id, id) ON DELETE SET NULL (contact_id),
    CONSTRAINT esignature_requests_deal_id_fkey FOREIGN KEY (workspace_id, deal_id)
        REFERENCES deals (workspace_id, id) ON DELETE SET NULL (deal_id),
    CONSTRAINT esignature_requests_team_id_fkey FOREIGN KEY (workspace_id, team_id)
        REFERENCES teams (workspace_id, id) ON DELETE SET NULL (team_id),
    CONSTRAINT esignature_requests_owner_id_fkey FOREIGN KEY (workspace_id, owner_id)
        REFERENCES users (workspace_id, id) ON DELETE SET NULL (owner_id)
);

CREATE INDEX esignature_requests_contact_id_idx ON esignature_requests (workspace_id, contact_id);
CREATE INDEX esignature_requests_deal_id_idx ON esignature_requests (workspace_id, deal_id);
CREATE INDEX esignature_requests_team_id_idx ON esignature_requests (workspace_id, team_id);
CREATE INDEX esignature_requests_owner_id_idx ON esignature_requests (workspace_id, owner_id);
CREATE INDEX esignature_requests_created_at_idx ON esignature_requests (workspace_id, created_at);

CREATE TABLE esignature_recipients (
    workspace_id uuid NOT NULL CONSTRAINT esignature_recipients_workspace_id_fkey REFERENCES workspaces (id),
    id uuid NOT NULL,
    request_id uuid NOT NULL,
    name text NOT NULL,
    email text NOT NULL,
    role text NOT NULL DEFAULT 'signer' CONSTRAINT esignature_recipients_role_check CHECK (
        role IN ('signer', 'approver', 'viewer', 'cc')
    ),
    -- Whose turn it is in a sequential order: the lowest first, the same at once.
    position integer NOT NULL DEFAULT 1 CONSTRAINT esignature_recipients_position_check CHECK (position BETWEEN 1 AND 1000),
    status text NOT NULL DEFAULT 'pending' CONSTRAINT esignature_recipients_status_check CHECK (
        status IN ('pending', 'sent', 'viewed', 'signed', 'declined', 'expired')
    ),
    -- [{"key", "type", "page", "x", "y", "w", "h", "required", "value"}]
    fields jsonb NOT NULL DEFAULT '[]',
    viewed_at timestamptz,
    signed_at timestamptz,
    -- Where it was last viewed, signed or declined from.
    ip text,
    user_agent text,
    token_digest bytea CONSTRAINT esignature_recipients_token_digest_key UNIQUE,
    lock_version integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT esignature_recipients_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT esignature_recipients_request_id_fkey FOREIGN KEY (workspace_id, request_id)
        REFERENCES esignature_requests (workspace_id, id) ON DELETE CASCADE
);

CREATE INDEX esignature_recipients_request_id_idx ON esignature_recipients (workspace_id, request_id, position);
CREATE INDEX esignature_recipients_email_idx ON esignature_recipients (workspace_id, lower(email));
