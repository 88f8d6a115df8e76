-- Mails that are to be sent, in the transaction of what they tell of, and what the links in them open.

CREATE TABLE mails (
    workspace_id uuid NOT NULL CONSTRAINT mails_workspace_id_fkey REFERENCES workspaces (id),
    id uuid NOT NULL,
    kind text NOT NULL,
    recipient text NOT NULL,
    -- Subject and text, sealed for the id: the link in it may open an account. Null once it is sent or given up.
    sealed bytea,
    state text NOT NULL DEFAULT 'queued' CONSTRAINT mails_state_check CHECK (state IN ('queued', 'sent', 'failed')),
    attempts integer NOT NULL DEFAULT 0,
    -- When it is tried next, or when whoever tries it now has lost it.
    due_at timestamptz NOT NULL DEFAULT now(),
    lease_epoch bigint NOT NULL DEFAULT 0,
    error text,
    sent_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT mails_pkey PRIMARY KEY (workspace_id, id)
);

CREATE INDEX mails_due_at_idx ON mails (due_at) WHERE state = 'queued';

-- What a link in a mail opens, once.
CREATE TABLE mail_tokens (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    purpose text NOT NULL CONSTRAINT mail_tokens_purpose_check CHECK (
        purpose IN ('accept_invitation', 'reset_password', 'change_email')
    ),
    token_digest bytea NOT NULL CONSTRAINT mail_tokens_token_digest_key UNIQUE,
    -- The address that the user wants.
    email text,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT mail_tokens_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT mail_tokens_user_id_fkey
        FOREIGN KEY (workspace_id, user_id) REFERENCES users (workspace_id, id) ON DELETE CASCADE
);

CREATE INDEX mail_tokens_user_id_idx ON mail_tokens (workspace_id, user_id, purpose);
