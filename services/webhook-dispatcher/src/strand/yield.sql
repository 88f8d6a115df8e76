-- What has the turn and is held by nobody gives way to an earlier event that came later. It keeps its time.
-- $1 workspaces, $2 subscriptions, $3 records
UPDATE webhook_deliveries AS d
SET has_turn = false
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS s (workspace_id, subscription_id, record_id)
WHERE d.workspace_id = s.workspace_id AND d.subscription_id = s.subscription_id AND d.record_id = s.record_id
  AND d.state = 'scheduled' AND d.has_turn
  AND d.lease_until IS NULL
  AND EXISTS (
      SELECT FROM webhook_deliveries AS w
      WHERE w.workspace_id = s.workspace_id AND w.subscription_id = s.subscription_id AND w.record_id = s.record_id
        AND w.state = 'scheduled' AND NOT w.has_turn
        AND w.sequence < d.sequence
  )
RETURNING d.id
