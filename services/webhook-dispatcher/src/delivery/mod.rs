//! A delivery as it begins: one event for one subscription, due at once, or when it has the turn.
//!
//! Whoever makes it can hold it from the start, in the same statement: a first attempt then needs no claim.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use pulse_domain::{Event, payload, signature};
use uuid::Uuid;

use crate::link::Link;
use crate::room::Place;
use crate::strand::{self, Strand};
use crate::subscriptions::Subscription;

/// The bytes of an event in a payload version, shared by all that send them.
#[derive(Debug)]
pub(crate) struct Payload {
    pub(crate) body: Bytes,
    /// Ties together what one request set in motion.
    pub(crate) correlation_id: Uuid,
    pub(crate) sha256: signature::Sha256,
    /// The value of `Content-Digest`.
    pub(crate) digest: String,
}

impl Payload {
    pub(crate) fn new(body: Bytes, correlation_id: Uuid) -> Self {
        let sha256 = signature::sha256(&body);
        Self { digest: signature::content_digest(sha256), sha256, body, correlation_id }
    }
}

/// Payloads by event and version, in the order of their keys: those who store the same at once then wait for each other
/// instead of deadlocking.
pub(crate) type Payloads = std::collections::BTreeMap<(Uuid, Uuid, i32), Arc<Payload>>;

/// Renders an event unless that has been done.
///
/// Only a newer crm-api lets a subscription pin a version that is not known here, and a newer dispatcher is about to
/// follow: that is an error, and the event waits for it.
pub(crate) fn render(payloads: &mut Payloads, event: &Event, version: i32) -> anyhow::Result<Arc<Payload>> {
    let key = (event.workspace_id.0, event.id.0, version);
    if let Some(known) = payloads.get(&key) {
        return Ok(Arc::clone(known));
    }
    let body = payload::render(version, event)?;
    let payload = Arc::new(Payload::new(body.into(), event.correlation_id));
    payloads.insert(key, Arc::clone(&payload));
    Ok(payload)
}

/// A delivery that shall be made.
#[derive(Debug)]
pub(crate) struct NewDelivery {
    pub(crate) workspace_id: Uuid,
    pub(crate) id: Uuid,
    pub(crate) subscription_id: Uuid,
    pub(crate) event_id: Uuid,
    pub(crate) event_type: String,
    pub(crate) resource_type: String,
    pub(crate) record_id: Uuid,
    pub(crate) payload_version: i32,
    /// The delivery that this one repeats.
    pub(crate) replay_of_id: Option<Uuid>,
    /// The place of the event in the journal.
    pub(crate) sequence: Option<i64>,
    /// Whether it waits until the events of the record before it are done with. It needs a place in the journal.
    pub(crate) ordered: bool,
}

impl NewDelivery {
    /// Of an event to a subscription, in the order of the record's events if that is wanted.
    pub(crate) fn new(event: &Event, subscription_id: Uuid, payload_version: i32, ordered: bool) -> Self {
        let sequence = (event.sequence > 0).then_some(event.sequence);
        Self {
            workspace_id: event.workspace_id.0,
            id: Uuid::now_v7(),
            subscription_id,
            event_id: event.id.0,
            event_type: event.kind.clone(),
            resource_type: event.resource.clone(),
            record_id: event.record_id.0,
            payload_version,
            replay_of_id: None,
            sequence,
            ordered: ordered && sequence.is_some(),
        }
    }

    fn strand(&self) -> Option<Strand> {
        let Self { workspace_id, subscription_id, record_id, .. } = *self;
        self.ordered.then_some(Strand { workspace_id, subscription_id, record_id })
    }
}

