-- Lists that somebody wants to see again.

CREATE TABLE saved_views (
    workspace_id uuid NOT NULL CONSTRAINT saved_views_workspace_id_fkey REFERENCES workspaces (id),
    id uuid NOT NULL,
    name text NOT NULL,
    -- JSON:API type of the records listed.
    resource text NOT NULL,
    -- The parameter q as JSON.
    q jsonb NOT NULL DEFAULT '{}',
    -- As the parameter sort.
    sort text,
    -- Names of attributes and relationships: [text]
    columns jsonb NOT NULL DEFAULT '[]',
    shared boolean NOT NULL DEFAULT false,
    owner_id uuid,
    lock_version integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT saved_views_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT saved_views_owner_id_fkey FOREIGN KEY (workspace_id, owner_id)
        REFERENCES users (workspace_id, id) ON DELETE SET NULL (owner_id)
);

CREATE INDEX saved_views_resource_idx ON saved_views (workspace_id, resource);
CREATE INDEX saved_views_owner_id_idx ON saved_views (workspace_id, owner_id);
