CREATE TABLE notes (
    workspace_id uuid NOT NULL CONSTRAINT notes_workspace_id_fkey REFERENCES workspaces (id),
    id uuid NOT NULL,
    -- Markdown, as it was written
    body text NOT NULL,
    body_html text NOT NULL,
    is_pinned boolean NOT NULL DEFAULT false,
    edited_at timestamptz,
    parent_type text NOT NULL,
    parent_id uuid NOT NULL,
    author_id uuid,
    lock_version integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT notes_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT notes_author_id_fkey
        FOREIGN KEY (workspace_id, author_id) REFERENCES users (workspace_id, id) ON DELETE SET NULL (author_id)
);

CREATE INDEX notes_parent_id_idx ON notes (workspace_id, parent_id, parent_type);
CREATE INDEX notes_author_id_idx ON notes (workspace_id, author_id);
CREATE INDEX notes_created_at_idx ON notes (workspace_id, created_at);

-- The users that a note calls on.
CREATE TABLE note_mentions (
    workspace_id uuid NOT NULL,
    note_id uuid NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT note_mentions_pkey PRIMARY KEY (workspace_id, note_id, user_id),
    CONSTRAINT note_mentions_note_id_fkey
        FOREIGN KEY (workspace_id, note_id) REFERENCES notes (workspace_id, id) ON DELETE CASCADE,
    CONSTRAINT note_mentions_user_id_fkey
        FOREIGN KEY (workspace_id, user_id) REFERENCES users (workspace_id, id) ON DELETE CASCADE
);

CREATE INDEX note_mentions_user_id_idx ON note_mentions (workspace_id, user_id);
