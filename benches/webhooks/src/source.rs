//! Events: published on the bus as the relay of crm-api publishes them, or written into the journal for it.

use std::time::{Duration, Instant};

use anyhow::ensure;
use chrono::Utc;
use pulse_bus::Outgoing;
use pulse_bus::topology::EVENTS;
use pulse_domain::{Event, EventId, RecordId, WorkspaceId};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::Bench;

/// A contact with as much to say as most.
const CONTACT: &str = r#"{"id":"0190b0a8-5a3e-7a6e-9c0b-2f4f6a1c8d11","first_name":"Katherine","last_name":"Thornbridge","title":"Buyer","email":"katherine.thornbridge@mail.example","phone":"+442055501001","source":"import","lifecycle":"lead","score":42,"do_not_contact":false,"company_id":"0190b0a8-5a3e-7a6e-9c0b-2f4f6a1c8d12","owner_id":null,"custom_fields":{},"tags":["Newsletter"],"lock_version":0,"created_at":"2026-01-01T00:00:00.000Z","updated_at":"2026-01-01T00:00:00.000Z"}"#;

/// Events that are published before their confirms are awaited.
const BATCH: usize = 50;

/// An event of a workspace that has just happened.
pub(crate) fn event(workspace: WorkspaceId) -> Event {
    Event {
        id: EventId::generate(),
        workspace_id: workspace,
        kind: "contact.created".into(),
        occurred_at: Utc::now(),
        resource: "contacts".into(),
        record_id: RecordId::generate(),
        data: RawValue::from_string(CONTACT.into()).expect("a constant that is JSON"),
        changes: None,
        correlation_id: Uuid::now_v7(),
        sequence: 1,
    }
}

/// Publishes so many events of a workspace, and waits for the confirms.
pub(crate) async fn publish(bench: &Bench, workspace: WorkspaceId, count: usize) -> anyhow::Result<()> {
    let messages: Vec<Outgoing> = (0..count)
        .map(|_| {
            let event = event(workspace);
            Outgoing {
                exchange: EVENTS,
                routing_key: event.kind.clone(),
                id: event.id.0,
                body: event.encode(),
            }
        })
        .collect();
    for batch in messages.chunks(500) {
        let (confirmed, failure) = bench.bus.publish_all(batch).await;
        ensure!(confirmed == batch.len(), "the broker did not confirm: {failure:?}");
    }
    Ok(())
}

/// Publishes for a time, never with more than `ahead` events that have not arrived at all `endpoints`; returns how many.
pub(crate) async fn keep_busy(
    bench: &Bench,
    workspace: WorkspaceId,
    endpoints: usize,
    ahead: usize,
    time: Duration,
) -> anyhow::Result<usize> {
    let (until, begun) = (Instant::now() + time, bench.sink.count());
    let mut published = 0;
    while Instant::now() < until {
        let waiting = published - (bench.sink.count() - begun) / endpoints;
        if waiting + BATCH > ahead {
            tokio::time::sleep(Duration::from_millis(1)).await;
            continue;
        }
        publish(bench, workspace, BATCH).await?;
        published += BATCH;
    }
    Ok(published)
}

/// Commits events into the journal at a steady rate, each counted from its commit; returns how many.
pub(crate) async fn journal(
    bench: &Bench,
    workspace: WorkspaceId,
    per_second: u32,
    time: Duration,
) -> anyhow::Result<usize> {
    let sql = "INSERT INTO events (workspace_id, id, event_type, resource_type, record_id, occurred_at, data,
                   correlation_id, shard) VALUES ($1, $2, $3, $4, $5, $6, $7::text::json, $8, $9)";
    let statement = bench.database.prepare(sql).await?;
    let begun = Instant::now();
    let mut count = 0;
    while begun.elapsed() < time {
        let due = begun + Duration::from_secs(1) / per_second * count;
        tokio::time::sleep_until(due.into()).await;
        let event = event(workspace);
        let shard = i16::from(event.record_id.0.as_bytes()[15]) % 8;
        let (id, record, data) = (event.id.0, event.record_id.0, event.data.get());
        bench
            .database
            .execute(
                &statement,
                &[
                    &workspace.0,
                    &id,
                    &event.kind,
                    &event.resource,
                    &record,
                    &event.occurred_at,
                    &data,
                    &event.correlation_id,
                    &shard,
                ],
            )
            .await?;
        bench.sink.sent(id, Instant::now());
        // As crm-api does after a commit.
        bench.database.batch_execute("NOTIFY pulse_events").await?;
        count += 1;
    }
    Ok(usize::try_from(count)?)
}
