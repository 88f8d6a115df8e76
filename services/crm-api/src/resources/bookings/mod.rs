//! Bookings: appointments. In reading order: this declaration; [`rules`] hold for every write; [`moves`] are what can be
//! done with one besides CRUD.

mod moves;
mod rules;

use chrono::{DateTime, Utc};
use pulse_jsonapi::Problem;
use pulse_resource::{Changes, Events, Ownership, Resource, attribute, belongs_to};
use pulse_store::schema::bookings;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::booking_pages::BOOKING_PAGES;
use super::contacts::CONTACTS;
use super::deals::DEALS;
use super::teams::TEAMS;
use super::typed;
use super::users::USERS;

pub(super) use moves::OPERATIONS;

/// The declaration.
pub(crate) static BOOKINGS: Resource = Resource {
    name: "bookings",
    table: "bookings",
    attributes: &[
        attribute::<bookings::title>().filter().sort(),
        attribute::<bookings::status>()
            .choices(&[
                "pending",
                "confirmed",
                "cancelled",
                "rescheduled",
                "completed",
                "no_show",
                "declined",
            ])
            .filter()
            .sort(),
        attribute::<bookings::starts_at>().required().filter().sort(),
        attribute::<bookings::ends_at>().required().filter().sort(),
        attribute::<bookings::timezone>().required().filter().sort(),
        attribute::<bookings::attendees>(),
        attribute::<bookings::guests>(),
        attribute::<bookings::location>(),
        attribute::<bookings::conference_url>().max_len(2_048).filter(),
        attribute::<bookings::answers>(),
        attribute::<bookings::cancel_reason>().max_len(65_535).filter(),
        attribute::<bookings::cancelled_by>().choices(&["host", "invitee", "system"]).filter().sort(),
        attribute::<bookings::reminder_at>(),
        attribute::<bookings::ical_uid>().read_only().filter(),
        attribute::<bookings::sequence>().read_only().filter().sort(),
        attribute::<bookings::created_at>().read_only().filter().sort(),
        attribute::<bookings::updated_at>().read_only().filter().sort(),
    ],
    relationships: &[
        belongs_to::<bookings::booking_page_id>("booking_page", &BOOKING_PAGES),
        belongs_to::<bookings::host_id>("host", &USERS),
        belongs_to::<bookings::contact_id>("contact", &CONTACTS),
        belongs_to::<bookings::deal_id>("deal", &DEALS),
        belongs_to::<bookings::owner_id>("owner", &USERS),
        belongs_to::<bookings::team_id>("team", &TEAMS),
        belongs_to::<bookings::rescheduled_from_id>("rescheduled_from", &BOOKINGS).read_only(),
        belongs_to::<bookings::rescheduled_to_id>("rescheduled_to", &BOOKINGS).read_only(),
    ],
    ownership: Ownership::user_and_team::<bookings::owner_id, bookings::team_id>(),
    events: Some(Events::of("booking.created", "booking.updated", "booking.deleted", "booking.restored")),
    validate,
    prepare: Some(rules::prepare),
    follow: Some(rules::follow),
    ..Resource::DEFAULT
};

/// Where an appointment takes place.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Location {
    #[serde(rename = "kind")]
    _kind: LocationKind,
    #[serde(rename = "value", default)]
    _value: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LocationKind {
    Video,
    Phone,
    Address,
    Custom,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Attendee {
    #[serde(rename = "name", default)]
    _name: Option<String>,
    #[serde(rename = "email", default)]
    _email: Option<String>,
    #[serde(rename = "status", default)]
    _status: Option<String>,
}

fn validate(changes: &Changes) -> Vec<Problem> {
    let mut problems = Vec::new();
    let instant =
        |attribute| changes.text(attribute).and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    if let (Some(starts_at), Some(ends_at)) = (instant("starts_at"), instant("ends_at"))
        && ends_at <= starts_at
    {
        problems.push(Problem::invalid("ends_at", "ends_at is after starts_at."));
    }
    if let Some(zone) = changes.text("timezone")
        && !is_zone(zone)
    {
        let detail = format!("{zone:?} is not a time zone of the IANA database, such as Europe/Madrid.");
        problems.push(Problem::invalid("timezone", detail));
    }
    typed::each::<Attendee>(changes, "attendees", 200, &mut problems);
    typed::each::<String>(changes, "guests", 200, &mut problems);
    typed::each::<DateTime<Utc>>(changes, "reminder_at", 20, &mut problems);
    typed::one::<Location>(changes, "location", &mut problems);
    typed::one::<Map<String, Value>>(changes, "answers", &mut problems);
    problems
}

/// Whether the IANA database has a time zone of this name, spelled like this.
fn is_zone(name: &str) -> bool {
    name.parse::<chrono_tz::Tz>().is_ok()
}
