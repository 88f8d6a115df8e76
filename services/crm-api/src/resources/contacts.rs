//! Contacts: the people a workspace sells to.

use pulse_jsonapi::Problem;
use pulse_resource::{Changes, Events, Resource, attribute, belongs_to, has_many, many_through_as};
use pulse_store::schema::{contacts, sequence_enrollments, taggings, tasks};

use super::companies::COMPANIES;
use super::sequence_enrollments::SEQUENCE_ENROLLMENTS;
use super::tags::TAGS;
use super::tasks::TASKS;

/// The declaration.
pub(crate) static CONTACTS: Resource = Resource {
    name: "contacts",
    table: "contacts",
    attributes: &[
        attribute::<contacts::first_name>().filter().sort(),
        attribute::<contacts::last_name>().filter().sort(),
        attribute::<contacts::title>().filter().sort(),
        attribute::<contacts::email>().filter().sort(),
        attribute::<contacts::phone>().max_len(50).filter().sort(),
        attribute::<contacts::source>().filter().sort(),
        attribute::<contacts::lifecycle>()
            .choices(&["subscriber", "lead", "mql", "sql", "opportunity", "customer", "evangelist", "other"])
            .filter()
            .sort(),
        attribute::<contacts::score>().read_only().filter().sort(),
        attribute::<contacts::birthday>().filter().sort(),
        attribute::<contacts::do_not_email>().filter().sort(),
        attribute::<contacts::address>(),
        attribute::<contacts::description>().max_len(65_535).filter(),
        attribute::<contacts::created_at>().read_only().filter().sort(),
        attribute::<contacts::updated_at>().read_only().filter().sort(),
    ],
    relationships: &[
        belongs_to::<contacts::company_id>("company", &COMPANIES),
        many_through_as::<taggings::parent_type, taggings::parent_id, taggings::tag_id>(
            "tags", "taggings", &TAGS,
        ),
        has_many::<tasks::contact_id>("tasks", &TASKS),
        has_many::<sequence_enrollments::contact_id>("sequence_enrollments", &SEQUENCE_ENROLLMENTS),
    ],
    events: Some(Events::of("contact.created", "contact.updated", "contact.deleted", "contact.restored")),
    validate,
    ..Resource::DEFAULT
};

fn validate(changes: &Changes) -> Vec<Problem> {
    match changes.text("email") {
        Some(email) if !email.contains('@') => {
            vec![Problem::invalid("email", "email is not an e-mail address.")]
        }
        _ => Vec::new(),
    }
}
