//! Outages of our own: while the proxy that everything leaves through does not work, deliveries are put off. No attempt is
//! counted, and nothing is held against a receiver.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use pulse_service::egress::{Failure, Layer};

use super::send::{Call, Outcome};

/// A delivery is put off for as long as the outage has lasted, and within these bounds.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// Since when nothing could leave.
#[derive(Debug, Default)]
pub(super) struct Outage(Mutex<Option<Instant>>);

impl Outage {
    /// How long a delivery is put off after a call, if the call was never made for a fault of ours. The first and the end
    /// of them are logged.
    pub(super) fn after(&self, call: &Call) -> Option<Duration> {
        match &call.outcome {
            Outcome::Unanswered(failure) if failure.layer == Layer::Proxy => Some(self.lasts(failure)),
            // Whoever was connected to was so through the proxy.
            _ if call.course.remote_address.is_some() => {
                self.is_over();
                None
            }
            _ => None,
        }
    }

    fn lasts(&self, failure: &Failure) -> Duration {
        let mut since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = since.get_or_insert_with(|| {
            let cause = failure.detail.as_deref().unwrap_or(&failure.message);
            tracing::error!(cause, "the proxy does not work: deliveries wait");
            Instant::now()
        });
        since.elapsed().clamp(SHORTEST, LONGEST)
    }

    fn is_over(&self) {
        let mut since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(since) = since.take() {
            tracing::info!(seconds = since.elapsed().as_secs(), "the proxy works again");
        }
    }
}
