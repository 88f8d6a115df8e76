//! `POST /v1/webhooks/in/{token}`: takes a request, and answers 202 once it and the run it starts are stored.

use std::sync::Arc;
use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use pulse_service::http::{Origin, Refuse};
use pulse_service::limit::{Limit, Store, Subject};
use pulse_store::Pool;
use pulse_store::notify::Waker;
use serde_json::json;

use crate::capture::Captured;
use crate::intake::{self, Kept, Trigger};
use crate::refusal::Refusal;
use crate::{body, settings};

/// The quota of a workspace is counted over this long.
const WINDOW: Duration = Duration::from_secs(1);

/// What a request needs. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Receiver {
    pool: Pool,
    runs: Waker,
    limit: Arc<Limit>,
    max_body_bytes: usize,
}

impl Receiver {
    pub(crate) fn new(settings: &settings::Trigger, limits: Option<Store>, pool: Pool, runs: Waker) -> Self {
        Self {
            pool,
            runs,
            limit: Arc::new(Limit::new("requests", settings.requests_per_second, WINDOW).shared(limits)),
            max_body_bytes: settings.max_body_bytes,
        }
    }
}

pub(crate) fn routes(config: &mut web::ServiceConfig, receiver: Receiver) {
    config
        .app_data(web::Data::new(receiver))
        .app_data(Refuse(|excess| Refusal::Excess(excess).error_response()))
        .service(
            web::resource("/v1/webhooks/in/{token}")
                .route(web::post().to(receive))
                .default_service(web::to(|| async { Refusal::Method.error_response() })),
        )
        .default_service(web::to(|| async { Refusal::NotFound.error_response() }));
}

async fn receive(
    request: HttpRequest,
    origin: Origin,
    payload: web::Payload,
    receiver: web::Data<Receiver>,
) -> Result<HttpResponse, Refusal> {
    let token = request.match_info().query("token");
    let trigger = {
        let mut connection = receiver.pool.get().await?;
        intake::find(&mut connection, token).await?.ok_or(Refusal::UnknownTrigger)?
    };
    let standing = receiver.limit.count(Subject::workspace(trigger.workspace_id.0)).await;
    let answer = if standing.is_exceeded() {
        Err(Refusal::Limited)
    } else {
        accept(&receiver, &trigger, &request, payload, origin).await
    };
    let mut answer = answer.unwrap_or_else(|refusal| refusal.error_response());
    standing.tell(answer.headers_mut());
    Ok(answer)
}

async fn accept(
    receiver: &Receiver,
    trigger: &Trigger,
    request: &HttpRequest,
    payload: web::Payload,
    origin: Origin,
) -> Result<HttpResponse, Refusal> {
    let bytes = pulse_service::body::read(payload, receiver.max_body_bytes).await?;
    let captured = Captured::of(request);
    let parsed = body::parse(captured.content_type.as_deref(), &bytes);
    let mut connection = receiver.pool.get().await?;
    match parsed {
        Err(unreadable) => {
            intake::keep(&mut connection, trigger, captured, Kept::Unreadable(&bytes)).await?;
            Err(Refusal::Unreadable(unreadable))
        }
        Ok(body) if !trigger.active => {
            intake::keep(&mut connection, trigger, captured, Kept::Inactive(body)).await?;
            Err(Refusal::Inactive)
        }
        Ok(body) => {
            let accepted =
                intake::accept(&mut connection, trigger, captured, body, origin.correlation_id).await?;
            receiver.runs.wake();
            Ok(HttpResponse::Accepted().json(json!({
                "accepted": true,
                "run_id": accepted.run_id,
                "request_id": accepted.request_id,
            })))
        }
    }
}
