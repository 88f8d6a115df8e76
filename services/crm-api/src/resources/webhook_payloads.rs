//! Payloads: the exact bytes that deliveries of an event carry, for as long as they are kept.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use pulse_domain::signature;
use pulse_jsonapi::{Code, Problem};
use pulse_resource::Error::Database;
use pulse_store::schema::{webhook_deliveries as deliveries, webhook_payloads as payloads};
use serde_json::json;
use uuid::Uuid;

use super::webhook_deliveries::WEBHOOK_DELIVERIES;
use crate::auth::Caller;
use crate::operation::{Answer, Operation, Verb};
use crate::{App, Error, collection, version};

/// A header that does not change with time, for the same delivery.
const CONTENT_DIGEST: &str = "content-digest";

pub(super) const OPERATIONS: &[Operation] = &[Operation {
    id: "show_webhook_delivery_payload",
    summary: "The bytes that a delivery carries",
    description: "Exactly what was and will be sent, to check a signature with. 404 where it is not kept any more: then the \
                  delivery cannot be replayed either.",
    verb: Verb::Get,
    path: "/webhook_deliveries/{id}/payload",
    answers: &[Answer::Plain(200, || json!({ "type": "object" }))],
    headers: &[(
        "Content-Digest",
        "The SHA-256 of the bytes (RFC 9530), as every request with them says it.",
    )],
    refusals: &[Code::NotFound],
    handler: || web::to(show),
    ..Operation::DEFAULT
}];

async fn show(request: HttpRequest, app: web::Data<App>, caller: Caller) -> Result<HttpResponse, Error> {
    let id = collection::id(&request, &WEBHOOK_DELIVERIES)?;
    let delivery = app.engine().record(caller.act(), &WEBHOOK_DELIVERIES, id).await?;
    let mut connection = app.0.pool.get().await?;
    let stored: Option<(Vec<u8>, Vec<u8>)> = of(caller.workspace.0, delivery.id())
        .select((payloads::body, payloads::sha256))
        .first(&mut connection)
        .await
        .optional()
        .map_err(Database)?;
    let (body, sha256) = stored.ok_or_else(|| not_kept(Code::NotFound))?;
    let digest = signature::content_digest(&sha256);
    let tag = version::tag(None, &body);
    let mut response = if version::is_known(request.headers(), &tag) {
        HttpResponse::NotModified().finish()
    } else {
        let mut found = HttpResponse::Ok();
        found.content_type("application/json").insert_header((CONTENT_DIGEST, digest));
        found.insert_header((header::CACHE_CONTROL, "private, no-cache")).body(body)
    };
    version::name(&mut response, &tag);
    Ok(response)
}

/// The SHA-256 of what a delivery carries, in hexadecimal digits.
///
/// # Errors
/// When it is not kept any more.
pub(super) async fn sha256(app: &App, caller: &Caller, delivery: Uuid) -> Result<String, Error> {
    let mut connection = app.0.pool.get().await?;
    let stored: Option<Vec<u8>> = of(caller.workspace.0, delivery)
        .select(payloads::sha256)
        .first(&mut connection)
        .await
        .optional()
        .map_err(Database)?;
    Ok(hex::encode(stored.ok_or_else(|| not_kept(Code::StateConflict))?))
}

/// What a delivery carries.
#[diesel::dsl::auto_type(no_type_alias)]
fn of(workspace: Uuid, delivery: Uuid) -> _ {
    let carried = payloads::workspace_id
        .eq(deliveries::workspace_id)
        .and(payloads::event_id.eq(deliveries::event_id))
        .and(payloads::version.eq(deliveries::payload_version));
    payloads::table
        .inner_join(deliveries::table.on(carried))
        .filter(deliveries::workspace_id.eq(workspace))
        .filter(deliveries::id.eq(delivery))
}

fn not_kept(code: Code) -> Problem {
    Problem::new(code, "What the delivery carries is too old to be kept.")
}
