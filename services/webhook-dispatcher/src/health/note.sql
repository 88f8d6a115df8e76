-- Notes failures of receivers, and parks those that fail again and again.
-- $1 workspaces, $2 subscriptions, $3 failures since the last note, $4 deliveries given up since then
-- $5 failures in a row after which a receiver is parked
INSERT INTO webhook_endpoints AS e (
    workspace_id, id, failures, failing_since, last_failure_at, exhausted, exhausted_since,
    breaker, breaker_reason, probe_at, parkings
)
SELECT
    s.workspace_id, s.id, n.failures, now(), now(), n.exhausted,
    CASE WHEN n.exhausted > 0 THEN now() END,
    CASE WHEN n.failures >= $5::integer THEN 'open' ELSE 'closed' END,
    CASE WHEN n.failures >= $5::integer THEN n.failures || ' attempts in a row have failed' END,
    CASE WHEN n.failures >= $5::integer THEN now() + interval '30 seconds' END,
    (n.failures >= $5::integer)::integer
FROM unnest($1::uuid[], $2::uuid[], $3::integer[], $4::integer[]) AS n (workspace_id, id, failures, exhausted)
JOIN webhook_subscriptions AS s ON s.workspace_id = n.workspace_id AND s.id = n.id
ORDER BY s.id
ON CONFLICT ON CONSTRAINT webhook_endpoints_pkey DO UPDATE
SET failures = e.failures + excluded.failures,
    failing_since = coalesce(e.failing_since, excluded.failing_since),
    last_failure_at = now(),
    exhausted = e.exhausted + excluded.exhausted,
    exhausted_since = coalesce(e.exhausted_since, excluded.exhausted_since),
    breaker = CASE WHEN e.failures + excluded.failures >= $5::integer THEN 'open' ELSE e.breaker END,
    breaker_reason = CASE
        WHEN e.failures + excluded.failures >= $5::integer
        THEN e.failures + excluded.failures || ' attempts in a row have failed'
    END,
    -- A probe has set its next time before it began.
    probe_at = CASE
        WHEN e.failures + excluded.failures >= $5::integer THEN coalesce(e.probe_at, now() + interval '30 seconds')
    END,
    parkings = greatest(e.parkings, (e.failures + excluded.failures >= $5::integer)::integer),
    updated_at = now()
RETURNING id, (extract(epoch FROM probe_at - now()) * 1000)::bigint AS parked_ms
