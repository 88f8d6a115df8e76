-- $1 identifiers for the replays of a page, as many as a page may have
WITH due AS (
    SELECT r.*, s.enabled AND s.deleted_at IS NULL AS wanted
    FROM webhook_recoveries AS r
    JOIN webhook_subscriptions AS s ON s.workspace_id = r.workspace_id AND s.id = r.subscription_id
    WHERE r.state = 'running' AND r.next_page_at <= now()
    ORDER BY r.next_page_at
    LIMIT 1
    FOR NO KEY UPDATE OF r SKIP LOCKED
),
missed AS (
    SELECT d.*, row_number() OVER (ORDER BY d.created_at, d.id) AS place
    FROM due
    JOIN webhook_deliveries AS d
      ON d.workspace_id = due.workspace_id
     AND d.subscription_id = due.subscription_id
     AND d.created_at >= due.position_created_at
     AND (d.created_at, d.id) > (due.position_created_at, due.position_id)
     AND d.created_at < due.until
    WHERE due.wanted
      AND d.replay_of_id IS NULL
      AND due.states ? d.state
      AND NOT EXISTS (
          SELECT FROM webhook_deliveries AS r
          WHERE r.workspace_id = d.workspace_id
            AND r.replay_of_id = d.id
            AND r.state IN ('scheduled', 'succeeded')
      )
    ORDER BY d.created_at, d.id
    LIMIT (SELECT rate_per_second FROM due)
),
made AS (
    INSERT INTO webhook_deliveries (
        workspace_id, id, subscription_id, event_id, event_type, resource_type, record_id, payload_version,
        replay_of_id, recovery_id, sequence, next_attempt_at
    )
    SELECT
        m.workspace_id, ($1::uuid[])[m.place], m.subscription_id, m.event_id, m.event_type, m.resource_type,
        m.record_id, m.payload_version, m.id, due.id, m.sequence, now()
    FROM missed AS m, due
),
page AS (
    SELECT count(*)::integer AS replays, max(place) AS last FROM missed
)
UPDATE webhook_recoveries AS r
SET replayed = r.replayed + page.replays,
    position_created_at = coalesce(last.created_at, r.position_created_at),
    position_id = coalesce(last.id, r.position_id),
    state = CASE
        WHEN NOT due.wanted THEN 'cancelled'
        WHEN page.replays < due.rate_per_second THEN 'completed'
        ELSE 'running'
    END,
    next_page_at = CASE WHEN due.wanted AND page.replays = due.rate_per_second THEN now() + interval '1 second' END,
    completed_at = CASE WHEN NOT due.wanted OR page.replays < due.rate_per_second THEN now() END
FROM due
CROSS JOIN page
LEFT JOIN missed AS last ON last.place = page.last
WHERE r.workspace_id = due.workspace_id AND r.id = due.id
RETURNING page.replays
