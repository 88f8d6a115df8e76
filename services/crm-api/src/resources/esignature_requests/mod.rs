//! Requests to sign documents. In reading order: this declaration; [`send`] is how one leaves its draft and is taken
//! back; [`address`] is what a recipient sees and does; [`record`] is how that is written.

mod address;
mod record;
mod send;

use chrono::{DateTime, Utc};
use pulse_jsonapi::{Code, Problem};
use pulse_resource::render::Record;
use pulse_resource::write::{Transaction, Work};
use pulse_resource::{Changes, Ownership, Resource, attribute, belongs_to, has_many};
use pulse_store::schema::{esignature_recipients, esignature_requests};
use serde::Deserialize;

use super::contacts::CONTACTS;
use super::deals::DEALS;
use super::esignature_recipients::ESIGNATURE_RECIPIENTS;
use super::teams::TEAMS;
use super::typed;
use super::users::USERS;

pub(crate) use address::OPERATIONS as PUBLIC_OPERATIONS;
pub(super) use send::OPERATIONS;

/// What is part of what is signed, and so stays as it was sent.
const SENT: [&str; 3] = ["title", "documents", "signing_order"];

/// The declaration.
pub(crate) static ESIGNATURE_REQUESTS: Resource = Resource {
    name: "esignature_requests",
    table: "esignature_requests",
    attributes: &[
        attribute::<esignature_requests::title>().required().filter().sort(),
        attribute::<esignature_requests::status>().read_only().filter().sort(),
        attribute::<esignature_requests::documents>(),
        attribute::<esignature_requests::signing_order>()
            .choices(&["parallel", "sequential"])
            .filter()
            .sort(),
        attribute::<esignature_requests::message>().max_len(65_535).filter(),
        attribute::<esignature_requests::expires_at>().filter().sort(),
        attribute::<esignature_requests::reminder>(),
        attribute::<esignature_requests::sent_at>().read_only().filter().sort(),
        attribute::<esignature_requests::completed_at>().read_only().filter().sort(),
        attribute::<esignature_requests::declined_reason>().read_only().filter(),
        attribute::<esignature_requests::created_at>().read_only().filter().sort(),
        attribute::<esignature_requests::updated_at>().read_only().filter().sort(),
    ],
    relationships: &[
        has_many::<esignature_recipients::request_id>("recipients", &ESIGNATURE_RECIPIENTS),
        belongs_to::<esignature_requests::contact_id>("contact", &CONTACTS),
        belongs_to::<esignature_requests::deal_id>("deal", &DEALS),
        belongs_to::<esignature_requests::owner_id>("owner", &USERS),
        belongs_to::<esignature_requests::team_id>("team", &TEAMS),
    ],
    ownership: Ownership::user_and_team::<esignature_requests::owner_id, esignature_requests::team_id>(),
    validate,
    prepare: Some(prepare),
    follow: Some(follow),
    ..Resource::DEFAULT
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "file_id", default)]
    _file_id: Option<String>,
    #[serde(rename = "name", default)]
    _name: Option<String>,
    sha256: String,
    #[serde(rename = "pages", default)]
    _pages: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reminder {
    every_days: u16,
    max: u16,
}

fn validate(changes: &Changes) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (index, document) in typed::each::<Document>(changes, "documents", 100, &mut problems) {
        let digest = document.sha256;
        if digest.len() != 64 || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let at = format!("/data/attributes/documents/{index}/sha256");
            problems.push(Problem::new(Code::Invalid, "A SHA-256 is 64 hexadecimal digits.").at_pointer(at));
        }
    }
    if let Some(Reminder { every_days, max }) = typed::one(changes, "reminder", &mut problems)
        && (!(1..=90).contains(&every_days) || max > 20)
    {
        let detail = "Reminders are sent every 1 to 90 days, at most 20 times.";
        problems.push(Problem::invalid("reminder", detail));
    }
    problems
}

fn prepare<'a>(
    _transaction: &'a mut Transaction,
    old: Option<&'a Record>,
    changes: &'a mut Changes,
) -> Work<'a> {
    Box::pin(async move {
        let Some(old) = old.filter(|old| old.get("status") != "draft") else { return Ok(()) };
        let changed =
            SENT.into_iter().filter(|name| changes.value(name).is_some_and(|value| *value != old.get(name)));
        let problems: Vec<Problem> = changed
            .map(|name| {
                let detail = format!("The request was sent: its {name} stays as it is.");
                Problem::new(Code::StateConflict, detail).at_pointer(format!("/data/attributes/{name}"))
            })
            .collect();
        if problems.is_empty() { Ok(()) } else { Err(problems.into()) }
    })
}

fn follow<'a>(
    transaction: &'a mut Transaction,
    old: Option<&'a Record>,
    new: Option<&'a Record>,
) -> Work<'a> {
    Box::pin(async move {
        let (Some(old), Some(new)) = (old, new) else { return Ok(()) };
        let status = new.get("status");
        if old.get("status") == status {
            return Ok(());
        }
        let kind = match status.as_str() {
            Some("sent") => "esignature.sent",
            Some("completed") => "esignature.completed",
            Some("declined") => "esignature.declined",
            Some("cancelled") => "esignature.cancelled",
            Some("expired") => "esignature.expired",
            _ => return Ok(()),
        };
        transaction.emit(kind, new, None).await
    })
}

/// Whether recipients can still do something with a request in a status.
fn is_open(status: &str) -> bool {
    matches!(status, "sent" | "viewed" | "partially_signed")
}

fn instant(record: &Record, attribute: &str) -> Option<DateTime<Utc>> {
    let text = record.get(attribute);
    DateTime::parse_from_rfc3339(text.as_str()?).ok().map(|instant| instant.to_utc())
}
