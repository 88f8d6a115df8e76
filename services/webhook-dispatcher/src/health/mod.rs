//! How receivers do, and what follows from it. All of it stands in `webhook_endpoints`, so every process sees the same;
//! nothing bad is known of one without a row.
//!
//! A receiver that fails again and again is *parked*: for a while its deliveries keep their places in the schedule and
//! cost no attempts, but for the last ones of those whose day is over. Then one probe is made; a success ends it, and a
//! failure parks it for longer. One where nothing succeeds for days is disabled, after two warnings. So is one at once
//! that answers 410. Both are told as events, by the journal, in the statement that does it.

use std::time::Duration;

use pulse_store::notify::Waker;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::Settings;
use crate::link::Link;

/// Failures in a row after which a receiver is parked.
const PARK_AFTER: i32 = 10;
/// How often receivers are looked at that have failed for long.
const EVERY: Duration = Duration::from_secs(60);
/// Events of one statement at most.
const BATCH: usize = 500;

/// No success for five days, and twenty deliveries given up over a day or more: one bad day is not enough, nor is one
/// delivery that can never succeed.
const HOPELESS: &str = "
    SELECT e.workspace_id, e.id, s.url
      FROM webhook_endpoints AS e
      JOIN webhook_subscriptions AS s ON s.workspace_id = e.workspace_id AND s.id = e.id
     WHERE e.failing_since <= now() - interval '5 days'
       AND e.exhausted >= 20 AND e.exhausted_since <= now() - interval '24 hours'
       AND s.enabled AND s.deleted_at IS NULL
     LIMIT $1::bigint";

/// Why a receiver is disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The receiver says that it is gone for good.
    Gone,
    /// Nothing has succeeded for days.
    Failing,
}

/// A subscription by its address as it was called.
#[derive(Clone, Debug)]
pub(crate) struct Called {
    pub(crate) workspace_id: Uuid,
    pub(crate) subscription_id: Uuid,
    pub(crate) url: String,
}

/// Failures of a receiver that has had no success meanwhile.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Failures {
    pub(crate) failures: i32,
    /// Deliveries that were given up.
    pub(crate) exhausted: i32,
}

/// Notes failures by workspace and subscription, and returns which receivers are parked, and for how long.
pub(crate) async fn note(
    link: &mut Link,
    failing: impl Iterator<Item = ((Uuid, Uuid), Failures)>,
) -> anyhow::Result<Vec<(Uuid, Duration)>> {
    let (mut workspaces, mut ids, mut failures, mut exhausted) = (vec![], vec![], vec![], vec![]);
    for ((workspace, id), noted) in failing {
        workspaces.push(workspace);
        ids.push(id);
        failures.push(noted.failures);
        exhausted.push(noted.exhausted);
    }
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = link
        .query(include_str!("note.sql"), &[&workspaces, &ids, &failures, &exhausted, &PARK_AFTER])
        .await?;
    let parked = rows.iter().filter_map(|row| {
        let parked: Option<i64> = row.get("parked_ms");
        let parked = u64::try_from(parked?).ok()?;
        Some((row.get("id"), Duration::from_millis(parked)))
    });
    Ok(parked.collect())
}

/// Takes the turn to probe receivers whose time is over, and returns those that nobody else has taken.
pub(crate) async fn probe(link: &mut Link, rested: &[(Uuid, Uuid)]) -> anyhow::Result<Vec<Uuid>> {
    if rested.is_empty() {
        return Ok(Vec::new());
    }
    let (workspaces, ids): (Vec<Uuid>, Vec<Uuid>) = rested.iter().copied().unzip();
    let rows = link.query(include_str!("probe.sql"), &[&workspaces, &ids]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Disables receivers, and returns how many were not before.
pub(crate) async fn disable(link: &mut Link, called: &[Called], reason: Reason) -> anyhow::Result<usize> {
    if called.is_empty() {
        return Ok(0);
    }
    let workspaces: Vec<Uuid> = called.iter().map(|called| called.workspace_id).collect();
    let ids: Vec<Uuid> = called.iter().map(|called| called.subscription_id).collect();
    let urls: Vec<&str> = called.iter().map(|called| called.url.as_str()).collect();
    let reason = match reason {
        Reason::Gone => "gone",
        Reason::Failing => "failing",
    };
    let disabled = link
        .query(include_str!("disable.sql"), &[&workspaces, &ids, &urls, &events(called.len()), &reason])
        .await?;
    for row in &disabled {
        let subscription: Uuid = row.get(0);
        tracing::warn!(%subscription, reason, "a receiver was disabled");
    }
    Ok(disabled.len())
}

/// Warns of receivers that fail, and disables those that have for too long, until told to stop.
pub(crate) fn run(
    settings: &Settings,
    journal: Waker,
    stop: CancellationToken,
) -> impl Future<Output = anyhow::Result<()>> + use<> {
    let mut link = Link::new(&settings.database);
    async move {
        while !stop.is_cancelled() {
            match look_after(&mut link).await {
                Ok(0) => {}
                Ok(_) => journal.wake(),
                Err(error) => tracing::warn!(error = format!("{error:#}"), "cannot look after receivers"),
            }
            stop.run_until_cancelled(tokio::time::sleep(EVERY)).await;
        }
        Ok(())
    }
}

/// Returns how many events there are to tell.
async fn look_after(link: &mut Link) -> anyhow::Result<usize> {
    let warned = link.query(include_str!("warn.sql"), &[&events(BATCH)]).await?.len();
    let rows = link.query(HOPELESS, &[&(BATCH as i64)]).await?;
    let hopeless = rows.iter().map(|row| Called {
        workspace_id: row.get("workspace_id"),
        subscription_id: row.get("id"),
        url: row.get("url"),
    });
    let hopeless: Vec<Called> = hopeless.collect();
    Ok(warned + disable(link, &hopeless, Reason::Failing).await?)
}

fn events(count: usize) -> Vec<Uuid> {
    (0..count).map(|_| Uuid::now_v7()).collect()
}
