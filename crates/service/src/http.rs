//! The edge that every request passes: its id, its trace, the client's address, and one log line at its end.

use std::borrow::Cow;
use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use opentelemetry::propagation::Extractor;
use opentelemetry::trace::TraceContextExt;
use pulse_domain::token::{self, Purpose};
use std::future::{Ready, ready};
use tracing::{Instrument, Span, field};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use uuid::Uuid;

use crate::network::Networks;

/// Header with the id of a request.
pub const REQUEST_ID: &str = "x-request-id";

/// What is known of a request before its handler runs.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Names the request in logs and answers.
    pub request_id: String,
    /// Ties together everything the request sets in motion.
    pub correlation_id: Uuid,
    /// The client's address, through trusted proxies only.
    pub client: IpAddr,
}

impl FromRequest for Origin {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(
            request
                .extensions()
                .get::<Self>()
                .cloned()
                .ok_or_else(|| actix_web::error::ErrorInternalServerError("the edge middleware is missing")),
        )
    }
}

tokio::task_local! {
    static CURRENT: RefCell<String>;
}

/// Id of the request that is being handled, where one is.
#[must_use]
pub fn current_request_id() -> Option<String> {
    CURRENT.try_with(|id| id.borrow().clone()).ok()
}

/// The middleware.
pub(crate) async fn edge<B: MessageBody>(
    trusted: Networks,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let started = Instant::now();
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    let headers = request.headers();
    let client = trusted.client(peer, text(headers, "x-forwarded-for"));
    // Only a proxy of ours may name a request: ids must stay unique in our logs.
    let named =
        text(headers, REQUEST_ID).filter(|id| trusted.contains(peer) && plausible(id)).map(str::to_owned);
    let request_id = named.unwrap_or_else(|| Uuid::now_v7().simple().to_string());
    let origin = Origin { request_id: request_id.clone(), correlation_id: Uuid::now_v7(), client };

    let span = tracing::info_span!(
        "request", method = %request.method(), path = &*loggable(request.path()), request_id, trace_id = field::Empty,
        otel.kind = "server", otel.name = %request.method(),
    );
    continue_trace(&span, headers);
    request.extensions_mut().insert(origin);

    let handled = async {
        let mut response = next.call(request).await?;
        if let Ok(value) = HeaderValue::from_str(&request_id) {
            response.headers_mut().insert(HeaderName::from_static(REQUEST_ID), value);
        }
        let status = response.status().as_u16();
        // For the trace alone: a field that is recorded later makes the log write all fields of the span again.
        Span::current().set_attribute("http.response.status_code", i64::from(status));
        let milliseconds = started.elapsed().as_secs_f64() * 1_000.0;
        tracing::info!(status, milliseconds, %client, "answered");
        Ok(response)
    };
    CURRENT.scope(RefCell::new(request_id.clone()), handled.instrument(span)).await
}

fn continue_trace(span: &Span, headers: &HeaderMap) {
    let parent =
        opentelemetry::global::get_text_map_propagator(|propagator| propagator.extract(&Headers(headers)));
    let continues = parent.span().span_context().is_valid();
    // Fails only where tracing is off, and then there is nothing to continue.
    let _ = span.set_parent(parent);
    let context = span.context();
    let trace = context.span().span_context().clone();
    // A trace that neither began elsewhere nor is sent anywhere is not worth a word in every line of the log.
    if continues || trace.is_sampled() {
        span.record("trace_id", field::display(trace.trace_id()));
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// A path without the secrets in it: whoever knows a trigger URL can start its workflow, and whoever knows the address
/// of a recipient can sign as them.
fn loggable(path: &str) -> Cow<'_, str> {
    let secret = [Purpose::Trigger.prefix(), Purpose::Signature.prefix()];
    let is_token = |part: &&str| secret.iter().any(|prefix| part.starts_with(prefix));
    match path.split('/').find(is_token) {
        Some(token) => Cow::Owned(path.replace(token, &token::hint(token))),
        None => Cow::Borrowed(path),
    }
}

fn plausible(id: &str) -> bool {
    (8..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        text(self.0, key)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_of_an_address_is_not_logged() {
        assert_eq!(loggable("/api/v1/public/x/sign_abcdefgh/view"), "/api/v1/public/x/sign_abcd…/view");
        assert_eq!(loggable("/v1/webhooks/in/in_abcdefgh"), "/v1/webhooks/in/in_abcd…");
        assert_eq!(loggable("/api/v1/contacts/in"), "/api/v1/contacts/in");
    }
}
