//! Booking pages: what appointments are offered, by whom, and how they are made.

use std::collections::HashSet;

use pulse_jsonapi::{Code, Problem};
use pulse_resource::{Changes, Resource, attribute, has_many, many_through};
use pulse_store::schema::{booking_page_hosts, booking_pages, bookings};
use serde::Deserialize;

use super::bookings::{BOOKINGS, Location};
use super::typed;
use super::users::USERS;

/// Minutes that an appointment may last: a day.
const LONGEST_MINUTES: u16 = 24 * 60;

/// The declaration.
pub(crate) static BOOKING_PAGES: Resource = Resource {
    name: "booking_pages",
    table: "booking_pages",
    attributes: &[
        attribute::<booking_pages::slug>().required().max_len(100).filter().sort(),
        attribute::<booking_pages::title>().filter().sort(),
        attribute::<booking_pages::description>().max_len(65_535).filter(),
        attribute::<booking_pages::active>().filter().sort(),
        attribute::<booking_pages::assignment>()
            .choices(&["single", "round_robin", "collective"])
            .filter()
            .sort(),
        attribute::<booking_pages::durations>(),
        attribute::<booking_pages::buffer_before_s>().filter().sort(),
        attribute::<booking_pages::buffer_after_s>().filter().sort(),
        attribute::<booking_pages::min_notice_s>().filter().sort(),
        attribute::<booking_pages::max_ahead_days>().filter().sort(),
        attribute::<booking_pages::slot_step_s>().filter().sort(),
        attribute::<booking_pages::per_day_cap>().filter().sort(),
        attribute::<booking_pages::location>(),
        attribute::<booking_pages::questions>(),
        attribute::<booking_pages::requires_confirmation>().filter().sort(),
        attribute::<booking_pages::redirect_url>().max_len(2_048).filter(),
        attribute::<booking_pages::created_at>().read_only().filter().sort(),
        attribute::<booking_pages::updated_at>().read_only().filter().sort(),
    ],
    relationships: &[
        many_through::<booking_page_hosts::booking_page_id, booking_page_hosts::user_id>(
            "hosts",
            "booking_page_hosts",
            &USERS,
        ),
        has_many::<bookings::booking_page_id>("bookings", &BOOKINGS),
    ],
    validate,
    ..Resource::DEFAULT
};

/// What is asked of somebody who makes an appointment.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    key: String,
    #[serde(rename = "label")]
    _label: String,
    #[serde(rename = "required", default)]
    _required: bool,
}

fn validate(changes: &Changes) -> Vec<Problem> {
    let mut problems = Vec::new();
    let at = |attribute: &str, index: usize| format!("/data/attributes/{attribute}/{index}");
    if let Some(slug) = changes.text("slug")
        && !is_slug(slug)
    {
        problems.push(Problem::invalid("slug", "slug has letters, digits and hyphens alone."));
    }
    for (index, minutes) in typed::each::<u16>(changes, "durations", 20, &mut problems) {
        if !(1..=LONGEST_MINUTES).contains(&minutes) {
            let detail = format!("A duration is between 1 and {LONGEST_MINUTES} minutes.");
            problems.push(Problem::new(Code::Invalid, detail).at_pointer(at("durations", index)));
        }
    }
    let mut keys = HashSet::new();
    for (index, question) in typed::each::<Question>(changes, "questions", 50, &mut problems) {
        if !keys.insert(question.key) {
            let detail = "Another question has this key.";
            problems.push(Problem::new(Code::Invalid, detail).at_pointer(at("questions", index)));
        }
    }
    typed::one::<Location>(changes, "location", &mut problems);
    problems
}

/// Whether a text can be a part of an address that people type.
pub(super) fn is_slug(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
