-- A site is what a website or shop is measured as; its tokens let browsers and servers send events.

CREATE TABLE ingest_sites (
    workspace_id uuid NOT NULL CONSTRAINT ingest_sites_workspace_id_fkey REFERENCES workspaces (id),
    id uuid NOT NULL,
    name text NOT NULL,
    domain text,
    lock_version integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT ingest_sites_pkey PRIMARY KEY (workspace_id, id)
);

CREATE TABLE ingest_tokens (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    site_id uuid NOT NULL,
    name text NOT NULL,
    kind text NOT NULL CONSTRAINT ingest_tokens_kind_check CHECK (kind IN ('public', 'secret')),
    token_digest bytea NOT NULL CONSTRAINT ingest_tokens_token_digest_key UNIQUE,
    token_hint text NOT NULL,
    enabled boolean NOT NULL DEFAULT true,
    lock_version integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT ingest_tokens_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT ingest_tokens_site_id_fkey
        FOREIGN KEY (workspace_id, site_id) REFERENCES ingest_sites (workspace_id, id)
);

CREATE INDEX ingest_tokens_site_id_idx ON ingest_tokens (workspace_id, site_id);
