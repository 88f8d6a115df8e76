//! When a failed delivery is tried again: up to twelve retries whose offsets are anchored to the first attempt.
//!
//! Anchored offsets, with jitter only towards earlier, make "within 24 hours" a hard bound: neither timeouts nor
//! jitter add up over the attempts. The jitter is a function of the delivery and the retry, so a worker that crashed
//! computes the same instant again, and all due times can be shown after the first failure.

use chrono::{DateTime, Duration, Utc};
use ring::digest;
use uuid::Uuid;

/// Retries at most; the first attempt is not one.
pub const MAX_RETRIES: usize = 12;

/// Latest offset of each retry from the start of the first attempt, in seconds.
const OFFSETS: [i64; MAX_RETRIES] =
    [5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200, 64_800, 86_400];

/// At least this long after the end of the previous attempt: a receiver that is down gets a breath.
const REST: Duration = Duration::seconds(4);

/// An attempt that has failed.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// When it was known to have failed.
    pub ended_at: DateTime<Utc>,
}

/// The retry after a failed attempt: its number from 1 and when it is due; `None` when `done` retries have used up
/// `allowed`.
///
/// `first` is the start of the first attempt. Offsets that had passed before the last attempt started, because nobody
/// was there to send, are skipped rather than fired in a burst; the last retry is always made.
#[must_use]
pub fn next_retry(
    delivery: Uuid,
    first: DateTime<Utc>,
    last: Attempt,
    done: usize,
    allowed: usize,
) -> Option<(usize, DateTime<Utc>)> {
    let allowed = allowed.min(MAX_RETRIES);
    let missed = (done + 1..allowed)
        .take_while(|k| first + Duration::seconds(OFFSETS[*k - 1]) < last.started_at)
        .count();
    let k = done + 1 + missed;
    (k <= allowed).then(|| (k, planned(delivery, first, k).max(last.ended_at + REST)))
}

/// When a retry that was `due` is made after all, where the receiver has `asked` for a time: later, never earlier, and
/// not later than the last retry of the schedule.
#[must_use]
pub fn postponed(first: DateTime<Utc>, due: DateTime<Utc>, asked: DateTime<Utc>) -> DateTime<Utc> {
    let last = first + Duration::seconds(OFFSETS[MAX_RETRIES - 1]);
    asked.min(last).max(due)
}

/// The due times of all retries after `done` as they stand, for a reader of the delivery.
#[must_use]
pub fn plan(delivery: Uuid, first: DateTime<Utc>, done: usize, allowed: usize) -> Vec<DateTime<Utc>> {
    (done + 1..=allowed.min(MAX_RETRIES)).map(|k| planned(delivery, first, k)).collect()
}

fn planned(delivery: Uuid, first: DateTime<Utc>, k: usize) -> DateTime<Utc> {
    let offset = OFFSETS[k - 1];
    let gap = offset - if k == 1 { 0 } else { OFFSETS[k - 2] };
    // At most 20 % of its own gap earlier, so that two retries never change places.
    let early = gap * 200 * i64::from(unit(delivery, k)) / 65_536;
    first + Duration::seconds(offset) - Duration::milliseconds(early)
}

/// Evenly spread over 0..65536.
fn unit(delivery: Uuid, k: usize) -> u16 {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(delivery.as_bytes());
    context.update(&k.to_be_bytes());
    let hash = context.finish();
    u16::from_be_bytes([hash.as_ref()[0], hash.as_ref()[1]])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + seconds, 0).expect("in range")
    }

    fn attempt(started_at: DateTime<Utc>, seconds: i64) -> Attempt {
        Attempt { started_at, ended_at: started_at + Duration::seconds(seconds) }
    }

    proptest! {
        #[test]
        fn every_retry_lies_within_its_gap_and_the_last_within_24_hours(id: u128) {
            let id = Uuid::from_u128(id);
            let plan = plan(id, at(0), 0, 12);
            prop_assert_eq!(plan.len(), 12);
            for (index, due) in plan.iter().enumerate() {
                let offset = OFFSETS[index];
                let gap = offset - if index == 0 { 0 } else { OFFSETS[index - 1] };
                prop_assert!(*due <= at(offset));
                prop_assert!(*due >= at(offset) - Duration::milliseconds(gap * 200));
            }
            prop_assert!(plan.is_sorted());
            prop_assert!(plan[11] <= at(86_400));
        }

        #[test]
        fn a_wish_moves_a_retry_later_never_earlier_and_never_past_24_hours(
            due in 0i64..=86_400, asked in -10i64..=1_000_000,
        ) {
            let at_last = postponed(at(0), at(due), at(asked));
            prop_assert!(at_last >= at(due) && at_last <= at(86_400));
            prop_assert!(at_last == at(due) || at_last <= at(asked));
        }

        #[test]
        fn attempts_that_time_out_stay_within_24_hours(id: u128, seconds in 0i64..=10) {
            let id = Uuid::from_u128(id);
            let (mut last, mut done, mut attempts) = (attempt(at(0), seconds), 0, 1);
            while let Some((k, due)) = next_retry(id, at(0), last, done, 12) {
                prop_assert!(due >= last.ended_at + REST);
                prop_assert!(due <= at(86_400));
                prop_assert_eq!(k, done + 1);
                (last, done, attempts) = (attempt(due, seconds), k, attempts + 1);
            }
            prop_assert_eq!(attempts, 13);
        }
    }

    #[test]
    fn offsets_missed_while_nobody_could_send_are_skipped_but_the_last_is_made() {
        let id = Uuid::from_u128(1);
        let late = attempt(at(4_000), 10);
        let (k, due) = next_retry(id, at(0), late, 1, 12).expect("retries are left");
        assert_eq!(k, 7, "the first offset still in the future");
        assert!(due > late.ended_at + REST);
        let (k, due) =
            next_retry(id, at(0), attempt(at(200_000), 0), 1, 12).expect("the last is always made");
        assert_eq!((k, due), (12, at(200_004)));
        assert_eq!(next_retry(id, at(0), attempt(at(200_100), 0), 12, 12), None);
    }

    #[test]
    fn a_subscription_may_ask_for_fewer_or_none() {
        let id = Uuid::from_u128(1);
        assert_eq!(next_retry(id, at(0), attempt(at(0), 1), 0, 0), None);
        assert!(next_retry(id, at(0), attempt(at(0), 1), 2, 3).is_some());
        assert_eq!(next_retry(id, at(0), attempt(at(0), 1), 3, 3), None);
        assert_eq!(plan(id, at(0), 1, 3).len(), 2);
    }
}
