//! Waiting for a condition.

use std::time::{Duration, Instant};

/// How long a condition may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often it is looked at.
const GLANCE: Duration = Duration::from_millis(10);

/// Waits until `look` finds something and returns it.
///
/// # Panics
/// When it finds nothing in time; the message says what was waited for.
pub async fn eventually<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
    eventually_within(PATIENCE, what, look).await
}

/// The same for what is known to take longer, or must not take as long.
///
/// # Panics
/// When it finds nothing in time; the message says what was waited for.
pub async fn eventually_within<T>(
    patience: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(GLANCE).await;
    }
}
