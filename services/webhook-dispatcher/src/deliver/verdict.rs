//! What becomes of a delivery after an attempt.

use chrono::{DateTime, TimeDelta, Utc};
use pulse_domain::schedule::{Attempt, MAX_RETRIES, next_retry, postponed};

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
    /// The receiver is gone for good.
    Gone,
}

/// Judges an attempt that has just ended.
pub(super) fn judge(leased: &Leased, outcome: &Outcome, last: Attempt) -> Verdict {
    match outcome {
        Outcome::Answered(answer) if (200..300).contains(&answer.status) => Verdict::Succeeded,
        Outcome::Answered(answer) if answer.status == GONE => Verdict::Gone,
        _ if leased.number >= MOST_ATTEMPTS => Verdict::Exhausted,
        _ => {
            let done = usize::try_from(leased.retries).unwrap_or(MAX_RETRIES);
            next_retry(leased.id, leased.anchor, last, done, leased.subscription.max_retries).map_or(
                Verdict::Exhausted,
                |(number, at)| {
                    let asked = retry_after(outcome, last.ended_at);
                    let at = asked.map_or(at, |asked| postponed(leased.anchor, at, asked));
                    Verdict::Retry { number, at }
                },
            )
        }
    }
}

/// When the receiver asks to be called again: `Retry-After` in seconds, or as a date (RFC 9110, section 10.2.3).
fn retry_after(outcome: &Outcome, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let Outcome::Answered(answer) = outcome else { return None };
    let (_, value) = answer.headers.iter().find(|(name, _)| name == "retry-after")?;
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // What does not fit is longer than any delivery is tried for.
        let seconds = value.parse::<u32>().unwrap_or(u32::MAX);
        return now.checked_add_signed(TimeDelta::seconds(seconds.into()));
    }
    DateTime::parse_from_rfc2822(value).ok().map(|date| date.to_utc())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use bytes::Bytes;
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
            anchor: at,
            not_before: None,
            sequence: None,
            strand: None,
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
        assert_eq!(verdict(410, 0, 1), Verdict::Gone);
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
    fn a_receiver_can_ask_for_a_later_retry_and_never_for_an_earlier_one() {
        let leased = leased(0, 1);
        let at = |value: &str| {
            let headers = vec![("retry-after".to_owned(), value.to_owned())];
            let outcome = Outcome::Answered(Answer { status: 503, headers, body: Bytes::new() });
            match judge(&leased, &outcome, took(&leased, 1)) {
                Verdict::Retry { number: 1, at } => (at - leased.first_attempt_at).num_seconds(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(at("120"), 121);
        assert_eq!(at("Tue, 14 Nov 2023 22:23:20 GMT"), 600);
        for ignored in ["0", "", "soon", "-5", "Sun, 06 Nov 1994 08:49:37 GMT"] {
            assert_eq!(at(ignored), 5, "{ignored}");
        }
        for forever in ["86401", "99999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"] {
            assert_eq!(at(forever), 86_400, "{forever}");
        }
    }

    #[test]
    fn a_delivery_ends_with_its_retries_or_when_too_many_attempts_were_lost() {
        assert_eq!(verdict(500, 12, 13), Verdict::Exhausted);
        assert_eq!(verdict(500, 3, MOST_ATTEMPTS), Verdict::Exhausted);
        assert!(matches!(verdict(500, 3, MOST_ATTEMPTS - 1), Verdict::Retry { number: 4, .. }));
    }
}
