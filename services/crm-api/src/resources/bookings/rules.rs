//! What holds for every write of a booking, whoever asks for it: how a booking begins, which status follows which, that
//! a host is in one place at a time, and what is told of it.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use pulse_jsonapi::{Code, Problem};
use pulse_resource::render::Record;
use pulse_resource::write::{Transaction, Work};
use pulse_resource::{Changes, Error};
use pulse_store::schema::{booking_pages, bookings, users};
use serde_json::json;
use uuid::Uuid;

/// Which status may follow which.
const MOVES: [(&str, &[&str]); 2] = [
    ("pending", &["confirmed", "declined", "cancelled", "rescheduled"]),
    ("confirmed", &["cancelled", "completed", "no_show", "rescheduled"]),
];

pub(super) fn prepare<'a>(
    transaction: &'a mut Transaction,
    old: Option<&'a Record>,
    changes: &'a mut Changes,
) -> Work<'a> {
    Box::pin(async move {
        match old {
            Some(old) => go_on(old, changes),
            // What follows a booking that was moved takes over from it.
            None if changes.id_of("rescheduled_from_id").is_some() => Ok(()),
            None => begin(transaction, changes).await,
        }
    })
}

/// A booking begins confirmed, or pending where its page wants that; whoever makes it can say so.
async fn begin(transaction: &mut Transaction, changes: &mut Changes) -> Result<(), Error> {
    if let Some(id) = changes.id {
        changes.set("ical_uid", id.to_string().as_str());
    }
    match (changes.text("status"), changes.id_of("booking_page_id")) {
        (Some("pending" | "confirmed"), _) => Ok(()),
        (Some(status), _) => {
            let detail = format!("A booking begins as pending or confirmed, not as {status}.");
            Err(Problem::invalid("status", detail).into())
        }
        (None, None) => Ok(()),
        (None, Some(page)) => {
            let workspace = transaction.workspace().0;
            let pending: bool = booking_pages::table
                .find((workspace, page))
                .select(booking_pages::requires_confirmation)
                .first(transaction.connection())
                .await?;
            changes.set("status", if pending { "pending" } else { "confirmed" });
            Ok(())
        }
    }
}

fn go_on(old: &Record, changes: &Changes) -> Result<(), Error> {
    let mut problems = Vec::new();
    let known = old.get("status");
    let known = known.as_str().unwrap_or_default();
    let follows = changes.id_of("rescheduled_to_id").map(|_| "rescheduled");
    if let Some(wanted) = follows.or(changes.text("status").filter(|wanted| *wanted != known)) {
        let next = MOVES.iter().find(|(from, _)| *from == known).map_or([].as_slice(), |(_, to)| *to);
        if !next.contains(&wanted) {
            let detail = format!("A booking that is {known} cannot become {wanted}.");
            problems.push(Problem::new(Code::StateConflict, detail).allowing(next.iter().copied()));
        } else if wanted == "rescheduled" && follows.is_none() {
            problems.push(use_reschedule("status"));
        }
    }
    for attribute in ["starts_at", "ends_at"] {
        if changes.text(attribute).is_some_and(|text| instant(text) != instant_of(old, attribute)) {
            problems.push(use_reschedule(attribute));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems.into()) }
}

fn use_reschedule(attribute: &str) -> Problem {
    let detail = "A booking is moved by POST …/reschedule, which keeps the time it had.";
    Problem::new(Code::StateConflict, detail).at_pointer(format!("/data/attributes/{attribute}"))
}

fn instant(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|instant| instant.to_utc())
}

fn instant_of(record: &Record, attribute: &str) -> Option<DateTime<Utc>> {
    instant(record.get(attribute).as_str()?)
}

pub(super) fn follow<'a>(
    transaction: &'a mut Transaction,
    old: Option<&'a Record>,
    new: Option<&'a Record>,
) -> Work<'a> {
    Box::pin(async move {
        let Some(new) = new else { return Ok(()) };
        let status = new.get("status");
        if status == "confirmed" {
            one_place_at_a_time(transaction, new).await?;
        }
        let was = old.map(|old| old.get("status"));
        let restored = old.is_none() && new.version() != Some(0);
        if restored || was.as_ref() == Some(&status) {
            return Ok(());
        }
        let kind = match status.as_str() {
            // What follows a booking that was moved is told of by that one.
            Some("confirmed") if leads_to(new, "rescheduled_from").is_none() || old.is_some() => {
                "booking.confirmed"
            }
            Some("cancelled") => "booking.cancelled",
            Some("declined") => "booking.declined",
            Some("rescheduled") => "booking.rescheduled",
            Some("completed") => "booking.completed",
            Some("no_show") => "booking.no_show",
            _ => return Ok(()),
        };
        transaction.emit(kind, new, None).await
    })
}

fn leads_to(record: &Record, relationship: &str) -> Option<Uuid> {
    record.to_one(record.resource.relationship(relationship)?)
}

/// Refuses a confirmed booking while its host has another. It is looked for after the write and under a lock of the
/// host, so of two that come at once the second sees the first.
async fn one_place_at_a_time(transaction: &mut Transaction, booking: &Record) -> Result<(), Error> {
    let Some(host) = leads_to(booking, "host") else { return Ok(()) };
    let (Some(starts_at), Some(ends_at)) = (instant_of(booking, "starts_at"), instant_of(booking, "ends_at"))
    else {
        return Ok(());
    };
    let workspace = transaction.workspace().0;
    users::table
        .find((workspace, host))
        .select(users::id)
        .for_no_key_update()
        .load::<Uuid>(transaction.connection())
        .await?;
    let other: Option<Uuid> = bookings::table
        .filter(bookings::workspace_id.eq(workspace))
        .filter(bookings::host_id.eq(host))
        .filter(bookings::status.eq("confirmed"))
        .filter(bookings::deleted_at.is_null())
        .filter(bookings::id.ne(booking.id()))
        .filter(bookings::starts_at.lt(ends_at))
        .filter(bookings::ends_at.gt(starts_at))
        .select(bookings::id)
        .first(transaction.connection())
        .await
        .optional()?;
    match other {
        None => Ok(()),
        Some(id) => {
            let detail = "The host has another confirmed booking at that time.";
            Err(Problem::new(Code::StateConflict, detail).with_meta(json!({ "id": id })).into())
        }
    }
}
