//! Looking for what is due and claiming it, within the room that there is.
//!
//! What a process could not hold when it was made, what has failed and what a dead worker held is found here. A lease
//! has an epoch that grows with every claim: the result of a worker whose lease was taken over no longer fits. All times
//! are of the database's clock, so workers on machines whose clocks differ agree on what is due and on who holds it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pulse_store::notify::Listener;
use tokio::sync::mpsc;
use tokio_postgres::Row;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Hand;
use super::record::Ended;
use crate::delivery::{Lease, Leased, Payload, milliseconds};
use crate::health;
use crate::link::Link;
use crate::room::{Place, Room};
use crate::strand::{Stalled, Strand};
use crate::subscriptions::{Subscription, Subscriptions};

/// Claims of one subscription in one statement at most: others have their turn in between.
const CLAIM: usize = 64;
/// Where a rate is set, what may begin in this part of a second: others leave some to this process, and it to them.
const PARTS: usize = 4;
/// Deliveries that are taken back from lost workers in one statement.
const TAKE_OVER: usize = 500;
/// How often leases are looked at.
const LEASES: Duration = Duration::from_secs(1);
/// A database that was away or hung comes back to workers that live and have results to record: they go first, or their
/// calls would be made again.
const GRACE: Duration = Duration::from_secs(5);
/// A look that takes longer has met a database that hung.
const HUNG: Duration = Duration::from_secs(2);
/// Rest after a look, and after the database failed.
const BREATH: Duration = Duration::from_millis(10);
const PAUSE: Duration = Duration::from_millis(500);
/// So many times as long as a look has taken is rested: looking costs a fraction of the database's time at most.
const REST: u32 = 4;

/// Claims what is due.
pub(super) struct Look {
    pub(super) link: Link,
    pub(super) listener: Listener,
    pub(super) subscriptions: Subscriptions,
    pub(super) hand: Hand,
    /// Where deliveries go that need no attempt.
    pub(super) results: mpsc::Sender<Ended>,
    pub(super) strands: Stalled,
}

/// What a look has found.
struct Found {
    /// How long it is until more is due.
    next: Option<Duration>,
    /// Whether something is due that there is no room for.
    crowded: bool,
}

impl Found {
    fn due_in(&mut self, milliseconds: i64) {
        let due_in = Duration::from_millis(milliseconds.unsigned_abs());
        self.next = Some(self.next.map_or(due_in, |next| next.min(due_in)));
    }
}

/// A subscription that has something due.
struct Lane {
    workspace: Uuid,
    subscription: Uuid,
    concurrency: usize,
    /// Deliveries to be claimed at once at most.
    most: usize,
}

impl Lane {
    fn of(row: &Row) -> Self {
        Self {
            workspace: row.get("workspace_id"),
            subscription: row.get("subscription_id"),
            concurrency: usize::try_from(row.get::<_, i32>("concurrency")).unwrap_or(1),
            most: row
                .get::<_, Option<i32>>("rate_per_second")
                .map_or(CLAIM, |rate| usize::try_from(rate).unwrap_or(1).div_ceil(PARTS)),
        }
    }

    fn place(&self, room: &Room) -> Option<Place> {
        room.take(self.workspace, self.subscription, self.concurrency)
    }

    fn place_if_parked(&self, room: &Room) -> Option<Place> {
        room.take_if_parked(self.workspace, self.subscription, self.concurrency)
    }
}

/// What is to be claimed, with the places for it.
#[derive(Default)]
struct Asked {
    subscriptions: Vec<Uuid>,
    counts: Vec<i64>,
    overdue: Vec<bool>,
    places: HashMap<Uuid, Vec<Place>>,
}

impl Asked {
    /// Asks for as many of a subscription's deliveries as there is room for; whether that was enough.
    fn ask(&mut self, lane: &Lane, most: usize, overdue: bool, place: impl FnMut() -> Option<Place>) -> bool {
        let taken: Vec<Place> = std::iter::repeat_with(place).take(most).map_while(|place| place).collect();
        let enough = taken.len() == most;
        if !taken.is_empty() {
            self.subscriptions.push(lane.subscription);
            self.counts.push(taken.len() as i64);
            self.overdue.push(overdue);
            self.places.insert(lane.subscription, taken);
        }
        enough
    }
}

