-- Disables receivers, and tells of it in the journal, in one statement.
-- $1 workspaces, $2 subscriptions, $3 their addresses as they were called, $4 identifiers of the events
-- $5 the reason
WITH called AS (
    SELECT s.*, n.event_id
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[]) AS n (workspace_id, id, url, event_id)
    -- Who has corrected the address in the meantime is not punished for the old one.
    JOIN webhook_subscriptions AS s ON s.workspace_id = n.workspace_id AND s.id = n.id AND s.url = n.url
    WHERE s.enabled AND s.deleted_at IS NULL
),
disabled AS (
    INSERT INTO webhook_endpoints AS e (workspace_id, id, disabled_at, disabled_reason)
    SELECT workspace_id, id, now(), $5 FROM called ORDER BY id
    ON CONFLICT ON CONSTRAINT webhook_endpoints_pkey DO UPDATE
    SET disabled_at = now(), disabled_reason = excluded.disabled_reason, updated_at = now(),
        -- Whoever enables it again begins afresh.
        breaker = 'closed', breaker_reason = NULL, probe_at = NULL, parkings = 0,
        failing_since = NULL, failures = 0, exhausted = 0, exhausted_since = NULL, warnings = 0
    -- Once, however many answers say the same.
    WHERE coalesce(
        e.disabled_at <= (SELECT enabled_at FROM called WHERE called.id = e.id AND called.workspace_id = e.workspace_id),
        true
    )
    RETURNING workspace_id, id, disabled_at, disabled_reason
)
INSERT INTO events (
    workspace_id, id, event_type, resource_type, record_id, occurred_at, data, correlation_id, shard
)
SELECT
    s.workspace_id, s.event_id, 'webhook_subscription.disabled', 'webhook_subscriptions', s.id, now(),
    json_build_object(
        'id', s.id, 'url', s.url, 'description', s.description, 'event_types', s.event_types,
        'payload_version', s.payload_version, 'disabled_reason', d.disabled_reason,
        'disabled_at', to_char(d.disabled_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
    ),
    s.event_id,
    -- As pulse_store::journal spreads records.
    get_byte(uuid_send(s.id), 15) % 8
FROM disabled AS d
JOIN called AS s ON s.workspace_id = d.workspace_id AND s.id = d.id
RETURNING record_id
