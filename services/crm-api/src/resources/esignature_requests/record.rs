//! What recipients do, as it is written: their own state, whose turn it is then, and what becomes of the request. The
//! request is held first, so that recipients who act at once take turns.

use chrono::Utc;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use pulse_jsonapi::problem::pointer;
use pulse_jsonapi::{Code, Problem};
use pulse_resource::render::Record;
use pulse_resource::write::Transaction;
use pulse_resource::{Bind, Changes, Error};
use pulse_store::schema::esignature_recipients as recipients;
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::send::acts;
use super::{ESIGNATURE_REQUESTS, instant, is_open};
use crate::resources::esignature_recipients::{ESIGNATURE_RECIPIENTS, Field, Kind};

/// Characters of what is filled in; a drawn signature is an image in base64.
const LONGEST: usize = 10_000;
const LONGEST_DRAWN: usize = 200_000;

/// What somebody used.
pub(super) struct Device {
    pub(super) ip: String,
    pub(super) user_agent: Option<String>,
}

/// A request as one of its recipients sees it.
pub(super) struct Seen {
    pub(super) request: Record,
    pub(super) recipient: Record,
}

/// What came of it.
pub(super) enum Done {
    /// It is as it was asked for.
    Recorded(Seen),
    /// Its time was over, and that was noted.
    Expired,
}

/// Both records, held.
pub(super) async fn seen(
    transaction: &mut Transaction,
    request: Uuid,
    recipient: Uuid,
) -> Result<Seen, Error> {
    let request = transaction.lock(&ESIGNATURE_REQUESTS, request, None).await?;
    let recipient = transaction.lock(&ESIGNATURE_RECIPIENTS, recipient, None).await?;
    Ok(Seen { request, recipient })
}

/// Notes that a recipient has seen what is to be signed. Once is enough.
pub(super) async fn view(
    transaction: &mut Transaction,
    request: Uuid,
    recipient: Uuid,
    device: &Device,
) -> Result<Done, Error> {
    let mut seen = seen(transaction, request, recipient).await?;
    if expire(transaction, &seen.request).await? {
        return Ok(Done::Expired);
    }
    if !is_open(&status(&seen.request)) || status(&seen.recipient) != "sent" {
        return Ok(Done::Recorded(seen));
    }
    let mut changes = by(device);
    changes.set("status", "viewed");
    changes.set("viewed_at", Bind::Instant(Utc::now()));
    seen.recipient = transaction.update(recipient, changes, None).await?;
    if status(&seen.request) == "sent" {
        seen.request = move_to(transaction, request, "viewed").await?;
    }
    Ok(Done::Recorded(seen))
}

/// Notes that a recipient signs or approves. Who is next is asked, or the request is complete.
pub(super) async fn sign(
    transaction: &mut Transaction,
    request: Uuid,
    recipient: Uuid,
    device: &Device,
    values: Map<String, Value>,
) -> Result<Done, Error> {
    let mut seen = seen(transaction, request, recipient).await?;
    if expire(transaction, &seen.request).await? {
        return Ok(Done::Expired);
    }
    require_turn(&seen)?;
    let fields = filled_in(seen.recipient.get("fields"), values)?;
    let now = Bind::Instant(Utc::now());
    let mut changes = by(device);
    changes.set("status", "signed");
    changes.set("signed_at", now.clone());
    changes.set("fields", Bind::json(&fields));
    if seen.recipient.get("viewed_at").is_null() {
        changes.set("viewed_at", now.clone());
    }
    seen.recipient = transaction.update(recipient, changes, None).await?;

    let all: Vec<(Uuid, String, String, i32)> = recipients::table
        .filter(recipients::workspace_id.eq(transaction.workspace().0))
        .filter(recipients::request_id.eq(request))
        .filter(recipients::deleted_at.is_null())
        .select((recipients::id, recipients::role, recipients::status, recipients::position))
        .load(transaction.connection())
        .await?;
    let waiting: Vec<_> =
        all.into_iter().filter(|(_, role, status, _)| acts(role) && status != "signed").collect();
    let Some(next) = waiting.iter().map(|(.., position)| *position).min() else {
        let mut changes = Changes::of(&ESIGNATURE_REQUESTS);
        changes.set("status", "completed");
        changes.set("completed_at", now);
        seen.request = transaction.update(request, changes, None).await?;
        return Ok(Done::Recorded(seen));
    };
    for (id, ..) in waiting.iter().filter(|(_, _, status, position)| *position == next && status == "pending")
    {
        let mut changes = Changes::of(&ESIGNATURE_RECIPIENTS);
        changes.set("status", "sent");
        transaction.update(*id, changes, None).await?;
    }
    seen.request = move_to(transaction, request, "partially_signed").await?;
    Ok(Done::Recorded(seen))
}

