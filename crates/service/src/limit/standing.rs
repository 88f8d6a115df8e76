//! How a client stands, in the headers of an answer.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};

use super::rate::{Rate, Taken};

const MICROSECONDS: u64 = 1_000_000;

/// What a request has left of a quota.
#[derive(Clone, Debug)]
pub struct Standing {
    name: &'static str,
    policy: HeaderValue,
    quota: u32,
    remaining: u32,
    reset_seconds: u64,
    retry_after_seconds: Option<u64>,
}

impl Standing {
    pub(super) fn new(name: &'static str, policy: HeaderValue, rate: Rate, taken: Taken) -> Self {
        let wait = rate.wait(taken.whole_in).div_ceil(MICROSECONDS).max(1);
        Self {
            name,
            policy,
            quota: rate.quota(),
            remaining: if taken.allowed { rate.remaining(taken.whole_in) } else { 0 },
            reset_seconds: taken.whole_in.div_ceil(MICROSECONDS),
            retry_after_seconds: (!taken.allowed).then_some(wait),
        }
    }

    /// Requests that may follow at once.
    #[must_use]
    pub const fn remaining(&self) -> u32 {
        self.remaining
    }

    /// Where the quota is exceeded: whole seconds until one request is allowed again, at least 1.
    #[must_use]
    pub const fn retry_after_seconds(&self) -> Option<u64> {
        self.retry_after_seconds
    }

    /// Whether the quota is exceeded.
    #[must_use]
    pub const fn is_exceeded(&self) -> bool {
        self.retry_after_seconds.is_some()
    }

    /// Tells the client, by the headers of draft-ietf-httpapi-ratelimit-headers and by those that many clients know
    /// instead, of which `X-RateLimit-Reset` is in seconds from now. Of several limits each is in the former; the latter
    /// stay with the one that was told first.
    pub fn tell(&self, headers: &mut HeaderMap) {
        let Self { name, policy, quota, remaining, reset_seconds, retry_after_seconds } = self;
        headers.append(HeaderName::from_static("ratelimit-policy"), policy.clone());
        let standing = format!("\"{name}\";r={remaining};t={reset_seconds}");
        if let Ok(standing) = HeaderValue::try_from(standing) {
            headers.append(HeaderName::from_static("ratelimit"), standing);
        }
        let limit = HeaderName::from_static("x-ratelimit-limit");
        if !headers.contains_key(&limit) {
            headers.insert(limit, (*quota).into());
            headers.insert(HeaderName::from_static("x-ratelimit-remaining"), (*remaining).into());
            headers.insert(HeaderName::from_static("x-ratelimit-reset"), (*reset_seconds).into());
        }
        if let Some(seconds) = retry_after_seconds {
            headers.insert(RETRY_AFTER, (*seconds).into());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use super::*;

    fn told(quota: u32, taken: Taken) -> Vec<(String, String)> {
        let rate = Rate::new(NonZeroU32::new(quota).expect("not zero"), Duration::from_secs(60));
        let mut headers = HeaderMap::new();
        Standing::new("read", HeaderValue::from_static("policy"), rate, taken).tell(&mut headers);
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let mut told: Vec<_> =
            headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
        told.sort();
        told
    }

    fn headers(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_client_is_told_what_is_left_and_when_all_of_it_is_back() {
        let expected = [
            ("ratelimit", "\"read\";r=3;t=15"),
            ("ratelimit-policy", "policy"),
            ("x-ratelimit-limit", "4"),
            ("x-ratelimit-remaining", "3"),
            ("x-ratelimit-reset", "15"),
        ];
        assert_eq!(told(4, Taken { allowed: true, whole_in: 15_000_000 }), headers(&expected));
    }

    #[test]
    fn the_wait_is_in_whole_seconds_and_never_zero() {
        let wait = |quota, whole_in| {
            let told = told(quota, Taken { allowed: false, whole_in });
            told.into_iter().find(|(name, _)| name == "retry-after").map(|(_, value)| value)
        };
        assert_eq!(wait(4, 60_000_000).as_deref(), Some("15"));
        assert_eq!(wait(4, 45_000_001).as_deref(), Some("1"));
        assert_eq!(wait(60_000_000, 60_000_000).as_deref(), Some("1"));
    }
}
