-- $1 deliveries to claim at most
-- $2 deliveries under way at most to one subscription
-- $3 subscriptions of the deliveries under way in this process, each as often as it has one
-- $4 how long the lease holds, in milliseconds
-- $5 identifiers for the attempts, $1 of them
WITH busy AS (
    SELECT subscription_id, count(*) AS deliveries
    FROM unnest($3) AS under_way (subscription_id)
    GROUP BY subscription_id
),
due AS (
    SELECT workspace_id, id, subscription_id, next_attempt_at
    FROM webhook_deliveries
    WHERE state = 'scheduled'
      AND next_attempt_at <= now()
      AND (lease_until IS NULL OR lease_until < now())
      AND subscription_id NOT IN (SELECT subscription_id FROM busy WHERE deliveries >= $2)
    ORDER BY next_attempt_at
    LIMIT $1
),
ranked AS (
    SELECT due.*, row_number() OVER (PARTITION BY subscription_id ORDER BY next_attempt_at) AS place
    FROM due
),
-- What belongs to the subscription is read for every attempt: a customer who corrects the address expects the retries
-- there.
chosen AS (
    SELECT
        ranked.workspace_id,
        ranked.id,
        row_number() OVER () AS slot,
        s.url,
        s.secret_sealed,
        s.max_retries,
        s.enabled AND s.deleted_at IS NULL AS wanted
    FROM ranked
    JOIN webhook_subscriptions AS s ON s.workspace_id = ranked.workspace_id AND s.id = ranked.subscription_id
    LEFT JOIN busy ON busy.subscription_id = ranked.subscription_id
    WHERE ranked.place + coalesce(busy.deliveries, 0) <= $2
),
-- Nothing is locked before it is chosen, so another worker may have been faster: what it holds or has is left out.
locked AS (
    SELECT chosen.*
    FROM chosen
    JOIN webhook_deliveries AS d ON d.workspace_id = chosen.workspace_id AND d.id = chosen.id
    WHERE d.state = 'scheduled'
      AND d.next_attempt_at <= now()
      AND (d.lease_until IS NULL OR d.lease_until < now())
    FOR NO KEY UPDATE OF d SKIP LOCKED
),
claimed AS (
    UPDATE webhook_deliveries AS d
    SET lease_until = now() + $4 * interval '1 millisecond',
        lease_epoch = d.lease_epoch + 1,
        first_attempt_at = coalesce(d.first_attempt_at, CASE WHEN locked.wanted THEN now() END)
    FROM locked
    WHERE d.workspace_id = locked.workspace_id AND d.id = locked.id
    RETURNING
        d.*,
        ($5)[locked.slot] AS attempt_id,
        now() AS started_at,
        locked.url,
        locked.secret_sealed,
        locked.max_retries,
        locked.wanted
),
-- If the worker dies, what it leaves behind says that the outcome of this attempt is unknown.
begun AS (
    INSERT INTO webhook_attempts (workspace_id, id, delivery_id, number, url, started_at, outcome)
    SELECT workspace_id, attempt_id, id, lease_epoch, url, started_at, 'unknown'
    FROM claimed
    WHERE wanted
)
SELECT claimed.*, p.body
FROM claimed
JOIN webhook_payloads AS p
  ON p.workspace_id = claimed.workspace_id AND p.event_id = claimed.event_id AND p.version = claimed.payload_version
ORDER BY claimed.next_attempt_at
