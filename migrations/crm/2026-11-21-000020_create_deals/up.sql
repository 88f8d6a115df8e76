-- Deals, who takes part in them, and how they moved through their stages.

CREATE TABLE deals (
    workspace_id uuid NOT NULL CONSTRAINT deals_workspace_id_fkey REFERENCES workspaces (id),
    id uuid NOT NULL,
    number integer NOT NULL,
    name text NOT NULL,
    amount numeric(18, 2),
    currency text,
    -- {"mrr": decimal, "arr": decimal, "acv": decimal, "interval": text}
    recurring jsonb,
    -- Always there; nullable, since a client may leave it to follow from the stage.
    pipeline_id uuid CONSTRAINT deals_pipeline_id_check CHECK (pipeline_id IS NOT NULL),
    stage_id uuid NOT NULL,
    status text NOT NULL DEFAULT 'open' CONSTRAINT deals_status_check CHECK (
        status IN ('open', 'won', 'lost', 'abandoned')
    ),
    -- Percent: what was set by hand, and what counts, which is that of the stage where nothing was set.
    probability_override integer,
    probability integer CONSTRAINT deals_probability_check CHECK (probability BETWEEN 0 AND 100),
    weighted_amount numeric(18, 2) GENERATED ALWAYS AS (round(amount * probability / 100, 2)) STORED,
    forecast_category text CONSTRAINT deals_forecast_category_check CHECK (
        forecast_category IN ('commit', 'best_case', 'pipeline', 'omitted')
    ),
    expected_close_on date,
    closed_at timestamptz,
    stage_entered_at timestamptz NOT NULL DEFAULT now(),
    rotten_at timestamptz,
    lost_reason text,
    lost_note text,
    competitor text,
    source text,
    contact_id uuid,
    company_id uuid,
    next_step text,
    position double precision,
    last_activity_at timestamptz,
    description text,
    owner_id uuid,
    team_id uuid,
    external_source text,
    external_id text,
    origin text NOT NULL DEFAULT 'api' CONSTRAINT deals_origin_check CHECK (
        origin IN ('ui', 'api', 'import', 'form', 'webhook', 'workflow', 'ingest', 'system')
    ),
    custom_fields jsonb NOT NULL DEFAULT '{}',
    lock_version integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT deals_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT deals_pipeline_id_fkey FOREIGN KEY (workspace_id, pipeline_id) REFERENCES pipelines (workspace_id, id),
    CONSTRAINT deals_stage_id_fkey FOREIGN KEY (workspace_id, stage_id) REFERENCES stages (workspace_id, id),
    CONSTRAINT deals_contact_id_fkey FOREIGN KEY (workspace_id, contact_id)
        REFERENCES contacts (workspace_id, id) ON DELETE SET NULL (contact_id),
    CONSTRAINT deals_company_id_fkey FOREIGN KEY (workspace_id, company_id)
        REFERENCES companies (workspace_id, id) ON DELETE SET NULL (company_id),
    CONSTRAINT deals_owner_id_fkey FOREIGN KEY (workspace_id, owner_id)
        REFERENCES users (workspace_id, id) ON DELETE SET NULL (owner_id),
    CONSTRAINT deals_team_id_fkey FOREIGN KEY (workspace_id, team_id)
        REFERENCES teams (workspace_id, id) ON DELETE SET NULL (team_id)
);

CREATE UNIQUE INDEX deals_number_key ON deals (workspace_id, number);
CREATE INDEX deals_expected_close_on_idx ON deals (workspace_id, expected_close_on);
CREATE UNIQUE INDEX deals_external_id_key ON deals (workspace_id, external_source, external_id)
    WHERE deleted_at IS NULL;
CREATE INDEX deals_pipeline_id_idx ON deals (workspace_id, pipeline_id);
CREATE INDEX deals_stage_id_idx ON deals (workspace_id, stage_id);
CREATE INDEX deals_contact_id_idx ON deals (workspace_id, contact_id);
CREATE INDEX deals_company_id_idx ON deals (workspace_id, company_id);
CREATE INDEX deals_owner_id_idx ON deals (workspace_id, owner_id);
CREATE INDEX deals_team_id_idx ON deals (workspace_id, team_id);
CREATE INDEX deals_created_at_idx ON deals (workspace_id, created_at);

-- The relationship adds links without an id.
CREATE TABLE deal_contacts (
    workspace_id uuid NOT NULL CONSTRAINT deal_contacts_workspace_id_fkey REFERENCES workspaces (id),
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    deal_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    role text NOT NULL DEFAULT 'other' CONSTRAINT deal_contacts_role_check CHECK (
        role IN ('decision_maker', 'champion', 'influencer', 'evaluator', 'user', 'blocker', 'other')
    ),
    lock_version integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT deal_contacts_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT deal_contacts_contact_key UNIQUE (workspace_id, deal_id, contact_id),
    CONSTRAINT deal_contacts_deal_id_fkey
        FOREIGN KEY (workspace_id, deal_id) REFERENCES deals (workspace_id, id) ON DELETE CASCADE,
    CONSTRAINT deal_contacts_contact_id_fkey
        FOREIGN KEY (workspace_id, contact_id) REFERENCES contacts (workspace_id, id) ON DELETE CASCADE
);

CREATE INDEX deal_contacts_contact_id_idx ON deal_contacts (workspace_id, contact_id);

-- Appended to whenever a deal changes its stage, and never changed.
CREATE TABLE deal_stage_transitions (
    workspace_id uuid NOT NULL CONSTRAINT deal_stage_transitions_workspace_id_fkey REFERENCES workspaces (id),
    id uuid NOT NULL,
    deal_id uuid NOT NULL,
    from_stage_id uuid,
    to_stage_id uuid,
    from_kind text NOT NULL,
    to_kind text NOT NULL,
    seconds_in_from bigint NOT NULL,
    -- Of the deal, when it moved.
    amount numeric(18, 2),
    currency text,
    probability integer,
    -- {"type": "user" | "workflow" | "system", "id": id or null}
    actor jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT deal_stage_transitions_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT deal_stage_transitions_deal_id_fkey
        FOREIGN KEY (workspace_id, deal_id) REFERENCES deals (workspace_id, id) ON DELETE CASCADE,
    CONSTRAINT deal_stage_transitions_from_stage_id_fkey FOREIGN KEY (workspace_id, from_stage_id)
        REFERENCES stages (workspace_id, id) ON DELETE SET NULL (from_stage_id),
    CONSTRAINT deal_stage_transitions_to_stage_id_fkey FOREIGN KEY (workspace_id, to_stage_id)
        REFERENCES stages (workspace_id, id) ON DELETE SET NULL (to_stage_id)
);

CREATE INDEX deal_stage_transitions_deal_id_idx ON deal_stage_transitions (workspace_id, deal_id, created_at);
CREATE INDEX deal_stage_transitions_from_stage_id_idx ON deal_stage_transitions (workspace_id, from_stage_id);
CREATE INDEX deal_stage_transitions_to_stage_id_idx ON deal_stage_transitions (workspace_id, to_stage_id);
CREATE INDEX deal_stage_transitions_created_at_idx ON deal_stage_transitions (workspace_id, created_at);
