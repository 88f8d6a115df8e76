//! Sweep: deliveries that should be there and are not are made from the journal.
//!
//! Between the moment an event is marked as published and its fan-out, the broker alone has it. A broker that loses its
//! disk then loses the fan-out; the journal still has the event, and this finds it. An event that is only late, in a
//! long queue, is found as well: whoever comes second adds nothing.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Context;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Json, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use pulse_domain::{Event, EventId, RecordId, WorkspaceId};
use pulse_store::notify::Waker;
use pulse_store::{JsonText, Pool};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::delivery::NewDelivery;
use crate::{fan_out, payload, settings};

/// Deliveries made in one transaction.
const BATCH: i64 = 500;
/// Looking back, passes overlap by this much.
const OVERLAP: Duration = Duration::from_secs(60);

/// Sweeps until told to stop: first over the whole window, then over what has come since the last pass.
pub(crate) async fn run(
    settings: settings::Sweep,
    pool: Pool,
    waker: Waker,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let after = Duration::from_secs(settings.after_seconds);
    let mut lookback = Duration::from_secs(settings.window_seconds);
    let mut last_pass: Option<Instant> = None;
    while !stop.is_cancelled() {
        let begun = Instant::now();
        if let Some(last) = last_pass {
            lookback = last.elapsed() + after + OVERLAP;
        }
        match pass(&pool, &waker, after, lookback).await {
            Ok(0) => last_pass = Some(begun),
            Ok(made) => {
                tracing::warn!(made, "deliveries were missing and have been made from the journal");
                last_pass = Some(begun);
            }
            Err(error) => tracing::warn!(error = format!("{error:#}"), "cannot look for missing deliveries"),
        }
        stop.run_until_cancelled(tokio::time::sleep(Duration::from_secs(settings.every_seconds.get()))).await;
    }
    Ok(())
}

/// Makes all deliveries that are missing, and returns how many.
async fn pass(pool: &Pool, waker: &Waker, after: Duration, lookback: Duration) -> anyhow::Result<usize> {
    let mut made = 0;
    loop {
        let mut connection = pool.get().await?;
        let missing = missing(&mut connection, after, lookback).await?;
        let found = missing.len();
        let (payloads, deliveries) = plan(missing)?;
        made += fan_out::insert(&mut connection, &payloads, &deliveries).await?;
        if found > 0 {
            waker.wake();
        }
        if found < usize::try_from(BATCH).unwrap_or(usize::MAX) {
            return Ok(made);
        }
    }
}

/// An event that a subscription should have had.
#[derive(QueryableByName)]
struct Missing {
    #[diesel(sql_type = BigInt)]
    sequence: i64,
    #[diesel(sql_type = SqlUuid)]
    workspace_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    event_id: Uuid,
    #[diesel(sql_type = Text)]
    event_type: String,
    #[diesel(sql_type = Text)]
    resource_type: String,
    #[diesel(sql_type = SqlUuid)]
    record_id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    occurred_at: DateTime<Utc>,
    #[diesel(sql_type = Json)]
    data: JsonText,
    #[diesel(sql_type = Nullable<Json>)]
    changes: Option<JsonText>,
    #[diesel(sql_type = SqlUuid)]
    correlation_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    subscription_id: Uuid,
    #[diesel(sql_type = Integer)]
    payload_version: i32,
}

async fn missing(
    connection: &mut AsyncPgConnection,
    after: Duration,
    lookback: Duration,
) -> QueryResult<Vec<Missing>> {
    let milliseconds = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    #[expect(
        clippy::disallowed_methods,
        reason = "tables of two services are joined, which no other query does"
    )]
    diesel::sql_query(include_str!("missing.sql"))
        .bind::<BigInt, _>(milliseconds(after))
        .bind::<BigInt, _>(milliseconds(lookback))
        .bind::<BigInt, _>(BATCH)
        .load(connection)
        .await
}

/// The rows of missing deliveries, in the order of their keys, as a fan-out writes them.
fn plan(missing: Vec<Missing>) -> anyhow::Result<(Vec<fan_out::NewPayload>, Vec<NewDelivery>)> {
    let mut payloads = BTreeMap::new();
    let mut deliveries = BTreeMap::new();
    for row in missing {
        let (workspace_id, event_id, version) = (row.workspace_id, row.event_id, row.payload_version);
        let delivery = NewDelivery {
            workspace_id,
            id: Uuid::now_v7(),
            subscription_id: row.subscription_id,
            event_id,
            event_type: row.event_type.clone(),
            resource_type: row.resource_type.clone(),
            record_id: row.record_id,
            payload_version: version,
            replay_of_id: None,
        };
        deliveries.insert((workspace_id, row.subscription_id, event_id), delivery);
        let body = payload::render(version, &row.into_event())
            .with_context(|| format!("payload version {version} is from the future"))?;
        payloads.insert(
            (workspace_id, event_id, version),
            fan_out::NewPayload { workspace_id, event_id, version, body },
        );
    }
    Ok((payloads.into_values().collect(), deliveries.into_values().collect()))
}

impl Missing {
    fn into_event(self) -> Event {
        Event {
            id: EventId(self.event_id),
            workspace_id: WorkspaceId(self.workspace_id),
            kind: self.event_type,
            occurred_at: self.occurred_at,
            resource: self.resource_type,
            record_id: RecordId(self.record_id),
            data: self.data.0,
            changes: self.changes.map(|changes| changes.0),
            correlation_id: self.correlation_id,
            sequence: self.sequence,
        }
    }
}
