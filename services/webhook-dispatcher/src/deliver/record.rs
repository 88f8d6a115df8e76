//! Recording: the results of attempts and what becomes of their deliveries, many in one statement.
//!
//! The row of an attempt belongs to whoever made it, so it always gets the true outcome. The row of the delivery belongs
//! to the lease: a worker that was too slow changes nothing there.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt::Write;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use pulse_service::egress::{Course, HeaderMap};
use pulse_store::notify::Waker;
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::send::{Call, Outcome};
use super::verdict::Verdict;
use crate::delivery::{Lease, Leased};
use crate::health::{self, Called, Failures, Reason};
use crate::link::{self, Link};
use crate::room::Room;
use crate::strand::{self, Strand};

/// Results of one statement at most.
const BATCH: usize = 256;
/// How long a result waits for others to come: a statement costs the same for many. Not long, though: what a process has
/// not recorded when it is killed is delivered twice.
const LINGER: Duration = Duration::from_millis(5);
/// Pause after the database failed.
const PAUSE: Duration = Duration::from_millis(500);

/// The record of an attempt whose worker was taken for lost has been written by who took over; the true one takes its place.
const FOUND_AGAIN: &str = "
    DELETE FROM webhook_attempts AS a
     USING unnest($1::uuid[], $2::uuid[], $3::integer[]) AS r (workspace_id, delivery_id, number)
     WHERE a.workspace_id = r.workspace_id AND a.delivery_id = r.delivery_id AND a.number = r.number
       AND a.outcome = 'unknown'
    RETURNING a.id";

/// A delivery that this process held and holds no more.
#[derive(Debug)]
pub(super) struct Ended {
    workspace_id: Uuid,
    id: Uuid,
    /// What waits for the end of this one.
    strand: Option<Strand>,
    lease: Lease,
    state: &'static str,
    retries: i32,
    next_attempt_at: Option<DateTime<Utc>>,
    completed_at: Option<DateTime<Utc>>,
    attempt: Option<(Attempt, Receiver)>,
}

/// What an attempt says about the receiver.
#[derive(Debug)]
struct Receiver {
    subscription_id: Uuid,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Well,
    Failed,
    Gone,
    /// The fault was ours.
    Unknown,
}

/// An attempt that was made.
#[derive(Debug, Default)]
struct Attempt {
    id: Uuid,
    number: i32,
    url: String,
    started_at: DateTime<Utc>,
    duration_ms: i32,
    outcome: &'static str,
    request_headers: String,
    response_status: Option<i32>,
    response_headers: Option<String>,
    response_body: Option<String>,
    error_layer: Option<&'static str>,
    error: Option<String>,
    /// For operators alone.
    error_detail: Option<String>,
    remote_address: Option<String>,
    tls_version: Option<&'static str>,
    durations: Option<String>,
}

impl Ended {
    /// After an attempt.
    pub(super) fn attempted(
        leased: &Leased,
        started_at: DateTime<Utc>,
        duration: Duration,
        call: &Call,
        verdict: &Verdict,
    ) -> Self {
        let attempt = Attempt {
            id: Uuid::now_v7(),
            number: leased.number,
            url: leased.subscription.url.clone(),
            started_at,
            duration_ms: i32::try_from(duration.as_millis()).unwrap_or(i32::MAX),
            request_headers: masked(&call.headers),
            remote_address: call.course.remote_address.map(|address| address.to_string()),
            tls_version: call.course.tls_version,
            durations: durations(&call.course),
            ..Attempt::of(&call.outcome, *verdict == Verdict::Succeeded)
        };
        let (state, retries, next_attempt_at) = match *verdict {
            Verdict::Succeeded => ("succeeded", leased.retries, None),
            Verdict::Exhausted => ("exhausted", leased.retries, None),
            Verdict::Gone => ("cancelled", leased.retries, None),
            Verdict::Retry { number, at } => {
                ("scheduled", i32::try_from(number).unwrap_or(i32::MAX), Some(at))
            }
        };
        let receiver = Receiver {
            subscription_id: leased.subscription.id,
            state: match (&call.outcome, verdict) {
                (Outcome::Unsent(_), _) => State::Unknown,
                (_, Verdict::Succeeded) => State::Well,
                (_, Verdict::Gone) => State::Gone,
                _ => State::Failed,
            },
        };
        Self {
            workspace_id: leased.subscription.workspace_id,
            id: leased.id,
            strand: leased.strand,
            lease: leased.lease,
            state,
            retries,
            next_attempt_at,
            completed_at: next_attempt_at.is_none().then(|| started_at + duration),
            attempt: Some((attempt, receiver)),
        }
    }

