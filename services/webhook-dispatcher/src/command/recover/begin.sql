-- $1 workspace
-- $2 recovery
-- $3 subscription
-- $4 deliveries made at this time or later
-- $5 and before this one
-- $6 states, as an array in JSON
-- $7 replays in a second at most
INSERT INTO webhook_recoveries (
    workspace_id, id, subscription_id, since, until, states, rate_per_second, total,
    position_created_at, position_id, next_page_at
)
SELECT
    $1::uuid, $2::uuid, $3::uuid, $4::timestamptz, $5::timestamptz, $6::jsonb, $7::integer,
    (
        SELECT count(*)
        FROM webhook_deliveries AS d
        WHERE d.workspace_id = $1
          AND d.subscription_id = $3
          AND d.replay_of_id IS NULL
          AND d.created_at >= $4
          AND d.created_at < $5
          AND $6 ? d.state
          AND NOT EXISTS (
              SELECT FROM webhook_deliveries AS r
              WHERE r.workspace_id = d.workspace_id
                AND r.replay_of_id = d.id
                AND r.state IN ('scheduled', 'succeeded')
          )
    ),
    $4, '00000000-0000-0000-0000-000000000000', now()
ON CONFLICT DO NOTHING