impl Look {
    /// Looks until told to stop.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut leases_at = Instant::now();
        while !stop.is_cancelled() {
            let begun = Instant::now();
            let mut found = self.look().await;
            if begun.elapsed() > HUNG {
                leases_at = Instant::now() + GRACE;
            }
            if found.is_ok() && leases_at <= Instant::now() {
                leases_at = begun + LEASES;
                match self.mend().await {
                    // There is more that is due.
                    Ok(true) => continue,
                    Ok(false) => {}
                    Err(error) => found = Err(error),
                }
            }
            let found = found.unwrap_or_else(|error| {
                tracing::warn!(error = format!("{error:#}"), "cannot claim deliveries");
                leases_at = Instant::now() + GRACE;
                Found { next: Some(PAUSE), crowded: false }
            });
            let rest = (begun.elapsed() * REST).max(BREATH);
            if stop.run_until_cancelled(tokio::time::sleep(rest)).await.is_none() {
                return;
            }
            let room = self.hand.room().clone();
            tokio::select! {
                () = stop.cancelled() => {}
                () = room.freed(), if found.crowded => {}
                () = self.listener.wait(found.next) => {}
            }
        }
    }

    async fn look(&mut self) -> anyhow::Result<Found> {
        let mut found = Found { next: None, crowded: false };
        let (mut asked, mut rested) = (Asked::default(), Vec::new());
        let room = self.hand.room().clone();
        for row in self.link.query(include_str!("look.sql"), &[&self.subscriptions.concurrency()]).await? {
            let (due_in, parked): (i64, Option<i64>) = (row.get("due_in_ms"), row.get("parked_ms"));
            if due_in > 0 {
                found.due_in(due_in);
                continue;
            }
            if let Some(full) = row.get::<_, Option<i64>>("full_ms").filter(|full| *full > 0) {
                found.due_in(full);
                continue;
            }
            let lane = Lane::of(&row);
            match parked {
                None => {
                    room.unpark(lane.subscription);
                    found.crowded |= !asked.ask(&lane, lane.most, false, || lane.place(&room));
                }
                Some(time) if time <= 0 => rested.push(lane),
                Some(time) => {
                    found.due_in(time);
                    room.park(lane.subscription, Duration::from_millis(time.unsigned_abs()));
                    if row.get("overdue") {
                        found.crowded |= !asked.ask(&lane, lane.concurrency.min(lane.most), true, || {
                            lane.place_if_parked(&room)
                        });
                    }
                }
            }
        }
        let keys: Vec<_> = rested.iter().map(|lane| (lane.workspace, lane.subscription)).collect();
        let probed = health::probe(&mut self.link, &keys).await?;
        for lane in rested.iter().filter(|lane| probed.contains(&lane.subscription)) {
            asked.ask(lane, 1, false, || lane.place_if_parked(&room));
        }
        if asked.places.is_empty() {
            return Ok(found);
        }
        let lease = milliseconds(self.hand.lease());
        let sql = include_str!("claim.sql");
        // From before the statement: however long its answer takes, the leases run.
        let since = Instant::now();
        let rows =
            self.link.query(sql, &[&asked.subscriptions, &asked.counts, &asked.overdue, &lease]).await?;
        if rows.len() < asked.places.values().map(Vec::len).sum::<usize>() {
            // There was more room than deliveries.
            found.crowded = false;
        } else {
            found.next = Some(Duration::ZERO);
        }
        self.hand_over(rows, asked.places, since).await?;
        Ok(found)
    }

    async fn hand_over(
        &mut self,
        rows: Vec<Row>,
        mut places: HashMap<Uuid, Vec<Place>>,
        since: Instant,
    ) -> anyhow::Result<()> {
        let wanted = self.wanted(&rows).await?;
        let mut claimed = Vec::with_capacity(rows.len());
        for row in rows {
            let id: Uuid = row.get("subscription_id");
            let strand = row.get::<_, bool>("ordered").then(|| Strand {
                workspace_id: row.get("workspace_id"),
                subscription_id: id,
                record_id: row.get("record_id"),
            });
            let lease = Lease { epoch: row.get("lease_epoch"), at: row.get("leased_at"), since };
            let (Some(subscription), Some(payload)) = (wanted.get(&id), payload(&row)) else {
                let key = (row.get("workspace_id"), row.get("id"));
                let ended = Ended::without_attempt("cancelled", key, strand, lease);
                // The recorder outlives this.
                let _ = self.results.send(ended).await;
                continue;
            };
            let Some(place) = places.get_mut(&id).and_then(Vec::pop) else { continue };
            claimed.push(Leased {
                subscription: Arc::clone(subscription),
                id: row.get("id"),
                event_id: row.get("event_id"),
                event_type: row.get("event_type"),
                payload: Arc::new(payload),
                retries: row.get("retries"),
                number: row.get("attempts"),
                first_attempt_at: row.get("first_attempt_at"),
                anchor: row.get("anchor"),
                not_before: row
                    .get::<_, Option<i64>>("begins_in_ms")
                    .map(|wait| since + Duration::from_millis(u64::try_from(wait).unwrap_or_default())),
                sequence: row.get("sequence"),
                strand,
                lease,
                _place: place,
            });
        }
        self.hand.give(claimed);
        Ok(())
    }

    /// The subscriptions of claimed deliveries, as they were when they were claimed or newer; those that are disabled
    /// or deleted are not among them.
    async fn wanted(&mut self, rows: &[Row]) -> anyhow::Result<HashMap<Uuid, Arc<Subscription>>> {
        let mut versions: HashMap<Uuid, (Uuid, i64)> = HashMap::new();
        for row in rows {
            if let Some(version) = row.get("version") {
                versions.insert(row.get("subscription_id"), (row.get("workspace_id"), version));
            }
        }
        let workspaces = || versions.values().map(|(workspace, _)| *workspace);
        let mut known = self.subscriptions.of(&mut self.link, workspaces()).await?;
        let outdated = |known: &HashMap<Uuid, crate::subscriptions::Subscribed>| {
            let all: HashMap<Uuid, i64> =
                known.values().flat_map(|all| all.iter()).map(|one| (one.id, one.version)).collect();
            let is_outdated = |(id, (_, version)): (&Uuid, &(Uuid, i64))| all.get(id) != Some(version);
            versions.iter().any(is_outdated)
        };
        if outdated(&known) {
            self.subscriptions.forget(workspaces());
            known = self.subscriptions.of(&mut self.link, workspaces()).await?;
        }
        let all = known.into_values().flat_map(|subscribed| subscribed.iter().cloned().collect::<Vec<_>>());
        Ok(all.map(|subscription| (subscription.id, subscription)).collect())
    }

    /// Takes back what lost workers held, and gives the turns that they did not; whether there was any of it.
    async fn mend(&mut self) -> anyhow::Result<bool> {
        let advanced = self.strands.advance(&mut self.link).await?;
        Ok(self.take_over().await? || advanced > 0)
    }

    async fn take_over(&mut self) -> anyhow::Result<bool> {
        let attempts: Vec<Uuid> = (0..TAKE_OVER).map(|_| Uuid::now_v7()).collect();
        let lost = self.link.query(include_str!("take_over.sql"), &[&attempts]).await?;
        if !lost.is_empty() {
            tracing::warn!(deliveries = lost.len(), "taken over from workers that were lost");
        }
        Ok(!lost.is_empty())
    }
}

/// The bytes as they were stored; `None` where they are not kept any more. What was altered since is never sent.
fn payload(row: &Row) -> Option<Payload> {
    let body: Vec<u8> = row.get::<_, Option<_>>("body")?;
    let payload = Payload::new(body.into(), row.get("correlation_id"));
    if payload.sha256.as_ref() != row.get::<_, &[u8]>("sha256") {
        let (delivery, event): (Uuid, Uuid) = (row.get("id"), row.get("event_id"));
        tracing::error!(%delivery, %event, "the stored bytes of an event were altered");
        return None;
    }
    Some(payload)
}
