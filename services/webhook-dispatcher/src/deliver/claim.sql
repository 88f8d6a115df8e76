-- $1 subscriptions
-- $2 how many deliveries of each to claim at most
-- $3 of which of them only what has been tried for a day
-- $4 how long the lease holds, in milliseconds
WITH waiting AS (
    SELECT d.workspace_id, d.id
    FROM unnest($1::uuid[], $2::bigint[], $3::boolean[]) AS asked (subscription_id, most, overdue)
    CROSS JOIN LATERAL (
        SELECT workspace_id, id
        FROM webhook_deliveries
        WHERE NOT asked.overdue
          AND subscription_id = asked.subscription_id
          AND state = 'scheduled' AND lease_until IS NULL AND has_turn IS NOT FALSE
          AND next_attempt_at <= now()
        ORDER BY next_attempt_at
        LIMIT asked.most
        FOR NO KEY UPDATE SKIP LOCKED
    ) AS d
),
overdue AS (
    SELECT d.workspace_id, d.id
    FROM unnest($1::uuid[], $2::bigint[], $3::boolean[]) AS asked (subscription_id, most, overdue)
    CROSS JOIN LATERAL (
        SELECT workspace_id, id
        FROM webhook_deliveries
        WHERE asked.overdue
          AND subscription_id = asked.subscription_id
          AND state = 'scheduled' AND lease_until IS NULL AND has_turn IS NOT FALSE AND first_attempt_at IS NOT NULL
          -- As in look.sql.
          AND next_attempt_at - now() <= interval '0'
          AND CASE WHEN has_turn THEN created_at ELSE first_attempt_at END <= now() - interval '24 hours'
        ORDER BY CASE WHEN has_turn THEN created_at ELSE first_attempt_at END
        LIMIT asked.most
        FOR NO KEY UPDATE SKIP LOCKED
    ) AS d
),
due AS (
    SELECT * FROM waiting UNION ALL SELECT * FROM overdue
),
claimed AS (
    UPDATE webhook_deliveries AS d
    SET lease_until = now() + $4::bigint * interval '1 millisecond',
        leased_at = now(),
        lease_epoch = d.lease_epoch + 1,
        attempts = d.attempts + 1,
        first_attempt_at = coalesce(d.first_attempt_at, now())
    FROM due
    WHERE d.workspace_id = due.workspace_id AND d.id = due.id
    RETURNING d.*
),
paced AS (
    INSERT INTO webhook_endpoints AS e (workspace_id, id, free_at)
    SELECT c.workspace_id, c.subscription_id, now() + count(*) * interval '1 second' / s.rate_per_second
    FROM claimed AS c
    JOIN webhook_subscriptions AS s ON s.workspace_id = c.workspace_id AND s.id = c.subscription_id
    WHERE s.rate_per_second IS NOT NULL
    GROUP BY c.workspace_id, c.subscription_id, s.rate_per_second
    ORDER BY c.subscription_id
    -- Who claims at the same moment waits here, and gets the time after that.
    ON CONFLICT ON CONSTRAINT webhook_endpoints_pkey DO UPDATE
    SET free_at = greatest(e.free_at, now()) + (excluded.free_at - now())
    RETURNING workspace_id, id, free_at
)
SELECT
    claimed.workspace_id,
    claimed.id,
    claimed.subscription_id,
    claimed.event_id,
    claimed.event_type,
    claimed.record_id,
    claimed.sequence,
    coalesce(claimed.has_turn, false) AS ordered,
    claimed.retries,
    claimed.attempts,
    claimed.first_attempt_at,
    -- What has waited for its turn has used up that part of its day.
    CASE WHEN claimed.has_turn THEN claimed.created_at ELSE claimed.first_attempt_at END AS anchor,
    claimed.leased_at,
    claimed.lease_epoch,
    -- Of the subscription as it is now; NULL where nothing is wanted any more.
    CASE
        WHEN s.enabled AND s.deleted_at IS NULL AND NOT coalesce(e.disabled_at > s.enabled_at, false)
        THEN s.xmin::text::bigint
    END AS version,
    -- How long until it may begin, one after the other; NULL where there is no rate.
    (
        extract(epoch FROM paced.free_at - now()) * 1000
        - (
            count(*) OVER (PARTITION BY claimed.subscription_id) + 1
            - row_number() OVER (PARTITION BY claimed.subscription_id ORDER BY claimed.next_attempt_at)
        ) * 1000.0 / s.rate_per_second
    )::bigint AS begins_in_ms,
    -- NULL where it is too old to be kept.
    p.body,
    p.sha256,
    p.correlation_id
FROM claimed
JOIN webhook_subscriptions AS s ON s.workspace_id = claimed.workspace_id AND s.id = claimed.subscription_id
LEFT JOIN webhook_endpoints AS e ON e.workspace_id = s.workspace_id AND e.id = s.id
LEFT JOIN paced ON paced.workspace_id = claimed.workspace_id AND paced.id = claimed.subscription_id
LEFT JOIN webhook_payloads AS p
  ON p.workspace_id = claimed.workspace_id AND p.event_id = claimed.event_id AND p.version = claimed.payload_version
ORDER BY claimed.next_attempt_at
