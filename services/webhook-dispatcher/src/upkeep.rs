//! Upkeep of the log: partitions for the attempts of the days to come, and an end to what is older than it is kept.

use std::time::Duration;

use chrono::{Days, NaiveDate, Utc};
use tokio_util::sync::CancellationToken;

use crate::Settings;
use crate::link::Link;
use crate::settings::Retention;

/// Days that get their partition before they begin.
const AHEAD: Days = Days::new(3);
/// Rows that are deleted in one statement at most.
const BATCH: i64 = 5_000;

const INTERVAL: Duration = Duration::from_secs(3_600);
const AFTER_FAILURE: Duration = Duration::from_secs(10);

/// Replicas take turns: `IF NOT EXISTS` alone still lets two collide.
const LOCK: &str = "SELECT pg_advisory_lock(1886221416)";
const UNLOCK: &str = "SELECT pg_advisory_unlock(1886221416)";

const PARTITIONS: &str = "
    SELECT c.relname::text FROM pg_inherits i
      JOIN pg_class c ON c.oid = i.inhrelid
      JOIN pg_class p ON p.oid = i.inhparent
     WHERE p.oid = 'webhook_attempts'::regclass";

const OLD_ATTEMPTS: &str = "
    DELETE FROM webhook_attempts_default WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM webhook_attempts_default WHERE started_at < now() - $1::bigint * interval '1 day' LIMIT $2::bigint
    )) RETURNING 1";
const OLD_PAYLOADS: &str = "
    DELETE FROM webhook_payloads WHERE ctid = ANY (ARRAY(
        SELECT p.ctid FROM webhook_payloads p
         WHERE p.created_at < now() - $1::bigint * interval '1 day'
         LIMIT $2::bigint
    )) RETURNING 1";
const OLD_DELIVERIES: &str = "
    DELETE FROM webhook_deliveries WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM webhook_deliveries
         WHERE created_at < now() - $1::bigint * interval '1 day' AND state <> 'scheduled'
         LIMIT $2::bigint
    )) RETURNING 1";

/// Keeps the log in order until told to stop.
pub(crate) fn run(
    settings: &Settings,
    stop: CancellationToken,
) -> impl Future<Output = anyhow::Result<()>> + use<> {
    let mut link = Link::new(&settings.database);
    let retention = settings.retention;
    async move {
        while !stop.is_cancelled() {
            let pause = match pass(&mut link, retention, Utc::now().date_naive()).await {
                Ok(()) => INTERVAL,
                Err(error) => {
                    tracing::warn!(error = format!("{error:#}"), "the upkeep of the log is put off");
                    AFTER_FAILURE
                }
            };
            stop.run_until_cancelled(tokio::time::sleep(pause)).await;
        }
        Ok(())
    }
}

async fn pass(link: &mut Link, retention: Retention, today: NaiveDate) -> anyhow::Result<()> {
    link.query(LOCK, &[]).await?;
    let partitions = partitions(link, retention, today).await;
    link.query(UNLOCK, &[]).await?;
    partitions?;
    for (statement, days) in [
        (OLD_ATTEMPTS, retention.attempts_days),
        (OLD_PAYLOADS, retention.payloads_days),
        (OLD_DELIVERIES, retention.deliveries_days),
    ] {
        let days = i64::from(days.get());
        while link.query(statement, &[&days, &BATCH]).await?.len() as i64 == BATCH {}
    }
    Ok(())
}

/// Makes the partitions of the days to come, and drops those that are too old. Today's rows stay where they are: where
/// its partition was not made in time they are in the default one.
async fn partitions(link: &mut Link, retention: Retention, today: NaiveDate) -> anyhow::Result<()> {
    let rows = link.query(PARTITIONS, &[]).await?;
    let known: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let (Some(first), Some(last), Some(oldest)) = (
        today.succ_opt(),
        today.checked_add_days(AHEAD),
        today.checked_sub_days(Days::new(retention.attempts_days.get().into())),
    ) else {
        return Ok(());
    };
    for day in first.iter_days().take_while(|day| *day <= last) {
        let (name, next) = (name(day), day + Days::new(1));
        if !known.contains(&name) {
            // Attaching lets others go on; `PARTITION OF` would lock them out.
            link.execute(&format!(
                "CREATE TABLE {name} (LIKE webhook_attempts INCLUDING ALL);
                 ALTER TABLE webhook_attempts ATTACH PARTITION {name} FOR VALUES FROM ('{day} 00:00Z') TO ('{next} 00:00Z')"
            ))
            .await?;
        }
    }
    for old in known.iter().filter(|known| day(known).is_some_and(|day| day < oldest)) {
        link.execute(&format!("DROP TABLE {old}")).await?;
    }
    Ok(())
}

fn name(day: NaiveDate) -> String {
    format!("webhook_attempts_{}", day.format("%Y%m%d"))
}

fn day(partition: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(partition.strip_prefix("webhook_attempts_")?, "%Y%m%d").ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_is_named_after_its_day() {
        let today = NaiveDate::from_ymd_opt(2026, 12, 31).expect("a day");
        assert_eq!(name(today), "webhook_attempts_20261231");
        assert_eq!(day(&name(today)), Some(today));
        assert_eq!(day("webhook_attempts_default"), None);
    }
}
