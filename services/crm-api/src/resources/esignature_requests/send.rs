//! Sending a request, and taking it back.

use actix_web::http::StatusCode;
use actix_web::web;
use actix_web::{HttpRequest, HttpResponse};
use chrono::Utc;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use pulse_domain::token::{self, Purpose};
use pulse_jsonapi::{Code, Problem};
use pulse_resource::render::Record;
use pulse_resource::write::Transaction;
use pulse_resource::{Bind, Changes, Error as EngineError};
use pulse_store::schema::esignature_recipients as recipients;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{ESIGNATURE_REQUESTS, instant, is_open};
use crate::auth::Caller;
use crate::operation::{Answer, Operation};
use crate::resources::esignature_recipients::ESIGNATURE_RECIPIENTS;
use crate::{App, Error, answer, collection, public};

pub(in crate::resources) const OPERATIONS: &[Operation] = &[
    Operation {
        id: "send_esignature_request",
        summary: "Send a request to its recipients",
        description: "`meta.links` has an address for each recipient, which is shown this once: whoever knows it signs as \
                      them.",
        path: "/esignature_requests/{id}/send",
        answers: &[Answer::Record(200, &ESIGNATURE_REQUESTS)],
        refusals: &[Code::StateConflict],
        handler: || web::to(send),
        ..Operation::DEFAULT
    },
    Operation {
        id: "cancel_esignature_request",
        summary: "Take a request back",
        path: "/esignature_requests/{id}/cancel",
        answers: &[Answer::Record(200, &ESIGNATURE_REQUESTS)],
        refusals: &[Code::StateConflict],
        handler: || web::to(cancel),
        ..Operation::DEFAULT
    },
];

/// A recipient, and the secret of its address.
struct Link {
    id: Uuid,
    email: String,
    token: String,
}

async fn send(request: HttpRequest, app: web::Data<App>, caller: Caller) -> Result<HttpResponse, Error> {
    let id = collection::id(&request, &ESIGNATURE_REQUESTS)?;
    let mut transaction = app.engine().begin(caller.act()).await?;
    let result = hand_out(&mut transaction, id).await;
    let (record, links) = app.engine().end(transaction, result, caller.act(), None).await?;
    let gateway = app.settings().gateway.url.trim_end_matches('/');
    let links: Vec<Value> = links
        .into_iter()
        .map(|Link { id, email, token }| {
            let url = format!("{gateway}{}/esignature_recipients/{token}", public::ROOT);
            json!({ "recipient_id": id, "email": email, "token": token, "url": url })
        })
        .collect();
    Ok(answer::record(StatusCode::OK, &record, Some(&json!({ "links": links }))))
}

/// Gives every recipient who can do something an address. In a sequential order, those who come first are asked at once
/// and the others when it is their turn; who only looks on is shown the documents at once.
async fn hand_out(transaction: &mut Transaction, id: Uuid) -> Result<(Record, Vec<Link>), EngineError> {
    let request = transaction.lock(&ESIGNATURE_REQUESTS, id, None).await?;
    let all: Vec<(Uuid, String, String, i32)> = recipients::table
        .filter(recipients::workspace_id.eq(transaction.workspace().0))
        .filter(recipients::request_id.eq(id))
        .filter(recipients::deleted_at.is_null())
        .order((recipients::position, recipients::id))
        .select((recipients::id, recipients::email, recipients::role, recipients::position))
        .load(transaction.connection())
        .await?;
    require_complete(&request, &all)?;
    let sequential = request.get("signing_order") == "sequential";
    let first = all.iter().filter(|(_, _, role, _)| acts(role)).map(|(.., position)| *position).min();
    let mut links = Vec::new();
    for (id, email, role, position) in all {
        let mut changes = Changes::of(&ESIGNATURE_RECIPIENTS);
        if role != "cc" {
            let token = Purpose::Signature.generate();
            changes.set("token_digest", Bind::Bytes(token::digest(&token).to_vec()));
            links.push(Link { id, email, token });
        }
        let waits = sequential && acts(&role) && Some(position) != first;
        changes.set("status", if waits { "pending" } else { "sent" });
        transaction.update(id, changes, None).await?;
    }
    let mut changes = Changes::of(&ESIGNATURE_REQUESTS);
    changes.set("status", "sent");
    changes.set("sent_at", Bind::Instant(Utc::now()));
    Ok((transaction.update(id, changes, None).await?, links))
}

/// Whether a recipient of a role has something to do, and the request waits for it.
pub(super) fn acts(role: &str) -> bool {
    matches!(role, "signer" | "approver")
}

fn require_complete(request: &Record, all: &[(Uuid, String, String, i32)]) -> Result<(), EngineError> {
    let mut missing = Vec::new();
    if request.get("status") != "draft" {
        missing.push("It was sent already.");
    }
    if all.iter().all(|(_, _, role, _)| role != "signer") {
        missing.push("It has nobody who signs.");
    }
    if request.get("documents").as_array().is_none_or(Vec::is_empty) {
        missing.push("It has no documents.");
    }
    if instant(request, "expires_at").is_some_and(|at| at <= Utc::now()) {
        missing.push("It has expired.");
    }
    let problems: Vec<Problem> =
        missing.into_iter().map(|detail| Problem::new(Code::StateConflict, detail)).collect();
    if problems.is_empty() { Ok(()) } else { Err(problems.into()) }
}

async fn cancel(request: HttpRequest, app: web::Data<App>, caller: Caller) -> Result<HttpResponse, Error> {
    let id = collection::id(&request, &ESIGNATURE_REQUESTS)?;
    let mut transaction = app.engine().begin(caller.act()).await?;
    let result = take_back(&mut transaction, id).await;
    let record = app.engine().end(transaction, result, caller.act(), None).await?;
    Ok(answer::record(StatusCode::OK, &record, None))
}

async fn take_back(transaction: &mut Transaction, id: Uuid) -> Result<Record, EngineError> {
    let request = transaction.lock(&ESIGNATURE_REQUESTS, id, None).await?;
    let status = request.get("status");
    let status = status.as_str().unwrap_or_default();
    if status != "draft" && !is_open(status) {
        let detail = format!("A request that is {status} cannot be taken back.");
        return Err(Problem::new(Code::StateConflict, detail).into());
    }
    let mut changes = Changes::of(&ESIGNATURE_REQUESTS);
    changes.set("status", "cancelled");
    transaction.update(id, changes, None).await
}
