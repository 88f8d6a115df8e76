//! Sweep: deliveries that should be there and are not are made from the journal.
//!
//! Between the moment an event is marked as published and its fan-out, the broker alone has it. A broker that loses its
//! disk then loses the fan-out; the journal still has the event, and this finds it. An event that is only late, in a
//! long queue, is found as well: whoever comes second adds nothing.

use std::time::{Duration, Instant};

use pulse_domain::{Event, EventId, RecordId, WorkspaceId};
use pulse_store::notify::Waker;
use serde_json::value::RawValue;
use tokio_postgres::Row;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::Settings;
use crate::delivery::{self, NewDelivery, Payloads, milliseconds};
use crate::link::Link;
use crate::subscriptions::{self, Shown};

/// Deliveries made in one transaction.
const BATCH: i64 = 500;
/// Looking back, passes overlap by this much.
const OVERLAP: Duration = Duration::from_secs(60);

/// Sweeps until told to stop: first over the whole window, then over what has come since the last pass.
pub(crate) fn run(
    settings: &Settings,
    waker: Waker,
    stop: CancellationToken,
) -> impl Future<Output = anyhow::Result<()>> + use<> {
    let mut link = Link::new(&settings.database);
    let settings = settings.sweep;
    async move {
        let after = Duration::from_secs(settings.after_seconds);
        let mut lookback = Duration::from_secs(settings.window_seconds);
        let mut last_pass: Option<Instant> = None;
        while !stop.is_cancelled() {
            let begun = Instant::now();
            if let Some(last) = last_pass {
                lookback = last.elapsed() + after + OVERLAP;
            }
            match pass(&mut link, &waker, after, lookback).await {
                Ok(made) => {
                    if made > 0 {
                        tracing::warn!(made, "deliveries were missing and have been made from the journal");
                    }
                    last_pass = Some(begun);
                }
                Err(error) => {
                    tracing::warn!(error = format!("{error:#}"), "cannot look for missing deliveries")
                }
            }
            let pause = Duration::from_secs(settings.every_seconds.get());
            stop.run_until_cancelled(tokio::time::sleep(pause)).await;
        }
        Ok(())
    }
}

/// Makes all deliveries that are missing, and returns how many.
async fn pass(link: &mut Link, waker: &Waker, after: Duration, lookback: Duration) -> anyhow::Result<usize> {
    let mut made = 0;
    // Where the last batch ended: what a filter keeps out stays missing.
    let mut position = (0_i64, Uuid::nil());
    loop {
        let parameters = (milliseconds(after), milliseconds(lookback));
        let missing = link
            .query(
                include_str!("missing.sql"),
                &[&parameters.0, &parameters.1, &BATCH, &position.0, &position.1],
            )
            .await?;
        if let Some(last) = missing.last() {
            position = (last.get("sequence"), last.get("subscription_id"));
        }
        let (mut payloads, mut deliveries) = (Payloads::new(), Vec::new());
        for row in &missing {
            let (event, version, ordered) = (event(row)?, row.get("payload_version"), row.get("ordered"));
            if !Shown::of(&event).passes(subscriptions::filter(row)?.as_ref()) {
                continue;
            }
            delivery::render(&mut payloads, &event, version)?;
            deliveries.push(NewDelivery::new(&event, row.get("subscription_id"), version, ordered));
        }
        // In the order of their keys, as a fan-out writes them.
        deliveries.sort_unstable_by_key(|new| (new.workspace_id, new.subscription_id, new.event_id));
        let held = vec![false; deliveries.len()];
        made += delivery::insert(link, &payloads, &deliveries, &held, Duration::ZERO).await?.len();
        if !missing.is_empty() {
            waker.wake();
        }
        if missing.len() < usize::try_from(BATCH).unwrap_or(usize::MAX) {
            return Ok(made);
        }
    }
}

fn event(row: &Row) -> anyhow::Result<Event> {
    let json = |text: String| RawValue::from_string(text);
    Ok(Event {
        id: EventId(row.get("event_id")),
        workspace_id: WorkspaceId(row.get("workspace_id")),
        kind: row.get("event_type"),
        occurred_at: row.get("occurred_at"),
        resource: row.get("resource_type"),
        record_id: RecordId(row.get("record_id")),
        data: json(row.get("data"))?,
        changes: row.get::<_, Option<String>>("changes").map(json).transpose()?,
        correlation_id: row.get::<_, Uuid>("correlation_id"),
        sequence: row.get("sequence"),
    })
}
