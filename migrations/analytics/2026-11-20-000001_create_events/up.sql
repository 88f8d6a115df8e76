-- What websites and shops have sent. No foreign key leads out of this schema, so that it can have a database of its
-- own. Days are partitions; the worker makes those it needs. Days that lie too far back to get one of their own are
-- in the default partition.

CREATE TABLE analytics.events (
    workspace_id uuid NOT NULL,
    site_id uuid NOT NULL,
    id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    -- pageview, event, identify, revenue
    kind text NOT NULL,
    visitor_fingerprint text NOT NULL,
    -- An identification may come without one.
    session_id text,
    -- The name of an event; the event type of a revenue.
    name text,
    customer_id text,
    url text,
    path text,
    title text,
    referrer text,
    referrer_source text,
    locale text,
    utm_source text,
    utm_medium text,
    utm_campaign text,
    utm_term text,
    utm_content text,
    data jsonb,
    CONSTRAINT events_pkey PRIMARY KEY (workspace_id, id, occurred_at)
) PARTITION BY RANGE (occurred_at);

CREATE INDEX events_occurred_at_idx ON analytics.events USING brin (occurred_at);
CREATE INDEX events_visitor_fingerprint_idx ON analytics.events (workspace_id, visitor_fingerprint, occurred_at);
-- Revenue that comes without a fingerprint takes that of its session.
CREATE INDEX events_session_id_idx ON analytics.events (workspace_id, session_id);

CREATE TABLE analytics.events_default PARTITION OF analytics.events DEFAULT;

CREATE TABLE analytics.revenue (
    workspace_id uuid NOT NULL,
    site_id uuid NOT NULL,
    -- The event it came with.
    id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    visitor_fingerprint text,
    session_id text NOT NULL,
    customer_id text NOT NULL,
    transaction_id text NOT NULL,
    -- purchase, subscription, renewal, upgrade, downgrade, churn, refund
    event_type text NOT NULL,
    -- Signed: what is paid back is negative.
    amount numeric(18, 4) NOT NULL,
    currency text NOT NULL,
    mrr_impact numeric(18, 4),
    is_recurring boolean NOT NULL,
    customer_subscription_id text,
    payment_processor text,
    metadata jsonb,
    CONSTRAINT revenue_pkey PRIMARY KEY (workspace_id, id, occurred_at)
) PARTITION BY RANGE (occurred_at);

CREATE INDEX revenue_customer_id_idx ON analytics.revenue (workspace_id, customer_id, occurred_at);

CREATE TABLE analytics.revenue_default PARTITION OF analytics.revenue DEFAULT;

-- Ids of events that their sender can send again, perhaps dated differently. The keys of the tables above tell such a
-- repetition apart only within a partition, so the ids are claimed here first.
CREATE TABLE analytics.event_keys (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    received_at timestamptz NOT NULL,
    CONSTRAINT event_keys_pkey PRIMARY KEY (workspace_id, id)
);

-- The secret part of a derived visitor fingerprint. A row is deleted when its period is over, and with it the way
-- from a fingerprint back to an address.
CREATE TABLE analytics.salts (
    period date NOT NULL CONSTRAINT salts_pkey PRIMARY KEY,
    salt bytea NOT NULL
);
