//! The edge that every request passes: its id, its trace, the client's address, the bounds of what it may be, headers that
//! every answer has, and one log line at its end.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse};
use opentelemetry::propagation::Extractor;
use opentelemetry::trace::TraceContextExt;
use pulse_domain::token::{self, Purpose};
use std::future::{Ready, ready};
use tracing::{Instrument, Span, field};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use uuid::Uuid;

use crate::body::Bounded;
use crate::connections::Connection;
use crate::network::Networks;
use crate::security;
use crate::settings::{Bounds, Http};

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
    /// What the client's program calls itself.
    pub user_agent: Option<String>,
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

/// What a request has too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excess {
    /// The path with its query is longer than so many bytes: 414.
    Uri(usize),
    /// The headers have more than so many bytes, or are more than so many: 431.
    Headers {
        /// Bytes allowed.
        bytes: usize,
        /// Headers allowed.
        count: usize,
    },
}

impl Excess {
    /// The status of the answer.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Uri(_) => StatusCode::URI_TOO_LONG,
            Self::Headers { .. } => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        }
    }
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uri(bytes) => write!(f, "A path with its query may have {bytes} bytes."),
            Self::Headers { bytes, count } => {
                write!(f, "A request may have {count} headers of {bytes} bytes together.")
            }
        }
    }
}

/// How a service answers a request that has too much of something: among its `app_data`. Without it, as plain text.
#[derive(Clone, Copy, Debug)]
pub struct Refuse(pub fn(Excess) -> HttpResponse);

/// What every request passes.
#[derive(Debug)]
pub(crate) struct Edge {
    trusted: Networks,
    bounds: Bounds,
    strict_transport: Option<HeaderValue>,
}

impl Edge {
    pub(crate) fn new(settings: &Http) -> Self {
        Self {
            trusted: settings.trusted_proxies.clone(),
            bounds: settings.bounds,
            strict_transport: security::strict_transport(Duration::from_secs(
                settings.strict_transport_seconds,
            )),
        }
    }

    /// The middleware.
    pub(crate) async fn pass<B: MessageBody>(
        self: Arc<Self>,
        mut request: ServiceRequest,
        next: Next<B>,
    ) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error> {
        let started = Instant::now();
        let _under_way = request.conn_data::<Arc<Connection>>().map(Connection::begin);
        let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
        let headers = request.headers();
        let client = self.trusted.client(peer, text(headers, "x-forwarded-for"));
        // Only a proxy of ours may name a request: ids must stay unique in our logs.
        let named = text(headers, REQUEST_ID)
            .filter(|id| self.trusted.contains(peer) && plausible(id))
            .map(str::to_owned);
        let request_id = named.unwrap_or_else(|| Uuid::now_v7().simple().to_string());
        let user_agent = text(headers, "user-agent").map(str::to_owned);
        let origin =
            Origin { request_id: request_id.clone(), correlation_id: Uuid::now_v7(), client, user_agent };

        let span = tracing::info_span!(
            "request", method = %request.method(), path = &*loggable(request.path()), request_id,
            trace_id = field::Empty, otel.kind = "server", otel.name = %request.method(),
        );
        continue_trace(&span, headers);
        request.extensions_mut().insert(origin);
        self.bound(&mut request);

        let handled = async {
            let mut response = match self.excess(&request) {
                None => next.call(request).await?.map_into_left_body(),
                Some(excess) => {
                    let refuse = request.app_data::<Refuse>().map_or(in_plain_text as _, |refuse| refuse.0);
                    request.into_response(refuse(excess)).map_into_right_body()
                }
            };
            if let Ok(value) = HeaderValue::from_str(&request_id) {
                response.headers_mut().insert(HeaderName::from_static(REQUEST_ID), value);
            }
            security::add(response.headers_mut(), self.strict_transport.as_ref());
            let status = response.status().as_u16();
            // For the trace alone: a field that is recorded later makes the log write all fields of the span again.
            Span::current().set_attribute("http.response.status_code", i64::from(status));
            let milliseconds = started.elapsed().as_secs_f64() * 1_000.0;
            tracing::info!(status, milliseconds, %client, "answered");
            Ok(response)
        };
        CURRENT.scope(RefCell::new(request_id.clone()), handled.instrument(span)).await
    }

    fn excess(&self, request: &ServiceRequest) -> Option<Excess> {
        let Bounds { uri_bytes, header_bytes, headers: count, .. } = self.bounds;
        let uri = request.uri().path_and_query().map_or(0, |text| text.as_str().len());
        if uri > uri_bytes {
            return Some(Excess::Uri(uri_bytes));
        }
        let headers = request.headers();
        let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        (bytes > header_bytes || headers.len() > count)
            .then_some(Excess::Headers { bytes: header_bytes, count })
    }

    /// Puts bounds around the body, where there is one.
    fn bound(&self, request: &mut ServiceRequest) {
        let body = request.take_payload();
        if !matches!(body, Payload::None) {
            let patience = Duration::from_secs(self.bounds.body_seconds);
            let payload = Bounded::new(body, self.bounds.body_bytes, patience);
            request.set_payload(Payload::Stream { payload: Box::pin(payload) });
        }
    }
}

fn in_plain_text(excess: Excess) -> HttpResponse {
    HttpResponse::build(excess.status()).content_type("text/plain").body(format!("{excess}\n"))
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
