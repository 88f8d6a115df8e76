CREATE TABLE leads (
    workspace_id uuid NOT NULL CONSTRAINT leads_workspace_id_fkey REFERENCES workspaces (id),
    id uuid NOT NULL,
    first_name text,
    last_name text,
    full_name text GENERATED ALWAYS AS (
        nullif(btrim(coalesce(first_name, '') || ' ' || coalesce(last_name, '')), '')
    ) STORED,
    title text,
    company_name text,
    email text,
    phone text,
    phone_e164 text,
    website text,
    address jsonb,
    industry text,
    status text NOT NULL DEFAULT 'new' CONSTRAINT leads_status_check CHECK (
        status IN ('new', 'working', 'nurturing', 'qualified', 'unqualified', 'converted')
    ),
    status_reason text,
    source text,
    campaign text,
    utm jsonb,
    value numeric(18, 2),
    currency text,
    score integer DEFAULT 0,
    grade text CONSTRAINT leads_grade_check CHECK (grade IN ('A', 'B', 'C', 'D')),
    intent_signals jsonb,
    rating text CONSTRAINT leads_rating_check CHECK (rating IN ('cold', 'warm', 'hot')),
    do_not_call boolean NOT NULL DEFAULT false,
    do_not_email boolean NOT NULL DEFAULT false,
    first_response_at timestamptz,
    response_due_at timestamptz,
    last_activity_at timestamptz,
    description text,
    visitor_ids jsonb,
    converted_at timestamptz,
    converted_by_id uuid,
    converted_contact_id uuid,
    converted_company_id uuid,
    converted_deal_id uuid,
    owner_id uuid,
    team_id uuid,
    external_source text,
    external_id text,
    origin text NOT NULL DEFAULT 'api' CONSTRAINT leads_origin_check CHECK (
        origin IN ('ui', 'api', 'import', 'form', 'webhook', 'workflow', 'ingest', 'system')
    ),
    custom_fields jsonb NOT NULL DEFAULT '{}',
    lock_version integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT leads_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT leads_converted_by_id_fkey FOREIGN KEY (workspace_id, converted_by_id)
        REFERENCES users (workspace_id, id) ON DELETE SET NULL (converted_by_id),
    CONSTRAINT leads_converted_contact_id_fkey FOREIGN KEY (workspace_id, converted_contact_id)
        REFERENCES contacts (workspace_id, id) ON DELETE SET NULL (converted_contact_id),
    CONSTRAINT leads_converted_company_id_fkey FOREIGN KEY (workspace_id, converted_company_id)
        REFERENCES companies (workspace_id, id) ON DELETE SET NULL (converted_company_id),
    CONSTRAINT leads_converted_deal_id_fkey FOREIGN KEY (workspace_id, converted_deal_id)
        REFERENCES deals (workspace_id, id) ON DELETE SET NULL (converted_deal_id),
    CONSTRAINT leads_owner_id_fkey FOREIGN KEY (workspace_id, owner_id)
        REFERENCES users (workspace_id, id) ON DELETE SET NULL (owner_id),
    CONSTRAINT leads_team_id_fkey FOREIGN KEY (workspace_id, team_id)
        REFERENCES teams (workspace_id, id) ON DELETE SET NULL (team_id)
);

CREATE INDEX leads_email_idx ON leads (workspace_id, lower(email));
CREATE INDEX leads_phone_e164_idx ON leads (workspace_id, phone_e164);
CREATE INDEX leads_last_name_idx ON leads (workspace_id, last_name);
CREATE UNIQUE INDEX leads_external_id_key ON leads (workspace_id, external_source, external_id)
    WHERE deleted_at IS NULL;
CREATE INDEX leads_converted_by_id_idx ON leads (workspace_id, converted_by_id);
CREATE INDEX leads_converted_contact_id_idx ON leads (workspace_id, converted_contact_id);
CREATE INDEX leads_converted_company_id_idx ON leads (workspace_id, converted_company_id);
CREATE INDEX leads_converted_deal_id_idx ON leads (workspace_id, converted_deal_id);
CREATE INDEX leads_owner_id_idx ON leads (workspace_id, owner_id);
CREATE INDEX leads_team_id_idx ON leads (workspace_id, team_id);
CREATE INDEX leads_created_at_idx ON leads (workspace_id, created_at);

ALTER TABLE deals
    ADD COLUMN source_lead_id uuid,
    ADD CONSTRAINT deals_source_lead_id_fkey FOREIGN KEY (workspace_id, source_lead_id)
        REFERENCES leads (workspace_id, id) ON DELETE SET NULL (source_lead_id);

CREATE INDEX deals_source_lead_id_idx ON deals (workspace_id, source_lead_id);
