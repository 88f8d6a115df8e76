//! What becomes of a delivery after an attempt.

use std::time::Duration;

use chrono::{DateTime, Utc};
use pulse_domain::schedule::{self, MAX_RETRIES, next_retry};

use super::claim::Claimed;
use super::send::Outcome;

/// The receiver says that it is gone for good: sending to it again is pointless.
const GONE: u16 = 410;

/// A delivery whose attempts keep getting lost with the worker that makes them is given up in the end. Twice what the
/// schedule can use leaves a good delivery its full schedule even if every other attempt is lost.
pub(super) const MOST_ATTEMPTS: i64 = 2 * (1 + MAX_RETRIES as i64);

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The receiver has it.
    Succeeded,
    /// To be tried again.
    Retry {
        /// The number of the retry, from 1.
        number: usize,
        /// When it is due.
        at: DateTime<Utc>,
    },
    /// All retries are used up.
    Exhausted,
    /// It is not wanted any more.
    Cancelled,
}

/// Judges an attempt that took `duration`.
pub(super) fn judge(claimed: &Claimed, outcome: &Outcome, duration: Duration) -> Verdict {
    match outcome {
        Outcome::Answered(answer) if (200..300).contains(&answer.status) => Verdict::Succeeded,
        Outcome::Answered(answer) if answer.status == GONE => Verdict::Cancelled,
        _ if claimed.lease_epoch >= MOST_ATTEMPTS => Verdict::Exhausted,
        _ => {
            let last =
                schedule::Attempt { started_at: claimed.started_at, ended_at: claimed.started_at + duration };
            let done = usize::try_from(claimed.retries).unwrap_or(MAX_RETRIES);
            let allowed = usize::try_from(claimed.max_retries).unwrap_or(0);
            let first = claimed.first_attempt_at.unwrap_or(claimed.started_at);
            next_retry(claimed.id, first, last, done, allowed)
                .map_or(Verdict::Exhausted, |(number, at)| Verdict::Retry { number, at })
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use chrono::TimeDelta;
    use pulse_service::egress::Answer;
    use uuid::Uuid;

    use super::*;

    fn claimed(retries: i32, lease_epoch: i64) -> Claimed {
        let at = DateTime::from_timestamp(1_700_000_000, 0).expect("in range");
        Claimed {
            workspace_id: Uuid::from_u128(1),
            id: Uuid::from_u128(2),
            subscription_id: Uuid::from_u128(3),
            event_id: Uuid::from_u128(4),
            retries,
            first_attempt_at: Some(at),
            started_at: at,
            lease_epoch,
            attempt_id: Uuid::from_u128(5),
            url: "https://example.com/".into(),
            secret_sealed: vec![],
            max_retries: 12,
            wanted: true,
            body: vec![],
        }
    }

    fn answered(status: u16) -> Outcome {
        Outcome::Answered(Answer { status, headers: vec![], body: Bytes::new() })
    }

    fn verdict(status: u16, retries: i32, lease_epoch: i64) -> Verdict {
        judge(&claimed(retries, lease_epoch), &answered(status), Duration::from_secs(1))
    }

    #[test]
    fn only_2xx_is_success_and_only_gone_is_final() {
        assert_eq!(verdict(200, 0, 1), Verdict::Succeeded);
        assert_eq!(verdict(299, 12, 13), Verdict::Succeeded);
        assert_eq!(verdict(410, 0, 1), Verdict::Cancelled);
        for status in [301, 400, 404, 429, 500, 503] {
            assert!(matches!(verdict(status, 0, 1), Verdict::Retry { number: 1, .. }), "{status}");
        }
    }

    #[test]
    fn the_first_retry_comes_4_to_5_seconds_after_a_failure_and_rests_after_a_slow_one() {
        let claimed = claimed(0, 1);
        let at = |duration| match judge(&claimed, &answered(500), Duration::from_secs(duration)) {
            Verdict::Retry { number: 1, at } => at - claimed.started_at,
            other => panic!("{other:?}"),
        };
        assert!(at(0) >= TimeDelta::seconds(4) && at(0) <= TimeDelta::seconds(5));
        assert_eq!(at(10), TimeDelta::seconds(14));
    }

    #[test]
    fn a_delivery_ends_with_its_retries_or_when_too_many_attempts_were_lost() {
        assert_eq!(verdict(500, 12, 13), Verdict::Exhausted);
        assert_eq!(verdict(500, 3, MOST_ATTEMPTS), Verdict::Exhausted);
        assert!(matches!(verdict(500, 3, MOST_ATTEMPTS - 1), Verdict::Retry { number: 4, .. }));
    }
}
