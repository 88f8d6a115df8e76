-- Subscriptions are written by crm-api; everything else here by webhook-dispatcher.

CREATE TABLE webhook_subscriptions (
    workspace_id uuid NOT NULL CONSTRAINT webhook_subscriptions_workspace_id_fkey REFERENCES workspaces (id),
    id uuid NOT NULL,
    url text NOT NULL,
    description text,
    -- ["*"], or names of the event catalogue
    event_types jsonb NOT NULL,
    -- Ransack conditions on `data` of an event: {"status_eq": "won", "amount_gt": 1000}. Null takes every event.
    filter jsonb,
    enabled boolean NOT NULL DEFAULT true,
    -- When a client enabled it last; an earlier `disabled_at` of its endpoint no longer holds.
    enabled_at timestamptz NOT NULL DEFAULT now(),
    max_retries integer NOT NULL DEFAULT 12
        CONSTRAINT webhook_subscriptions_max_retries_check CHECK (max_retries BETWEEN 0 AND 12),
    -- Deliveries that begin in a second at most; null is no limit.
    rate_per_second integer
        CONSTRAINT webhook_subscriptions_rate_per_second_check CHECK (rate_per_second BETWEEN 1 AND 10000),
    -- Deliveries under way at most; null is the default of webhook-dispatcher.
    concurrency integer
        CONSTRAINT webhook_subscriptions_concurrency_check CHECK (concurrency BETWEEN 1 AND 64),
    -- per_record: events of one record one after the other, in order. It holds for events that come after a change.
    ordering text NOT NULL DEFAULT 'none'
        CONSTRAINT webhook_subscriptions_ordering_check CHECK (ordering IN ('none', 'per_record')),
    payload_version integer NOT NULL DEFAULT 1
        CONSTRAINT webhook_subscriptions_payload_version_check CHECK (payload_version IN (1, 2)),
    -- Whether `webhook-signature` carries signatures by the keys of the workspace as well.
    ed25519 boolean NOT NULL DEFAULT false,
    -- Headers of every request: their names with masked values as clients see them, and {"name": "value"} sealed for
    -- the id of the subscription. Both or none.
    headers jsonb,
    headers_sealed bytea,
    CONSTRAINT webhook_subscriptions_headers_check CHECK ((headers IS NULL) = (headers_sealed IS NULL)),
    -- Sealed for the id of the subscription, like the previous one.
    secret_sealed bytea NOT NULL,
    secret_hint text NOT NULL,
    -- The secret before the last rotation. Until it expires `webhook-signature` carries a signature of each, and the
    -- headers that hold one signature are signed with this one. All three or none.
    previous_secret_sealed bytea,
    previous_secret_hint text,
    previous_secret_expires_at timestamptz,
    CONSTRAINT webhook_subscriptions_previous_secret_check CHECK (
        (previous_secret_sealed IS NULL) = (previous_secret_expires_at IS NULL)
        AND (previous_secret_hint IS NULL) = (previous_secret_expires_at IS NULL)
    ),
    lock_version integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT webhook_subscriptions_pkey PRIMARY KEY (workspace_id, id)
);

-- Dispatchers keep subscriptions in memory. One is changed seldom enough for a NOTIFY within its transaction.
CREATE FUNCTION notify_webhook_subscriptions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NOTIFY pulse_webhook_subscriptions;
    RETURN NULL;
END
$$;
CREATE TRIGGER webhook_subscriptions_notify
    AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON webhook_subscriptions
    FOR EACH STATEMENT EXECUTE FUNCTION notify_webhook_subscriptions();

-- What is known of the receiver behind a subscription. A row appears with the first failure, or with the first delivery
-- where a rate is set; no row is a receiver that nothing bad is known of.
CREATE TABLE webhook_endpoints (
    workspace_id uuid NOT NULL,
    -- That of the subscription.
    id uuid NOT NULL,
    -- open: the receiver is parked: until `probe_at` nothing is sent but the last attempts of deliveries whose day is over,
    -- and then one probe. half_open: the probe is under way; should it be lost, there is another at `probe_at`.
    breaker text NOT NULL DEFAULT 'closed'
        CONSTRAINT webhook_endpoints_breaker_check CHECK (breaker IN ('closed', 'open', 'half_open')),
    -- Why the breaker is not closed, for the owner of the subscription.
    breaker_reason text,
    probe_at timestamptz,
    -- How often it was parked or probed since the last success.
    parkings integer NOT NULL DEFAULT 0,
    -- Where the subscription sets a rate: when the next call may begin. Whoever claims deliveries moves it on for each.
    free_at timestamptz,
    last_success_at timestamptz,
    last_failure_at timestamptz,
    -- Since the last success: when the first attempt failed, how many failed, how many deliveries were given up, and when
    -- the first of them was.
    failing_since timestamptz,
    failures integer NOT NULL DEFAULT 0,
    exhausted integer NOT NULL DEFAULT 0,
    exhausted_since timestamptz,
    -- How often the owner was warned since the last success: after a day, and after three.
    warnings smallint NOT NULL DEFAULT 0,
    -- Nothing is sent while this is later than `enabled_at` of the subscription.
    disabled_at timestamptz,
    disabled_reason text CONSTRAINT webhook_endpoints_disabled_reason_check CHECK (
        disabled_reason IN ('gone', 'failing')
    ),
    CONSTRAINT webhook_endpoints_disabled_check CHECK ((disabled_at IS NULL) = (disabled_reason IS NULL)),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT webhook_endpoints_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT webhook_endpoints_id_fkey
        FOREIGN KEY (workspace_id, id) REFERENCES webhook_subscriptions (workspace_id, id) ON DELETE CASCADE
);

