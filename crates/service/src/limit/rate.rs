//! The arithmetic of a quota that comes back evenly: the generic cell rate algorithm.
//!
//! All that is kept of a subject is how long it takes until its whole quota is there again. Each request adds what one
//! request takes to come back, and is refused where that would exceed what the whole quota takes.

use std::num::NonZeroU32;
use std::time::Duration;

/// A quota and how fast it comes back. Times are in microseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    quota: NonZeroU32,
    /// How long one request takes to come back.
    interval: u64,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) allowed: bool,
    /// How long until the whole quota is there again.
    pub(super) whole_in: u64,
}

impl Rate {
    pub(super) fn new(quota: NonZeroU32, window: Duration) -> Self {
        let window = u64::try_from(window.as_micros()).unwrap_or(u64::MAX);
        Self { quota, interval: (window / u64::from(quota.get())).max(1) }
    }

    pub(super) const fn quota(self) -> u32 {
        self.quota.get()
    }

    /// How long one request takes to come back.
    pub(super) const fn interval(self) -> u64 {
        self.interval
    }

    /// How long a quota that is used up takes until all of it is there again.
    pub(super) fn span(self) -> u64 {
        self.interval.saturating_mul(self.quota.get().into())
    }

    /// Takes one request from a quota that would be whole in some time.
    pub(super) fn take(self, whole_in: u64) -> Taken {
        let after = whole_in.saturating_add(self.interval);
        match after <= self.span() {
            true => Taken { allowed: true, whole_in: after },
            false => Taken { allowed: false, whole_in },
        }
    }

    /// Requests that may follow at once.
    pub(super) fn remaining(self, whole_in: u64) -> u32 {
        u32::try_from(self.span().saturating_sub(whole_in) / self.interval).unwrap_or(u32::MAX)
    }

    /// How long until one request is allowed.
    pub(super) fn wait(self, whole_in: u64) -> u64 {
        whole_in.saturating_add(self.interval).saturating_sub(self.span())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate(quota: u32, window: Duration) -> Rate {
        Rate::new(NonZeroU32::new(quota).expect("not zero"), window)
    }

    proptest! {
        #[test]
        fn no_more_than_the_quota_and_what_came_back_is_allowed(
            quota in 1u32..50, window in 1u64..10_000_000, pauses in prop::collection::vec(0u64..500_000, 1..300)
        ) {
            let rate = rate(quota, Duration::from_micros(window));
            let (mut now, mut whole_at, mut allowed) = (0, 0u64, 0u64);
            for pause in pauses {
                now += pause;
                let before = whole_at.saturating_sub(now);
                let taken = rate.take(before);
                prop_assert_eq!(taken.allowed, rate.remaining(before) > 0);
                prop_assert_eq!(taken.allowed, rate.wait(before) == 0);
                if taken.allowed {
                    prop_assert_eq!(rate.remaining(taken.whole_in) + 1, rate.remaining(before));
                } else {
                    // Whoever waits as long as they are told is let in.
                    prop_assert!(rate.take(before - rate.wait(before)).allowed);
                }
                whole_at = now + taken.whole_in;
                allowed += u64::from(taken.allowed);
                prop_assert!(allowed <= u64::from(quota) + now / rate.interval);
            }
        }
    }

    #[test]
    fn a_quota_is_there_at_once_and_comes_back_evenly() {
        let rate = rate(4, Duration::from_secs(60));
        assert_eq!((rate.span(), rate.remaining(0)), (60_000_000, 4));
        let used_up = (0..4).fold(0, |whole_in, _| rate.take(whole_in).whole_in);
        assert_eq!((used_up, rate.remaining(used_up), rate.wait(used_up)), (60_000_000, 0, 15_000_000));
        assert_eq!(rate.take(used_up), Taken { allowed: false, whole_in: used_up });
    }

    #[test]
    fn a_quota_beyond_one_in_a_microsecond_is_just_that() {
        let rate = rate(u32::MAX, Duration::from_secs(1));
        assert_eq!((rate.interval, rate.remaining(0)), (1, u32::MAX));
    }
}
