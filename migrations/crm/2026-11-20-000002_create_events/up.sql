-- The event journal: one row per domain event, written in the transaction of the change it tells of. The relay
-- publishes from it, and the feed is read from it.

CREATE TABLE events (
    sequence bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    workspace_id uuid NOT NULL CONSTRAINT events_workspace_id_fkey REFERENCES workspaces (id),
    id uuid NOT NULL,
    event_type text NOT NULL,
    resource_type text NOT NULL,
    record_id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    -- json and not jsonb: the text goes out as it came in, keys in the order of the declaration.
    data json NOT NULL,
    changes json,
    correlation_id uuid NOT NULL,
    -- Events of one record share a shard, and one relay at a time drains a shard: that keeps them in order.
    shard smallint NOT NULL,
    published_at timestamptz,
    CONSTRAINT events_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT events_sequence_key UNIQUE (sequence)
);

CREATE INDEX events_unpublished_idx ON events (shard, sequence) WHERE published_at IS NULL;
CREATE INDEX events_record_id_idx ON events (workspace_id, record_id);
CREATE INDEX events_occurred_at_idx ON events (workspace_id, occurred_at);
-- Rows are published about in the order in which they were written, so a summary of blocks is enough to find the recent.
CREATE INDEX events_published_at_idx ON events USING brin (published_at);
