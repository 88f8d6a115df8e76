//! Sending: one HTTP call with the stored bytes, signed. Neither a transaction nor a connection of the database is held.

use chrono::{DateTime, SecondsFormat, Utc};
use pulse_service::egress::{Answer, Client, Course, Exchange, Failure, HeaderMap, HeaderValue};

use crate::delivery::Leased;
use crate::subscriptions::Keys;

/// What came of an attempt.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The receiver answered, with whatever status.
    Answered(Answer),
    /// No answer came.
    Unanswered(Failure),
    /// The fault is on this side: nothing was sent.
    Unsent(&'static str),
}

/// A call that is over.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) outcome: Outcome,
    /// How it went, as far as it came.
    pub(super) course: Course,
    /// What was sent along.
    pub(super) headers: HeaderMap,
}

/// Makes the call.
pub(super) async fn send(client: &Client, leased: &Leased, now: DateTime<Utc>) -> Call {
    let Some(keys) = &leased.subscription.keys else {
        let outcome = Outcome::Unsent("the secret of the subscription does not open");
        return Call { outcome, course: Course::default(), headers: HeaderMap::new() };
    };
    let headers = headers(keys, leased, now);
    let Exchange { course, result } = match &leased.subscription.target {
        Ok(target) => client.post(target, headers.clone(), leased.payload.body.clone()).await,
        Err(refused) => Exchange::refused(refused),
    };
    Call { outcome: result.map_or_else(Outcome::Unanswered, Outcome::Answered), course, headers }
}

fn headers(keys: &Keys, leased: &Leased, now: DateTime<Utc>) -> HeaderMap {
    let previous = keys.previous.as_ref().filter(|(_, until)| now < *until).map(|(secret, _)| secret);
    // A header with room for one signature keeps to the secret that receivers know until the new one is promoted.
    let bare = previous.unwrap_or(&keys.current).bare(&leased.payload.body);
    let event_id = leased.event_id.to_string();
    let timestamp = now.timestamp();
    let secrets = std::iter::once(&keys.current).chain(previous);
    let good = keys.asymmetric.iter().filter(|(_, expires_at)| expires_at.is_none_or(|until| now < until));
    let signatures: Vec<String> = secrets
        .map(|secret| secret.standard(&event_id, timestamp, &leased.payload.body))
        .chain(good.map(|(key, _)| key.standard(&event_id, timestamp, &leased.payload.body)))
        .collect();
    let id = leased.id.simple().to_string();
    // The subscription's own first: none of them stands in the way of what follows.
    let mut headers = keys.headers.clone();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    for (name, value) in [
        // The same value under the names of both documented contracts.
        ("x-pulse-signature", bare.clone()),
        ("x-pulsepost-signature", bare),
        ("webhook-id", event_id.clone()),
        ("webhook-timestamp", timestamp.to_string()),
        ("webhook-signature", signatures.join(" ")),
        ("content-digest", leased.payload.digest.clone()),
        // The trace is what the request has set in motion that led to the event.
        ("traceparent", format!("00-{}-{}-01", leased.payload.correlation_id.simple(), &id[16..])),
        ("pulse-event-id", event_id),
        ("pulse-event-type", leased.event_type.clone()),
        ("pulse-delivery-id", leased.id.to_string()),
        ("pulse-attempt", leased.number.to_string()),
        ("pulse-first-attempt-at", leased.first_attempt_at.to_rfc3339_opts(SecondsFormat::Millis, true)),
    ] {
        headers
            .insert(name, value.try_into().expect("hex, base64, names, times and numbers are header values"));
    }
    if let Some(sequence) = leased.sequence {
        headers.insert("pulse-sequence", sequence.into());
    }
    headers
}