CREATE TRIGGER webhook_endpoints_notify
    AFTER INSERT OR UPDATE OF disabled_at ON webhook_endpoints
    FOR EACH ROW WHEN (NEW.disabled_at IS NOT NULL) EXECUTE FUNCTION notify_webhook_subscriptions();

-- Many deliveries that are repeated one after the other: those of a subscription that were made within a time and are
-- in one of some states.
CREATE TABLE webhook_recoveries (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    subscription_id uuid NOT NULL,
    since timestamptz NOT NULL,
    until timestamptz NOT NULL,
    -- States of webhook_deliveries.
    states jsonb NOT NULL,
    rate_per_second integer NOT NULL,
    -- How many deliveries there were to repeat when it began, and how many were repeated.
    total integer NOT NULL,
    replayed integer NOT NULL DEFAULT 0,
    state text NOT NULL DEFAULT 'running' CONSTRAINT webhook_recoveries_state_check CHECK (
        state IN ('running', 'completed', 'cancelled')
    ),
    -- The last delivery that was looked at: deliveries are gone through in this order.
    position_created_at timestamptz NOT NULL,
    position_id uuid NOT NULL,
    -- When the next page is due.
    next_page_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    completed_at timestamptz,
    CONSTRAINT webhook_recoveries_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT webhook_recoveries_subscription_id_fkey
        FOREIGN KEY (workspace_id, subscription_id) REFERENCES webhook_subscriptions (workspace_id, id)
);

CREATE INDEX webhook_recoveries_due_idx ON webhook_recoveries (next_page_at) WHERE state = 'running';
CREATE INDEX webhook_recoveries_subscription_id_idx ON webhook_recoveries (workspace_id, subscription_id, created_at);
CREATE INDEX webhook_recoveries_newest_idx ON webhook_recoveries (workspace_id, created_at, id);

-- The exact bytes of an event in a payload version, rendered once; retries and replays send these. They are removed when
-- they are too old to be replayed.
CREATE TABLE webhook_payloads (
    workspace_id uuid NOT NULL,
    event_id uuid NOT NULL,
    version integer NOT NULL,
    body bytea NOT NULL,
    -- Of the bytes as they were rendered; every request says it in `Content-Digest`.
    sha256 bytea NOT NULL,
    -- Of the event.
    correlation_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT webhook_payloads_pkey PRIMARY KEY (workspace_id, event_id, version)
);

CREATE INDEX webhook_payloads_created_at_idx ON webhook_payloads USING brin (created_at);

-- One event to one subscription. A replay is a delivery of its own that names the one it repeats.
CREATE TABLE webhook_deliveries (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    subscription_id uuid NOT NULL,
    event_id uuid NOT NULL,
    event_type text NOT NULL,
    -- The record that the event is about.
    resource_type text NOT NULL,
    record_id uuid NOT NULL,
    payload_version integer NOT NULL,
    -- Of the event in the journal; null where it does not come from there.
    sequence bigint,
    -- Null where order does not matter. Otherwise whether it is its turn: the others of its record wait for theirs.
    has_turn boolean,
    state text NOT NULL DEFAULT 'scheduled' CONSTRAINT webhook_deliveries_state_check CHECK (
        state IN ('scheduled', 'succeeded', 'exhausted', 'cancelled')
    ),
    -- The place in the schedule: of the first attempt 0, then the number of the retry that is due or under way.
    retries integer NOT NULL DEFAULT 0,
    -- Attempts that were begun; those that were lost with their worker are no retries.
    attempts integer NOT NULL DEFAULT 0,
    first_attempt_at timestamptz,
    next_attempt_at timestamptz,
    -- Whoever holds the delivery holds it until then; the epoch makes a worker that was too slow lose.
    leased_at timestamptz,
    lease_until timestamptz,
    lease_epoch bigint NOT NULL DEFAULT 0,
    replay_of_id uuid,
    -- The recovery that asked for the replay.
    recovery_id uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    completed_at timestamptz,
    CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT webhook_deliveries_subscription_id_fkey
        FOREIGN KEY (workspace_id, subscription_id) REFERENCES webhook_subscriptions (workspace_id, id)
);

