-- Strands in which something waits, from one to the next along the index, and whether nothing has the turn there.
-- $1, $2, $3 workspace, subscription and record of the strand that was looked at last; $4 how many to look at
WITH RECURSIVE strands AS (
    (
        SELECT workspace_id, subscription_id, record_id, 1 AS place
        FROM webhook_deliveries
        WHERE state = 'scheduled' AND NOT has_turn
          AND (workspace_id, subscription_id, record_id) > ($1::uuid, $2::uuid, $3::uuid)
        ORDER BY workspace_id, subscription_id, record_id
        LIMIT 1
    )
    UNION ALL
    SELECT next.*, strands.place + 1
    FROM strands
    CROSS JOIN LATERAL (
        SELECT workspace_id, subscription_id, record_id
        FROM webhook_deliveries
        WHERE state = 'scheduled' AND NOT has_turn
          AND (workspace_id, subscription_id, record_id)
              > (strands.workspace_id, strands.subscription_id, strands.record_id)
        ORDER BY workspace_id, subscription_id, record_id
        LIMIT 1
    ) AS next
    WHERE strands.place < $4::bigint
)
SELECT
    s.workspace_id,
    s.subscription_id,
    s.record_id,
    NOT EXISTS (
        SELECT FROM webhook_deliveries AS t
        WHERE t.workspace_id = s.workspace_id AND t.subscription_id = s.subscription_id AND t.record_id = s.record_id
          AND t.state = 'scheduled' AND t.has_turn
    ) AS stalled
FROM strands AS s
ORDER BY s.place
