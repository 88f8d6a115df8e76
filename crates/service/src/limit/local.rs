//! Counting in this process, in bounded memory.
//!
//! What is kept lies in two generations. A subject that is counted is in the younger one; when that has lasted as long
//! as a quota takes to come back, the older one, of whose subjects none was seen meanwhile, is forgotten, and nothing is
//! lost by that. A flood of subjects makes generations shorter: then those who have been quiet longest get their quota
//! back early, and memory stays bounded.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::Subject;
use super::rate::{Rate, Taken};

/// Parts that are locked apart, so that threads seldom wait for each other.
const SHARDS: usize = 16;

/// Subjects in one generation of one shard: about 100,000 are known of one limit at most.
const SUBJECTS: usize = 3_000;

#[derive(Debug)]
pub(super) struct Local {
    rate: Rate,
    began: Instant,
    hasher: RandomState,
    shards: [Mutex<Shard>; SHARDS],
}

/// When each subject's quota is whole again, in microseconds from the beginning.
#[derive(Debug, Default)]
struct Shard {
    young: HashMap<Subject, u64>,
    old: HashMap<Subject, u64>,
    young_since: u64,
}

impl Local {
    pub(super) fn new(rate: Rate) -> Self {
        Self { rate, began: Instant::now(), hasher: RandomState::new(), shards: Default::default() }
    }

    /// Counts a request.
    pub(super) fn take(&self, subject: Subject) -> Taken {
        self.shard(subject).take(self.rate, subject, self.now())
    }

    /// How long until a subject's whole quota is there again.
    pub(super) fn look(&self, subject: Subject) -> u64 {
        let whole_at = self.shard(subject).whole_at(subject);
        whole_at.map_or(0, |whole_at| whole_at.saturating_sub(self.now()))
    }

    fn shard(&self, subject: Subject) -> MutexGuard<'_, Shard> {
        let shard = &self.shards[self.hasher.hash_one(subject) as usize % SHARDS];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

impl Shard {
    fn take(&mut self, rate: Rate, subject: Subject, now: u64) -> Taken {
        let whole_at = self.whole_at(subject).unwrap_or(now);
        let is_full = self.young.len() >= SUBJECTS && !self.young.contains_key(&subject);
        if is_full || now.saturating_sub(self.young_since) > rate.span() {
            self.old = mem::take(&mut self.young);
            self.young_since = now;
        }
        let taken = rate.take(whole_at.saturating_sub(now));
        self.young.insert(subject, now.saturating_add(taken.whole_in));
        taken
    }

    fn whole_at(&self, subject: Subject) -> Option<u64> {
        self.young.get(&subject).or_else(|| self.old.get(&subject)).copied()
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn rate(quota: u32, window: Duration) -> Rate {
        Rate::new(NonZeroU32::new(quota).expect("not zero"), window)
    }

    fn somebody(number: u64) -> Subject {
        Subject::user(Uuid::from_u128(number.into()))
    }

    proptest! {
        #[test]
        fn forgetting_who_is_quiet_changes_no_answer(
            quota in 1u32..5, requests in prop::collection::vec((0u64..4, 0u64..2_000), 1..200)
        ) {
            let rate = rate(quota, Duration::from_micros(5_000));
            let (mut shard, mut everybody, mut now) = (Shard::default(), HashMap::new(), 0);
            for (number, pause) in requests {
                now += pause;
                let whole_at: u64 = everybody.get(&number).copied().unwrap_or(0);
                let expected = rate.take(whole_at.saturating_sub(now));
                everybody.insert(number, now + expected.whole_in);
                prop_assert_eq!(shard.take(rate, somebody(number), now), expected);
            }
        }
    }

    #[test]
    fn those_who_are_whole_again_are_forgotten() {
        let rate = rate(2, Duration::from_micros(100));
        let mut shard = Shard::default();
        for number in 0..100 {
            shard.take(rate, somebody(number), 0);
        }
        shard.take(rate, somebody(100), 101);
        shard.take(rate, somebody(100), 202);
        assert_eq!((shard.old.len(), shard.young.len()), (1, 1));
    }

    #[test]
    fn a_flood_of_subjects_takes_no_more_memory_and_spares_who_is_counted_meanwhile() {
        let rate = rate(1, Duration::from_secs(3_600));
        let mut shard = Shard::default();
        assert!(shard.take(rate, somebody(0), 0).allowed);
        for number in 1..10 * SUBJECTS as u64 {
            shard.take(rate, somebody(number), 0);
            if number % 1_000 == 0 {
                assert!(!shard.take(rate, somebody(0), 0).allowed, "{number}");
            }
            assert!(shard.young.len() + shard.old.len() <= 2 * SUBJECTS);
        }
    }
}
