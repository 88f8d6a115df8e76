//! Replay: a delivery is made again, as a delivery of its own with the same event and the same bytes.
//!
//! It has an id, a schedule and a log of its own and is signed with the secret of the day. Whoever asks chooses the id,
//! so a command that arrives twice makes one delivery.

use std::time::Duration;

use anyhow::anyhow;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use pulse_bus::{Consumer, Failure, Incoming, topology};
use pulse_domain::command::Replay;
use pulse_store::Pool;
use pulse_store::notify::Waker;
use pulse_store::schema::webhook_deliveries as deliveries;
use tokio_util::sync::CancellationToken;

use crate::Settings;
use crate::delivery::{self, NewDelivery};

/// Commands taken at once at most.
const BATCH: u16 = 32;

/// Consumes commands until told to stop.
pub(crate) fn run(
    settings: &Settings,
    pool: Pool,
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
    async move {
        consumer.run(stop, |messages| replay_all(&pool, &waker, messages)).await;
        Ok(())
    }
}

async fn replay_all(pool: &Pool, waker: &Waker, messages: Vec<Incoming>) -> Vec<Result<(), Failure>> {
    let mut results = Vec::with_capacity(messages.len());
    for message in &messages {
        results.push(replay(pool, &message.body).await);
    }
    if results.iter().any(Result::is_ok) {
        waker.wake();
    }
    results
}

async fn replay(pool: &Pool, body: &[u8]) -> Result<(), Failure> {
    let command = Replay::decode(body).map_err(|error| Failure::Discard(error.into()))?;
    let mut connection = pool.get().await.map_err(retry)?;
    let original = find(&mut connection, &command).await.map_err(retry)?;
    let original = original.ok_or_else(|| {
        let Replay { workspace_id, delivery_id, .. } = command;
        Failure::Discard(anyhow!("there is no delivery {delivery_id} in workspace {workspace_id}"))
    })?;
    let repeated = NewDelivery { id: command.replay_id, replay_of_id: Some(command.delivery_id), ..original };
    delivery::insert(&mut connection, &[repeated]).await.map(drop).map_err(retry)
}

async fn find(connection: &mut AsyncPgConnection, command: &Replay) -> QueryResult<Option<NewDelivery>> {
    deliveries::table
        .find((command.workspace_id.0, command.delivery_id))
        .select(NewDelivery::as_select())
        .first(connection)
        .await
        .optional()
}

fn retry(error: impl Into<anyhow::Error>) -> Failure {
    Failure::Retry(error.into())
}
