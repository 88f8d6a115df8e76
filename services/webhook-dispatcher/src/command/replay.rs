//! Replay: a delivery is made again, as a delivery of its own with the same event and the same bytes.
//!
//! It has an id, a schedule and a log of its own, is signed with the secret of the day, and goes in no order.

use std::time::Duration;

use anyhow::anyhow;
use pulse_bus::Failure;
use pulse_bus::topology::{self, Queue};
use pulse_domain::command::Replay;

use super::Command;
use crate::delivery::{self, NewDelivery, Payloads};
use crate::link::Link;

const ORIGINAL: &str = "
    SELECT subscription_id, event_id, event_type, resource_type, record_id, payload_version, sequence
      FROM webhook_deliveries
     WHERE workspace_id = $1 AND id = $2";

impl Command for Replay {
    const NAME: &'static str = "replay";
    const QUEUE: Queue = topology::WEBHOOK_REPLAYS;

    fn decode(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        Self::decode(bytes)
    }

    async fn obey(&self, link: &mut Link) -> Result<(), Failure> {
        let Self { workspace_id, delivery_id, replay_id } = *self;
        let found = link.query(ORIGINAL, &[&workspace_id.0, &delivery_id]).await.map_err(Failure::Retry)?;
        let original = found.first().ok_or_else(|| {
            Failure::Discard(anyhow!("there is no delivery {delivery_id} in workspace {workspace_id}"))
        })?;
        let repeated = NewDelivery {
            workspace_id: workspace_id.0,
            id: replay_id,
            subscription_id: original.get("subscription_id"),
            event_id: original.get("event_id"),
            event_type: original.get("event_type"),
            resource_type: original.get("resource_type"),
            record_id: original.get("record_id"),
            payload_version: original.get("payload_version"),
            replay_of_id: Some(delivery_id),
            sequence: original.get("sequence"),
            ordered: false,
        };
        delivery::insert(link, &Payloads::new(), &[repeated], &[false], Duration::ZERO)
            .await
            .map(drop)
            .map_err(Failure::Retry)
    }
}
