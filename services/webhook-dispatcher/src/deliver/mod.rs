//! Delivery: what is due is claimed, sent and recorded, many at once.
//!
//! In reading order: [`look`] leases deliveries that wait (those that were just made come leased by [`Hand`]), [`lanes`]
//! says whose turn it is, [`send`] makes the call, [`verdict`] says what becomes of the delivery and [`record`] writes
//! many results down at once; an [`outage`] of our own puts deliveries off.
//!
//! A worker that dies loses no more than its leases: they run out, the deliveries are taken over, and the attempts it had
//! begun are put on record with an unknown outcome. Such a delivery may arrive twice, under the same event id.

mod lanes;
mod look;
mod outage;
mod record;
mod send;
mod verdict;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pulse_domain::schedule::Attempt;
use pulse_service::egress::Client;
use pulse_store::notify::{Channel, Listener, Waker};
use secrecy::ExposeSecret;
use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::delivery::Leased;
use crate::link::Link;
use crate::room::{Place, Room};
use crate::strand::Stalled;
use crate::subscriptions::{Subscription, Subscriptions};
use crate::{Settings, settings};
use lanes::{Lanes, Slot};
use look::Look;
use outage::Outage;
use record::{Ended, Recorder};
use send::send;
use verdict::{MOST_ATTEMPTS, Verdict, judge};

/// How often to look without being woken: finds rows of a writer that died before it told.
const SWEEP: Duration = Duration::from_secs(1);
/// A lease holds this much longer than a call may take: time to wait for a turn, and to record the result, even if the
/// database is away for a moment.
const LEASE_MARGIN: Duration = Duration::from_secs(20);
/// Half of that is for the record: a delivery that has waited longer for its turn is given back.
const RECORD_MARGIN: Duration = Duration::from_secs(10);
/// Results that wait to be recorded.
const RESULTS: usize = 1_024;

/// The worker of the role `deliver`.
pub(crate) struct Deliver {
    look: Look,
    worker: Arc<Worker>,
    arrivals: mpsc::UnboundedReceiver<Vec<Leased>>,
    recorder: Recorder,
    limits: settings::Delivery,
}

/// How deliveries that this process holds from the start come to its worker. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Hand {
    room: Room,
    // Room bounds it.
    arrivals: mpsc::UnboundedSender<Vec<Leased>>,
    lease: Duration,
}

/// What every delivery under way shares.
struct Worker {
    client: Client,
    room: Room,
    /// A call has to begin within this, or its lease could run out before the result is recorded.
    begin_within: Duration,
    results: mpsc::Sender<Ended>,
    outage: Outage,
}

impl Hand {
    /// A place for a delivery that is about to be made, if there is room.
    pub(crate) fn take(&self, subscription: &Subscription) -> Option<Place> {
        self.room.take(subscription.workspace_id, subscription.id, subscription.concurrency)
    }

    /// Gives deliveries to the worker.
    pub(crate) fn give(&self, leased: Vec<Leased>) {
        // The worker outlives everybody who has a hand.
        let _ = self.arrivals.send(leased);
    }

    /// How long this process holds what it holds.
    pub(crate) fn lease(&self) -> Duration {
        self.lease
    }

    fn room(&self) -> &Room {
        &self.room
    }
}

impl Deliver {
    pub(crate) fn new(
        settings: &Settings,
        subscriptions: Subscriptions,
        waker: Waker,
        journal: Waker,
    ) -> anyhow::Result<(Self, Hand)> {
        let timeout = Duration::from_millis(settings.egress.timeout_ms);
        let (arrive, arrivals) = mpsc::unbounded_channel();
        let (record, results) = mpsc::channel(RESULTS);
        let room = Room::new(settings.delivery.held.get());
        let hand = Hand { room: room.clone(), arrivals: arrive, lease: timeout + LEASE_MARGIN };
        let listener =
            Listener::new(settings.database.url.expose_secret(), Channel::WebhookDeliveries, SWEEP);
        let deliver = Self {
            look: Look {
                link: Link::new(&settings.database),
                listener,
                subscriptions,
                hand: hand.clone(),
                results: record.clone(),
                strands: Stalled::default(),
            },
            worker: Arc::new(Worker {
                client: Client::new(&settings.egress)?,
                room: room.clone(),
                begin_within: LEASE_MARGIN - RECORD_MARGIN,
                results: record,
                outage: Outage::default(),
            }),
            arrivals,
            recorder: Recorder {
                results,
                link: Link::unsynced(&settings.database),
                room,
                waker,
                journal,
                lease: hand.lease,
            },
            limits: settings.delivery,
        };
        Ok((deliver, hand))
    }

