//! Requests per hour and address.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::{HeaderName, HeaderValue};
use pulse_service::limit::{Allowed, Limit};
use pulse_service::network::subscriber;

use super::refusal::Refusal;

const WINDOW: Duration = Duration::from_secs(3_600);

/// The quota of every address.
#[derive(Debug)]
pub(super) struct Limits {
    limit: Limit<IpAddr>,
    per_hour: u32,
    policy: HeaderValue,
}

impl Limits {
    pub(super) fn new(per_hour: NonZeroU32) -> Self {
        let limit = Limit::new(per_hour, WINDOW);
        let policy = HeaderValue::from_str(&limit.policy()).expect("digits and signs");
        Self { limit, per_hour: per_hour.get(), policy }
    }

    /// Counts a request.
    pub(super) fn count(&self, client: IpAddr) -> Result<Allowed, Refusal> {
        self.limit
            .check(&subscriber(client))
            .map_err(|over| Refusal::RateLimited { retry_after_seconds: over.retry_after_seconds })
    }

    /// Tells the client how it stands.
    pub(super) fn tell(&self, response: &mut HttpResponse, remaining: u32) {
        let used = u64::from(self.per_hour.saturating_sub(remaining));
        let reset = (used * WINDOW.as_secs()).div_ceil(u64::from(self.per_hour));
        let standing = format!("limit={}, remaining={remaining}, reset={reset}", self.per_hour);
        let standing = HeaderValue::try_from(standing).expect("digits and signs");
        let headers = response.headers_mut();
        headers.insert(HeaderName::from_static("ratelimit-policy"), self.policy.clone());
        headers.insert(HeaderName::from_static("ratelimit"), standing);
    }
}
