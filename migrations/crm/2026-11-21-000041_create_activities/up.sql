-- The timeline of a record: what happened, and when.

CREATE TABLE activities (
    workspace_id uuid NOT NULL CONSTRAINT activities_workspace_id_fkey REFERENCES workspaces (id),
    id uuid NOT NULL,
    kind text NOT NULL CONSTRAINT activities_kind_check CHECK (
        kind IN (
            'note', 'call', 'email', 'meeting', 'task', 'sms', 'stage_change', 'status_change', 'field_change',
            'form_submission', 'page_view', 'booking', 'esignature', 'merge', 'import', 'workflow', 'custom'
        )
    ),
    subject text,
    body text,
    -- Milliseconds, as instants are shown: what is sent back as it was shown changes nothing.
    occurred_at timestamptz NOT NULL DEFAULT date_trunc('milliseconds', now()),
    duration_s integer CONSTRAINT activities_duration_s_check CHECK (duration_s >= 0),
    direction text CONSTRAINT activities_direction_check CHECK (direction IN ('in', 'out')),
    outcome text,
    payload jsonb,
    is_internal boolean NOT NULL DEFAULT false,
    is_pinned boolean NOT NULL DEFAULT false,
    -- The record that it was written for, such as a call.
    source_type text,
    source_id uuid,
    parent_type text,
    parent_id uuid,
    user_id uuid,
    lock_version integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT activities_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT activities_user_id_fkey
        FOREIGN KEY (workspace_id, user_id) REFERENCES users (workspace_id, id) ON DELETE SET NULL (user_id)
);

CREATE INDEX activities_parent_id_idx ON activities (workspace_id, parent_id, parent_type, occurred_at);
CREATE INDEX activities_source_id_idx ON activities (workspace_id, source_id) WHERE source_id IS NOT NULL;
CREATE INDEX activities_user_id_idx ON activities (workspace_id, user_id);
CREATE INDEX activities_occurred_at_idx ON activities (workspace_id, occurred_at);
CREATE INDEX activities_created_at_idx ON activities (workspace_id, created_at);
