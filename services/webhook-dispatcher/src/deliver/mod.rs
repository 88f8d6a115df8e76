//! Delivery: what is due is claimed, sent and recorded, many at once.
//!
//! In reading order: [`claim`] leases deliveries, [`slots`] bounds how many are under way, [`send`] makes the call,
//! [`verdict`] says what becomes of the delivery and [`record`] writes both down. A worker that dies loses no more than
//! its leases: they run out, the deliveries are claimed again, and the attempts it had begun stay on record with an
//! unknown outcome. Such a delivery may arrive twice, under the same event id.

mod claim;
mod record;
mod send;
mod slots;
mod verdict;

use std::sync::Arc;
use std::time::{Duration, Instant};

use pulse_domain::seal::MasterKey;
use pulse_service::egress::Client;
use pulse_store::Pool;
use pulse_store::notify::{Channel, Listener};
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;

use crate::Settings;
use claim::{Claimed, Limits, claim, next_due};
use send::{Outcome, send};
use slots::Slots;
use verdict::{MOST_ATTEMPTS, Verdict, judge};

/// How often to look without being woken: finds leases that ran out, and rows of a writer that died before it told.
const SWEEP: Duration = Duration::from_secs(1);
/// A lease holds this much longer than a call may take: time to record the result, even if the database is away for a
/// moment.
const LEASE_MARGIN: Duration = Duration::from_secs(20);
/// Pause after the database failed, and before looking again for rows that another worker is just looking at.
const PAUSE: Duration = Duration::from_millis(500);
const BREATH: Duration = Duration::from_millis(5);

/// The worker of the role `deliver`.
pub(crate) struct Deliver {
    worker: Arc<Worker>,
    listener: Listener,
    slots: Slots,
}

/// What every delivery under way shares.
struct Worker {
    pool: Pool,
    client: Client,
    key: MasterKey,
    lease: Duration,
}

impl Deliver {
    pub(crate) fn new(settings: &Settings, pool: Pool) -> anyhow::Result<Self> {
        let worker = Worker {
            pool,
            client: Client::new(&settings.egress)?,
            key: MasterKey::from_base64(settings.security.master_key.expose_secret())?,
            lease: Duration::from_millis(settings.egress.timeout_ms) + LEASE_MARGIN,
        };
        Ok(Self {
            worker: Arc::new(worker),
            listener: Listener::new(settings.database.url.expose_secret(), Channel::WebhookDeliveries, SWEEP),
            slots: Slots::new(settings.delivery),
        })
    }

    /// Delivers until told to stop; deliveries under way are finished before this returns.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        while !stop.is_cancelled() {
            let due = self.start_due().await.unwrap_or_else(|error| {
                tracing::warn!(error = format!("{error:#}"), "cannot claim deliveries");
                Some(PAUSE)
            });
            let can_start = self.slots.free() > 0;
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.slots.ended() => {}
                () = self.listener.wait(due), if can_start => {}
            }
        }
        self.slots.finish().await;
        Ok(())
    }

    /// Starts everything that is due, within the limits, and returns how long it is until more will be.
    async fn start_due(&mut self) -> anyhow::Result<Option<Duration>> {
        let mut connection = self.worker.pool.get().await?;
        while self.slots.free() > 0 {
            let limits = Limits {
                free: self.slots.free(),
                per_subscription: self.slots.per_subscription(),
                lease: self.worker.lease,
            };
            let claimed = claim(&mut connection, limits, self.slots.busy()).await?;
            if claimed.is_empty() {
                let due = next_due(&mut connection, self.slots.full()).await?;
                return Ok(due.map(|due| due.max(BREATH)));
            }
            for claimed in claimed {
                let worker = Arc::clone(&self.worker);
                self.slots.start(claimed.subscription_id, async move { worker.deliver(&claimed).await });
            }
        }
        Ok(None)
    }
}

impl Worker {
    async fn deliver(&self, claimed: &Claimed) {
        let begun = Instant::now();
        let attempted = if !claimed.wanted {
            None
        } else if claimed.lease_epoch > MOST_ATTEMPTS {
            Some(Outcome::Unsent("too many attempts were lost with the worker that made them"))
        } else {
            Some(send(&self.client, &self.key, claimed).await)
        };
        let duration = begun.elapsed();
        let verdict = match &attempted {
            Some(outcome) => judge(claimed, outcome, duration),
            None => Verdict::Cancelled,
        };
        tracing::debug!(delivery = %claimed.id, attempt = claimed.lease_epoch, ?verdict, "attempted");
        // Worth trying for as long as the lease holds: without a result the call would be made again.
        while let Err(error) = self.record(claimed, attempted.as_ref(), duration, &verdict).await {
            tracing::warn!(delivery = %claimed.id, error = format!("{error:#}"), "cannot record an attempt");
            if begun.elapsed() + PAUSE > self.lease {
                tracing::error!(delivery = %claimed.id, "an attempt stays without a result");
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn record(
        &self,
        claimed: &Claimed,
        attempted: Option<&Outcome>,
        duration: Duration,
        verdict: &Verdict,
    ) -> anyhow::Result<()> {
        let mut connection = self.pool.get().await?;
        let held = match attempted {
            Some(outcome) => record::record(&mut connection, claimed, outcome, duration, verdict).await?,
            None => record::conclude(&mut connection, claimed, duration, verdict).await?,
        };
        if !held {
            tracing::warn!(delivery = %claimed.id, "the lease was lost before the result was recorded");
        }
        Ok(())
    }
}
