//! Requests that are executed once: whoever does not know whether a write arrived sends it again with the same
//! `Idempotency-Key`, and is answered as the first time.
//!
//! In reading order: [`key`] is what a request says, [`claim`] the row that one execution holds and that commits along
//! with what it writes, [`kept`] the answer as it is stored, [`lost`] what is answered where that was not stored.
//! docs/idempotency.md says what clients may rely on.

mod claim;
mod kept;
mod key;
mod lost;

use std::sync::Arc;

use actix_web::body::{BodySize, BoxBody, MessageBody, to_bytes};
use actix_web::dev::{self, ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::{self, Bytes, Payload};
use actix_web::{HttpResponse, ResponseError};
use futures_util::stream;
use pulse_jsonapi::{BASE, Code, Problem};

use crate::auth::credential::Credential;
use crate::auth::{Bearer, Caller};
use crate::{App, Error, collection};

pub(crate) use claim::Claim;
use claim::Claimed;
pub(crate) use claim::forget;
use kept::Kept;
use key::Key;

/// Says on an answer that it was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// An answer is kept up to this many bytes.
const ANSWER_BYTES: u64 = 1024 * 1024;

/// When to ask again while a request with the same key is being executed, in seconds.
const RETRY_AFTER_SECONDS: &str = "1";

/// The middleware. A request without a key passes at no cost.
///
/// # Errors
/// Those of the handlers.
pub(crate) async fn once<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    // Answers below /auth carry tokens, and none of them is to be had twice.
    let counts = !request.method().is_safe() && !request.path().starts_with(&format!("{BASE}/auth/"));
    let key = match Key::of(request.headers()) {
        Ok(Some(key)) if counts => key,
        Ok(_) => return Ok(next.call(request).await?.map_into_boxed_body()),
        Err(refused) => return Ok(request.error_response(Error::from(refused))),
    };
    match begin(&mut request, key).await {
        Ok(None) => Ok(next.call(request).await?.map_into_boxed_body()),
        Ok(Some(Begun::Mine(execution))) => {
            Bearer::bind(request.request(), execution.claim.clone());
            execution.end(next.call(request).await).await
        }
        Ok(Some(Begun::Answered(answer))) => Ok(request.into_response(answer)),
        Err(refused) => Ok(request.error_response(refused)),
    }
}

/// What a request with a key is about to be.
enum Begun {
    /// Executed.
    Mine(Execution),
    /// Answered: it was executed before, or is being so.
    Answered(HttpResponse),
}

struct Execution {
    app: web::Data<App>,
    claim: Arc<Claim>,
}

/// Finds out what becomes of a request; `None` where nobody is signed in, which the handler finds out as well.
async fn begin(request: &mut ServiceRequest, key: Key) -> Result<Option<Begun>, Error> {
    let Some(app) = request.app_data::<web::Data<App>>().cloned() else { return Ok(None) };
    // Nobody is told what somebody else was answered, nor what their own session was before it ended.
    let caller = request.extract::<Caller>().await?;
    let scope = key::scope(&Credential::of(request.request()));
    let body = collection::read(request.extract::<Payload>().await.map_err(|_unreadable| broken())?).await?;
    let digest = key::digest(request.request(), &body);
    request.set_payload(payload(body));
    let claimed = claim::claim(&app, (caller.workspace, scope), key, digest).await?;
    Ok(Some(match claimed {
        Claimed::Mine(claim) => Begun::Mine(Execution { app, claim: Arc::new(claim) }),
        Claimed::Busy => Begun::Answered(busy()),
        Claimed::Other => {
            let detail = "This key came with another request before. A key names one request.";
            let problem = Problem::new(Code::IdempotencyKeyReused, detail).at_header(key::HEADER);
            return Err(problem.into());
        }
        Claimed::Done(kept) => Begun::Answered(replayed(kept.response()?)),
        Claimed::Written(made) => {
            Begun::Answered(replayed(lost::answer(&app, &caller, request.request(), made).await?))
        }
    }))
}

impl Execution {
    /// Keeps the answer of a request that has done something. One that has not may be sent again.
    async fn end<B: MessageBody + 'static>(
        self,
        outcome: Result<ServiceResponse<B>, actix_web::Error>,
    ) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
        let response = match outcome {
            Ok(response) => response,
            Err(error) => {
                self.give_up().await;
                return Err(error);
            }
        };
        let has_done = response.status().is_success() || response.status().is_redirection();
        if response.status().is_server_error() || !(has_done || self.claim.is_written()) {
            self.give_up().await;
            return Ok(response.map_into_boxed_body());
        }
        let (request, response) = response.into_parts();
        let (kept, response) = match response.body().size() {
            BodySize::Sized(length) if length <= ANSWER_BYTES => {
                let (head, body) = response.into_parts();
                let body = to_bytes(body).await.map_err(|_unreadable| broken_answer())?;
                (Some(Kept::of(&head, &body)), head.set_body(body).map_into_boxed_body())
            }
            BodySize::None => {
                let (head, _) = response.into_parts();
                (Some(Kept::of(&head, &[])), head.map_into_boxed_body())
            }
            _ => (None, response.map_into_boxed_body()),
        };
        if let Err(error) = self.claim.answer(&self.app, kept).await {
            // What was written says so by itself, and is answered again from the record.
            tracing::warn!(%error, "an answer is not kept for its idempotency key");
        }
        Ok(ServiceResponse::new(request, response))
    }

    /// Lets the request be sent again, unless it has written something.
    async fn give_up(&self) {
        if let Err(error) = self.claim.release(&self.app).await {
            tracing::warn!(%error, "an idempotency key is held until its lease ends");
        }
    }
}

/// Somebody executes the same request at this moment.
fn busy() -> HttpResponse {
    let detail = "A request with this key is being executed. Ask again for its answer.";
    let problem = Problem::new(Code::IdempotencyConflict, detail).at_header(key::HEADER);
    let mut response = Error::from(problem).error_response();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
    response
}

fn replayed(mut response: HttpResponse) -> HttpResponse {
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

fn broken() -> Error {
    Problem::new(Code::MalformedDocument, "The body broke off.").into()
}

fn broken_answer() -> Error {
    anyhow::anyhow!("an answer of known length broke off").into()
}

/// A body that was read, to be read again.
fn payload(body: Bytes) -> dev::Payload {
    dev::Payload::Stream { payload: Box::pin(stream::iter([Ok(body)])) }
}
