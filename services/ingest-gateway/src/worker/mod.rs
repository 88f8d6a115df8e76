//! The worker: takes accepted events from the queue in batches and stores them ([`store`]) in day partitions
//! ([`partitions`]); [`upkeep`] looks ahead.
//!
//! A batch that the database refuses because of its content is halved until the message at fault is alone; that one
//! goes to the dead letters and the others are stored.

mod connection;
mod partitions;
mod store;
pub(crate) mod upkeep;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use chrono::{NaiveDate, Utc};
use pulse_bus::{Consumer, Failure, Incoming, topology};
use secrecy::SecretString;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use self::store::{Store, Trouble};
use crate::accepted::Accepted;
use crate::settings::Ingest;

/// Works until told to stop; the batch at hand is finished first.
pub(crate) async fn run(
    bus: pulse_bus::Settings,
    database_url: SecretString,
    settings: &Ingest,
    stop: CancellationToken,
) {
    let consumer = Consumer {
        settings: bus,
        name: "ingest-gateway worker".to_owned(),
        queue: topology::INGEST_EVENTS,
        batch: settings.batch.get(),
        linger: Duration::from_millis(settings.linger_ms),
    };
    let store = Arc::new(Mutex::new(Store::new(database_url)));
    let handle = |messages| {
        let store = Arc::clone(&store);
        async move { store_batch(&mut *store.lock().await, messages, Utc::now().date_naive()).await }
    };
    consumer.run(stop, handle).await;
}

async fn store_batch(
    store: &mut Store,
    messages: Vec<Incoming>,
    today: NaiveDate,
) -> Vec<Result<(), Failure>> {
    let mut results: Vec<Result<(), Failure>> = Vec::with_capacity(messages.len());
    let mut events: Vec<(usize, Accepted)> = Vec::with_capacity(messages.len());
    for (index, message) in messages.iter().enumerate() {
        let event = serde_json::from_slice(&message.body).context("the message is no accepted event");
        results.push(event.map(|event| events.push((index, event))).map_err(Failure::Discard));
    }
    let events: Vec<(usize, &Accepted)> = events.iter().map(|(index, event)| (*index, event)).collect();
    let mut parts = vec![events.as_slice()];
    while let Some(part) = parts.pop() {
        let batch: Vec<&Accepted> = part.iter().map(|(_, event)| *event).collect();
        match (store.write(&batch, today).await, part) {
            (Ok(()), _) => {}
            (Err(Trouble::Data(error)), [(index, _)]) => results[*index] = Err(Failure::Discard(error)),
            (Err(Trouble::Data(_)), _) => {
                let (first, second) = part.split_at(part.len() / 2);
                parts.extend([second, first]);
            }
            (Err(Trouble::Away(error)), _) => {
                parts.push(part);
                for (index, _) in parts.drain(..).flatten() {
                    results[*index] = Err(Failure::Retry(anyhow!("{error:#}")));
                }
            }
        }
    }
    results
}
