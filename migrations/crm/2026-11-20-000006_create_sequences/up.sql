-- Sequences are lists of timed tasks; enrolling a contact makes the tasks.

CREATE TABLE sequences (
    workspace_id uuid NOT NULL CONSTRAINT sequences_workspace_id_fkey REFERENCES workspaces (id),
    id uuid NOT NULL,
    name text NOT NULL,
    -- [{"title": text, "body": text or null, "after_days": number}]
    steps jsonb NOT NULL,
    lock_version integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT sequences_pkey PRIMARY KEY (workspace_id, id)
);

CREATE UNIQUE INDEX sequences_name_key ON sequences (workspace_id, lower(name)) WHERE deleted_at IS NULL;

CREATE TABLE sequence_enrollments (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    sequence_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT sequence_enrollments_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT sequence_enrollments_sequence_id_fkey
        FOREIGN KEY (workspace_id, sequence_id) REFERENCES sequences (workspace_id, id) ON DELETE CASCADE,
    CONSTRAINT sequence_enrollments_contact_id_fkey
        FOREIGN KEY (workspace_id, contact_id) REFERENCES contacts (workspace_id, id) ON DELETE CASCADE
);

CREATE INDEX sequence_enrollments_sequence_id_idx ON sequence_enrollments (workspace_id, sequence_id);
CREATE INDEX sequence_enrollments_contact_id_idx ON sequence_enrollments (workspace_id, contact_id);

CREATE TABLE tasks (
    workspace_id uuid NOT NULL CONSTRAINT tasks_workspace_id_fkey REFERENCES workspaces (id),
    id uuid NOT NULL,
    title text NOT NULL,
    body text,
    kind text NOT NULL DEFAULT 'todo' CONSTRAINT tasks_kind_check CHECK (
        kind IN ('todo', 'call', 'email', 'meeting', 'follow_up')
    ),
    status text NOT NULL DEFAULT 'open' CONSTRAINT tasks_status_check CHECK (
        status IN ('open', 'in_progress', 'done', 'cancelled', 'deferred')
    ),
    -- Follows `status`; null where a client has said so of a task that is not done.
    done boolean DEFAULT false,
    priority text NOT NULL DEFAULT 'normal' CONSTRAINT tasks_priority_check CHECK (
        priority IN ('low', 'normal', 'high', 'urgent')
    ),
    start_at timestamptz,
    due_at timestamptz,
    due_on date,
    -- [instant]
    remind_at jsonb NOT NULL DEFAULT '[]',
    -- RRULE of RFC 5545
    recurrence text,
    completed_at timestamptz,
    completed_by_id uuid,
    parent_type text,
    parent_id uuid,
    owner_id uuid,
    team_id uuid,
    sequence_enrollment_id uuid,
    lock_version integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT tasks_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT tasks_completed_by_id_fkey
        FOREIGN KEY (workspace_id, completed_by_id) REFERENCES users (workspace_id, id)
        ON DELETE SET NULL (completed_by_id),
    CONSTRAINT tasks_owner_id_fkey
        FOREIGN KEY (workspace_id, owner_id) REFERENCES users (workspace_id, id) ON DELETE SET NULL (owner_id),
    CONSTRAINT tasks_team_id_fkey
        FOREIGN KEY (workspace_id, team_id) REFERENCES teams (workspace_id, id) ON DELETE SET NULL (team_id),
    CONSTRAINT tasks_sequence_enrollment_id_fkey
        FOREIGN KEY (workspace_id, sequence_enrollment_id) REFERENCES sequence_enrollments (workspace_id, id)
        ON DELETE SET NULL (sequence_enrollment_id)
);

CREATE INDEX tasks_parent_id_idx ON tasks (workspace_id, parent_id, parent_type);
CREATE INDEX tasks_owner_id_idx ON tasks (workspace_id, owner_id);
CREATE INDEX tasks_team_id_idx ON tasks (workspace_id, team_id);
CREATE INDEX tasks_completed_by_id_idx ON tasks (workspace_id, completed_by_id);
CREATE INDEX tasks_sequence_enrollment_id_idx ON tasks (workspace_id, sequence_enrollment_id);
CREATE INDEX tasks_due_at_idx ON tasks (workspace_id, due_at);
CREATE INDEX tasks_created_at_idx ON tasks (workspace_id, created_at);
