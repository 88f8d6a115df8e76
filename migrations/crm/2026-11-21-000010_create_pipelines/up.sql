-- Pipelines, and the stages that records pass through.

CREATE TABLE pipelines (
    workspace_id uuid NOT NULL CONSTRAINT pipelines_workspace_id_fkey REFERENCES workspaces (id),
    id uuid NOT NULL,
    name text NOT NULL,
    kind text NOT NULL DEFAULT 'deal' CONSTRAINT pipelines_kind_check CHECK (kind IN ('deal', 'lead', 'ticket')),
    position integer NOT NULL DEFAULT 0,
    is_default boolean NOT NULL DEFAULT false,
    archived boolean NOT NULL DEFAULT false,
    currency text,
    -- {"no_skip": boolean, "no_back": boolean, "create_stage_ids": [id]}
    rules jsonb NOT NULL DEFAULT '{}',
    lock_version integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT pipelines_pkey PRIMARY KEY (workspace_id, id)
);

CREATE UNIQUE INDEX pipelines_is_default_key ON pipelines (workspace_id, kind) WHERE is_default AND deleted_at IS NULL;

CREATE TABLE stages (
    workspace_id uuid NOT NULL CONSTRAINT stages_workspace_id_fkey REFERENCES workspaces (id),
    id uuid NOT NULL,
    pipeline_id uuid NOT NULL,
    name text NOT NULL,
    position integer NOT NULL DEFAULT 0,
    kind text NOT NULL DEFAULT 'open' CONSTRAINT stages_kind_check CHECK (kind IN ('open', 'won', 'lost', 'on_hold')),
    -- Percent.
    probability integer CONSTRAINT stages_probability_check CHECK (probability BETWEEN 0 AND 100),
    color text,
    rot_after_days integer CONSTRAINT stages_rot_after_days_check CHECK (rot_after_days BETWEEN 1 AND 3650),
    -- Names of what a deal must have to enter: attributes and relationships.
    required_fields jsonb NOT NULL DEFAULT '[]',
    wip_limit integer CONSTRAINT stages_wip_limit_check CHECK (wip_limit > 0),
    archived boolean NOT NULL DEFAULT false,
    lock_version integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT stages_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT stages_pipeline_id_fkey
        FOREIGN KEY (workspace_id, pipeline_id) REFERENCES pipelines (workspace_id, id) ON DELETE CASCADE
);

CREATE INDEX stages_pipeline_id_idx ON stages (workspace_id, pipeline_id, position);
