CREATE TABLE companies (
    workspace_id uuid NOT NULL CONSTRAINT companies_workspace_id_fkey REFERENCES workspaces (id),
    id uuid NOT NULL,
    name text NOT NULL,
    domain text,
    website text,
    industry text,
    employees integer,
    annual_revenue numeric(18, 4),
    currency text,
    phone text,
    description text,
    lock_version integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT companies_pkey PRIMARY KEY (workspace_id, id)
);

CREATE UNIQUE INDEX companies_domain_key ON companies (workspace_id, lower(domain)) WHERE deleted_at IS NULL;
CREATE INDEX companies_name_idx ON companies (workspace_id, name);
CREATE INDEX companies_created_at_idx ON companies (workspace_id, created_at);
