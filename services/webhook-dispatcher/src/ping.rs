//! Ping: an event that tells of nothing but a subscription, delivered to it whatever it asks for.
//!
//! It is signed, retried and logged as any other delivery. Whoever asks chooses the ids, so a command that arrives twice
//! makes one delivery.

use std::time::Duration;

use anyhow::{Context, anyhow};
use pulse_bus::{Consumer, Failure, Incoming, topology};
use pulse_domain::command::Ping;
use pulse_domain::{Event, EventId, RecordId, catalogue};
use pulse_store::notify::Waker;
use serde_json::json;
use serde_json::value::to_raw_value;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::Settings;
use crate::delivery::{self, NewDelivery, Payloads};
use crate::link::Link;

/// Commands taken at once at most.
const BATCH: u16 = 32;

/// What the event is about.
const RESOURCE: &str = "webhook_subscriptions";

const VERSION: &str = "
    SELECT payload_version FROM webhook_subscriptions
     WHERE workspace_id = $1 AND id = $2 AND deleted_at IS NULL";

/// Consumes commands until told to stop.
pub(crate) fn run(
    settings: &Settings,
    waker: Waker,
    stop: CancellationToken,
) -> impl Future<Output = anyhow::Result<()>> + use<> {
    let consumer = Consumer {
        settings: settings.bus.clone(),
        name: "webhook-dispatcher ping".into(),
        queue: topology::WEBHOOK_PINGS,
        batch: BATCH,
        linger: Duration::ZERO,
    };
    let link = Mutex::new(Link::new(&settings.database));
    async move {
        consumer.run(stop, |messages| ping_all(&link, &waker, messages)).await;
        Ok(())
    }
}

async fn ping_all(link: &Mutex<Link>, waker: &Waker, messages: Vec<Incoming>) -> Vec<Result<(), Failure>> {
    let mut link = link.lock().await;
    let mut results = Vec::with_capacity(messages.len());
    for message in &messages {
        results.push(ping(&mut link, &message.body).await);
    }
    if results.iter().any(Result::is_ok) {
        waker.wake();
    }
    results
}

async fn ping(link: &mut Link, body: &[u8]) -> Result<(), Failure> {
    let command = Ping::decode(body).map_err(|error| Failure::Discard(error.into()))?;
    let subscription_id = command.subscription_id;
    let found =
        link.query(VERSION, &[&command.workspace_id.0, &subscription_id]).await.map_err(Failure::Retry)?;
    let found = found.first().ok_or_else(|| {
        Failure::Discard(anyhow!("there is no subscription {subscription_id} to send a ping to"))
    })?;
    let version = found.get("payload_version");
    let event = event(&command).map_err(Failure::Discard)?;
    let mut payloads = Payloads::new();
    delivery::render(&mut payloads, &event, version).map_err(Failure::Retry)?;
    let delivery =
        NewDelivery { id: command.delivery_id, ..NewDelivery::new(&event, subscription_id, version) };
    delivery::insert(link, &payloads, &[delivery], &[false], Duration::ZERO)
        .await
        .map(drop)
        .map_err(Failure::Retry)
}

fn event(command: &Ping) -> anyhow::Result<Event> {
    Ok(Event {
        id: EventId(command.event_id),
        workspace_id: command.workspace_id,
        kind: catalogue::PING.into(),
        occurred_at: command.asked_at,
        resource: RESOURCE.into(),
        record_id: RecordId(command.subscription_id),
        data: to_raw_value(&json!({ "id": command.subscription_id })).context("an id is JSON")?,
        changes: None,
        correlation_id: command.event_id,
        sequence: 0,
    })
}
