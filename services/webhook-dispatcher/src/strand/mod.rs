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
const BATCH: usize = 100;

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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pulse_testing::Database;
    use tokio::task::JoinSet;

    use super::*;
    use crate::link::Parameters;

    /// Deliveries in all, and those who make and those who work on them.
    const DELIVERIES: usize = 120;
    const HANDS: usize = 4;

    const MAKE: &str = "
        INSERT INTO webhook_deliveries (workspace_id, id, subscription_id, event_id, event_type, resource_type, record_id,
               payload_version, sequence, has_turn)
        VALUES ($1, $2, $3, $2, 'contact.updated', 'contacts', $4, 1, $5, false)
        RETURNING id";
    const CLAIM: &str = "
        UPDATE webhook_deliveries SET lease_until = now()
         WHERE id = (SELECT id FROM webhook_deliveries
                      WHERE state = 'scheduled' AND has_turn AND lease_until IS NULL FOR UPDATE SKIP LOCKED)
        RETURNING id";
    const FAIL: &str = "UPDATE webhook_deliveries SET lease_until = NULL WHERE id = $1 RETURNING id";
    const END: &str =
        "UPDATE webhook_deliveries SET lease_until = NULL, state = 'succeeded' WHERE id = $1 RETURNING id";
    const LEFT: &str = "SELECT id FROM webhook_deliveries WHERE state = 'scheduled'";

    async fn query(link: &mut Link, sql: &'static str, parameters: Parameters<'_>) -> Vec<Uuid> {
        let rows = link.query(sql, parameters).await.expect("a statement");
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Makes its part of the deliveries, the later ones first in each group.
    async fn make(mut link: Link, strand: Strand, hand: usize) {
        for group in 0..DELIVERIES / HANDS / 3 {
            for place in [2, 1, 0] {
                let sequence = i64::try_from((group * 3 + place) * HANDS + hand).expect("few");
                let Strand { workspace_id, subscription_id, record_id } = strand;
                let parameters: Parameters<'_> =
                    &[&workspace_id, &Uuid::now_v7(), &subscription_id, &record_id, &sequence];
                query(&mut link, MAKE, parameters).await;
                try_advance(&mut link, vec![strand]).await.expect("nobody else gives a turn");
            }
        }
    }

    /// Works until its part of the deliveries has ended; every other attempt fails.
    async fn work(mut link: Link, strand: Strand) {
        let (mut ended, mut fails) = (0, false);
        while ended < DELIVERIES / HANDS {
            for id in query(&mut link, CLAIM, &[]).await {
                fails = !fails;
                query(&mut link, if fails { FAIL } else { END }, &[&id]).await;
                ended += usize::from(!fails);
                try_advance(&mut link, vec![strand]).await.expect("nobody else gives a turn");
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn no_turn_is_lost_or_given_twice_however_arrivals_and_ends_meet() {
        let database = Database::create().await;
        let settings = database.settings();
        let [workspace_id, subscription_id, record_id] = [(); 3].map(|()| Uuid::now_v7());
        let client = database.client().await;
        let workspace = "INSERT INTO workspaces (id, name) VALUES ($1, 'Test')";
        client.execute(workspace, &[&workspace_id]).await.expect("a workspace");
        let subscription = "INSERT INTO webhook_subscriptions
            (workspace_id, id, url, event_types, secret_sealed, secret_hint) VALUES ($1, $2, '', '[]', '', '')";
        client.execute(subscription, &[&workspace_id, &subscription_id]).await.expect("a subscription");
        let strand = Strand { workspace_id, subscription_id, record_id };

        let mut hands = JoinSet::new();
        for hand in 0..HANDS {
            hands.spawn(make(Link::new(&settings), strand, hand));
            hands.spawn(work(Link::new(&settings), strand));
        }
        tokio::time::timeout(Duration::from_secs(60), hands.join_all()).await.expect("each gets its turn");

        assert!(query(&mut Link::new(&settings), LEFT, &[]).await.is_empty());
    }
}