    /// Delivers until told to stop; deliveries under way are finished and recorded before this returns.
    pub(crate) async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let Self { look, worker, arrivals, recorder, limits } = self;
        let calls = call(worker, arrivals, limits, stop.clone());
        tokio::join!(look.run(stop.clone()), calls, recorder.run(stop));
        Ok(())
    }
}

/// Makes calls in their turn, until nobody can bring any more and all are over.
async fn call(
    worker: Arc<Worker>,
    mut arrivals: mpsc::UnboundedReceiver<Vec<Leased>>,
    limits: settings::Delivery,
    stop: CancellationToken,
) {
    let mut lanes = Lanes::new(limits);
    let mut calls: JoinSet<()> = JoinSet::new();
    let mut slots: HashMap<Id, Slot> = HashMap::new();
    let mut open = true;
    while open || !calls.is_empty() {
        while let Some(leased) = lanes.next(Instant::now()) {
            let slot = Slot::of(&leased);
            let worker = Arc::clone(&worker);
            slots.insert(calls.spawn(async move { worker.deliver(leased).await }).id(), slot);
        }
        let rested = lanes.next_rested();
        tokio::select! {
            arrived = arrivals.recv(), if open => match arrived {
                Some(arrived) if stop.is_cancelled() => worker.give_back(&arrived).await,
                Some(arrived) => arrived.into_iter().for_each(|leased| lanes.push(leased)),
                None => open = false,
            },
            Some(ended) = calls.join_next_with_id() => {
                let mut ended = Some(ended);
                while let Some(one) = ended {
                    if let Some(slot) = slots.remove(&task(one)) {
                        lanes.ended(slot);
                        let surplus = worker.room.surplus(slot.subscription);
                        let surplus = lanes.take_back(slot.subscription, surplus);
                        worker.give_back(&surplus).await;
                    }
                    ended = calls.try_join_next_with_id();
                }
            }
            () = rest(rested) => {}
            () = stop.cancelled(), if !worker.room.is_closed() => {
                worker.room.close();
                worker.give_back(&lanes.clear()).await;
            }
        }
    }
}

async fn rest(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until.into()).await,
        None => std::future::pending().await,
    }
}

fn task(ended: Result<(Id, ()), JoinError>) -> Id {
    ended.map_or_else(
        |error| {
            // Its lease runs out, and whoever takes over puts the attempt on record.
            tracing::error!(%error, "a delivery panicked");
            error.id()
        },
        |(id, ())| id,
    )
}

impl Worker {
    async fn deliver(&self, leased: Leased) {
        let begun = Instant::now();
        if begun.duration_since(leased.lease.since) > self.begin_within {
            return self.give_back(std::slice::from_ref(&leased)).await;
        }
        if leased.number > MOST_ATTEMPTS {
            tracing::error!(delivery = %leased.id, "given up: its attempts were lost with the workers that made them");
            let key = (leased.subscription.workspace_id, leased.id);
            return self.end(Ended::without_attempt("exhausted", key, leased.strand, leased.lease)).await;
        }
        let started_at = leased.lease.time_at(begun);
        let call = send(&self.client, &leased, started_at).await;
        let duration = begun.elapsed();
        if let Some(rest) = self.outage.after(&call) {
            return self.end(Ended::postponed(&leased, started_at + duration + rest)).await;
        }
        let verdict = judge(&leased, &call.outcome, Attempt { started_at, ended_at: started_at + duration });
        tracing::debug!(delivery = %leased.id, attempt = leased.number, ?verdict, "attempted");
        self.room.note(&leased.subscription, (verdict == Verdict::Succeeded).then_some(duration));
        self.end(Ended::attempted(&leased, started_at, duration, &call, &verdict)).await;
    }

    async fn give_back(&self, leased: &[Leased]) {
        for leased in leased {
            self.end(Ended::returned(leased)).await;
        }
    }

    async fn end(&self, ended: Ended) {
        // The recorder outlives every sender.
        let _ = self.results.send(ended).await;
    }
}
