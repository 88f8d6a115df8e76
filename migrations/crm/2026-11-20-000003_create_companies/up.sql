CREATE TABLE companies (
    workspace_id uuid NOT NULL CONSTRAINT companies_workspace_id_fkey REFERENCES workspaces (id),
    id uuid NOT NULL,
    name text NOT NULL,
    legal_name text,
    domain text,
    domains jsonb,
    website text,
    industry text,
    size text CONSTRAINT companies_size_check CHECK (
        size IN ('1', '2-10', '11-50', '51-200', '201-500', '501-1000', '1001-5000', '5001+')
    ),
    employees integer,
    annual_revenue numeric(18, 2),
    currency text,
    phone text,
    phone_e164 text,
    email text,
    billing_address jsonb,
    shipping_address jsonb,
    tax_id text,
    kind text CONSTRAINT companies_kind_check CHECK (
        kind IN ('prospect', 'customer', 'partner', 'vendor', 'competitor', 'other')
    ),
    parent_id uuid,
    linkedin_url text,
    description text,
    logo_url text,
    founded_on date,
    rating double precision,
    health integer,
    mrr numeric(18, 2),
    ltv numeric(18, 2),
    last_activity_at timestamptz,
    merged_into_id uuid,
    owner_id uuid,
    team_id uuid,
    external_source text,
    external_id text,
    origin text NOT NULL DEFAULT 'api' CONSTRAINT companies_origin_check CHECK (
        origin IN ('ui', 'api', 'import', 'form', 'webhook', 'workflow', 'ingest', 'system')
    ),
    custom_fields jsonb NOT NULL DEFAULT '{}',
    lock_version integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT companies_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT companies_parent_id_fkey FOREIGN KEY (workspace_id, parent_id)
        REFERENCES companies (workspace_id, id) ON DELETE SET NULL (parent_id),
    CONSTRAINT companies_merged_into_id_fkey FOREIGN KEY (workspace_id, merged_into_id)
        REFERENCES companies (workspace_id, id) ON DELETE SET NULL (merged_into_id),
    CONSTRAINT companies_owner_id_fkey FOREIGN KEY (workspace_id, owner_id)
        REFERENCES users (workspace_id, id) ON DELETE SET NULL (owner_id),
    CONSTRAINT companies_team_id_fkey FOREIGN KEY (workspace_id, team_id)
        REFERENCES teams (workspace_id, id) ON DELETE SET NULL (team_id)
);

CREATE UNIQUE INDEX companies_domain_key ON companies (workspace_id, lower(domain)) WHERE deleted_at IS NULL;
CREATE INDEX companies_name_idx ON companies (workspace_id, name);
CREATE INDEX companies_phone_e164_idx ON companies (workspace_id, phone_e164);
CREATE UNIQUE INDEX companies_external_id_key ON companies (workspace_id, external_source, external_id)
    WHERE deleted_at IS NULL;
CREATE INDEX companies_parent_id_idx ON companies (workspace_id, parent_id);
CREATE INDEX companies_merged_into_id_idx ON companies (workspace_id, merged_into_id);
CREATE INDEX companies_owner_id_idx ON companies (workspace_id, owner_id);
CREATE INDEX companies_team_id_idx ON companies (workspace_id, team_id);
CREATE INDEX companies_created_at_idx ON companies (workspace_id, created_at);
