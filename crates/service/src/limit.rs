//! Counting against a quota, in this process, by the generic cell rate algorithm.

use std::hash::Hash;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

/// Keys in memory at which those that are back at their full quota are forgotten.
const SWEEP_AT: usize = 50_000;

/// A quota per key.
pub struct Limit<K: Hash + Eq + Clone> {
    limiter: RateLimiter<K, DashMapStateStore<K>, DefaultClock, StateInformationMiddleware>,
    quota: u32,
    window: Duration,
}

/// What is left of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// Requests that may follow at once.
    pub remaining: u32,
}

/// The quota is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded {
    /// Whole seconds until one request is allowed again; at least 1.
    pub retry_after_seconds: u64,
}

impl<K: Hash + Eq + Clone> std::fmt::Debug for Limit<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Limit({} per {:?})", self.quota, self.window)
    }
}

impl<K: Hash + Eq + Clone> Limit<K> {
    /// `quota` requests per `window` and key. All of it may be used at once; it comes back evenly over the window.
    ///
    /// # Panics
    /// When the window is zero.
    #[must_use]
    pub fn new(quota: NonZeroU32, window: Duration) -> Self {
        let per_request = window / quota.get();
        let rate = Quota::with_period(per_request).expect("the window is not zero").allow_burst(quota);
        let limiter = RateLimiter::dashmap(rate).with_middleware::<StateInformationMiddleware>();
        Self { limiter, quota: quota.get(), window }
    }

    /// Counts one request.
    ///
    /// # Errors
    /// When the quota of the key is used up; the request does not count then.
    pub fn check(&self, key: &K) -> Result<Allowed, Exceeded> {
        if self.limiter.len() > SWEEP_AT {
            self.limiter.retain_recent();
        }
        match self.limiter.check_key(key) {
            Ok(state) => Ok(Allowed { remaining: state.remaining_burst_capacity() }),
            Err(refused) => {
                let wait = refused.wait_time_from(self.limiter.clock().now());
                let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                Err(Exceeded { retry_after_seconds: seconds.max(1) })
            }
        }
    }

    /// `quota;w=seconds`: the value of `RateLimit-Policy`.
    #[must_use]
    pub fn policy(&self) -> String {
        format!("{};w={}", self.quota, self.window.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quota_is_per_key_and_the_wait_is_in_whole_seconds() {
        let limit = Limit::new(NonZeroU32::new(2).expect("not zero"), Duration::from_secs(3_600));
        assert_eq!(limit.check(&"a"), Ok(Allowed { remaining: 1 }));
        assert_eq!(limit.check(&"a"), Ok(Allowed { remaining: 0 }));
        let refused = limit.check(&"a").expect_err("used up");
        assert!((1..=1_800).contains(&refused.retry_after_seconds), "{refused:?}");
        assert_eq!(limit.check(&"b"), Ok(Allowed { remaining: 1 }));
        assert_eq!(limit.policy(), "2;w=3600");
    }

    #[test]
    fn the_wait_is_never_zero() {
        let limit = Limit::new(NonZeroU32::new(100).expect("not zero"), Duration::from_secs(1));
        while limit.check(&1).is_ok() {}
        assert_eq!(limit.check(&1), Err(Exceeded { retry_after_seconds: 1 }));
    }
}
