-- What has the turn and is held by nobody gives way to an earlier event that came later. It keeps its time.
-- $1 workspaces, $2 subscriptions, $3 records
UPDATE webhook_deliveries AS d
SET has_turn = false
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS s (workspace_id, subscription_id, record_id)
CROSS JOIN LATERAL (
    SELECT t.id
    FROM webhook_deliveries AS t
    WHERE t.workspace_id = s.workspace_id AND t.subscription_id = s.subscription_id AND t.record_id = s.record_id
      AND t.state = 'scheduled' AND t.has_turn
    -- There is one at most: said here, it is looked up for each, instead of each in all that have the turn.
    LIMIT 1
) AS turn
WHERE d.workspace_id = s.workspace_id AND d.id = turn.id
  AND (d.state, d.has_turn, d.lease_until) IS NOT DISTINCT FROM ('scheduled', true, NULL::timestamptz)
  AND EXISTS (
      SELECT FROM webhook_deliveries AS w
      WHERE w.workspace_id = s.workspace_id AND w.subscription_id = s.subscription_id AND w.record_id = s.record_id
        AND w.state = 'scheduled' AND NOT w.has_turn
        AND w.sequence < d.sequence
  )
RETURNING d.id