    /// Given back without an attempt: as due as it was.
    pub(super) fn returned(leased: &Leased) -> Self {
        Self {
            workspace_id: leased.subscription.workspace_id,
            id: leased.id,
            strand: leased.strand,
            lease: leased.lease,
            state: "scheduled",
            retries: leased.retries,
            next_attempt_at: None,
            completed_at: None,
            attempt: None,
        }
    }

    /// Given back without an attempt, and due at a later time.
    pub(super) fn postponed(leased: &Leased, at: DateTime<Utc>) -> Self {
        Self { next_attempt_at: Some(at), ..Self::returned(leased) }
    }

    /// Not wanted any more, or given up, without an attempt.
    pub(super) fn without_attempt(
        state: &'static str,
        (workspace_id, id): (Uuid, Uuid),
        strand: Option<Strand>,
        lease: Lease,
    ) -> Self {
        let completed_at = Some(lease.time_at(Instant::now()));
        Self {
            workspace_id,
            id,
            strand,
            lease,
            state,
            retries: 0,
            next_attempt_at: None,
            completed_at,
            attempt: None,
        }
    }
}

impl Attempt {
    fn of(outcome: &Outcome, succeeded: bool) -> Self {
        let ended = Self { outcome: if succeeded { "succeeded" } else { "failed" }, ..Self::default() };
        match outcome {
            Outcome::Answered(answer) => Self {
                response_status: Some(answer.status.into()),
                response_headers: Some(joined(&answer.headers)),
                response_body: Some(text(&answer.body)),
                error_layer: (!succeeded).then_some("http_status"),
                error: (!succeeded).then(|| format!("the receiver answered {}", answer.status)),
                ..ended
            },
            Outcome::Unanswered(failure) => Self {
                error_layer: Some(failure.layer.name()),
                error: Some(text(failure.message.as_bytes())),
                error_detail: failure.detail.as_ref().map(|detail| text(detail.as_bytes())),
                ..ended
            },
            Outcome::Unsent(reason) => Self { error: Some((*reason).to_owned()), ..ended },
        }
    }
}

/// Records results.
pub(super) struct Recorder {
    pub(super) results: mpsc::Receiver<Ended>,
    pub(super) link: Link,
    pub(super) room: Room,
    /// For deliveries that have got their turn.
    pub(super) waker: Waker,
    /// For events that tell of a subscription that was disabled.
    pub(super) journal: Waker,
    /// For as long as leases hold it is worth trying, even for a process that stops.
    pub(super) lease: Duration,
}

