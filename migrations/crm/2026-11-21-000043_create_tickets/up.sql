CREATE TABLE tickets (
    workspace_id uuid NOT NULL CONSTRAINT tickets_workspace_id_fkey REFERENCES workspaces (id),
    id uuid NOT NULL,
    number integer NOT NULL,
    subject text NOT NULL,
    description text,
    status text NOT NULL DEFAULT 'new' CONSTRAINT tickets_status_check CHECK (
        status IN ('new', 'open', 'pending', 'on_hold', 'snoozed', 'solved', 'closed')
    ),
    status_kind text NOT NULL GENERATED ALWAYS AS (
        CASE
            WHEN status IN ('new', 'open') THEN 'open'
            WHEN status IN ('solved', 'closed') THEN 'closed'
            ELSE 'paused'
        END
    ) STORED,
    priority text NOT NULL DEFAULT 'normal' CONSTRAINT tickets_priority_check CHECK (
        priority IN ('low', 'normal', 'high', 'urgent')
    ),
    kind text CONSTRAINT tickets_kind_check CHECK (kind IN ('question', 'incident', 'problem', 'task')),
    channel text NOT NULL DEFAULT 'api' CONSTRAINT tickets_channel_check CHECK (
        channel IN ('email', 'web', 'chat', 'phone', 'api')
    ),
    snoozed_until timestamptz,
    first_response_due_at timestamptz,
    first_responded_at timestamptz,
    resolution_due_at timestamptz,
    resolved_at timestamptz,
    reopened_count integer NOT NULL DEFAULT 0,
    sla_status text NOT NULL DEFAULT 'ok' CONSTRAINT tickets_sla_status_check CHECK (
        sla_status IN ('ok', 'due', 'breached', 'paused')
    ),
    csat integer CONSTRAINT tickets_csat_check CHECK (csat BETWEEN 1 AND 5),
    csat_comment text,
    contact_id uuid,
    company_id uuid,
    deal_id uuid,
    owner_id uuid,
    team_id uuid,
    duplicate_of_id uuid,
    external_source text,
    external_id text,
    origin text NOT NULL DEFAULT 'api' CONSTRAINT tickets_origin_check CHECK (
        origin IN ('ui', 'api', 'import', 'form', 'webhook', 'workflow', 'ingest', 'system')
    ),
    custom_fields jsonb NOT NULL DEFAULT '{}',
    lock_version integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT tickets_pkey PRIMARY KEY (workspace_id, id),
    -- Also in the trash: a number is given once.
    CONSTRAINT tickets_number_key UNIQUE (workspace_id, number),
    CONSTRAINT tickets_contact_id_fkey
        FOREIGN KEY (workspace_id, contact_id) REFERENCES contacts (workspace_id, id)
        ON DELETE SET NULL (contact_id),
    CONSTRAINT tickets_company_id_fkey
        FOREIGN KEY (workspace_id, company_id) REFERENCES companies (workspace_id, id)
        ON DELETE SET NULL (company_id),
    CONSTRAINT tickets_deal_id_fkey
        FOREIGN KEY (workspace_id, deal_id) REFERENCES deals (workspace_id, id) ON DELETE SET NULL (deal_id),
    CONSTRAINT tickets_owner_id_fkey
        FOREIGN KEY (workspace_id, owner_id) REFERENCES users (workspace_id, id) ON DELETE SET NULL (owner_id),
    CONSTRAINT tickets_team_id_fkey
        FOREIGN KEY (workspace_id, team_id) REFERENCES teams (workspace_id, id) ON DELETE SET NULL (team_id),
    CONSTRAINT tickets_duplicate_of_id_fkey
        FOREIGN KEY (workspace_id, duplicate_of_id) REFERENCES tickets (workspace_id, id)
        ON DELETE SET NULL (duplicate_of_id)
);

CREATE UNIQUE INDEX tickets_external_id_key
    ON tickets (workspace_id, external_source, external_id) WHERE deleted_at IS NULL;
CREATE INDEX tickets_status_idx ON tickets (workspace_id, status);
CREATE INDEX tickets_contact_id_idx ON tickets (workspace_id, contact_id);
CREATE INDEX tickets_company_id_idx ON tickets (workspace_id, company_id);
CREATE INDEX tickets_deal_id_idx ON tickets (workspace_id, deal_id);
CREATE INDEX tickets_team_id_idx ON tickets (workspace_id, team_id);
CREATE INDEX tickets_owner_id_idx ON tickets (workspace_id, owner_id);
CREATE INDEX tickets_duplicate_of_id_idx ON tickets (workspace_id, duplicate_of_id);
CREATE INDEX tickets_created_at_idx ON tickets (workspace_id, created_at);

-- What was said about a ticket: by the customer, to the customer, or among ourselves.
CREATE TABLE ticket_messages (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    ticket_id uuid NOT NULL,
    direction text NOT NULL CONSTRAINT ticket_messages_direction_check CHECK (
        direction IN ('in', 'out', 'internal')
    ),
    body text NOT NULL,
    channel text CONSTRAINT ticket_messages_channel_check CHECK (
        channel IN ('email', 'web', 'chat', 'phone', 'api')
    ),
    external_message_id text,
    -- [{"name": text, "url": text, "content_type": text or null, "bytes": number or null}]
    attachments jsonb NOT NULL DEFAULT '[]',
    author_type text,
    author_id uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT ticket_messages_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT ticket_messages_ticket_id_fkey
        FOREIGN KEY (workspace_id, ticket_id) REFERENCES tickets (workspace_id, id) ON DELETE CASCADE
);

-- A mail that is read from the mailbox twice is one message, and reopens its ticket once.
CREATE UNIQUE INDEX ticket_messages_external_message_id_key
    ON ticket_messages (workspace_id, ticket_id, external_message_id);
CREATE INDEX ticket_messages_ticket_id_idx ON ticket_messages (workspace_id, ticket_id, created_at);
CREATE INDEX ticket_messages_author_id_idx ON ticket_messages (workspace_id, author_id);
CREATE INDEX ticket_messages_created_at_idx ON ticket_messages (workspace_id, created_at);