/// Notes that a recipient does not sign, which ends the request.
pub(super) async fn decline(
    transaction: &mut Transaction,
    request: Uuid,
    recipient: Uuid,
    device: &Device,
    reason: Option<String>,
) -> Result<Done, Error> {
    let mut seen = seen(transaction, request, recipient).await?;
    if expire(transaction, &seen.request).await? {
        return Ok(Done::Expired);
    }
    require_turn(&seen)?;
    let mut changes = by(device);
    changes.set("status", "declined");
    seen.recipient = transaction.update(recipient, changes, None).await?;
    let mut changes = Changes::of(&ESIGNATURE_REQUESTS);
    changes.set("status", "declined");
    changes.set("declined_reason", reason.map_or(Bind::Null, Bind::Text));
    seen.request = transaction.update(request, changes, None).await?;
    Ok(Done::Recorded(seen))
}

fn status(record: &Record) -> String {
    record.get("status").as_str().unwrap_or_default().to_owned()
}

fn by(device: &Device) -> Changes {
    let mut changes = Changes::of(&ESIGNATURE_RECIPIENTS);
    changes.set("ip", device.ip.as_str());
    changes.set("user_agent", device.user_agent.clone().map_or(Bind::Null, Bind::Text));
    changes
}

async fn move_to(transaction: &mut Transaction, request: Uuid, status: &str) -> Result<Record, Error> {
    let mut changes = Changes::of(&ESIGNATURE_REQUESTS);
    changes.set("status", status);
    transaction.update(request, changes, None).await
}

/// Notes that the time of an open request is over.
async fn expire(transaction: &mut Transaction, request: &Record) -> Result<bool, Error> {
    let over = is_open(&status(request)) && instant(request, "expires_at").is_some_and(|at| at <= Utc::now());
    if over {
        move_to(transaction, request.id(), "expired").await?;
    }
    Ok(over)
}

fn require_turn(seen: &Seen) -> Result<(), Error> {
    let request = status(&seen.request);
    let refuse = |detail: String| Err(Problem::new(Code::StateConflict, detail).into());
    if !acts(seen.recipient.get("role").as_str().unwrap_or_default()) {
        let detail = "The documents are shown to you alone: others sign them.";
        return Err(Problem::new(Code::Forbidden, detail).into());
    }
    if !is_open(&request) {
        return refuse(format!("The request is {request}."));
    }
    match status(&seen.recipient).as_str() {
        "sent" | "viewed" => Ok(()),
        "pending" => refuse("It is not your turn yet.".into()),
        other => refuse(format!("You have {other} already.")),
    }
}

/// The fields with what was filled in; everything that is wrong with it points into the body.
fn filled_in(mut fields: Value, mut values: Map<String, Value>) -> Result<Value, Error> {
    let mut problems = Vec::new();
    for field in fields.as_array_mut().into_iter().flatten() {
        let Ok(known) = Field::deserialize(&*field) else { continue };
        let given = values.remove(&known.key).filter(|value| !value.is_null());
        let at = pointer(&["fields", &known.key]);
        match given {
            Some(value) => match fault(&known, &value) {
                None => field["value"] = value,
                Some(detail) => problems.push(Problem::new(Code::Invalid, detail).at_pointer(at)),
            },
            None if known.required && known.value.is_null() => {
                let detail = format!("{} is required.", known.key);
                problems.push(Problem::new(Code::Required, detail).at_pointer(""));
            }
            None => {}
        }
    }
    for name in values.keys() {
        let detail = format!("There is no field {name:?} to fill in.");
        problems.push(Problem::new(Code::UnknownAttribute, detail).at_pointer(pointer(&["fields", name])));
    }
    if problems.is_empty() { Ok(fields) } else { Err(problems.into()) }
}

fn fault(field: &Field, value: &Value) -> Option<String> {
    let key = &field.key;
    let longest =
        if matches!(field.kind, Kind::Signature | Kind::Initials) { LONGEST_DRAWN } else { LONGEST };
    match (field.kind, value) {
        (Kind::Checkbox, Value::Bool(true)) | (Kind::Number, Value::Number(_)) => None,
        (Kind::Checkbox, Value::Bool(false)) if !field.required => None,
        (Kind::Checkbox, _) => Some(format!("{key} is true where it is ticked.")),
        (Kind::Number, _) => Some(format!("{key} is a number.")),
        (_, Value::String(text)) if text.trim().is_empty() => Some(format!("{key} is blank.")),
        (_, Value::String(text)) if text.chars().count() > longest => {
            Some(format!("{key} has at most {longest} characters."))
        }
        (_, Value::String(_)) => None,
        _ => Some(format!("{key} is a text.")),
    }
}
