//! The relay: publishes the journal, in order per record, and marks what the broker has confirmed.
//!
//! Any number of relays may run; each drains the shards it can lock. Events that were published and not marked, because
//! the process died in between, are published again: consumers are idempotent on the event's id.

use std::time::Duration;

use anyhow::Context;
use diesel_async::AsyncPgConnection;
use pulse_bus::topology::EVENTS;
use pulse_bus::{Outgoing, Publisher};
use pulse_store::journal;
use pulse_store::notify::{Channel, Listener};
use pulse_store::pool;
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;

use crate::App;

/// Events published before they are marked.
const BATCH: i64 = 200;
/// The journal is looked at this often even if nobody says that there is something: a writer may have died before it
/// could.
const SWEEP: Duration = Duration::from_secs(1);
/// First and longest pause after a failure.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));
/// How long draining may take when the process stops; what is left waits in the journal.
const DRAIN: Duration = Duration::from_secs(5);

/// Publishes until told to stop, then what is left.
///
/// # Errors
/// None: whatever fails is tried again.
pub async fn run(app: App, stop: CancellationToken) -> anyhow::Result<()> {
    let url = app.0.settings.database.url.expose_secret().to_owned();
    let mut listener = Listener::new(&url, Channel::Events, SWEEP);
    let mut relay = Relay { url, publisher: app.0.publisher.clone(), connection: None };
    let mut pause = PAUSES.0;
    while stop.run_until_cancelled(listener.wait(None)).await.is_some() {
        match relay.drain().await {
            Ok(()) => pause = PAUSES.0,
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "events wait in the journal");
                relay.connection = None;
                stop.run_until_cancelled(tokio::time::sleep(pause)).await;
                pause = (pause * 2).min(PAUSES.1);
            }
        }
    }
    match tokio::time::timeout(DRAIN, relay.drain()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(error = format!("{error:#}"), "events are left for the next start"),
        Err(_) => tracing::warn!("events are left for the next start"),
    }
    relay.publisher.close().await;
    Ok(())
}

struct Relay {
    url: String,
    publisher: Publisher,
    /// One of its own: the locks on shards are those of a connection, and end with it.
    connection: Option<AsyncPgConnection>,
}

impl Relay {
    /// Publishes whatever is unpublished in shards that nobody else drains.
    async fn drain(&mut self) -> anyhow::Result<()> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            None => self.connection.insert(pool::connect(&self.url).await?),
        };
        for shard in journal::pending_shards(connection).await? {
            if !journal::lock_shard(connection, shard).await? {
                continue;
            }
            let drained = drain_shard(connection, &self.publisher, shard).await;
            journal::unlock_shard(connection, shard).await?;
            drained?;
        }
        Ok(())
    }
}

async fn drain_shard(
    connection: &mut AsyncPgConnection,
    publisher: &Publisher,
    shard: i16,
) -> anyhow::Result<()> {
    loop {
        let events = journal::unpublished(connection, shard, BATCH).await?;
        let messages: Vec<Outgoing> = events
            .iter()
            .map(|event| Outgoing {
                exchange: EVENTS,
                routing_key: event.kind.clone(),
                id: event.id.0,
                body: event.encode(),
            })
            .collect();
        let (confirmed, failure) = publisher.publish_all(&messages).await;
        let sequences: Vec<i64> = events[..confirmed].iter().map(|event| event.sequence).collect();
        if !sequences.is_empty() {
            journal::mark_published(connection, &sequences).await?;
        }
        if let Some(failure) = failure {
            return Err(failure).context("the journal is not published");
        }
        if events.len() < usize::try_from(BATCH).unwrap_or(usize::MAX) {
            return Ok(());
        }
    }
}
