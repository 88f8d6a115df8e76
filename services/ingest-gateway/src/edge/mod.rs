//! The edge: `POST /api/ingest`, answered with 202 when the broker has confirmed the event, never before.
//!
//! A request passes these steps, and the first that refuses it is the answer: a body within its bound, the limit of
//! its address, JSON taken apart ([`envelope`]), a token that opens a site ([`tokens`]), revenue only
//! under a secret one, the facts ([`facts`], [`revenue`]), the visitor ([`visitors`]), the broker. Every answer can be
//! read by a page of any origin ([`cors`], [`refusal`]). A preflight passes none of these steps.

mod cors;
mod envelope;
mod facts;
mod refusal;
mod revenue;
mod tokens;
mod visitors;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{HeaderMap, USER_AGENT};
use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use chrono::{DateTime, SubsecRound, Utc};
use pulse_bus::Publisher;
use pulse_service::body;
use pulse_service::http::{Origin, Refuse};
use pulse_service::limit::{Limit, Store, Subject};
use pulse_store::Pool;
use tokio_util::sync::CancellationToken;

use self::envelope::{Data, Envelope};
use self::facts::Checked;
use self::refusal::Refusal;
use self::tokens::{Access, Tokens};
use self::visitors::Visitors;
use crate::accepted::{Accepted, Identity, Kind};
use crate::settings::Ingest;

const PATH: &str = "/api/ingest";
/// Arrays and objects in one another at most: the database has its own limit, and finds it too late.
const DEPTH: usize = 64;
const HOUR: Duration = Duration::from_secs(3_600);
const TOKEN: &str = "x-api-token";
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// What requests share.
#[derive(Debug)]
pub(crate) struct Edge {
    max_body_bytes: usize,
    limit: Limit,
    tokens: Tokens,
    visitors: Visitors,
    publisher: Publisher,
}

impl Edge {
    /// `limits` is the store to count in, if there is one; `crm` has the tokens, `analytics` the salts and sessions.
    pub(crate) fn new(
        settings: &Ingest,
        limits: Option<Store>,
        crm: Pool,
        analytics: Pool,
        publisher: Publisher,
    ) -> Self {
        Self {
            max_body_bytes: settings.max_body_bytes,
            limit: Limit::new("events", settings.requests_per_hour, HOUR).shared(limits),
            tokens: Tokens::new(crm),
            visitors: Visitors::new(analytics, settings.salt_days),
            publisher,
        }
    }

    /// Keeps what is remembered of tokens true until told to stop.
    pub(crate) async fn watch_tokens(&self, database_url: &str, ttl: Duration, stop: CancellationToken) {
        self.tokens.watch(database_url, ttl, stop).await;
    }

    async fn accept(&self, headers: &HeaderMap, client: IpAddr, body: &[u8]) -> Result<(), Refusal> {
        // What the message carries: later steps must not see more of an instant than the worker.
        let received_at = Utc::now().trunc_subsecs(3);
        if body::is_deeper(body, DEPTH) {
            return Err(Refusal::Malformed(format!("The body is nested deeper than {DEPTH} levels.")));
        }
        let envelope = Envelope::parse(body)?;
        let token = header(headers, TOKEN).or_else(|| envelope.token()).ok_or(Refusal::MissingToken)?;
        let access = self.tokens.look_up(&token).await?.ok_or(Refusal::InvalidToken)?;
        let kind = envelope.kind()?;
        if kind == Kind::Revenue && !access.secret {
            return Err(Refusal::PublicToken);
        }
        let data = envelope.data(kind)?;
        let mut checked = facts::check(&data, received_at)?;
        let visitor_fingerprint = match checked.visitor_fingerprint.take() {
            Some(given) => given,
            None if kind == Kind::Revenue => self.buyer(access, &data, &checked, received_at).await?,
            None => {
                let user_agent = headers.get(USER_AGENT).map_or(&b""[..], |value| value.as_bytes());
                self.visitors.derive(access.site_id, client, user_agent, received_at).await?
            }
        };
        // A transaction is its own key, whoever forwards it.
        let identity = match (checked.identity, header(headers, IDEMPOTENCY_KEY)) {
            (Identity::Minted | Identity::Key(_), Some(key)) => Identity::Key(key),
            (identity, _) => identity,
        };
        let (id, repeatable) = identity.id(access.site_id);
        let accepted = Accepted {
            id,
            repeatable,
            workspace_id: access.workspace_id,
            site_id: access.site_id,
            received_at,
            visitor_fingerprint,
            facts: checked.facts,
        };
        self.publisher.publish(&accepted.message()).await.map_err(Refusal::unavailable)
    }

    /// Revenue is sent by a server, so its address says nothing about the buyer; the session that it names does.
    async fn buyer(
        &self,
        access: Access,
        data: &Data<'_>,
        checked: &Checked,
        at: DateTime<Utc>,
    ) -> Result<String, Refusal> {
        let known = match &checked.facts.session_id {
            Some(session_id) => self.visitors.of_session(access, session_id, at).await?,
            None => None,
        };
        known.ok_or_else(|| data.refuse("visitor_fingerprint", "is required."))
    }
}

/// The routes, and the answers to everything that is none of them.
pub(crate) fn routes(edge: Arc<Edge>) -> impl Fn(&mut web::ServiceConfig) + Clone {
    move |config| {
        config
            .app_data(web::Data::from(Arc::clone(&edge)))
            .app_data(Refuse(|excess| Refusal::Excess(excess).error_response()))
            .service(
                web::resource(PATH)
                    .route(web::method(actix_web::http::Method::OPTIONS).to(cors::preflight))
                    .route(web::post().to(ingest))
                    .default_service(web::to(|| async { Refusal::WrongMethod.error_response() })),
            )
            .default_service(web::to(|| async { Refusal::NotFound.error_response() }));
    }
}

async fn ingest(
    request: HttpRequest,
    payload: Payload,
    origin: Origin,
    edge: web::Data<Edge>,
) -> HttpResponse {
    let body = match body::read(payload, edge.max_body_bytes).await {
        Ok(body) => body,
        Err(body::Error::TooLarge(limit)) => return Refusal::TooLarge(limit).error_response(),
        Err(body::Error::TooSlow(_)) => return Refusal::TooSlow.error_response(),
        Err(body::Error::Broken) => {
            return Refusal::Malformed("The body broke off.".into()).error_response();
        }
    };
    let standing = edge.limit.count(Subject::address(origin.client)).await;
    let answer = if standing.is_exceeded() {
        Err(Refusal::RateLimited)
    } else {
        edge.accept(request.headers(), origin.client, &body).await
    };
    let mut response = answer.map_or_else(|refusal| refusal.error_response(), |()| accepted());
    standing.tell(response.headers_mut());
    response
}

fn accepted() -> HttpResponse {
    cors::open(&mut HttpResponse::Accepted()).content_type("application/json").body(r#"{"success":true}"#)
}

/// A header that says something. One that is no text is no token anybody was given, but it is there.
fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned()).filter(|value| !value.is_empty())
}
