-- Fields that a workspace adds to its records. The column `custom_fields` of a record has their values, by the id of the
-- field: who deletes a field and creates another under the same key finds no old values in it.
CREATE TABLE custom_fields (
    workspace_id uuid NOT NULL CONSTRAINT custom_fields_workspace_id_fkey REFERENCES workspaces (id),
    id uuid NOT NULL,
    resource text NOT NULL CONSTRAINT custom_fields_resource_check CHECK (
        resource IN ('contacts', 'companies', 'leads', 'deals', 'tickets')
    ),
    key text NOT NULL CONSTRAINT custom_fields_key_check CHECK (key ~ '^[a-z][a-z0-9_]{0,39}$'),
    label text NOT NULL,
    kind text NOT NULL CONSTRAINT custom_fields_kind_check CHECK (
        kind IN (
            'text', 'long_text', 'integer', 'decimal', 'boolean', 'date', 'datetime', 'choice', 'multi_choice', 'url',
            'email', 'phone'
        )
    ),
    choices jsonb,
    required boolean NOT NULL DEFAULT false,
    unique_values boolean NOT NULL DEFAULT false,
    description text,
    position integer NOT NULL DEFAULT 0,
    lock_version integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT custom_fields_pkey PRIMARY KEY (workspace_id, id)
);

CREATE UNIQUE INDEX custom_fields_key_key ON custom_fields (workspace_id, resource, key) WHERE deleted_at IS NULL;

-- What equality is looked up in. Records without values cost nothing.
CREATE INDEX contacts_custom_fields_idx ON contacts USING gin (custom_fields jsonb_path_ops)
    WHERE custom_fields <> '{}';
CREATE INDEX companies_custom_fields_idx ON companies USING gin (custom_fields jsonb_path_ops)
    WHERE custom_fields <> '{}';
CREATE INDEX leads_custom_fields_idx ON leads USING gin (custom_fields jsonb_path_ops)
    WHERE custom_fields <> '{}';
CREATE INDEX deals_custom_fields_idx ON deals USING gin (custom_fields jsonb_path_ops)
    WHERE custom_fields <> '{}';
CREATE INDEX tickets_custom_fields_idx ON tickets USING gin (custom_fields jsonb_path_ops)
    WHERE custom_fields <> '{}';
