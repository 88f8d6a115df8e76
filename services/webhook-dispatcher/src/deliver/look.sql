-- The subscriptions that have something waiting, and when the first of it is due: from one subscription to the next along
-- the index, however much waits for each.
WITH RECURSIVE lanes AS (
    (
        SELECT workspace_id, subscription_id, next_attempt_at
        FROM webhook_deliveries
        WHERE state = 'scheduled' AND lease_until IS NULL AND next_attempt_at IS NOT NULL
        ORDER BY subscription_id, next_attempt_at
        LIMIT 1
    )
    UNION ALL
    SELECT next.*
    FROM lanes
    CROSS JOIN LATERAL (
        SELECT workspace_id, subscription_id, next_attempt_at
        FROM webhook_deliveries
        WHERE state = 'scheduled' AND lease_until IS NULL AND next_attempt_at IS NOT NULL
          AND subscription_id > lanes.subscription_id
        ORDER BY subscription_id, next_attempt_at
        LIMIT 1
    ) AS next
)
SELECT
    lanes.workspace_id,
    lanes.subscription_id,
    s.concurrency,
    (extract(epoch FROM lanes.next_attempt_at - now()) * 1000)::bigint AS due_in_ms
FROM lanes
JOIN webhook_subscriptions AS s ON s.workspace_id = lanes.workspace_id AND s.id = lanes.subscription_id
ORDER BY lanes.next_attempt_at