/// A delivery that this process holds, for one attempt.
#[derive(Debug)]
pub(crate) struct Leased {
    pub(crate) subscription: Arc<Subscription>,
    pub(crate) id: Uuid,
    pub(crate) event_id: Uuid,
    pub(crate) event_type: String,
    pub(crate) payload: Arc<Payload>,
    /// The place of this attempt in the schedule: 0 for the first, or the number of the retry. An attempt that takes
    /// over from a worker that died has the place of the lost one.
    pub(crate) retries: i32,
    /// The number of the attempt, from 1.
    pub(crate) number: i32,
    pub(crate) first_attempt_at: DateTime<Utc>,
    /// What the schedule counts from: the first attempt, or the making of what had to wait for its turn.
    pub(crate) anchor: DateTime<Utc>,
    /// Where a rate is set: when the call may begin.
    pub(crate) not_before: Option<Instant>,
    /// The place of the event in the journal.
    pub(crate) sequence: Option<i64>,
    /// What waits for the end of this one.
    pub(crate) strand: Option<Strand>,
    pub(crate) lease: Lease,
    /// In the memory of this process, until this is dropped.
    pub(crate) _place: Place,
}

/// What the result of an attempt has to fit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lease {
    pub(crate) epoch: i64,
    /// When it began, by the clock of the database.
    pub(crate) at: DateTime<Utc>,
    /// When this process had it.
    pub(crate) since: Instant,
}

impl Lease {
    /// The time of the database's clock, as it is at an instant of this process.
    pub(crate) fn time_at(&self, instant: Instant) -> DateTime<Utc> {
        self.at + instant.saturating_duration_since(self.since)
    }
}

/// Inserts what is not there yet, in one statement, and returns when each delivery was made that was not there before.
/// `held` says which of them this process holds from the start, for the time of `lease`; what is ordered is held by
/// nobody, and the first of each record gets its turn.
pub(crate) async fn insert(
    link: &mut Link,
    payloads: &Payloads,
    deliveries: &[NewDelivery],
    held: &[bool],
    lease: Duration,
) -> anyhow::Result<HashMap<Uuid, DateTime<Utc>>> {
    if deliveries.is_empty() {
        return Ok(HashMap::new());
    }
    let of_payloads = |part: fn(&(Uuid, Uuid, i32)) -> Uuid| payloads.keys().map(part).collect::<Vec<_>>();
    let versions: Vec<i32> = payloads.keys().map(|key| key.2).collect();
    let bodies: Vec<&[u8]> = payloads.values().map(|payload| payload.body.as_ref()).collect();
    let digests: Vec<&[u8]> = payloads.values().map(|payload| payload.sha256.as_ref()).collect();
    let correlations: Vec<Uuid> = payloads.values().map(|payload| payload.correlation_id).collect();
    let of = |part: fn(&NewDelivery) -> Uuid| deliveries.iter().map(part).collect::<Vec<_>>();
    let resources: Vec<&str> = deliveries.iter().map(|delivery| delivery.resource_type.as_str()).collect();
    let types: Vec<&str> = deliveries.iter().map(|delivery| delivery.event_type.as_str()).collect();
    let payload_versions: Vec<i32> = deliveries.iter().map(|delivery| delivery.payload_version).collect();
    let repeated: Vec<Option<Uuid>> = deliveries.iter().map(|delivery| delivery.replay_of_id).collect();
    let sequences: Vec<Option<i64>> = deliveries.iter().map(|delivery| delivery.sequence).collect();
    let ordered: Vec<bool> = deliveries.iter().map(|delivery| delivery.ordered).collect();
    let rows = link
        .query(
            include_str!("insert.sql"),
            &[
                &of_payloads(|key| key.0),
                &of_payloads(|key| key.1),
                &versions,
                &bodies,
                &digests,
                &correlations,
                &of(|delivery| delivery.workspace_id),
                &of(|delivery| delivery.id),
                &of(|delivery| delivery.subscription_id),
                &of(|delivery| delivery.event_id),
                &types,
                &resources,
                &of(|delivery| delivery.record_id),
                &payload_versions,
                &repeated,
                &sequences,
                &ordered,
                &held,
                &milliseconds(lease),
            ],
        )
        .await?;
    strand::advance(link, deliveries.iter().filter_map(NewDelivery::strand)).await;
    Ok(rows.iter().map(|row| (row.get("id"), row.get("made_at"))).collect())
}

/// As PostgreSQL counts.
pub(crate) fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
