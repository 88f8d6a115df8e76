//! Fan-out: an event from the bus becomes one delivery for each subscription that asks for it.
//!
//! All events of a batch go into one transaction, and none is acknowledged before its commit. An event that comes
//! again finds its deliveries there and adds nothing.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use anyhow::{Context, anyhow};
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use pulse_bus::{Consumer, Failure, Incoming, topology};
use pulse_domain::{Event, catalogue};
use pulse_store::Pool;
use pulse_store::notify::Waker;
use pulse_store::schema::{webhook_payloads, webhook_subscriptions};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::delivery::{self, NewDelivery};
use crate::{Settings, payload};

/// Events of one transaction at most.
const BATCH: u16 = 128;

/// Consumes events until told to stop.
pub(crate) fn run(
    settings: &Settings,
    pool: Pool,
    waker: Waker,
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
    async move {
        consumer.run(stop, |messages| fan_out(&pool, &waker, messages)).await;
        Ok(())
    }
}

async fn fan_out(pool: &Pool, waker: &Waker, messages: Vec<Incoming>) -> Vec<Result<(), Failure>> {
    let events: Vec<anyhow::Result<Event>> = messages.iter().map(|message| read(&message.body)).collect();
    let readable: Vec<&Event> = events.iter().flatten().collect();
    let stored = store(pool, &readable).await;
    if matches!(stored, Ok(1..)) {
        waker.wake();
    }
    events
        .into_iter()
        .map(|event| match (event, &stored) {
            (Err(error), _) => Err(Failure::Discard(error)),
            (Ok(_), Err(error)) => Err(Failure::Retry(anyhow!("{error:#}"))),
            (Ok(_), Ok(_)) => Ok(()),
        })
        .collect()
}

fn read(body: &[u8]) -> anyhow::Result<Event> {
    let event = Event::decode(body)?;
    catalogue::find(&event.kind)
        .with_context(|| format!("`{}` is not in the event catalogue", event.kind))?;
    Ok(event)
}

/// Stores payloads and deliveries of events and returns how many deliveries were not there before.
async fn store(pool: &Pool, events: &[&Event]) -> anyhow::Result<usize> {
    if events.is_empty() {
        return Ok(0);
    }
    let mut connection = pool.get().await?;
    let subscriptions = subscriptions(&mut connection, events).await?;
    let (payloads, deliveries) = plan(events, &subscriptions)?;
    if deliveries.is_empty() {
        return Ok(0);
    }
    Ok(insert(&mut connection, &payloads, &deliveries).await?)
}

/// Inserts what is not there yet, in one transaction, and returns how many deliveries that were.
pub(crate) async fn insert(
    connection: &mut AsyncPgConnection,
    payloads: &[NewPayload],
    deliveries: &[NewDelivery],
) -> QueryResult<usize> {
    connection
        .transaction(async |connection| {
            diesel::insert_into(webhook_payloads::table)
                .values(payloads)
                .on_conflict_do_nothing()
                .execute(connection)
                .await?;
            delivery::insert(connection, deliveries).await
        })
        .await
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = webhook_subscriptions)]
struct Subscription {
    workspace_id: Uuid,
    id: Uuid,
    event_types: serde_json::Value,
    payload_version: i32,
}

impl Subscription {
    /// `*` asks for every event type, those of the future included.
    fn asks_for(&self, event: &Event) -> bool {
        self.workspace_id == event.workspace_id.0
            && self
                .event_types
                .as_array()
                .is_some_and(|names| names.iter().any(|name| name == "*" || name == event.kind.as_str()))
    }
}

async fn subscriptions(
    connection: &mut AsyncPgConnection,
    events: &[&Event],
) -> QueryResult<Vec<Subscription>> {
    let mut workspaces: Vec<Uuid> = events.iter().map(|event| event.workspace_id.0).collect();
    workspaces.sort_unstable();
    workspaces.dedup();
    webhook_subscriptions::table
        .filter(webhook_subscriptions::workspace_id.eq_any(workspaces))
        .filter(webhook_subscriptions::enabled)
        .filter(webhook_subscriptions::deleted_at.is_null())
        .select(Subscription::as_select())
        .load(connection)
        .await
}

/// The bytes of an event that shall be stored.
#[derive(Debug, Insertable)]
#[diesel(table_name = webhook_payloads)]
pub(crate) struct NewPayload {
    pub(crate) workspace_id: Uuid,
    pub(crate) event_id: Uuid,
    pub(crate) version: i32,
    pub(crate) body: Vec<u8>,
}

/// The rows of events, in the order of their keys: fan-outs that get the same events at once then wait for each other
/// instead of deadlocking.
fn plan(
    events: &[&Event],
    subscriptions: &[Subscription],
) -> anyhow::Result<(Vec<NewPayload>, Vec<NewDelivery>)> {
    let mut payloads = BTreeMap::new();
    let mut deliveries = BTreeMap::new();
    for event in events {
        for subscription in subscriptions.iter().filter(|subscription| subscription.asks_for(event)) {
            let (workspace_id, event_id) = (event.workspace_id.0, event.id.0);
            let version = subscription.payload_version;
            if let Entry::Vacant(payload) = payloads.entry((workspace_id, event_id, version)) {
                // Only a newer crm-api lets a subscription pin such a version, and a newer dispatcher is about to
                // follow: the event waits for it.
                let body = payload::render(version, event)
                    .with_context(|| format!("payload version {version} is from the future"))?;
                payload.insert(NewPayload { workspace_id, event_id, version, body });
            }
            deliveries.entry((workspace_id, subscription.id, event_id)).or_insert_with(|| NewDelivery {
                workspace_id,
                id: Uuid::now_v7(),
                subscription_id: subscription.id,
                event_id,
                event_type: event.kind.clone(),
                resource_type: event.resource.clone(),
                record_id: event.record_id.0,
                payload_version: version,
                replay_of_id: None,
            });
        }
    }
    Ok((payloads.into_values().collect(), deliveries.into_values().collect()))
}
