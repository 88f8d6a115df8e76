-- Workflows and their trigger tokens are written by crm-api; requests, runs and step runs by incoming-trigger.

CREATE TABLE workflows (
    workspace_id uuid NOT NULL CONSTRAINT workflows_workspace_id_fkey REFERENCES workspaces (id),
    id uuid NOT NULL,
    name text NOT NULL,
    active boolean NOT NULL DEFAULT true,
    -- pulse_domain::workflow::Definition
    definition jsonb NOT NULL,
    trigger_digest bytea NOT NULL CONSTRAINT workflows_trigger_digest_key UNIQUE,
    trigger_hint text NOT NULL,
    lock_version integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT workflows_pkey PRIMARY KEY (workspace_id, id)
);

-- What was posted to a trigger URL, also while the workflow is off: the newest is the sample that variables are
-- picked from.
CREATE TABLE trigger_requests (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    workflow_id uuid NOT NULL,
    verdict text NOT NULL CONSTRAINT trigger_requests_verdict_check CHECK (
        verdict IN ('accepted', 'inactive', 'unreadable')
    ),
    content_type text,
    headers jsonb NOT NULL,
    query jsonb NOT NULL,
    -- The parsed JSON; null where it was unreadable, and then `raw` has the bytes.
    body jsonb,
    raw bytea,
    received_at timestamptz NOT NULL,
    CONSTRAINT trigger_requests_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT trigger_requests_workflow_id_fkey
        FOREIGN KEY (workspace_id, workflow_id) REFERENCES workflows (workspace_id, id)
);

CREATE INDEX trigger_requests_workflow_id_idx ON trigger_requests (workspace_id, workflow_id, received_at);
-- Those without a run, of which the newest few are kept.
CREATE INDEX trigger_requests_sample_idx ON trigger_requests (workspace_id, workflow_id, received_at)
    WHERE verdict <> 'accepted';

CREATE TABLE workflow_runs (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    workflow_id uuid NOT NULL,
    trigger_request_id uuid,
    state text NOT NULL DEFAULT 'queued' CONSTRAINT workflow_runs_state_check CHECK (
        state IN ('queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled', 'timed_out', 'skipped', 'held')
    ),
    -- The definition as it was when the run was accepted.
    definition jsonb NOT NULL,
    -- The variables: {"trigger": …, "steps": {key: output}}
    context jsonb NOT NULL,
    -- Index of the step that is next, and how often it has been tried.
    position integer NOT NULL DEFAULT 0,
    attempt integer NOT NULL DEFAULT 0,
    correlation_id uuid NOT NULL,
    error text,
    due_at timestamptz NOT NULL,
    lease_until timestamptz,
    lease_epoch bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz,
    CONSTRAINT workflow_runs_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT workflow_runs_workflow_id_fkey
        FOREIGN KEY (workspace_id, workflow_id) REFERENCES workflows (workspace_id, id),
    CONSTRAINT workflow_runs_trigger_request_id_fkey
        FOREIGN KEY (workspace_id, trigger_request_id) REFERENCES trigger_requests (workspace_id, id)
);

CREATE INDEX workflow_runs_due_idx ON workflow_runs (due_at) WHERE state IN ('queued', 'running', 'waiting');
CREATE INDEX workflow_runs_workflow_id_idx ON workflow_runs (workspace_id, workflow_id, created_at);
-- Asked for by the foreign key whenever a request is deleted.
CREATE INDEX workflow_runs_trigger_request_id_idx ON workflow_runs (workspace_id, trigger_request_id);
CREATE INDEX workflow_runs_created_at_idx ON workflow_runs (workspace_id, created_at);

CREATE TABLE workflow_step_runs (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    run_id uuid NOT NULL,
    position integer NOT NULL,
    attempt integer NOT NULL,
    key text NOT NULL,
    step_type text NOT NULL,
    state text NOT NULL CONSTRAINT workflow_step_runs_state_check CHECK (
        state IN ('pending', 'running', 'waiting', 'retry_scheduled', 'succeeded', 'failed', 'failed_continued',
                  'skipped', 'cancelled', 'interrupted')
    ),
    input jsonb,
    output jsonb,
    error text,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    CONSTRAINT workflow_step_runs_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT workflow_step_runs_attempt_key UNIQUE (workspace_id, run_id, position, attempt),
    CONSTRAINT workflow_step_runs_run_id_fkey
        FOREIGN KEY (workspace_id, run_id) REFERENCES workflow_runs (workspace_id, id)
);
