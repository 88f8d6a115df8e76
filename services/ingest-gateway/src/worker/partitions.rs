//! A partition for every day that events are dated on.
//!
//! Days come into being when they are needed and a week ahead. A day that lies further back than anything but a
//! mistake gets none, or a client that dates its events at random would fill the catalogue: its rows go to the
//! default partition.

use std::collections::{BTreeSet, HashSet};

use chrono::{Days, NaiveDate};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

/// Days that are made before they begin.
const AHEAD: Days = Days::new(7);
/// Days back that still get a partition.
const BACK: Days = Days::new(30);

/// Held while partitions are made, so that workers take turns: `IF NOT EXISTS` alone still lets two collide.
const LOCK: i64 = 0x7061_7274;

const TABLES: [&str; 2] = ["events", "revenue"];

/// The days that are known to need nothing more.
#[derive(Debug, Default)]
pub(super) struct Partitions(HashSet<NaiveDate>);

/// Today and the week that follows it.
pub(super) fn ahead(today: NaiveDate) -> BTreeSet<NaiveDate> {
    today.iter_days().take_while(|day| *day <= today + AHEAD).collect()
}

impl Partitions {
    /// Makes what is missing of the partitions of these days.
    pub(super) async fn ensure(
        &mut self,
        client: &mut Client,
        days: BTreeSet<NaiveDate>,
        today: NaiveDate,
    ) -> Result<(), tokio_postgres::Error> {
        let window = today - BACK..=today + AHEAD;
        for day in days.into_iter().filter(|day| window.contains(day)) {
            if self.0.contains(&day) {
                continue;
            }
            match make(client, day).await {
                Err(error) if error.code() == Some(&SqlState::CHECK_VIOLATION) => {
                    // Only where the clock was wrong: the day seemed too far back before, and has rows there.
                    tracing::warn!(%day, "the rows of this day stay in the default partition");
                }
                made => made?,
            }
            self.0.insert(day);
        }
        Ok(())
    }
}

async fn make(client: &mut Client, day: NaiveDate) -> Result<(), tokio_postgres::Error> {
    for table in TABLES {
        // A transaction each: whoever reads one table and then the other would wait for us, and we for them.
        let transaction = client.transaction().await?;
        transaction.batch_execute(&format!("SELECT pg_advisory_xact_lock({LOCK})")).await?;
        let partition = format!("{table}_{}", day.format("%Y%m%d"));
        let existing = "SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                        WHERE n.nspname = 'analytics' AND c.relname = $1";
        if transaction.query_opt(existing, &[&partition]).await?.is_none() {
            // Attaching lets reports go on reading the other partitions; `PARTITION OF` would lock all of them.
            transaction
                .batch_execute(&format!(
                    "CREATE TABLE analytics.{partition} (LIKE analytics.{table} INCLUDING ALL);
                     ALTER TABLE analytics.{table} ATTACH PARTITION analytics.{partition}
                     FOR VALUES FROM ('{day} 00:00Z') TO ('{} 00:00Z')",
                    day + Days::new(1)
                ))
                .await?;
        }
        transaction.commit().await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_is_made_ahead() {
        let today = NaiveDate::from_ymd_opt(2026, 12, 28).expect("a day");
        let days = ahead(today);
        assert_eq!(days.len(), 8);
        assert_eq!(days.last(), NaiveDate::from_ymd_opt(2027, 1, 4).as_ref());
    }
}
