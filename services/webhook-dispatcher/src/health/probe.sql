-- Takes the turn to probe receivers whose time is over, and parks them for the case that it fails: twice as long each time,
-- up to half an hour.
-- $1 workspaces, $2 subscriptions
UPDATE webhook_endpoints AS e
SET breaker = 'half_open',
    probe_at = now() + least(power(2, least(e.parkings, 6)) * interval '30 seconds', interval '30 minutes'),
    parkings = e.parkings + 1,
    updated_at = now()
FROM unnest($1::uuid[], $2::uuid[]) AS p (workspace_id, id)
WHERE e.workspace_id = p.workspace_id AND e.id = p.id AND e.probe_at <= now()
RETURNING e.id