-- An event that comes twice from the bus is delivered once.
CREATE UNIQUE INDEX webhook_deliveries_event_id_key
    ON webhook_deliveries (workspace_id, event_id, subscription_id) WHERE replay_of_id IS NULL;
-- What waits for its time stands in the first of these, what somebody holds in the second: a subscription with a million
-- retries that are due is passed by in one step.
CREATE INDEX webhook_deliveries_due_idx ON webhook_deliveries (subscription_id, next_attempt_at)
    WHERE state = 'scheduled' AND lease_until IS NULL AND has_turn IS NOT FALSE;
-- What has been tried, by when its day has begun: the last attempt is made in any case, also to a receiver that is parked.
CREATE INDEX webhook_deliveries_day_idx
    ON webhook_deliveries (subscription_id, (CASE WHEN has_turn THEN created_at ELSE first_attempt_at END))
    WHERE state = 'scheduled' AND lease_until IS NULL AND has_turn IS NOT FALSE AND first_attempt_at IS NOT NULL;
CREATE INDEX webhook_deliveries_lease_until_idx ON webhook_deliveries (lease_until) WHERE lease_until IS NOT NULL;
-- A strand: where order matters, one delivery of a record has the turn, and the others wait in the order of the journal.
CREATE UNIQUE INDEX webhook_deliveries_turn_key ON webhook_deliveries (workspace_id, subscription_id, record_id)
    WHERE state = 'scheduled' AND has_turn;
CREATE INDEX webhook_deliveries_strand_idx ON webhook_deliveries (workspace_id, subscription_id, record_id, sequence)
    WHERE state = 'scheduled' AND NOT has_turn;
CREATE INDEX webhook_deliveries_subscription_id_idx ON webhook_deliveries (workspace_id, subscription_id, created_at);
CREATE INDEX webhook_deliveries_record_id_idx ON webhook_deliveries (workspace_id, record_id);
CREATE INDEX webhook_deliveries_replay_of_id_idx
    ON webhook_deliveries (workspace_id, replay_of_id) WHERE replay_of_id IS NOT NULL;
CREATE INDEX webhook_deliveries_recovery_id_idx
    ON webhook_deliveries (workspace_id, recovery_id) WHERE recovery_id IS NOT NULL;
CREATE INDEX webhook_deliveries_created_at_idx ON webhook_deliveries (workspace_id, created_at);
CREATE INDEX webhook_deliveries_age_idx ON webhook_deliveries USING brin (created_at);

-- One HTTP call, written when it is over; or 'unknown', when its worker was lost. By day, so that what is too old is
-- dropped and not deleted. No foreign key: each row would look its delivery up once more.
CREATE TABLE webhook_attempts (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    delivery_id uuid NOT NULL,
    number integer NOT NULL,
    url text NOT NULL,
    started_at timestamptz NOT NULL,
    -- From the look-up of the name to the last byte of the answer.
    duration_ms integer,
    -- Of it, in milliseconds, what each phase took that was reached: {"dns_ms": 3, "connect_ms": 12, "tls_ms": 25,
    -- "wait_ms": 80, "body_ms": 1}. On a connection that was open already there are the last two alone.
    durations json,
    -- Whom it was connected to, and the version of TLS.
    remote_address text,
    tls_version text,
    outcome text NOT NULL CONSTRAINT webhook_attempts_outcome_check CHECK (
        outcome IN ('succeeded', 'failed', 'unknown')
    ),
    -- Values that are secret are masked.
    request_headers json,
    response_status integer,
    response_headers json,
    response_body text,
    -- dns, blocked_target, connect, tls, timeout, http_status, body
    error_layer text,
    error text,
    -- What operators may know besides.
    error_detail text,
    -- When the next attempt was due, as it stood after this one.
    next_attempt_at timestamptz,
    CONSTRAINT webhook_attempts_pkey PRIMARY KEY (workspace_id, id, started_at)
) PARTITION BY RANGE (started_at);

CREATE INDEX webhook_attempts_delivery_id_idx ON webhook_attempts (workspace_id, delivery_id, number);
CREATE INDEX webhook_attempts_started_at_idx ON webhook_attempts (workspace_id, started_at);

CREATE TABLE webhook_attempts_default PARTITION OF webhook_attempts DEFAULT;
