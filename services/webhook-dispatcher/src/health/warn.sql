-- Warns of receivers that have failed for a day, and again for three, in the journal.
-- $1 identifiers of the events, as many as are warned of at most
WITH failing AS (
    SELECT e.workspace_id, e.id, e.failing_since, e.failures, due.warnings, row_number() OVER () AS place
    FROM webhook_endpoints AS e
    CROSS JOIN LATERAL (
        SELECT CASE WHEN e.failing_since <= now() - interval '72 hours' THEN 2 ELSE 1 END AS warnings
    ) AS due
    WHERE e.failing_since <= now() - interval '24 hours' AND e.warnings < due.warnings
    LIMIT cardinality($1::uuid[])
),
warned AS (
    UPDATE webhook_endpoints AS e
    SET warnings = failing.warnings, updated_at = now()
    FROM failing
    WHERE e.workspace_id = failing.workspace_id AND e.id = failing.id AND e.warnings < failing.warnings
    RETURNING failing.*
)
INSERT INTO events (
    workspace_id, id, event_type, resource_type, record_id, occurred_at, data, correlation_id, shard
)
SELECT
    s.workspace_id, e.event_id, 'webhook_subscription.failing', 'webhook_subscriptions', s.id, now(),
    json_build_object(
        'id', s.id, 'url', s.url, 'description', s.description, 'event_types', s.event_types,
        'payload_version', s.payload_version,
        'failing_since', to_char(w.failing_since AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
        'failing_hours', CASE w.warnings WHEN 2 THEN 72 ELSE 24 END, 'failures', w.failures
    ),
    e.event_id,
    get_byte(uuid_send(s.id), 15) % 8
FROM warned AS w
JOIN webhook_subscriptions AS s ON s.workspace_id = w.workspace_id AND s.id = w.id
CROSS JOIN LATERAL (SELECT ($1::uuid[])[w.place] AS event_id) AS e
WHERE s.enabled AND s.deleted_at IS NULL
RETURNING record_id
