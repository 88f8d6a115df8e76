//! Activities: the timeline of a record, what happened and when.

use pulse_resource::{Events, Ownership, Resource, attribute, belongs_to, belongs_to_any};
use pulse_store::schema::activities;

use super::PARENTS;
use super::users::USERS;

/// The declaration.
pub(crate) static ACTIVITIES: Resource = Resource {
    name: "activities",
    table: "activities",
    attributes: &[
        attribute::<activities::kind>()
            .required()
            .choices(&[
                "note",
                "call",
                "email",
                "meeting",
                "task",
                "sms",
                "stage_change",
                "status_change",
                "field_change",
                "form_submission",
                "page_view",
                "booking",
                "esignature",
                "merge",
                "import",
                "workflow",
                "custom",
            ])
            .filter()
            .sort(),
        attribute::<activities::subject>().filter().sort(),
        attribute::<activities::body>().max_len(65_535).filter(),
        attribute::<activities::occurred_at>().filter().sort(),
        attribute::<activities::duration_s>().filter().sort(),
        attribute::<activities::direction>().choices(&["in", "out"]).filter().sort(),
        attribute::<activities::outcome>().filter().sort(),
        attribute::<activities::payload>(),
        attribute::<activities::is_internal>().filter().sort(),
        attribute::<activities::is_pinned>().filter().sort(),
        attribute::<activities::source_type>().read_only().filter().sort(),
        attribute::<activities::source_id>().read_only().filter(),
        attribute::<activities::parent_type>().read_only().filter().sort(),
        attribute::<activities::parent_id>().read_only().filter().sort(),
        attribute::<activities::created_at>().read_only().filter().sort(),
        attribute::<activities::updated_at>().read_only().filter().sort(),
    ],
    relationships: &[
        belongs_to_any::<activities::parent_type, activities::parent_id>("parent", &PARENTS),
        belongs_to::<activities::user_id>("user", &USERS),
    ],
    ownership: Ownership::Part("parent"),
    events: Some(Events::of("activity.created", "activity.updated", "activity.deleted", "activity.restored")),
    newest_by: "occurred_at",
    ..Resource::DEFAULT
};
