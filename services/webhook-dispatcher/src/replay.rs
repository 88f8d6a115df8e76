//! Replay: a delivery is made again, as a delivery of its own with the same event and the same bytes.
//!
//! It has an id, a schedule and a log of its own and is signed with the secret of the day. Whoever asks chooses the id,
//! so a command that arrives twice makes one delivery.

use std::time::Duration;

use anyhow::anyhow;
use pulse_bus::{Consumer, Failure, Incoming, topology};
use pulse_domain::command::Replay;
use pulse_store::notify::Waker;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::Settings;
use crate::delivery::{self, NewDelivery, Payloads};
use crate::link::Link;

/// Commands taken at once at most.
const BATCH: u16 = 32;

const ORIGINAL: &str = "
    SELECT subscription_id, event_id, event_type, resource_type, record_id, payload_version
      FROM webhook_deliveries
     WHERE workspace_id = $1 AND id = $2";

/// Consumes commands until told to stop.
pub(crate) fn run(
    settings: &Settings,
    waker: Waker,
    stop: CancellationToken,
) -> impl Future<Output = anyhow::Result<()>> + use<> {
    let consumer = Consumer {
        settings: settings.bus.clone(),
        name: "webhook-dispatcher replay".into(),
        queue: topology::WEBHOOK_REPLAYS,
        batch: BATCH,
        linger: Duration::ZERO,
    };
    let link = Mutex::new(Link::new(&settings.database));
    async move {
        consumer.run(stop, |messages| replay_all(&link, &waker, messages)).await;
        Ok(())
    }
}

async fn replay_all(link: &Mutex<Link>, waker: &Waker, messages: Vec<Incoming>) -> Vec<Result<(), Failure>> {
    let mut link = link.lock().await;
    let mut results = Vec::with_capacity(messages.len());
    for message in &messages {
        results.push(replay(&mut link, &message.body).await);
    }
    if results.iter().any(Result::is_ok) {
        waker.wake();
    }
    results
}

async fn replay(link: &mut Link, body: &[u8]) -> Result<(), Failure> {
    let Replay { workspace_id, delivery_id, replay_id } =
        Replay::decode(body).map_err(|error| Failure::Discard(error.into()))?;
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
    };
    delivery::insert(link, &Payloads::new(), &[repeated], &[false], Duration::ZERO)
        .await
        .map(drop)
        .map_err(Failure::Retry)
}
