//! What has to be done once an hour: partitions for the days to come, and an end to salts whose period is over.

use std::num::NonZeroU32;
use std::time::Duration;

use chrono::{NaiveDate, Utc};
use secrecy::{ExposeSecret, SecretString};
use tokio_util::sync::CancellationToken;

use super::connection;
use super::partitions::{Partitions, ahead};
use crate::salts::period;

const INTERVAL: Duration = Duration::from_secs(3_600);
const AFTER_FAILURE: Duration = Duration::from_secs(10);

/// Does it until told to stop.
pub(crate) async fn run(url: SecretString, salt_days: NonZeroU32, stop: CancellationToken) {
    loop {
        let pause = match once(url.expose_secret(), salt_days, Utc::now().date_naive()).await {
            Ok(()) => INTERVAL,
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "the upkeep of events is put off");
                AFTER_FAILURE
            }
        };
        if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            return;
        }
    }
}

async fn once(url: &str, salt_days: NonZeroU32, today: NaiveDate) -> anyhow::Result<()> {
    let (mut client, mut driver) = connection::open(url).await?;
    let work = async {
        Partitions::default().ensure(&mut client, ahead(today), today).await?;
        let over = "DELETE FROM analytics.salts WHERE period < $1";
        client.execute(over, &[&period(today, salt_days)]).await?;
        Ok(())
    };
    connection::drive(&mut driver, work).await
}
