//! What can be done with a booking: each is an ordinary change of it, and its rules stand in `rules`.

use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use pulse_jsonapi::document::ResourceInput;
use pulse_jsonapi::problem::{Source, pointer};
use pulse_jsonapi::{Code, Problem};
use pulse_resource::error::not_found;
use pulse_resource::render::Record;
use pulse_resource::write::Transaction;
use pulse_resource::{Bind, Changes, Error as EngineError};
use pulse_store::schema::bookings;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::BOOKINGS;
use crate::auth::Caller;
use crate::operation::{Answer, Body, Operation};
use crate::{App, Error, collection, version};

/// What an appointment that was moved keeps.
const KEPT: [&str; 6] = ["title", "attendees", "guests", "location", "conference_url", "answers"];
const KEPT_LINKS: [(&str, &str); 6] = [
    ("booking_page", "booking_page_id"),
    ("host", "host_id"),
    ("contact", "contact_id"),
    ("deal", "deal_id"),
    ("owner", "owner_id"),
    ("team", "team_id"),
];

pub(in crate::resources) const OPERATIONS: &[Operation] = &[
    Operation {
        id: "confirm_booking",
        summary: "Confirm a pending booking",
        path: "/bookings/{id}/confirm",
        handler: || web::to(confirm),
        ..MOVE
    },
    Operation {
        id: "decline_booking",
        summary: "Decline a pending booking",
        path: "/bookings/{id}/decline",
        handler: || web::to(decline),
        ..MOVE
    },
    Operation {
        id: "complete_booking",
        summary: "Say that a booking took place",
        path: "/bookings/{id}/complete",
        handler: || web::to(complete),
        ..MOVE
    },
    Operation {
        id: "miss_booking",
        summary: "Say that the invitee did not come",
        path: "/bookings/{id}/no_show",
        handler: || web::to(no_show),
        ..MOVE
    },
    Operation {
        id: "cancel_booking",
        summary: "Cancel a booking",
        path: "/bookings/{id}/cancel",
        body: Body::Json(|| {
            json!({
                "type": "object",
                "properties": {
                    "reason": { "type": ["string", "null"] },
                    "by": { "enum": ["host", "invitee", "system"], "default": "host" },
                },
                "additionalProperties": false,
            })
        }),
        handler: || web::to(cancel),
        ..MOVE
    },
    Operation {
        id: "reschedule_booking",
        summary: "Move a booking to another time",
        description: "Makes a booking of the new time and answers it. The former one becomes `rescheduled` and leads to \
                      it; both have one `ical_uid`.",
        path: "/bookings/{id}/reschedule",
        body: Body::Json(|| {
            json!({
                "type": "object",
                "required": ["starts_at", "ends_at"],
                "properties": {
                    "starts_at": { "type": "string", "format": "date-time" },
                    "ends_at": { "type": "string", "format": "date-time" },
                    "timezone": { "type": "string" },
                },
                "additionalProperties": false,
            })
        }),
        answers: &[Answer::Record(201, &BOOKINGS)],
        handler: || web::to(reschedule),
        ..MOVE
    },
];

const MOVE: Operation = Operation {
    answers: &[Answer::Record(200, &BOOKINGS)],
    refusals: &[Code::StateConflict, Code::Stale],
    ..Operation::DEFAULT
};

async fn confirm(request: HttpRequest, app: web::Data<App>, caller: Caller) -> Result<HttpResponse, Error> {
    change(&request, &app, &caller, json!({ "status": "confirmed" })).await
}

async fn decline(request: HttpRequest, app: web::Data<App>, caller: Caller) -> Result<HttpResponse, Error> {
    change(&request, &app, &caller, json!({ "status": "declined" })).await
}

async fn complete(request: HttpRequest, app: web::Data<App>, caller: Caller) -> Result<HttpResponse, Error> {
    change(&request, &app, &caller, json!({ "status": "completed" })).await
}

async fn no_show(request: HttpRequest, app: web::Data<App>, caller: Caller) -> Result<HttpResponse, Error> {
    change(&request, &app, &caller, json!({ "status": "no_show" })).await
}

/// Why a booking is cancelled, and by whom.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Cancel {
    reason: Option<String>,
    by: By,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum By {
    #[default]
    Host,
    Invitee,
    System,
}

async fn cancel(
    request: HttpRequest,
    app: web::Data<App>,
    caller: Caller,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let Cancel { reason, by } = collection::read_json(payload).await?;
    let attributes = json!({ "status": "cancelled", "cancel_reason": reason, "cancelled_by": by });
    change(&request, &app, &caller, attributes).await
}

