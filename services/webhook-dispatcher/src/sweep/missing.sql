-- $1 how long ago an event must have been published, in milliseconds
-- $2 how long ago it may have been published, in milliseconds
-- $3 how many to find
-- $4, $5 the event and the subscription that were found last
SELECT
    e.sequence,
    e.workspace_id,
    e.id AS event_id,
    e.event_type,
    e.resource_type,
    e.record_id,
    e.occurred_at,
    e.data::text AS data,
    e.changes::text AS changes,
    e.correlation_id,
    s.id AS subscription_id,
    s.payload_version,
    s.ordering = 'per_record' AS ordered,
    s.filter
FROM (
    SELECT *
    FROM events
    WHERE published_at <= now() - $1::bigint * interval '1 millisecond'
      AND published_at > now() - $2::bigint * interval '1 millisecond'
    -- Looked up by this time alone: what leads to a workspace's events leads to all that it ever had.
    OFFSET 0
) AS e
JOIN webhook_subscriptions AS s
  ON s.workspace_id = e.workspace_id
 AND s.enabled
 AND s.deleted_at IS NULL
 -- What a subscription asked for when the event happened is known only if it has not changed since.
 AND s.updated_at <= e.occurred_at
 AND (s.event_types ? '*' OR s.event_types ? e.event_type)
WHERE NOT EXISTS (
      SELECT FROM webhook_deliveries AS d
      WHERE d.workspace_id = e.workspace_id
        AND d.event_id = e.id
        -- Said so that no index is tempting that leads to all of a subscription's deliveries.
        AND d.subscription_id IS NOT DISTINCT FROM s.id
        AND d.replay_of_id IS NULL
  )
  AND (e.sequence, s.id) > ($4::bigint, $5::uuid)
ORDER BY e.sequence, s.id
LIMIT $3::bigint
