CREATE TABLE contacts (
    workspace_id uuid NOT NULL CONSTRAINT contacts_workspace_id_fkey REFERENCES workspaces (id),
    id uuid NOT NULL,
    first_name text,
    last_name text,
    full_name text GENERATED ALWAYS AS (
        nullif(btrim(coalesce(first_name, '') || ' ' || coalesce(last_name, '')), '')
    ) STORED,
    salutation text,
    title text,
    department text,
    email text,
    -- [{"value": text, "label": text, "verified": boolean, "opt_out": boolean}]
    emails jsonb,
    phone text,
    phone_e164 text,
    -- [{"value": text, "e164": text, "ext": text, "label": text}]
    phones jsonb,
    company_id uuid,
    manager_id uuid,
    birthday date,
    linkedin_url text,
    twitter text,
    website text,
    address jsonb,
    timezone text,
    locale text,
    lifecycle text NOT NULL DEFAULT 'lead' CONSTRAINT contacts_lifecycle_check CHECK (
        lifecycle IN ('subscriber', 'lead', 'mql', 'sql', 'opportunity', 'customer', 'evangelist', 'other')
    ),
    status text NOT NULL DEFAULT 'active' CONSTRAINT contacts_status_check CHECK (
        status IN ('active', 'inactive', 'bounced')
    ),
    score integer,
    annual_value numeric(18, 2),
    currency text,
    source text,
    campaign text,
    do_not_call boolean NOT NULL DEFAULT false,
    do_not_email boolean NOT NULL DEFAULT false,
    subscribed boolean,
    -- [{"channel": text, "basis": text, "at": instant, "proof": text}]
    consent jsonb,
    last_activity_at timestamptz,
    last_contacted_at timestamptz,
    merged_into_id uuid,
    avatar_url text,
    description text,
    first_touch jsonb,
    last_touch jsonb,
    visitor_ids jsonb,
    owner_id uuid,
    team_id uuid,
    external_source text,
    external_id text,
    origin text NOT NULL DEFAULT 'api' CONSTRAINT contacts_origin_check CHECK (
        origin IN ('ui', 'api', 'import', 'form', 'webhook', 'workflow', 'ingest', 'system')
    ),
    custom_fields jsonb NOT NULL DEFAULT '{}',
    lock_version integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT contacts_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT contacts_company_id_fkey FOREIGN KEY (workspace_id, company_id)
        REFERENCES companies (workspace_id, id) ON DELETE SET NULL (company_id),
    CONSTRAINT contacts_manager_id_fkey FOREIGN KEY (workspace_id, manager_id)
        REFERENCES contacts (workspace_id, id) ON DELETE SET NULL (manager_id),
    CONSTRAINT contacts_merged_into_id_fkey FOREIGN KEY (workspace_id, merged_into_id)
        REFERENCES contacts (workspace_id, id) ON DELETE SET NULL (merged_into_id),
    CONSTRAINT contacts_owner_id_fkey FOREIGN KEY (workspace_id, owner_id)
        REFERENCES users (workspace_id, id) ON DELETE SET NULL (owner_id),
    CONSTRAINT contacts_team_id_fkey FOREIGN KEY (workspace_id, team_id)
        REFERENCES teams (workspace_id, id) ON DELETE SET NULL (team_id)
);

CREATE UNIQUE INDEX contacts_email_key ON contacts (workspace_id, lower(email)) WHERE deleted_at IS NULL;
CREATE INDEX contacts_email_idx ON contacts (workspace_id, email);
CREATE INDEX contacts_phone_e164_idx ON contacts (workspace_id, phone_e164);
CREATE INDEX contacts_last_name_idx ON contacts (workspace_id, last_name);
CREATE UNIQUE INDEX contacts_external_id_key ON contacts (workspace_id, external_source, external_id)
    WHERE deleted_at IS NULL;
CREATE INDEX contacts_company_id_idx ON contacts (workspace_id, company_id);
CREATE INDEX contacts_manager_id_idx ON contacts (workspace_id, manager_id);
CREATE INDEX contacts_merged_into_id_idx ON contacts (workspace_id, merged_into_id);
CREATE INDEX contacts_owner_id_idx ON contacts (workspace_id, owner_id);
CREATE INDEX contacts_team_id_idx ON contacts (workspace_id, team_id);
CREATE INDEX contacts_created_at_idx ON contacts (workspace_id, created_at);

-- Where a contact works or worked, beside the company that the contact itself names. The relationship adds links
-- without an id.
CREATE TABLE contact_companies (
    workspace_id uuid NOT NULL CONSTRAINT contact_companies_workspace_id_fkey REFERENCES workspaces (id),
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    contact_id uuid NOT NULL,
    company_id uuid NOT NULL,
    role text,
    is_primary boolean NOT NULL DEFAULT false,
    ended_on date,
    lock_version integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT contact_companies_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT contact_companies_company_key UNIQUE (workspace_id, contact_id, company_id),
    CONSTRAINT contact_companies_contact_id_fkey
        FOREIGN KEY (workspace_id, contact_id) REFERENCES contacts (workspace_id, id) ON DELETE CASCADE,
    CONSTRAINT contact_companies_company_id_fkey
        FOREIGN KEY (workspace_id, company_id) REFERENCES companies (workspace_id, id) ON DELETE CASCADE
);

CREATE UNIQUE INDEX contact_companies_is_primary_key ON contact_companies (workspace_id, contact_id)
    WHERE is_primary;
CREATE INDEX contact_companies_company_id_idx ON contact_companies (workspace_id, company_id);
