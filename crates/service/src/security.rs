//! Headers that keep browsers from doing more with an answer than is meant.

use std::time::Duration;

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};

/// What holds where an answer says nothing else of itself: it is no page, and loads nothing.
const POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// `Strict-Transport-Security` for so long; nothing for no time.
pub(crate) fn strict_transport(lasts: Duration) -> Option<HeaderValue> {
    match lasts.as_secs() {
        0 => None,
        seconds => HeaderValue::try_from(format!("max-age={seconds}; includeSubDomains")).ok(),
    }
}

/// Adds them, where the answer does not have its own.
pub(crate) fn add(headers: &mut HeaderMap, strict_transport: Option<&HeaderValue>) {
    // Answers are one client's own. What has a tag may be kept by that client, who asks whether it still holds.
    let cache = if headers.contains_key(ETAG) { "private, no-cache" } else { "no-store" };
    let mut add = |name: HeaderName, value: HeaderValue| {
        if !headers.contains_key(&name) {
            headers.insert(name, value);
        }
    };
    add(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    add(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    add(CONTENT_SECURITY_POLICY, POLICY);
    add(HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin"));
    add(CACHE_CONTROL, HeaderValue::from_static(cache));
    if let Some(value) = strict_transport {
        add(STRICT_TRANSPORT_SECURITY, value.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_keeps_what_it_says_of_itself() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'self'"));
        headers.insert(ETAG, HeaderValue::from_static("\"a\""));
        add(&mut headers, strict_transport(Duration::from_secs(60)).as_ref());
        assert_eq!(headers.get(CONTENT_SECURITY_POLICY).expect("a policy"), "default-src 'self'");
        assert_eq!(headers.get(CACHE_CONTROL).expect("a policy"), "private, no-cache");
        assert_eq!(headers.get(STRICT_TRANSPORT_SECURITY).expect("a time"), "max-age=60; includeSubDomains");
    }

    #[test]
    fn without_a_tag_nothing_is_kept() {
        let mut headers = HeaderMap::new();
        add(&mut headers, strict_transport(Duration::ZERO).as_ref());
        assert_eq!(headers.get(CACHE_CONTROL).expect("a policy"), "no-store");
        assert!(!headers.contains_key(STRICT_TRANSPORT_SECURITY));
    }
}
