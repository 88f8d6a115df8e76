//! The secret address of a recipient: what they see, and what they do. Looking is safe, so that programs which follow
//! links in mails view and sign nothing.

use actix_web::http::{StatusCode, header};
use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use pulse_domain::{WorkspaceId, token};
use pulse_jsonapi::document::{Links, Writer};
use pulse_jsonapi::{Code, Problem};
use pulse_resource::{Act, Actor};
use pulse_service::http::Origin;
use pulse_store::schema::{esignature_recipients as recipients, esignature_requests as requests};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::record::{self, Device, Done, Seen};
use crate::operation::{Answer, Body, Operation, Verb};
use crate::{App, Error, answer, collection};

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation {
        id: "show_esignature",
        summary: "What a recipient is asked to sign",
        verb: Verb::Get,
        path: "/esignature_recipients/{token}",
        handler: || web::to(show),
        refusals: &[],
        ..OPEN
    },
    Operation {
        id: "view_esignature",
        summary: "Say that a recipient has seen it",
        path: "/esignature_recipients/{token}/view",
        handler: || web::to(view),
        ..OPEN
    },
    Operation {
        id: "sign_esignature",
        summary: "Sign or approve",
        path: "/esignature_recipients/{token}/sign",
        body: Body::Json(|| {
            json!({
                "type": "object",
                "properties": { "fields": { "type": "object", "description": "Values by the keys of fields." } },
                "additionalProperties": false,
            })
        }),
        handler: || web::to(sign),
        ..OPEN
    },
    Operation {
        id: "decline_esignature",
        summary: "Decline to sign",
        path: "/esignature_recipients/{token}/decline",
        body: Body::Json(|| {
            json!({
                "type": "object",
                "properties": { "reason": { "type": ["string", "null"], "maxLength": REASON } },
                "additionalProperties": false,
            })
        }),
        handler: || web::to(decline),
        ..OPEN
    },
];

const OPEN: Operation = Operation {
    public: true,
    answers: &[Answer::Meta(200, || json!({ "type": "object" }))],
    refusals: &[Code::StateConflict, Code::Forbidden],
    ..Operation::DEFAULT
};

/// Characters of a reason.
const REASON: usize = 2_000;

/// A user agent is kept up to this many characters.
const USER_AGENT: usize = 255;

/// A recipient whose secret somebody knows.
struct Known {
    act: Act,
    request: Uuid,
    recipient: Uuid,
}

async fn known(app: &App, request: &HttpRequest, origin: &Origin) -> Result<Known, Error> {
    let digest = token::digest(request.match_info().query("token"));
    let mut connection = app.0.pool.get().await?;
    let nothing = || Problem::new(Code::NotFound, "There is nothing to sign here.");
    let found: Option<(Uuid, Uuid, Uuid)> = recipients::table
        .filter(recipients::token_digest.eq(digest.as_slice()))
        .filter(recipients::deleted_at.is_null())
        .select((recipients::workspace_id, recipients::request_id, recipients::id))
        .first(&mut connection)
        .await
        .optional()?;
    let (workspace, request, recipient) = found.ok_or_else(nothing)?;
    let live: Option<Uuid> = requests::table
        .find((workspace, request))
        .filter(requests::deleted_at.is_null())
        .select(requests::id)
        .first(&mut connection)
        .await
        .optional()?;
    live.ok_or_else(nothing)?;
    let act = Act::new(WorkspaceId(workspace), Actor::System, origin.correlation_id)
        .requested(origin.request_id.clone(), origin.client)
        .sent_by(origin.user_agent.clone());
    Ok(Known { act, request, recipient })
}

fn device(request: &HttpRequest, origin: &Origin) -> Device {
    let agent = request.headers().get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    Device {
        ip: origin.client.to_string(),
        user_agent: agent.map(|agent| agent.chars().take(USER_AGENT).collect()),
    }
}

async fn show(request: HttpRequest, app: web::Data<App>, origin: Origin) -> Result<HttpResponse, Error> {
    let known = known(&app, &request, &origin).await?;
    let mut transaction = app.engine().begin(&known.act).await?;
    let result = record::seen(&mut transaction, known.request, known.recipient).await;
    let seen = app.engine().end(transaction, result, &known.act, None).await?;
    Ok(shown(&request, &seen))
}

async fn view(request: HttpRequest, app: web::Data<App>, origin: Origin) -> Result<HttpResponse, Error> {
    let known = known(&app, &request, &origin).await?;
    let device = device(&request, &origin);
    let mut transaction = app.engine().begin(&known.act).await?;
    let result = record::view(&mut transaction, known.request, known.recipient, &device).await;
    let done = app.engine().end(transaction, result, &known.act, None).await?;
    told(&request, done)
}

/// What is filled in.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Sign {
    fields: Map<String, Value>,
}

async fn sign(
    request: HttpRequest,
    app: web::Data<App>,
    origin: Origin,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let known = known(&app, &request, &origin).await?;
    let Sign { fields } = collection::read_json(payload).await?;
    let device = device(&request, &origin);
    let mut transaction = app.engine().begin(&known.act).await?;
    let result = record::sign(&mut transaction, known.request, known.recipient, &device, fields).await;
    let done = app.engine().end(transaction, result, &known.act, None).await?;
    told(&request, done)
}

/// Why somebody does not sign.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Decline {
    reason: Option<String>,
}

async fn decline(
    request: HttpRequest,
    app: web::Data<App>,
    origin: Origin,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let known = known(&app, &request, &origin).await?;
    let Decline { reason } = collection::read_json(payload).await?;
    if reason.as_ref().is_some_and(|reason| reason.chars().count() > REASON) {
        let detail = format!("A reason has at most {REASON} characters.");
        return Err(Problem::new(Code::TooLong, detail).at_pointer("/reason").into());
    }
    let device = device(&request, &origin);
    let mut transaction = app.engine().begin(&known.act).await?;
    let result = record::decline(&mut transaction, known.request, known.recipient, &device, reason).await;
    let done = app.engine().end(transaction, result, &known.act, None).await?;
    told(&request, done)
}

fn told(request: &HttpRequest, done: Done) -> Result<HttpResponse, Error> {
    match done {
        Done::Recorded(seen) => Ok(shown(request, &seen)),
        Done::Expired => Err(Problem::new(Code::StateConflict, "The request has expired.").into()),
    }
}

fn shown(request: &HttpRequest, seen: &Seen) -> HttpResponse {
    let of = |record: &pulse_resource::render::Record, names: &[&str]| {
        let members = names.iter().map(|name| ((*name).to_owned(), record.get(name)));
        members.collect::<Map<String, Value>>()
    };
    let meta = json!({
        "request": of(&seen.request, &["title", "status", "message", "documents", "expires_at"]),
        "recipient": of(&seen.recipient, &["name", "email", "role", "status", "fields", "signed_at"]),
    });
    let links = Links::new(answer::self_link(request));
    answer::document(StatusCode::OK, Writer::meta_only(&links).finish(Some(&meta)))
}
