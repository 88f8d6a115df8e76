CREATE TABLE contacts (
    workspace_id uuid NOT NULL CONSTRAINT contacts_workspace_id_fkey REFERENCES workspaces (id),
    id uuid NOT NULL,
    first_name text,
    last_name text,
    title text,
    email text,
    phone text,
    source text,
    lifecycle text NOT NULL DEFAULT 'lead' CONSTRAINT contacts_lifecycle_check CHECK (
        lifecycle IN ('subscriber', 'lead', 'mql', 'sql', 'opportunity', 'customer', 'evangelist', 'other')
    ),
    score integer NOT NULL DEFAULT 0,
    birthday date,
    do_not_email boolean NOT NULL DEFAULT false,
    address jsonb,
    description text,
    company_id uuid,
    lock_version integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT contacts_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT contacts_company_id_fkey FOREIGN KEY (workspace_id, company_id) REFERENCES companies (workspace_id, id)
);

CREATE UNIQUE INDEX contacts_email_key ON contacts (workspace_id, lower(email)) WHERE deleted_at IS NULL;
CREATE INDEX contacts_email_idx ON contacts (workspace_id, email);
CREATE INDEX contacts_last_name_idx ON contacts (workspace_id, last_name);
CREATE INDEX contacts_company_id_idx ON contacts (workspace_id, company_id);
CREATE INDEX contacts_created_at_idx ON contacts (workspace_id, created_at);
