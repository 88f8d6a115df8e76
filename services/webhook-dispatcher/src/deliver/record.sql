-- What became of deliveries, as arrays:
-- $1 workspace, $2 id, $3 epoch of the lease, $4 state, $5 place in the schedule, $6 whether an attempt was made,
-- $7 when the next one is due, $8 when it ended
-- The attempts that were made, as arrays:
-- $9 workspace, $10 id, $11 delivery, $12 number, $13 URL, $14 start, $15 duration, $16 outcome, $17 request headers,
-- $18 status, $19 response headers, $20 response body, $21 layer, $22 error, $23 next attempt
-- $24 workspaces and $25 subscriptions of receivers that have taken something
-- Of the attempts again: $26 detail of the error, $27 remote address, $28 version of TLS, $29 durations
WITH logged AS (
    INSERT INTO webhook_attempts (
        workspace_id, id, delivery_id, number, url, started_at, duration_ms, outcome, request_headers,
        response_status, response_headers, response_body, error_layer, error, next_attempt_at,
        error_detail, remote_address, tls_version, durations
    )
    SELECT
        a.workspace_id, a.id, a.delivery_id, a.number, a.url, a.started_at, a.duration_ms, a.outcome,
        a.request_headers::json, a.response_status, a.response_headers::json, a.response_body, a.error_layer, a.error,
        a.next_attempt_at, a.error_detail, a.remote_address, a.tls_version, a.durations::json
    FROM unnest(
        $9::uuid[], $10::uuid[], $11::uuid[], $12::integer[], $13::text[], $14::timestamptz[], $15::integer[],
        $16::text[], $17::text[], $18::integer[], $19::text[], $20::text[], $21::text[], $22::text[], $23::timestamptz[],
        $26::text[], $27::text[], $28::text[], $29::text[]
    ) AS a (
        workspace_id, id, delivery_id, number, url, started_at, duration_ms, outcome, request_headers,
        response_status, response_headers, response_body, error_layer, error, next_attempt_at,
        error_detail, remote_address, tls_version, durations
    )
    -- Only where the same result is recorded again, because the answer of the database was lost.
    ON CONFLICT DO NOTHING
),
well AS (
    UPDATE webhook_endpoints AS e
    SET breaker = 'closed', breaker_reason = NULL, probe_at = NULL, parkings = 0, last_success_at = now(),
        failing_since = NULL, failures = 0, exhausted = 0, exhausted_since = NULL, warnings = 0, updated_at = now()
    FROM unnest($24::uuid[], $25::uuid[]) AS w (workspace_id, id)
    WHERE e.workspace_id = w.workspace_id AND e.id = w.id AND e.failures > 0
)
UPDATE webhook_deliveries AS d
SET state = r.state,
    lease_until = NULL,
    completed_at = r.completed_at,
    retries = CASE WHEN r.made THEN r.retries ELSE d.retries END,
    next_attempt_at = CASE
        WHEN r.made OR r.state <> 'scheduled' THEN r.next_attempt_at
        ELSE coalesce(r.next_attempt_at, d.next_attempt_at)
    END,
    -- An attempt that was not made does not count.
    attempts = d.attempts - (NOT r.made)::integer,
    first_attempt_at = CASE WHEN r.made OR d.attempts > 1 THEN d.first_attempt_at END
FROM unnest(
    $1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::integer[], $6::boolean[], $7::timestamptz[], $8::timestamptz[]
) AS r (workspace_id, id, epoch, state, retries, made, next_attempt_at, completed_at)
WHERE d.workspace_id = r.workspace_id AND d.id = r.id AND d.lease_epoch = r.epoch
  -- It is held, said so that the index of leases is of no use here: statistics of a quiet hour find it short.
  AND num_nonnulls(d.lease_until) = 1
RETURNING d.id
