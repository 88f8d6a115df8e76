//! Recovery: deliveries that a receiver has missed are replayed, page by page, no faster than was asked for.
//!
//! A recovery is a row that holds its position in the deliveries of the subscription, in the order in which they were
//! made. A page of replays and the new position are written by one statement, so a worker that dies leaves out nothing
//! and repeats nothing. What has a replay that arrived or is under way is passed over.

use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use pulse_bus::Failure;
use pulse_bus::topology::{self, Queue};
use pulse_domain::command::{Recover, Recovery};
use pulse_store::notify::Waker;
use serde_json::json;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Command, take};
use crate::Settings;
use crate::link::Link;

/// Replays of a page at most: what crm-api lets somebody ask for in a second.
const PAGE: usize = 1_000;
/// How often to look for recoveries that another process has begun and left.
const SWEEP: Duration = Duration::from_secs(5);

const SUBSCRIPTION: &str = "SELECT id FROM webhook_subscriptions WHERE workspace_id = $1 AND id = $2";
const CANCEL: &str = "
    UPDATE webhook_recoveries SET state = 'cancelled', completed_at = now(), next_page_at = NULL
     WHERE workspace_id = $1 AND id = $2 AND state = 'running'";
const DUE_IN: &str = "
    SELECT greatest(0, extract(epoch FROM next_page_at - now()))::float8 AS seconds
      FROM webhook_recoveries WHERE state = 'running' ORDER BY next_page_at LIMIT 1";

/// Takes commands and works through recoveries until told to stop.
pub(super) fn run(
    settings: &Settings,
    waker: Waker,
    stop: CancellationToken,
) -> impl Future<Output = anyhow::Result<()>> + use<> {
    let begun = Arc::new(Notify::new());
    let tell = Arc::clone(&begun);
    let taking = take::<Recovery, _>(settings, move || tell.notify_one(), stop.clone());
    let mut link = Link::new(&settings.database);
    async move {
        let (taken, ()) = tokio::join!(taking, work(&mut link, &waker, &begun, &stop));
        taken
    }
}

impl Command for Recovery {
    const NAME: &'static str = "recover";
    const QUEUE: Queue = topology::WEBHOOK_RECOVERIES;

    fn decode(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        Self::decode(bytes)
    }

    async fn obey(&self, link: &mut Link) -> Result<(), Failure> {
        match self {
            Self::Begin(recover) => begin(link, recover).await,
            Self::Cancel { workspace_id, id } => {
                link.query(CANCEL, &[&workspace_id.0, id]).await.map(drop).map_err(Failure::Retry)
            }
        }
    }
}

async fn begin(link: &mut Link, recover: &Recover) -> Result<(), Failure> {
    let Recover { workspace_id, id, subscription_id, since, until, states, rate_per_second } = recover;
    let known =
        link.query(SUBSCRIPTION, &[&workspace_id.0, subscription_id]).await.map_err(Failure::Retry)?;
    if known.is_empty() {
        return Err(Failure::Discard(anyhow!("there is no subscription {subscription_id} to recover")));
    }
    let begin = include_str!("begin.sql");
    link.query(begin, &[&workspace_id.0, id, subscription_id, since, until, &json!(states), rate_per_second])
        .await
        .map(drop)
        .map_err(Failure::Retry)
}

async fn work(link: &mut Link, waker: &Waker, begun: &Notify, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        let pause = match page(link, waker).await {
            Ok(pause) => pause,
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "cannot go on with a recovery");
                SWEEP
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = begun.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Replays what is due, and returns how long it is until more may be.
async fn page(link: &mut Link, waker: &Waker) -> anyhow::Result<Duration> {
    loop {
        let next = link.query(DUE_IN, &[]).await?;
        let Some(seconds) = next.first().map(|row| row.get::<_, f64>("seconds")) else { return Ok(SWEEP) };
        if seconds > 0.0 {
            return Ok(Duration::from_secs_f64(seconds).min(SWEEP));
        }
        let ids: Vec<Uuid> = (0..PAGE).map(|_| Uuid::now_v7()).collect();
        if link.query(include_str!("page.sql"), &[&ids]).await?.is_empty() {
            // Another process has it.
            return Ok(SWEEP);
        }
        waker.wake();
    }
}
