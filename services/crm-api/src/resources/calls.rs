//! Calls by telephone. One that is completed tells so once, and stands in the timelines of all whom it was about.

use actix_web::http::StatusCode;
use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use pulse_jsonapi::{Code, Problem};
use pulse_resource::render::Record;
use pulse_resource::write::{Transaction, Work};
use pulse_resource::{Bind, Changes, Events, Ownership, Resource, attribute, belongs_to};
use pulse_store::schema::calls;

use super::activities::ACTIVITIES;
use super::companies::COMPANIES;
use super::contacts::CONTACTS;
use super::deals::DEALS;
use super::teams::TEAMS;
use super::tickets::TICKETS;
use super::users::USERS;
use crate::auth::Caller;
use crate::operation::form::{self, Form};
use crate::operation::{Answer, Body, Operation};
use crate::{App, Error, answer, collection, version};

/// The declaration.
pub(crate) static CALLS: Resource = Resource {
    name: "calls",
    table: "calls",
    attributes: &[
        attribute::<calls::direction>().required().choices(&["inbound", "outbound"]).filter().sort(),
        attribute::<calls::status>()
            .required()
            .choices(&[
                "queued",
                "ringing",
                "in_progress",
                "completed",
                "no_answer",
                "busy",
                "failed",
                "cancelled",
                "voicemail",
            ])
            .filter()
            .sort(),
        attribute::<calls::from_e164>().max_len(16).filter().sort(),
        attribute::<calls::to_e164>().max_len(16).filter().sort(),
        attribute::<calls::started_at>().filter().sort(),
        attribute::<calls::answered_at>().filter().sort(),
        attribute::<calls::ended_at>().filter().sort(),
        attribute::<calls::duration_s>().filter().sort(),
        attribute::<calls::talk_s>().filter().sort(),
        attribute::<calls::outcome>().filter().sort(),
        attribute::<calls::provider>().filter().sort(),
        attribute::<calls::provider_call_id>().filter().sort(),
        attribute::<calls::recording_url>().max_len(2_048),
        attribute::<calls::recording_consent>().filter().sort(),
        attribute::<calls::transcript>().max_len(500_000).filter(),
        attribute::<calls::summary>().max_len(65_535).filter(),
        attribute::<calls::cost>().filter().sort(),
        attribute::<calls::currency>().max_len(3).filter().sort(),
        attribute::<calls::created_at>().read_only().filter().sort(),
        attribute::<calls::updated_at>().read_only().filter().sort(),
    ],
    relationships: &[
        belongs_to::<calls::contact_id>("contact", &CONTACTS),
        belongs_to::<calls::company_id>("company", &COMPANIES),
        belongs_to::<calls::deal_id>("deal", &DEALS),
        belongs_to::<calls::ticket_id>("ticket", &TICKETS),
        belongs_to::<calls::owner_id>("owner", &USERS),
        belongs_to::<calls::team_id>("team", &TEAMS),
    ],
    ownership: Ownership::user_and_team::<calls::owner_id, calls::team_id>(),
    events: Some(Events::of("call.created", "call.updated", "call.deleted", "call.restored")),
    validate,
    prepare: Some(prepare),
    follow: Some(follow),
    ..Resource::DEFAULT
};

/// The records in whose timelines a completed call stands, by relationship.
const ABOUT: [&str; 4] = ["contact", "company", "deal", "ticket"];

fn validate(changes: &Changes) -> Vec<Problem> {
    let numbers = ["from_e164", "to_e164"].into_iter();
    let wrong = numbers.filter(|name| changes.text(name).is_some_and(|number| !is_e164(number)));
    wrong.map(|name| Problem::invalid(name, format!("{name} is a number such as +33628230455."))).collect()
}

/// Whether a number is written as ITU-T E.164 has it, with the plus sign in front.
fn is_e164(number: &str) -> bool {
    let digits = number.strip_prefix('+').unwrap_or_default();
    (2..=15).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|digit| digit.is_ascii_digit())
}

fn completed(call: Option<&Record>) -> bool {
    call.is_some_and(|call| call.text("status") == Some("completed"))
}

