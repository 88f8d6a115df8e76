-- $1 to $6   payloads, as arrays: workspace, event, version, body, SHA-256 of it, correlation id
-- $7 to $17  deliveries, as arrays: workspace, id, subscription, event, event type, resource, record, payload version, the
--            one repeated, place of the event in the journal, whether it waits for its turn
-- $18        which of them this process holds from the start
-- $19        how long it holds them, in milliseconds
WITH payloads AS (
    INSERT INTO webhook_payloads (workspace_id, event_id, version, body, sha256, correlation_id)
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::integer[], $4::bytea[], $5::bytea[], $6::uuid[])
    ON CONFLICT DO NOTHING
)
INSERT INTO webhook_deliveries (
    workspace_id, id, subscription_id, event_id, event_type, resource_type, record_id, payload_version, replay_of_id,
    sequence, has_turn, next_attempt_at, attempts, first_attempt_at, leased_at, lease_until, lease_epoch
)
SELECT
    d.workspace_id, d.id, d.subscription_id, d.event_id, d.event_type, d.resource_type, d.record_id, d.payload_version,
    d.replay_of_id,
    d.sequence,
    CASE WHEN d.ordered THEN false END,
    CASE WHEN NOT d.ordered THEN now() END,
    d.held::integer,
    CASE WHEN d.held THEN now() END,
    CASE WHEN d.held THEN now() END,
    CASE WHEN d.held THEN now() + $19::bigint * interval '1 millisecond' END,
    d.held::integer
FROM unnest(
    $7::uuid[], $8::uuid[], $9::uuid[], $10::uuid[], $11::text[], $12::text[], $13::uuid[], $14::integer[], $15::uuid[],
    $16::bigint[], $17::boolean[], $18::boolean[]
) AS d (
    workspace_id, id, subscription_id, event_id, event_type, resource_type, record_id, payload_version, replay_of_id,
    sequence, ordered, held
)
ON CONFLICT DO NOTHING
RETURNING id, now() AS made_at
