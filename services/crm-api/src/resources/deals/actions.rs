//! Moving, winning, losing and reopening a deal. Each asks for an ordinary change, under the lock of the deal.

use actix_web::http::StatusCode;
use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse};
use pulse_jsonapi::document::{Identifier, Linkage, ResourceInput};
use pulse_jsonapi::{Code, Problem, Source};
use pulse_resource::Changes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::DEALS;
use crate::auth::Caller;
use crate::operation::{Answer, Body, Operation};
use crate::{App, Error, answer, collection, version};

pub(in crate::resources) const OPERATIONS: &[Operation] = &[
    Operation {
        id: "move_deal",
        summary: "Move to another stage",
        description: "The rules of the pipeline and of the stage hold; `meta.rule` of an error names the one that is \
            against it.",
        path: "/deals/{id}/move",
        body: Body::Json(|| {
            json!({
                "type": "object",
                "required": ["stage_id"],
                "properties": { "stage_id": { "type": "string", "format": "uuid" } },
                "additionalProperties": false,
            })
        }),
        handler: || web::to(move_to),
        ..ACTION
    },
    Operation {
        id: "win_deal",
        summary: "Win",
        description: "The deal stays in its stage.",
        path: "/deals/{id}/win",
        handler: || web::to(win),
        ..ACTION
    },
    Operation {
        id: "lose_deal",
        summary: "Lose",
        description: "The deal stays in its stage.",
        path: "/deals/{id}/lose",
        body: Body::Json(|| {
            json!({
                "type": "object",
                "properties": {
                    "reason": { "type": ["string", "null"], "maxLength": 255 },
                    "note": { "type": ["string", "null"], "maxLength": 65_535 },
                },
                "additionalProperties": false,
            })
        }),
        handler: || web::to(lose),
        ..ACTION
    },
    Operation {
        id: "reopen_deal",
        summary: "Reopen",
        description: "A deal in a stage of kind `won` or `lost` needs another stage to go on in.",
        path: "/deals/{id}/reopen",
        body: Body::Json(|| {
            json!({
                "type": "object",
                "properties": { "stage_id": { "type": ["string", "null"], "format": "uuid" } },
                "additionalProperties": false,
            })
        }),
        handler: || web::to(reopen),
        ..ACTION
    },
];

const ACTION: Operation = Operation {
    answers: &[Answer::Record(200, &DEALS)],
    refusals: &[Code::StateConflict, Code::RelatedNotFound, Code::Stale],
    ..Operation::DEFAULT
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Move {
    stage_id: Uuid,
}

async fn move_to(
    request: HttpRequest,
    app: web::Data<App>,
    caller: Caller,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let Move { stage_id } = read(payload).await?;
    change(&request, &app, &caller, Ask::default().stage(stage_id), |_| None).await
}

async fn win(request: HttpRequest, app: web::Data<App>, caller: Caller) -> Result<HttpResponse, Error> {
    let ask = Ask::default().with("status", "won");
    change(&request, &app, &caller, ask, |status| (status == "won").then_some("The deal is won already."))
        .await
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Lose {
    reason: Option<String>,
    note: Option<String>,
}

async fn lose(
    request: HttpRequest,
    app: web::Data<App>,
    caller: Caller,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let Lose { reason, note } = read_or_default(payload).await?;
    let mut ask = Ask::default().with("status", "lost");
    for (attribute, given) in [("lost_reason", reason), ("lost_note", note)] {
        if let Some(given) = given {
            ask = ask.with(attribute, &given);
        }
    }
    change(&request, &app, &caller, ask, |status| (status == "lost").then_some("The deal is lost already."))
        .await
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Reopen {
    stage_id: Option<Uuid>,
}

async fn reopen(
    request: HttpRequest,
    app: web::Data<App>,
    caller: Caller,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let Reopen { stage_id } = read_or_default(payload).await?;
    let mut ask = Ask::default().with("status", "open");
    if let Some(stage) = stage_id {
        ask = ask.stage(stage);
    }
    change(&request, &app, &caller, ask, |status| (status == "open").then_some("The deal is open.")).await
}

async fn read<T: DeserializeOwned>(payload: Payload) -> Result<T, Error> {
    let body = collection::read(payload).await?;
    Ok(serde_json::from_slice(&body)
        .map_err(|fault| Problem::new(Code::MalformedDocument, fault.to_string()).at_pointer(""))?)
}

async fn read_or_default<T: DeserializeOwned + Default>(payload: Payload) -> Result<T, Error> {
    let body = collection::read(payload).await?;
    if body.is_empty() {
        return Ok(T::default());
    }
    Ok(serde_json::from_slice(&body)
        .map_err(|fault| Problem::new(Code::MalformedDocument, fault.to_string()).at_pointer(""))?)
}

/// What an action asks of a deal.
#[derive(Default)]
struct Ask {
    attributes: Map<String, Value>,
    relationships: Vec<(String, Linkage)>,
}

impl Ask {
    fn with(mut self, attribute: &str, text: &str) -> Self {
        self.attributes.insert(attribute.to_owned(), text.into());
        self
    }

    fn stage(mut self, id: Uuid) -> Self {
        let stage = Identifier { r#type: "stages".into(), id: id.to_string() };
        self.relationships.push(("stage".into(), Linkage::ToOne(Some(stage))));
        self
    }
}

/// Changes a deal unless its status is against it.
async fn change(
    request: &HttpRequest,
    app: &App,
    caller: &Caller,
    ask: Ask,
    against: fn(&str) -> Option<&'static str>,
) -> Result<HttpResponse, Error> {
    let id = collection::id(request, &DEALS)?;
    let expected = version::expected(request)?;
    let input = ResourceInput {
        attributes: ask.attributes,
        relationships: ask.relationships,
        ..ResourceInput::default()
    };
    let changes = Changes::updating(&DEALS, input).map_err(pointed)?;
    let mut transaction = app.engine().begin(caller.act()).await?;
    let done = async {
        let deal = transaction.lock(&DEALS, id, expected).await?;
        if let Some(detail) = deal.get("status").as_str().and_then(against) {
            return Err(Problem::new(Code::StateConflict, detail).into());
        }
        transaction.update(id, changes, None).await
    }
    .await;
    match done {
        Ok(deal) => {
            transaction.commit().await?;
            Ok(answer::record(StatusCode::OK, &deal, None))
        }
        Err(error) => {
            transaction.roll_back().await;
            Err(match error {
                pulse_resource::Error::Rejected(problems) => pointed(problems),
                other => other.into(),
            })
        }
    }
}

/// Points into the body of an action rather than into a document of a deal.
fn pointed(problems: Vec<Problem>) -> Error {
    let moved = problems.into_iter().map(|mut problem| {
        if let Some(Source::Pointer(pointer)) = &mut problem.source {
            let at = match pointer.as_str() {
                "/data/attributes/lost_reason" => "/reason",
                "/data/attributes/lost_note" => "/note",
                at if at.starts_with("/data/relationships/stage") => "/stage_id",
                _ => "",
            };
            at.clone_into(pointer);
        }
        problem
    });
    Error::Rejected(moved.collect())
}
