-- Where nothing has the turn, the earliest event that waits gets it.
-- $1 workspaces, $2 subscriptions, $3 records
UPDATE webhook_deliveries AS d
SET has_turn = true, next_attempt_at = coalesce(d.next_attempt_at, now())
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS s (workspace_id, subscription_id, record_id)
CROSS JOIN LATERAL (
    SELECT w.id
    FROM webhook_deliveries AS w
    WHERE w.workspace_id = s.workspace_id AND w.subscription_id = s.subscription_id AND w.record_id = s.record_id
      AND w.state = 'scheduled' AND NOT w.has_turn
    ORDER BY w.sequence
    LIMIT 1
) AS earliest
WHERE d.workspace_id = s.workspace_id AND d.id = earliest.id
  AND NOT EXISTS (
      SELECT FROM webhook_deliveries AS t
      WHERE t.workspace_id = s.workspace_id AND t.subscription_id = s.subscription_id AND t.record_id = s.record_id
        AND t.state = 'scheduled' AND t.has_turn
  )
RETURNING d.id
