-- Subscriptions are written by crm-api; payloads, deliveries and attempts by webhook-dispatcher.

CREATE TABLE webhook_subscriptions (
    workspace_id uuid NOT NULL CONSTRAINT webhook_subscriptions_workspace_id_fkey REFERENCES workspaces (id),
    id uuid NOT NULL,
    url text NOT NULL,
    description text,
    -- ["*"], or names of the event catalogue
    event_types jsonb NOT NULL,
    enabled boolean NOT NULL DEFAULT true,
    max_retries integer NOT NULL DEFAULT 12
        CONSTRAINT webhook_subscriptions_max_retries_check CHECK (max_retries BETWEEN 0 AND 12),
    payload_version integer NOT NULL DEFAULT 1,
    secret_sealed bytea NOT NULL,
    secret_hint text NOT NULL,
    lock_version integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT webhook_subscriptions_pkey PRIMARY KEY (workspace_id, id)
);

-- The exact bytes of an event in a payload version, rendered once; retries and replays send these.
CREATE TABLE webhook_payloads (
    workspace_id uuid NOT NULL,
    event_id uuid NOT NULL,
    version integer NOT NULL,
    body bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT webhook_payloads_pkey PRIMARY KEY (workspace_id, event_id, version)
);

-- One event to one subscription. A replay is a delivery of its own that names the one it repeats.
CREATE TABLE webhook_deliveries (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    subscription_id uuid NOT NULL,
    event_id uuid NOT NULL,
    event_type text NOT NULL,
    payload_version integer NOT NULL,
    state text NOT NULL DEFAULT 'scheduled' CONSTRAINT webhook_deliveries_state_check CHECK (
        state IN ('scheduled', 'succeeded', 'exhausted', 'cancelled')
    ),
    retries integer NOT NULL DEFAULT 0,
    first_attempt_at timestamptz,
    next_attempt_at timestamptz,
    -- Whoever claims the delivery holds it until then; the epoch makes a worker that was too slow lose.
    lease_until timestamptz,
    lease_epoch bigint NOT NULL DEFAULT 0,
    replay_of_id uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    completed_at timestamptz,
    CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT webhook_deliveries_subscription_id_fkey
        FOREIGN KEY (workspace_id, subscription_id) REFERENCES webhook_subscriptions (workspace_id, id),
    CONSTRAINT webhook_deliveries_payload_fkey
        FOREIGN KEY (workspace_id, event_id, payload_version)
        REFERENCES webhook_payloads (workspace_id, event_id, version)
);

-- An event that comes twice from the bus is delivered once.
CREATE UNIQUE INDEX webhook_deliveries_event_id_key
    ON webhook_deliveries (workspace_id, subscription_id, event_id) WHERE replay_of_id IS NULL;
CREATE INDEX webhook_deliveries_due_idx ON webhook_deliveries (next_attempt_at) WHERE state = 'scheduled';
CREATE INDEX webhook_deliveries_subscription_id_idx ON webhook_deliveries (workspace_id, subscription_id, created_at);
CREATE INDEX webhook_deliveries_created_at_idx ON webhook_deliveries (workspace_id, created_at);

-- One HTTP call.
CREATE TABLE webhook_attempts (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    delivery_id uuid NOT NULL,
    number integer NOT NULL,
    url text NOT NULL,
    started_at timestamptz NOT NULL,
    duration_ms integer,
    outcome text NOT NULL CONSTRAINT webhook_attempts_outcome_check CHECK (
        outcome IN ('succeeded', 'failed', 'unknown')
    ),
    response_status integer,
    response_headers jsonb,
    response_body text,
    -- dns, blocked_target, connect, tls, timeout, http_status, body
    error_layer text,
    error text,
    CONSTRAINT webhook_attempts_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT webhook_attempts_number_key UNIQUE (workspace_id, delivery_id, number),
    CONSTRAINT webhook_attempts_delivery_id_fkey
        FOREIGN KEY (workspace_id, delivery_id) REFERENCES webhook_deliveries (workspace_id, id)
);

CREATE INDEX webhook_attempts_started_at_idx ON webhook_attempts (workspace_id, started_at);
