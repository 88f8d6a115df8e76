-- Takes deliveries back whose workers were lost, and leaves a record of the attempts that were lost with them.
-- $1 identifiers for the attempts, as many as are taken back at most
WITH lost AS (
    SELECT workspace_id, id, row_number() OVER () AS place
    FROM (
        SELECT workspace_id, id
        FROM webhook_deliveries
        WHERE lease_until < now()
        ORDER BY lease_until
        LIMIT cardinality($1::uuid[])
        FOR NO KEY UPDATE SKIP LOCKED
    ) AS expired
),
freed AS (
    UPDATE webhook_deliveries AS d
    SET lease_until = NULL
    FROM lost
    WHERE d.workspace_id = lost.workspace_id AND d.id = lost.id
    RETURNING d.*, lost.place
)
INSERT INTO webhook_attempts (workspace_id, id, delivery_id, number, url, started_at, outcome)
SELECT freed.workspace_id, ($1::uuid[])[freed.place], freed.id, freed.attempts, s.url, freed.leased_at, 'unknown'
FROM freed
JOIN webhook_subscriptions AS s ON s.workspace_id = freed.workspace_id AND s.id = freed.subscription_id
RETURNING delivery_id