impl Recorder {
    /// Records until nobody can send any more. Once told to stop it gives up what no lease holds any more.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH);
        while self.results.recv_many(&mut batch, BATCH).await > 0 {
            if batch.len() < BATCH && !self.results.is_closed() {
                tokio::time::sleep(LINGER).await;
                while batch.len() < BATCH
                    && let Ok(ended) = self.results.try_recv()
                {
                    batch.push(ended);
                }
            }
            self.record_all(&mut batch, &stop).await;
            if strand::advance(&mut self.link, batch.iter().filter_map(|ended| ended.strand)).await > 0 {
                self.waker.wake();
            }
            if let Err(error) = self.note(&batch).await {
                tracing::warn!(error = format!("{error:#}"), "cannot note how receivers do");
            }
            batch.clear();
        }
    }

    async fn record_all(&mut self, batch: &mut Vec<Ended>, stop: &CancellationToken) {
        while let Err(error) = record(&mut self.link, batch).await {
            if link::is_about_data(&error) {
                return one_by_one(&mut self.link, batch).await;
            }
            tracing::warn!(attempts = batch.len(), error = format!("{error:#}"), "cannot record attempts");
            // Without a result a call would be made again. While the database is away nobody takes over, so a result is
            // good however late it comes.
            if stop.is_cancelled() {
                let lease = self.lease;
                batch.retain(|ended| ended.lease.since.elapsed() + PAUSE < lease);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Notes which receivers have failed; that others are well has been recorded with the results.
    async fn note(&mut self, batch: &[Ended]) -> anyhow::Result<()> {
        let (mut failing, mut gone): (HashMap<_, Failures>, _) = (HashMap::new(), Vec::new());
        for (ended, attempt, receiver) in made(batch) {
            let key = (ended.workspace_id, receiver.subscription_id);
            match receiver.state {
                State::Failed => {
                    let noted = failing.entry(key).or_default();
                    noted.failures += 1;
                    noted.exhausted += i32::from(ended.state == "exhausted");
                }
                State::Gone => gone.push(Called {
                    workspace_id: ended.workspace_id,
                    subscription_id: receiver.subscription_id,
                    url: attempt.url.clone(),
                }),
                State::Well | State::Unknown => {}
            }
        }
        for key in well(batch) {
            failing.remove(&key);
        }
        for (subscription, time) in health::note(&mut self.link, failing.into_iter()).await? {
            self.room.park(subscription, time);
        }
        gone.sort_unstable_by_key(|called| called.subscription_id);
        gone.dedup_by_key(|called| called.subscription_id);
        if health::disable(&mut self.link, &gone, Reason::Gone).await? > 0 {
            self.journal.wake();
        }
        Ok(())
    }
}

/// The attempts that were made.
fn made(batch: &[Ended]) -> impl Iterator<Item = (&Ended, &Attempt, &Receiver)> {
    batch
        .iter()
        .filter_map(|ended| ended.attempt.as_ref().map(|(attempt, receiver)| (ended, attempt, receiver)))
}

/// The receivers that have taken something, in the order in which all write what they know of several.
fn well(batch: &[Ended]) -> BTreeSet<(Uuid, Uuid)> {
    made(batch)
        .filter(|(_, _, receiver)| receiver.state == State::Well)
        .map(|(ended, _, receiver)| (ended.workspace_id, receiver.subscription_id))
        .collect()
}

/// One result that cannot be stored must not take the others with it.
async fn one_by_one(link: &mut Link, batch: &[Ended]) {
    for ended in batch {
        if let Err(error) = record(link, std::slice::from_ref(ended)).await {
            tracing::error!(delivery = %ended.id, error = format!("{error:#}"), "an attempt stays without a result");
        }
    }
}

async fn record(link: &mut Link, batch: &[Ended]) -> anyhow::Result<()> {
    if batch.is_empty() {
        return Ok(());
    }
    macro_rules! column {
        ($rows:expr, $row:ident => $value:expr) => {
            $rows.iter().map(|$row| $value).collect::<Vec<_>>()
        };
    }
    let made: Vec<(&Ended, &Attempt, &Receiver)> = made(batch).collect();
    let (well_in, well): (Vec<Uuid>, Vec<Uuid>) = well(batch).into_iter().unzip();
    let held = link
        .query(
            include_str!("record.sql"),
            &[
                &column!(batch, ended => ended.workspace_id),
                &column!(batch, ended => ended.id),
                &column!(batch, ended => ended.lease.epoch),
                &column!(batch, ended => ended.state),
                &column!(batch, ended => ended.retries),
                &column!(batch, ended => ended.attempt.is_some()),
                &column!(batch, ended => ended.next_attempt_at),
                &column!(batch, ended => ended.completed_at),
                &column!(made, row => row.0.workspace_id),
                &column!(made, row => row.1.id),
                &column!(made, row => row.0.id),
                &column!(made, row => row.1.number),
                &column!(made, row => row.1.url.as_str()),
                &column!(made, row => row.1.started_at),
                &column!(made, row => row.1.duration_ms),
                &column!(made, row => row.1.outcome),
                &column!(made, row => row.1.request_headers.as_str()),
                &column!(made, row => row.1.response_status),
                &column!(made, row => row.1.response_headers.as_deref()),
                &column!(made, row => row.1.response_body.as_deref()),
                &column!(made, row => row.1.error_layer),
                &column!(made, row => row.1.error.as_deref()),
                &column!(made, row => row.0.next_attempt_at),
                &well_in,
                &well,
                &column!(made, row => row.1.error_detail.as_deref()),
                &column!(made, row => row.1.remote_address.as_deref()),
                &column!(made, row => row.1.tls_version),
                &column!(made, row => row.1.durations.as_deref()),
            ],
        )
        .await?;
    if held.len() < batch.len() {
        let held: HashSet<Uuid> = held.iter().map(|row| row.get(0)).collect();
        let lost: Vec<_> = made.iter().filter(|(ended, ..)| !held.contains(&ended.id)).collect();
        tracing::warn!(attempts = lost.len(), "leases were lost before their results were recorded");
        let parameters = (
            column!(lost, row => row.0.workspace_id),
            column!(lost, row => row.0.id),
            column!(lost, row => row.1.number),
        );
        link.query(FOUND_AGAIN, &[&parameters.0, &parameters.1, &parameters.2]).await?;
    }
    Ok(())
}

/// Repeated headers become one, as RFC 9110 section 5.3 has it.
fn joined(headers: &[(String, String)]) -> String {
    let mut object: Map<String, Value> = Map::new();
    for (name, value) in headers {
        match object.get_mut(name) {
            Some(Value::String(values)) => {
                values.push_str(", ");
                values.push_str(value);
            }
            _ => {
                object.insert(name.clone(), Value::String(value.clone()));
            }
        }
    }
    json(object)
}

/// What was sent along, with the values masked that are secret.
fn masked(headers: &HeaderMap) -> String {
    let text = |value: &pulse_service::egress::HeaderValue| {
        if value.is_sensitive() {
            "***".into()
        } else {
            String::from_utf8_lossy(value.as_bytes()).into_owned()
        }
    };
    json(headers.iter().map(|(name, value)| (name.to_string(), Value::String(text(value)))).collect())
}

/// `{"wait_ms":12,"body_ms":0}`: the phases that were reached.
fn durations(course: &Course) -> Option<String> {
    let mut object = String::new();
    for (phase, spent) in course.durations() {
        let before = if object.is_empty() { '{' } else { ',' };
        // Writing into a text does not fail.
        let _ = write!(object, "{before}\"{}_ms\":{}", phase.name(), spent.as_millis());
    }
    (!object.is_empty()).then(|| object + "}")
}

/// JSON that PostgreSQL can store: without NUL.
fn json(object: Map<String, Value>) -> String {
    Value::Object(object).to_string().replace("\\u0000", "\u{fffd}")
}

/// Text that PostgreSQL can store: UTF-8 without NUL.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use pulse_service::egress::HeaderValue;

    use super::*;

    #[test]
    fn any_bytes_become_text_that_can_be_stored() {
        assert_eq!(text(b"a\0b\xffc"), "a\u{fffd}b\u{fffd}c");
    }

    #[test]
    fn repeated_headers_are_joined() {
        let sent = [("vary", "a"), ("date", "x"), ("vary", "b")];
        let sent: Vec<_> = sent.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        assert_eq!(joined(&sent), r#"{"vary":"a, b","date":"x"}"#);
    }

    #[test]
    fn what_is_secret_is_masked() {
        let mut headers = HeaderMap::new();
        headers.insert("x-a", HeaderValue::from_static("open"));
        let mut secret = HeaderValue::from_static("secret");
        secret.set_sensitive(true);
        headers.insert("authorization", secret);
        assert_eq!(masked(&headers), r#"{"x-a":"open","authorization":"***"}"#);
    }
}
