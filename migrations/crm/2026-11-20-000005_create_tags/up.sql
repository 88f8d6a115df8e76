CREATE TABLE tags (
    workspace_id uuid NOT NULL CONSTRAINT tags_workspace_id_fkey REFERENCES workspaces (id),
    id uuid NOT NULL,
    name text NOT NULL,
    color text,
    lock_version integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT tags_pkey PRIMARY KEY (workspace_id, id)
);

CREATE UNIQUE INDEX tags_name_key ON tags (workspace_id, lower(name)) WHERE deleted_at IS NULL;

-- Which record has which tag; `parent_type` is the JSON:API type of the record.
CREATE TABLE taggings (
    workspace_id uuid NOT NULL,
    -- The relationship adds links without an id.
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    tag_id uuid NOT NULL,
    parent_type text NOT NULL,
    parent_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT taggings_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT taggings_tag_key UNIQUE (workspace_id, parent_type, parent_id, tag_id),
    CONSTRAINT taggings_tag_id_fkey
        FOREIGN KEY (workspace_id, tag_id) REFERENCES tags (workspace_id, id) ON DELETE CASCADE
);

CREATE INDEX taggings_tag_id_idx ON taggings (workspace_id, tag_id, parent_type, parent_id);
CREATE INDEX taggings_created_at_idx ON taggings (workspace_id, created_at);