async fn change(
    request: &HttpRequest,
    app: &App,
    caller: &Caller,
    attributes: Value,
) -> Result<HttpResponse, Error> {
    collection::change(request, app, caller, &BOOKINGS, attributes).await
}

/// Makes the booking that follows, in the transaction in which the former one gives its time free.
async fn reschedule(
    request: HttpRequest,
    app: web::Data<App>,
    caller: Caller,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let id = collection::id(&request, &BOOKINGS)?;
    let expected = version::expected(&request)?;
    let asked: Map<String, Value> = collection::read_json(payload).await?;
    let (mut follows, zone_is_given) = requested(asked)?;
    let act = caller.act();
    let mut transaction = app.engine().begin(act).await?;
    let result = hand_over(&mut transaction, (id, expected), &mut follows, zone_is_given).await;
    let record = app.engine().end(transaction, result, act, Some(&follows)).await?;
    Ok(collection::created(&record, None))
}

/// The time asked for, as a booking of its own, and whether that says a time zone too. Everything that is wrong with it
/// points into the body.
fn requested(asked: Map<String, Value>) -> Result<(Changes, bool), Error> {
    let allowed = ["starts_at", "ends_at", "timezone"];
    let unknown = asked.keys().filter(|name| !allowed.contains(&name.as_str())).map(|name| {
        let detail = format!("A booking is not moved by {name:?}.");
        Problem::new(Code::UnknownAttribute, detail).at_pointer(pointer(&[name])).allowing(allowed)
    });
    let mut problems: Vec<Problem> = unknown.collect();
    let attributes = asked.into_iter().filter(|(name, _)| allowed.contains(&name.as_str()));
    // Required of a new booking, and known from the former one.
    let mut attributes: Map<String, Value> = attributes.collect();
    let zone_is_given = attributes.contains_key("timezone");
    if !zone_is_given {
        attributes.insert("timezone".into(), "UTC".into());
    }
    let id = Some(Uuid::now_v7().to_string());
    let follows =
        match Changes::creating(&BOOKINGS, ResourceInput { id, attributes, ..ResourceInput::default() }) {
            Ok(follows) => follows,
            Err(wrong) => {
                problems.extend(wrong.into_iter().map(in_body));
                return Err(problems.into());
            }
        };
    if problems.is_empty() { Ok((follows, zone_is_given)) } else { Err(problems.into()) }
}

/// The body has the attributes themselves, and is no document.
fn in_body(mut problem: Problem) -> Problem {
    if let Some(Source::Pointer(at)) = &mut problem.source {
        *at = at.strip_prefix("/data/attributes").or(at.strip_prefix("/data")).unwrap_or(at).to_owned();
    }
    problem
}

async fn hand_over(
    transaction: &mut Transaction,
    (id, expected): (Uuid, Option<i64>),
    follows: &mut Changes,
    zone_is_given: bool,
) -> Result<Record, EngineError> {
    let workspace = transaction.workspace().0;
    let status: Option<String> = bookings::table
        .find((workspace, id))
        .filter(bookings::deleted_at.is_null())
        .select(bookings::status)
        .for_update()
        .first(transaction.connection())
        .await
        .optional()?;
    let status = status.ok_or_else(|| not_found(BOOKINGS.name, id))?;
    let next = follows.id.unwrap_or_default();
    let mut moved = Changes::of(&BOOKINGS);
    moved.set("status", "rescheduled");
    moved.set("rescheduled_to_id", next);
    let former = transaction.update(id, moved, expected).await?;
    for name in KEPT {
        follows.set(name, kept(&former, name));
    }
    if !zone_is_given {
        follows.set("timezone", kept(&former, "timezone"));
    }
    for (relationship, column) in KEPT_LINKS {
        let to = BOOKINGS.relationship(relationship).and_then(|relationship| former.to_one(relationship));
        follows.set(column, to.map_or(Bind::Null, Bind::Id));
    }
    follows.set("status", status.as_str());
    follows.set("rescheduled_from_id", id);
    follows.set("ical_uid", kept(&former, "ical_uid"));
    follows.set("sequence", former.get("sequence").as_i64().unwrap_or_default() + 1);
    transaction.create(follows.clone()).await
}

/// An attribute of one booking as that of another.
fn kept(former: &Record, attribute: &str) -> Bind {
    match former.get(attribute) {
        Value::Null => Bind::Null,
        Value::String(text) => Bind::Text(text),
        other => Bind::json(&other),
    }
}
