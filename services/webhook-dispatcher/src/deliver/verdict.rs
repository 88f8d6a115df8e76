//! What becomes of a delivery after an attempt.

use chrono::{DateTime, Utc};
use pulse_domain::schedule::{Attempt, MAX_RETRIES, next_retry};

use super::send::Outcome;
use crate::delivery::Leased;

/// The receiver says that it is gone for good: sending to it again is pointless.
const GONE: u16 = 410;

/// A delivery whose attempts keep getting lost with the worker that makes them is given up in the end. Twice what the
/// schedule can use leaves a good delivery its full schedule even if every other attempt is lost.
pub(super) const MOST_ATTEMPTS: i32 = 2 * (1 + MAX_RETRIES as i32);

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

/// Judges an attempt that has just ended.
pub(super) fn judge(leased: &Leased, outcome: &Outcome, last: Attempt) -> Verdict {
    match outcome {
        Outcome::Answered(answer) if (200..300).contains(&answer.status) => Verdict::Succeeded,
        Outcome::Answered(answer) if answer.status == GONE => Verdict::Cancelled,
        _ if leased.number >= MOST_ATTEMPTS => Verdict::Exhausted,
        _ => {
            let done = usize::try_from(leased.retries).unwrap_or(MAX_RETRIES);
            next_retry(leased.id, leased.first_attempt_at, last, done, leased.subscription.max_retries)
                .map_or(Verdict::Exhausted, |(number, at)| Verdict::Retry { number, at })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use bytes::Bytes;
    use chrono::TimeDelta;
    use pulse_service::egress::Answer;
    use uuid::Uuid;

    use super::*;
    use crate::delivery::{Lease, Payload};
    use crate::room::Room;
    use crate::subscriptions::Subscription;

    fn leased(retries: i32, number: i32) -> Leased {
        let at = DateTime::from_timestamp(1_700_000_000, 0).expect("in range");
        let subscription = Subscription::sample(3, 8);
        let place = Room::new(4).take(subscription.workspace_id, subscription.id, 8).expect("an empty room");
        Leased {
            subscription: Arc::new(subscription),
            id: Uuid::from_u128(2),
            event_id: Uuid::from_u128(4),
            event_type: "contact.created".into(),
            payload: Arc::new(Payload::new(Bytes::new(), Uuid::from_u128(5))),
            retries,
            number,
            first_attempt_at: at,
            lease: Lease { epoch: 1, at, since: Instant::now() },
            _place: place,
        }
    }

    fn answered(status: u16) -> Outcome {
        Outcome::Answered(Answer { status, headers: vec![], body: Bytes::new() })
    }

    fn took(leased: &Leased, seconds: i64) -> Attempt {
        let started_at = leased.first_attempt_at;
        Attempt { started_at, ended_at: started_at + TimeDelta::seconds(seconds) }
    }

    fn verdict(status: u16, retries: i32, number: i32) -> Verdict {
        let leased = leased(retries, number);
        judge(&leased, &answered(status), took(&leased, 1))
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
        let leased = leased(0, 1);
        let at = |seconds| match judge(&leased, &answered(500), took(&leased, seconds)) {
            Verdict::Retry { number: 1, at } => at - leased.first_attempt_at,
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
