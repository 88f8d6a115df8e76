//! Strands: where a subscription wants it, the events of a record go one after the other, in the order of the journal.
//!
//! A strand is what is left to be delivered of one record to one subscription. One of its deliveries has the turn, which
//! a unique index sees to; it is due, held, retried as any other. The others wait for theirs and are not looked at,
//! however many they are. Whoever adds to a strand and whoever has recorded a result advances it afterwards: what was
//! committed before is seen then, so of two who do it at the same moment the later one sees what both have done. Should
//! neither live to do it, a look finds the strand.
//!
//! An event that comes after a later one of its record goes before that unless an attempt has begun by then; if that one
//! has been delivered, it is sent all the same.

use uuid::Uuid;

use crate::link::Link;

/// Strands that are looked at at once at most.
const BATCH: usize = 500;

const LOCK: &str = "
    SELECT pg_advisory_lock(key)
      FROM (SELECT DISTINCT hashtextextended('strand ' || id, 0) AS key FROM unnest($1::uuid[]) AS id ORDER BY key) AS k";
const UNLOCK: &str = "SELECT pg_advisory_unlock_all()";

/// What is left to be delivered of one record to a subscription that wants its events in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Strand {
    pub(crate) workspace_id: Uuid,
    pub(crate) subscription_id: Uuid,
    pub(crate) record_id: Uuid,
}

/// Gives the turn to whoever should have it, and returns how many deliveries have got it. Where that fails, a look finds
/// the strands later.
pub(crate) async fn advance(link: &mut Link, strands: impl Iterator<Item = Strand>) -> usize {
    try_advance(link, strands.collect()).await.unwrap_or_else(|error| {
        tracing::warn!(error = format!("{error:#}"), "cannot give turns");
        0
    })
}

async fn try_advance(link: &mut Link, mut strands: Vec<Strand>) -> anyhow::Result<usize> {
    if strands.is_empty() {
        return Ok(0);
    }
    strands.sort_unstable();
    strands.dedup();
    let workspaces: Vec<Uuid> = strands.iter().map(|strand| strand.workspace_id).collect();
    let subscriptions: Vec<Uuid> = strands.iter().map(|strand| strand.subscription_id).collect();
    let records: Vec<Uuid> = strands.iter().map(|strand| strand.record_id).collect();
    // Two who see different deliveries would both give a turn. A failure ends the connection, and the locks with it.
    link.query(LOCK, &[&subscriptions]).await?;
    link.query(include_str!("yield.sql"), &[&workspaces, &subscriptions, &records]).await?;
    let advanced = link.query(include_str!("advance.sql"), &[&workspaces, &subscriptions, &records]).await?;
    link.query(UNLOCK, &[]).await?;
    Ok(advanced.len())
}

/// Finds strands in which nothing has the turn, because whoever should have given it was lost: some of them each time.
#[derive(Debug, Default)]
pub(crate) struct Stalled {
    /// Where the last look ended.
    position: Strand,
}

impl Stalled {
    /// Looks at the next strands and advances those that stall; returns how many deliveries have got the turn.
    pub(crate) async fn advance(&mut self, link: &mut Link) -> anyhow::Result<usize> {
        let Strand { workspace_id, subscription_id, record_id } = self.position;
        let rows = link
            .query(
                include_str!("stalled.sql"),
                &[&workspace_id, &subscription_id, &record_id, &(BATCH as i64)],
            )
            .await?;
        let strands: Vec<(Strand, bool)> = rows
            .iter()
            .map(|row| {
                let [workspace_id, subscription_id, record_id] =
                    ["workspace_id", "subscription_id", "record_id"].map(|name| row.get(name));
                (Strand { workspace_id, subscription_id, record_id }, row.get("stalled"))
            })
            .collect();
        // After the last one it begins again, before all others.
        self.position = strands.get(BATCH - 1).map_or_else(Strand::default, |(last, _)| *last);
        let stalled = strands.into_iter().filter_map(|(strand, stalled)| stalled.then_some(strand));
        try_advance(link, stalled.collect()).await
    }
}
