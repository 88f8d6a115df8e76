//! The audit log: who did what to which record, and whether the log is as it was written.

use actix_web::http::StatusCode;
use actix_web::web;
use actix_web::{HttpRequest, HttpResponse};
use pulse_jsonapi::document::{Links, Writer};
use pulse_jsonapi::{Code, Problem};
use pulse_resource::{Actions, Resource, attribute};
use pulse_store::audit::verify::verify;
use pulse_store::schema::audit_log;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::auth::Caller;
use crate::operation::{Answer, Operation, Verb};
use crate::{App, Error, answer};

/// Lines that one request checks at most: some seconds of work.
const LINES: i64 = 250_000;

/// The declaration.
pub(crate) static AUDIT_LOG: Resource = Resource {
    name: "audit_log",
    table: "audit_log",
    attributes: &[
        attribute::<audit_log::at>().read_only().filter().sort(),
        attribute::<audit_log::actor_type>().read_only().filter().sort(),
        attribute::<audit_log::actor_id>().read_only().filter(),
        attribute::<audit_log::action>().read_only().filter().sort(),
        attribute::<audit_log::severity>().read_only().filter().sort(),
        attribute::<audit_log::resource_type>().read_only().filter().sort(),
        attribute::<audit_log::record_id>().read_only().filter(),
        attribute::<audit_log::changes>().read_only(),
        attribute::<audit_log::request_id>().read_only().filter(),
        attribute::<audit_log::ip>().read_only().filter(),
        attribute::<audit_log::device>().read_only().filter(),
        attribute::<audit_log::cause>().read_only(),
        attribute::<audit_log::correlation_id>().read_only().filter(),
        attribute::<audit_log::sequence>().read_only().filter().sort(),
        attribute::<audit_log::prev_hash>().read_only(),
        attribute::<audit_log::hash>().read_only().filter(),
    ],
    actions: Actions::NONE,
    editable: false,
    newest_by: "at",
    ..Resource::DEFAULT
};

pub(super) const OPERATIONS: &[Operation] = &[Operation {
    id: "verify_audit_log",
    summary: "Check that the log is as it was written",
    description: "`from` and `to` name the places to check, both included; a request checks 250,000 \
        lines, and `meta.next` is the `from` of the one that goes on. `meta.first_broken` is the first line that is \
        not as it was chained. See docs/audit.md.",
    verb: Verb::Get,
    path: "/audit_log/verify",
    parameters: true,
    answers: &[Answer::Meta(200, verdict)],
    refusals: &[Code::Forbidden, Code::InvalidParameter],
    handler: || web::to(check),
    ..Operation::DEFAULT
}];

fn verdict() -> Value {
    let hash = json!({ "type": "string", "pattern": "^[0-9a-f]{64}$" });
    let place = json!({ "type": "integer", "minimum": 0 });
    json!({
        "type": "object",
        "required": ["valid", "checked", "unchained", "first_broken", "head", "next"],
        "properties": {
            "valid": { "type": "boolean" },
            "checked": { "type": "integer", "minimum": 0, "description": "Lines that were found to be good." },
            "unchained": { "type": "integer", "minimum": 0, "description": "Lines that wait for their place." },
            "first_broken": {
                "type": ["object", "null"],
                "required": ["id", "sequence", "reason"],
                "properties": {
                    "id": { "type": ["string", "null"], "format": "uuid" },
                    "sequence": place,
                    "reason": { "enum": ["altered", "unlinked", "missing", "truncated", "appended", "head"] },
                },
            },
            "head": {
                "type": ["object", "null"],
                "required": ["sequence", "hash"],
                "properties": { "sequence": place, "hash": hash },
            },
            "next": { "type": ["integer", "null"], "minimum": 1 },
        },
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Range {
    from: Option<i64>,
    to: Option<i64>,
}

impl Range {
    /// The places to check: as many as one request does.
    fn places(&self) -> Result<(i64, i64), Problem> {
        let misplaced = |name: &str| {
            let detail =
                format!("{name} is the place of a line: a number from 1, and `from` is not behind `to`.");
            Problem::new(Code::InvalidParameter, detail).at_parameter(name)
        };
        let from = self.from.unwrap_or(1);
        if from < 1 {
            return Err(misplaced("from"));
        }
        let most = from.saturating_add(LINES - 1);
        match self.to {
            Some(to) if to < from => Err(misplaced("to")),
            to => Ok((from, to.unwrap_or(most).min(most))),
        }
    }
}

async fn check(request: HttpRequest, app: web::Data<App>, caller: Caller) -> Result<HttpResponse, Error> {
    let range = web::Query::<Range>::from_query(request.query_string()).map_err(|fault| {
        Problem::new(Code::InvalidParameter, format!("`from` and `to` are numbers: {fault}."))
    })?;
    let places = range.places()?;
    let mut connection = app.0.pool.get().await?;
    let found = verify(&mut connection, caller.workspace, &app.0.audit_key, places).await?;
    drop(connection);
    let meta = json!({
        "valid": found.broken.is_none(),
        "checked": found.checked,
        "unchained": found.unchained,
        "first_broken": found.broken.map(|broken| json!({
            "id": broken.id, "sequence": broken.sequence, "reason": broken.reason.name(),
        })),
        "head": found.head.map(|head| json!({ "sequence": head.sequence, "hash": head.hash.to_hex() })),
        "next": found.next,
    });
    let links = Links::new(answer::self_link(&request));
    Ok(answer::document(StatusCode::OK, Writer::meta_only(&links).finish(Some(&meta))))
}
