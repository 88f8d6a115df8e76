//! Ping: an event that tells of nothing but a subscription, delivered to it whatever it asks for.
//!
//! It is signed, retried and logged as any other delivery.

use std::time::Duration;

use anyhow::{Context, anyhow};
use pulse_bus::Failure;
use pulse_bus::topology::{self, Queue};
use pulse_domain::command::Ping;
use pulse_domain::{Event, EventId, RecordId, catalogue};
use serde_json::json;
use serde_json::value::to_raw_value;

use super::Command;
use crate::delivery::{self, NewDelivery, Payloads};
use crate::link::Link;

/// What the event is about.
const RESOURCE: &str = "webhook_subscriptions";

const VERSION: &str = "
    SELECT payload_version FROM webhook_subscriptions
     WHERE workspace_id = $1 AND id = $2 AND deleted_at IS NULL";

impl Command for Ping {
    const NAME: &'static str = "ping";
    const QUEUE: Queue = topology::WEBHOOK_PINGS;

    fn decode(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        Self::decode(bytes)
    }

    async fn obey(&self, link: &mut Link) -> Result<(), Failure> {
        let id = self.subscription_id;
        let found = link.query(VERSION, &[&self.workspace_id.0, &id]).await.map_err(Failure::Retry)?;
        let found = found
            .first()
            .ok_or_else(|| Failure::Discard(anyhow!("there is no subscription {id} to send a ping to")))?;
        let version = found.get("payload_version");
        let event = event(self).map_err(Failure::Discard)?;
        let mut payloads = Payloads::new();
        delivery::render(&mut payloads, &event, version).map_err(Failure::Retry)?;
        let delivery = NewDelivery { id: self.delivery_id, ..NewDelivery::new(&event, id, version, false) };
        delivery::insert(link, &payloads, &[delivery], &[false], Duration::ZERO)
            .await
            .map(drop)
            .map_err(Failure::Retry)
    }
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