fn prepare<'a>(_: &'a mut Transaction, old: Option<&'a Record>, changes: &'a mut Changes) -> Work<'a> {
    Box::pin(async move {
        let completes = changes.text_of("status").map(|status| status == "completed");
        if completed(old) && completes == Some(false) {
            // It has told that it is.
            return Err(Problem::new(Code::StateConflict, "A completed call stays completed.").into());
        }
        let ended =
            old.is_some_and(|old| !old.get("ended_at").is_null()) || changes.column("ended_at").is_some();
        if completes == Some(true) && !ended {
            changes.set("ended_at", Bind::Instant(Utc::now()));
        }
        Ok(())
    })
}

fn follow<'a>(
    transaction: &'a mut Transaction,
    old: Option<&'a Record>,
    new: Option<&'a Record>,
) -> Work<'a> {
    Box::pin(async move {
        // A record without a past is a new one, or comes out of the trash, where its changes were counted.
        let Some(call) = new.filter(|new| old.is_some() || new.version() == Some(0)) else { return Ok(()) };
        if completed(old) || !completed(new) {
            return Ok(());
        }
        let about = ABOUT.iter().filter_map(|name| call.leads_to(CALLS.relationship(name)?));
        for (parent, id) in about {
            let mut activity = told(call);
            activity.set("parent_type", parent.name);
            activity.set("parent_id", id);
            transaction.create(activity).await?;
        }
        transaction.emit("call.completed", call, old.and_then(|old| call.changes_since(old))).await
    })
}

/// A call as an activity.
fn told(call: &Record) -> Changes {
    let mut activity = Changes::of(&ACTIVITIES);
    let inbound = call.text("direction") == Some("inbound");
    activity.set("kind", "call");
    activity.set("subject", if inbound { "Inbound call" } else { "Outbound call" });
    activity.set("direction", if inbound { "in" } else { "out" });
    activity.set("source_type", CALLS.name);
    activity.set("source_id", call.id());
    let text = |name: &str| call.text(name).map_or(Bind::Null, Bind::from);
    activity.set("body", text("summary"));
    activity.set("outcome", text("outcome"));
    activity.set("duration_s", call.get("duration_s").as_i64().map_or(Bind::Null, Bind::Integer));
    let started = call.get("started_at");
    let started = started.as_str().and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    activity.set("occurred_at", Bind::Instant(started.map_or_else(Utc::now, |at| at.to_utc())));
    let owner = CALLS.relationship("owner").and_then(|owner| call.to_one(owner));
    activity.set("user_id", owner.map_or(Bind::Null, Bind::Id));
    activity
}

static COMPLETE: Form = Form {
    resource: &CALLS,
    required: &[],
    optional: &[
        "outcome",
        "duration_s",
        "talk_s",
        "answered_at",
        "ended_at",
        "summary",
        "transcript",
        "recording_url",
        "recording_consent",
    ],
};

pub(super) const OPERATIONS: &[Operation] = &[Operation {
    id: "complete_call",
    summary: "Say how a call ended",
    description: "It is told by `call.completed`, and stands in the timelines of the records that the call leads to.",
    path: "/calls/{id}/complete",
    body: Body::Form(&COMPLETE),
    answers: &[Answer::Record(200, &CALLS)],
    refusals: &[Code::StateConflict],
    handler: || web::to(complete),
    ..Operation::DEFAULT
}];

async fn complete(
    request: HttpRequest,
    app: web::Data<App>,
    caller: Caller,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let id = collection::id(&request, &CALLS)?;
    let mut changes = COMPLETE.read(payload).await?;
    changes.set("status", "completed");
    let expected = version::expected(&request)?;
    let call = app.engine().record(caller.act(), &CALLS, id).await?;
    if completed(Some(&call)) {
        return Err(Problem::new(Code::StateConflict, "The call is completed already.").into());
    }
    let call = form::pointed(app.engine().update(caller.act(), id, changes, expected).await)?;
    Ok(answer::record(StatusCode::OK, &call, None))
}
