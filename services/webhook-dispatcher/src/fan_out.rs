//! Fan-out: an event from the bus becomes one delivery for each subscription that asks for it.
//!
//! All events of a batch go into one transaction, and none is acknowledged before its commit. An event that comes
//! again finds its deliveries there and adds nothing. Where this process delivers as well and has room, it holds the
//! deliveries from the start; the others are found by whoever has.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use pulse_bus::{Consumer, Failure, Incoming, topology};
use pulse_domain::{Event, catalogue};
use pulse_store::notify::Waker;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::Settings;
use crate::deliver::Hand;
use crate::delivery::{self, Lease, Leased, NewDelivery, Payloads};
use crate::link::Link;
use crate::subscriptions::{Shown, Subscriptions};

/// Events of one transaction at most.
const BATCH: u16 = 256;

struct FanOut {
    link: Mutex<Link>,
    subscriptions: Subscriptions,
    waker: Waker,
    /// Where this process delivers as well.
    hand: Option<Hand>,
}

/// Consumes events until told to stop.
pub(crate) fn run(
    settings: &Settings,
    subscriptions: Subscriptions,
    waker: Waker,
    hand: Option<Hand>,
    stop: CancellationToken,
) -> impl Future<Output = anyhow::Result<()>> + use<> {
    let consumer = Consumer {
        settings: settings.bus.clone(),
        name: "webhook-dispatcher fan-out".into(),
        queue: topology::WEBHOOK_EVENTS,
        batch: BATCH,
        // What arrives alone leaves at once; batches form by themselves under load.
        linger: Duration::ZERO,
    };
    let fan_out = FanOut { link: Mutex::new(Link::new(&settings.database)), subscriptions, waker, hand };
    async move {
        consumer.run(stop, |messages| fan_out.batch(messages)).await;
        Ok(())
    }
}

fn read(body: &[u8]) -> anyhow::Result<Event> {
    let event = Event::decode(body)?;
    let kind = catalogue::find(&event.kind)
        .with_context(|| format!("`{}` is not in the event catalogue", event.kind))?;
    ensure!(
        event.resource == kind.resource,
        "`{}` is about {}, not `{}`",
        kind.name,
        kind.resource,
        event.resource
    );
    Ok(event)
}

impl FanOut {
    async fn batch(&self, messages: Vec<Incoming>) -> Vec<Result<(), Failure>> {
        let events: Vec<anyhow::Result<Event>> = messages.iter().map(|message| read(&message.body)).collect();
        let readable: Vec<&Event> = events.iter().flatten().collect();
        let stored = self.store(&readable).await;
        events
            .into_iter()
            .map(|event| match (event, &stored) {
                (Err(error), _) => Err(Failure::Discard(error)),
                (Ok(_), Err(error)) => Err(Failure::Retry(anyhow!("{error:#}"))),
                (Ok(_), Ok(())) => Ok(()),
            })
            .collect()
    }

    /// Stores payloads and deliveries of events, and sees to it that somebody delivers them.
    async fn store(&self, events: &[&Event]) -> anyhow::Result<()> {
        let mut link = self.link.lock().await;
        let workspaces = events.iter().map(|event| event.workspace_id.0);
        let subscriptions = self.subscriptions.of(&mut link, workspaces).await?;
        let (mut payloads, mut planned) = (Payloads::new(), BTreeMap::new());
        for event in events {
            let subscribed =
                subscriptions.get(&event.workspace_id.0).context("every workspace is answered for")?;
            let shown = Shown::of(event);
            for subscription in subscribed.iter().filter(|subscription| subscription.asks_for(&shown)) {
                let payload = delivery::render(&mut payloads, event, subscription.payload_version)?;
                planned
                    .entry((subscription.workspace_id, subscription.id, event.id.0))
                    .or_insert_with(|| (*event, subscription, payload));
            }
        }
        if planned.is_empty() {
            return Ok(());
        }
        let (mut deliveries, mut held, mut taken) = (Vec::new(), Vec::new(), HashMap::new());
        for (event, subscription, payload) in planned.into_values() {
            let new =
                NewDelivery::new(event, subscription.id, subscription.payload_version, subscription.ordered);
            // What waits for its turn is held by nobody, and a rate is that of all processes.
            let hand = self.hand.as_ref().filter(|_| !new.ordered && !subscription.rated);
            let place = hand.and_then(|hand| hand.take(subscription));
            held.push(place.is_some());
            if let Some(place) = place {
                taken.insert(new.id, (Arc::clone(subscription), payload, place));
            }
            deliveries.push(new);
        }
        let lease = self.hand.as_ref().map_or(Duration::ZERO, Hand::lease);
        // From before the statement: however long its answer takes, the lease runs.
        let since = Instant::now();
        let made = delivery::insert(&mut link, &payloads, &deliveries, &held, lease).await?;
        drop(link);
        // What was there before is somebody else's, and its place is free again.
        let leased = deliveries.into_iter().filter_map(|new| {
            let (at, (subscription, payload, place)) = (*made.get(&new.id)?, taken.remove(&new.id)?);
            Some(Leased {
                subscription,
                id: new.id,
                event_id: new.event_id,
                event_type: new.event_type,
                payload,
                retries: 0,
                number: 1,
                first_attempt_at: at,
                anchor: at,
                not_before: None,
                sequence: new.sequence,
                strand: None,
                lease: Lease { epoch: 1, at, since },
                _place: place,
            })
        });
        let leased: Vec<Leased> = leased.collect();
        if made.len() > leased.len() {
            self.waker.wake();
        }
        if let Some(hand) = &self.hand {
            hand.give(leased);
        }
        Ok(())
    }
}
