-- $1 how many calls may be under way to a subscription that says nothing itself
-- The subscriptions that have something waiting, and when the first of it is due: from one subscription to the next along
-- the index, however much waits for each.
WITH RECURSIVE lanes AS (
    (
        SELECT workspace_id, subscription_id, next_attempt_at
        FROM webhook_deliveries
        WHERE state = 'scheduled' AND lease_until IS NULL AND has_turn IS NOT FALSE
        ORDER BY subscription_id, next_attempt_at
        LIMIT 1
    )
    UNION ALL
    SELECT next.*
    FROM lanes
    CROSS JOIN LATERAL (
        SELECT workspace_id, subscription_id, next_attempt_at
        FROM webhook_deliveries
        WHERE state = 'scheduled' AND lease_until IS NULL AND has_turn IS NOT FALSE
          AND subscription_id > lanes.subscription_id
        ORDER BY subscription_id, next_attempt_at
        LIMIT 1
    ) AS next
)
SELECT
    lanes.workspace_id,
    lanes.subscription_id,
    coalesce(s.concurrency, $1::integer) AS concurrency,
    (extract(epoch FROM lanes.next_attempt_at - now()) * 1000)::bigint AS due_in_ms,
    s.rate_per_second,
    -- How long until its rate lets a call begin that nobody has claimed yet.
    CASE WHEN s.rate_per_second IS NOT NULL THEN ceil(extract(epoch FROM e.free_at - now()) * 1000)::bigint END AS full_ms,
    -- While the receiver is parked: for how long; negative when it is time for a probe.
    (extract(epoch FROM e.probe_at - now()) * 1000)::bigint AS parked_ms,
    -- While it is parked: whether something's day is over. What is left of that is its last attempt, which is made in any
    -- case.
    e.probe_at IS NOT NULL AND coalesce((
        SELECT true
        FROM webhook_deliveries AS d
        WHERE d.subscription_id = lanes.subscription_id
          AND d.state = 'scheduled' AND d.lease_until IS NULL AND d.has_turn IS NOT FALSE
          AND d.first_attempt_at IS NOT NULL
          AND d.next_attempt_at - now() <= interval '0'
          AND CASE WHEN d.has_turn THEN d.created_at ELSE d.first_attempt_at END <= now() - interval '24 hours'
        -- In this order, and with the times compared as they are, there is one index to take: what is due can be a million.
        ORDER BY CASE WHEN d.has_turn THEN d.created_at ELSE d.first_attempt_at END
        LIMIT 1
    ), false) AS overdue
FROM lanes
JOIN webhook_subscriptions AS s ON s.workspace_id = lanes.workspace_id AND s.id = lanes.subscription_id
LEFT JOIN webhook_endpoints AS e
  ON e.workspace_id = lanes.workspace_id AND e.id = lanes.subscription_id
ORDER BY lanes.next_attempt_at
