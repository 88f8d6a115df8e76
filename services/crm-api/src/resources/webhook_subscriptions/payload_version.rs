//! The payload version that new subscriptions of a workspace pin. Those that exist keep theirs.

use actix_web::http::StatusCode;
use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use pulse_domain::{WorkspaceId, payload};
use pulse_jsonapi::document::{Document, Links, Writer};
use pulse_jsonapi::{Code, Problem};
use pulse_store::schema::workspaces;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::auth::Caller;
use crate::operation::{Answer, Body, Operation, Verb};
use crate::{App, Error, answer, collection};

const PATH: &str = "/webhook_subscriptions/default_payload_version";

pub(super) const SHOW: Operation = Operation {
    id: "show_default_payload_version",
    summary: "The payload version that new subscriptions pin",
    verb: Verb::Get,
    path: PATH,
    answers: &[Answer::Meta(200, described)],
    handler: || web::to(show),
    ..Operation::DEFAULT
};

pub(super) const SET: Operation = Operation {
    id: "set_default_payload_version",
    summary: "Let new subscriptions pin another payload version",
    description: "A subscription that names a version, or exists already, keeps its own.",
    path: PATH,
    body: Body::Json(|| {
        json!({
            "type": "object",
            "required": ["payload_version"],
            "properties": { "payload_version": { "enum": payload::VERSIONS } },
            "additionalProperties": false,
        })
    }),
    answers: &[Answer::Meta(200, described)],
    refusals: &[Code::Invalid],
    handler: || web::to(set),
    ..Operation::DEFAULT
};

fn described() -> Value {
    json!({
        "type": "object",
        "required": ["payload_version", "known"],
        "properties": {
            "payload_version": { "type": "integer" },
            "known": { "type": "array", "items": { "type": "integer" } },
        },
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    payload_version: i32,
}

/// The version that new subscriptions of a workspace pin.
///
/// # Errors
/// Those of the database.
pub(super) async fn default(connection: &mut AsyncPgConnection, workspace: WorkspaceId) -> QueryResult<i32> {
    workspaces::table.find(workspace.0).select(workspaces::webhook_payload_version).first(connection).await
}

async fn show(request: HttpRequest, app: web::Data<App>, caller: Caller) -> Result<HttpResponse, Error> {
    let version = default(&mut *app.0.pool.get().await?, caller.workspace).await?;
    Ok(answer::fetched(&request, document(&request, version), None))
}

async fn set(
    request: HttpRequest,
    app: web::Data<App>,
    caller: Caller,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let Wanted { payload_version } = collection::read_json(payload).await?;
    if !payload::VERSIONS.contains(&payload_version) {
        let detail = format!("There is no payload version {payload_version}.");
        let known = payload::VERSIONS.map(|version| version.to_string());
        let problem = Problem::new(Code::Invalid, detail).at_pointer("/payload_version");
        return Err(problem.allowing(known.iter().map(String::as_str)).into());
    }
    diesel::update(workspaces::table.find(caller.workspace.0))
        .set((
            workspaces::webhook_payload_version.eq(payload_version),
            workspaces::updated_at.eq(diesel::dsl::now),
        ))
        .execute(&mut *app.0.pool.get().await?)
        .await?;
    Ok(answer::document(StatusCode::OK, document(&request, payload_version)))
}

fn document(request: &HttpRequest, version: i32) -> Document {
    let meta = json!({ "payload_version": version, "known": payload::VERSIONS });
    Writer::meta_only(&Links::new(answer::self_link(request))).finish(Some(&meta))
}
