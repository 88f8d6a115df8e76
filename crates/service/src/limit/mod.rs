//! Limits: how many requests of one kind somebody may make in a time, counted by the generic cell rate algorithm.
//!
//! In reading order: [`Subject`] is who is counted, `rate` the arithmetic, `local` counts in this process and [`Store`]
//! for all that share it, and [`Standing`] tells the client how it stands.

mod local;
mod rate;
mod standing;
mod store;
mod subject;

pub use standing::Standing;
pub use store::{Settings, Store};
pub use subject::Subject;

use std::num::NonZeroU32;
use std::time::Duration;

use actix_web::http::header::HeaderValue;

use self::local::Local;
use self::rate::{Rate, Taken};

/// A quota for each of those who are counted.
#[derive(Debug)]
pub struct Limit {
    name: &'static str,
    rate: Rate,
    /// The value of `RateLimit-Policy`.
    policy: HeaderValue,
    local: Local,
    store: Option<Store>,
}

impl Limit {
    /// `quota` requests in every `window`. All of it may be used at once; it comes back evenly over the window. The name
    /// is what clients are told; it consists of small letters and underscores.
    ///
    /// # Panics
    /// When the name does not.
    #[must_use]
    pub fn new(name: &'static str, quota: NonZeroU32, window: Duration) -> Self {
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name:?} is no name");
        let policy = format!("\"{name}\";q={quota};w={}", window.as_secs());
        let policy = HeaderValue::try_from(policy).expect("letters, digits and signs");
        let rate = Rate::new(quota, window);
        Self { name, rate, policy, local: Local::new(rate), store: None }
    }

    /// Counts in a store, where there is one, together with all others that do so under the same name.
    #[must_use]
    pub fn shared(self, store: Option<Store>) -> Self {
        Self { store, ..self }
    }

    /// Counts a request. One that exceeds the quota does not count.
    pub async fn count(&self, subject: Subject) -> Standing {
        let shared = match &self.store {
            Some(store) => store.take(self.name, self.rate, subject).await,
            None => None,
        };
        self.standing(shared.unwrap_or_else(|| self.local.take(subject)))
    }

    /// Counts, in this process, what turned out afterwards to be somebody's.
    pub fn strike(&self, subject: Subject) {
        self.local.take(subject);
    }

    /// How somebody stands whose quota is used up in this process; asking does not count.
    pub fn used_up(&self, subject: Subject) -> Option<Standing> {
        let whole_in = self.local.look(subject);
        (self.rate.remaining(whole_in) == 0).then(|| self.standing(Taken { allowed: false, whole_in }))
    }

    fn standing(&self, taken: Taken) -> Standing {
        Standing::new(self.name, self.policy.clone(), self.rate, taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn somebody(last: u8) -> Subject {
        Subject::address([192, 0, 2, last].into())
    }

    #[tokio::test]
    async fn the_quota_is_per_subject() {
        let limit = Limit::new("read", NonZeroU32::new(2).expect("not zero"), Duration::from_secs(3_600));
        let (ada, bob) = (somebody(1), somebody(2));
        assert_eq!(limit.count(ada).await.remaining(), 1);
        assert_eq!(limit.count(ada).await.remaining(), 0);
        let wait = limit.count(ada).await.retry_after_seconds().expect("it is used up");
        assert!((1..=1_800).contains(&wait), "{wait}");
        let other = limit.count(bob).await;
        assert_eq!((other.remaining(), other.retry_after_seconds()), (1, None));
    }

    #[test]
    fn strikes_use_a_quota_up_and_looking_does_not() {
        let limit = Limit::new("read", NonZeroU32::new(2).expect("not zero"), Duration::from_secs(3_600));
        for _ in 0..2 {
            assert!(limit.used_up(somebody(1)).is_none());
            assert!(limit.used_up(somebody(1)).is_none());
            limit.strike(somebody(1));
        }
        assert!(limit.used_up(somebody(1)).is_some_and(|standing| standing.is_exceeded()));
        assert!(limit.used_up(somebody(2)).is_none());
    }
}
