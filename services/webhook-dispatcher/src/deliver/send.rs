//! Sending: one HTTP call with the stored bytes, signed. Neither a transaction nor a pooled connection is held.

use bytes::Bytes;
use pulse_domain::seal::MasterKey;
use pulse_domain::signature;
use pulse_service::egress::{self, Answer, Client, HeaderMap, HeaderValue};

use super::claim::Claimed;

/// What came of an attempt.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The receiver answered, with whatever status.
    Answered(Answer),
    /// No answer came.
    Unanswered(egress::Failure),
    /// The fault is on this side: nothing was sent.
    Unsent(&'static str),
}

/// Makes the call.
pub(super) async fn send(client: &Client, key: &MasterKey, claimed: &Claimed) -> Outcome {
    let secret = match key.open(claimed.subscription_id.as_bytes(), &claimed.secret_sealed) {
        Ok(secret) => secret,
        Err(error) => {
            tracing::error!(subscription = %claimed.subscription_id, %error, "cannot sign");
            return Outcome::Unsent("the secret of the subscription does not open");
        }
    };
    let headers = headers(&secret, claimed);
    match client.post(&claimed.url, headers, Bytes::copy_from_slice(&claimed.body)).await {
        Ok(answer) => Outcome::Answered(answer),
        Err(failure) => Outcome::Unanswered(failure),
    }
}

/// The key of the signature is the secret as it was shown, prefix included: the documented receivers hand that text
/// to their HMAC function.
fn headers(secret: &[u8], claimed: &Claimed) -> HeaderMap {
    let signature = signature::sign(secret, &claimed.body);
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    for (name, value) in [
        // The same value under the names of both documented contracts.
        ("x-pulse-signature", signature.clone()),
        ("x-pulsepost-signature", signature),
        ("pulse-event-id", claimed.event_id.to_string()),
        ("pulse-delivery-id", claimed.id.to_string()),
        ("pulse-attempt", claimed.lease_epoch.to_string()),
    ] {
        headers.insert(name, value.try_into().expect("hex, UUIDs and numbers are header values"));
    }
    headers
}
