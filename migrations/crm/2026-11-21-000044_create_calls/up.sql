CREATE TABLE calls (
    workspace_id uuid NOT NULL CONSTRAINT calls_workspace_id_fkey REFERENCES workspaces (id),
    id uuid NOT NULL,
    direction text NOT NULL CONSTRAINT calls_direction_check CHECK (direction IN ('inbound', 'outbound')),
    status text NOT NULL CONSTRAINT calls_status_check CHECK (
        status IN (
            'queued', 'ringing', 'in_progress', 'completed', 'no_answer', 'busy', 'failed', 'cancelled', 'voicemail'
        )
    ),
    from_e164 text,
    to_e164 text,
    started_at timestamptz,
    answered_at timestamptz,
    ended_at timestamptz,
    duration_s integer CONSTRAINT calls_duration_s_check CHECK (duration_s >= 0),
    talk_s integer CONSTRAINT calls_talk_s_check CHECK (talk_s >= 0),
    outcome text,
    provider text,
    provider_call_id text,
    recording_url text,
    recording_consent boolean,
    transcript text,
    summary text,
    cost numeric(18, 4),
    currency text,
    contact_id uuid,
    company_id uuid,
    deal_id uuid,
    ticket_id uuid,
    owner_id uuid,
    team_id uuid,
    lock_version integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT calls_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT calls_contact_id_fkey
        FOREIGN KEY (workspace_id, contact_id) REFERENCES contacts (workspace_id, id)
        ON DELETE SET NULL (contact_id),
    CONSTRAINT calls_company_id_fkey
        FOREIGN KEY (workspace_id, company_id) REFERENCES companies (workspace_id, id)
        ON DELETE SET NULL (company_id),
    CONSTRAINT calls_deal_id_fkey
        FOREIGN KEY (workspace_id, deal_id) REFERENCES deals (workspace_id, id) ON DELETE SET NULL (deal_id),
    CONSTRAINT calls_team_id_fkey
        FOREIGN KEY (workspace_id, team_id) REFERENCES teams (workspace_id, id) ON DELETE SET NULL (team_id),
    CONSTRAINT calls_ticket_id_fkey
        FOREIGN KEY (workspace_id, ticket_id) REFERENCES tickets (workspace_id, id) ON DELETE SET NULL (ticket_id),
    CONSTRAINT calls_owner_id_fkey
        FOREIGN KEY (workspace_id, owner_id) REFERENCES users (workspace_id, id) ON DELETE SET NULL (owner_id)
);

-- A provider that tells of a call twice tells of one call.
CREATE UNIQUE INDEX calls_provider_call_id_key
    ON calls (workspace_id, provider, provider_call_id) WHERE deleted_at IS NULL;
CREATE INDEX calls_contact_id_idx ON calls (workspace_id, contact_id);
CREATE INDEX calls_company_id_idx ON calls (workspace_id, company_id);
CREATE INDEX calls_ticket_id_idx ON calls (workspace_id, ticket_id);
CREATE INDEX calls_deal_id_idx ON calls (workspace_id, deal_id);
CREATE INDEX calls_team_id_idx ON calls (workspace_id, team_id);
CREATE INDEX calls_owner_id_idx ON calls (workspace_id, owner_id);
CREATE INDEX calls_started_at_idx ON calls (workspace_id, started_at);
CREATE INDEX calls_created_at_idx ON calls (workspace_id, created_at);
