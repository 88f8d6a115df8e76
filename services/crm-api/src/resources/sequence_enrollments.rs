//! Enrolments: which contact is in which sequence. Made by starting a sequence.

use pulse_resource::{Actions, Events, Ownership, Resource, attribute, belongs_to, has_many};
use pulse_store::schema::{sequence_enrollments, tasks};

use super::contacts::CONTACTS;
use super::sequences::SEQUENCES;
use super::tasks::TASKS;

/// The declaration.
pub(crate) static SEQUENCE_ENROLLMENTS: Resource = Resource {
    name: "sequence_enrollments",
    table: "sequence_enrollments",
    attributes: &[attribute::<sequence_enrollments::created_at>().read_only().filter().sort()],
    relationships: &[
        belongs_to::<sequence_enrollments::sequence_id>("sequence", &SEQUENCES).read_only(),
        belongs_to::<sequence_enrollments::contact_id>("contact", &CONTACTS).read_only(),
        has_many::<tasks::sequence_enrollment_id>("tasks", &TASKS),
    ],
    actions: Actions::NONE,
    ownership: Ownership::Part("contact"),
    events: Some(Events::once("sequence.started")),
    editable: false,
    ..Resource::DEFAULT
};
