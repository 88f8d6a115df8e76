//! Answers that take the same time whatever was found out for them.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Answers are given at multiples of this.
const STEP: Duration = Duration::from_millis(100);

/// Does something and returns at the next tenth of a second since it began: whether a user was found, or a mail queued,
/// costs milliseconds and does not show.
pub(super) async fn evenly<T>(work: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let done = work.await;
    sleep_until(began + whole_steps(began.elapsed())).await;
    done
}

/// The same for what fails alone: a success tells by itself.
pub(super) async fn failing_evenly<T, E>(work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let began = Instant::now();
    let done = work.await;
    if done.is_err() {
        sleep_until(began + whole_steps(began.elapsed())).await;
    }
    done
}

fn whole_steps(elapsed: Duration) -> Duration {
    let steps = elapsed.as_millis() / STEP.as_millis() + 1;
    STEP * u32::try_from(steps).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rounded_up() {
        let millis = Duration::from_millis;
        for (elapsed, answered) in [(0, 100), (1, 100), (99, 100), (100, 200), (150, 200)] {
            assert_eq!(whole_steps(millis(elapsed)), millis(answered));
        }
    }
}
