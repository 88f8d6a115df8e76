//! Tasks: what somebody has to do, and by when.

use pulse_resource::{Events, Resource, attribute, belongs_to};
use pulse_store::schema::tasks;

use super::contacts::CONTACTS;
use super::sequence_enrollments::SEQUENCE_ENROLLMENTS;

/// The declaration.
pub(crate) static TASKS: Resource = Resource {
    name: "tasks",
    table: "tasks",
    attributes: &[
        attribute::<tasks::title>().required().filter().sort(),
        attribute::<tasks::body>().max_len(65_535).filter(),
        attribute::<tasks::status>()
            .choices(&["open", "in_progress", "done", "cancelled", "deferred"])
            .filter()
            .sort(),
        attribute::<tasks::due_at>().filter().sort(),
        attribute::<tasks::created_at>().read_only().filter().sort(),
        attribute::<tasks::updated_at>().read_only().filter().sort(),
    ],
    relationships: &[
        belongs_to::<tasks::contact_id>("contact", &CONTACTS),
        belongs_to::<tasks::sequence_enrollment_id>("sequence_enrollment", &SEQUENCE_ENROLLMENTS).read_only(),
    ],
    events: Some(Events::of("task.created", "task.updated", "task.deleted", "task.restored")),
    ..Resource::DEFAULT
};
