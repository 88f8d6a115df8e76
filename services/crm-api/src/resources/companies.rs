//! Companies: the organisations that contacts work for.

use pulse_resource::{Events, Resource, attribute, has_many, many_through_as};
use pulse_store::schema::{companies, contacts, taggings};

use super::contacts::CONTACTS;
use super::tags::TAGS;

/// The declaration.
pub(crate) static COMPANIES: Resource = Resource {
    name: "companies",
    table: "companies",
    attributes: &[
        attribute::<companies::name>().required().filter().sort(),
        attribute::<companies::domain>().filter().sort(),
        attribute::<companies::website>().max_len(2_048).filter(),
        attribute::<companies::industry>().filter().sort(),
        attribute::<companies::employees>().filter().sort(),
        attribute::<companies::annual_revenue>().scale(2).filter().sort(),
        attribute::<companies::currency>().max_len(3).filter().sort(),
        attribute::<companies::phone>().max_len(50).filter().sort(),
        attribute::<companies::description>().max_len(65_535).filter(),
        attribute::<companies::created_at>().read_only().filter().sort(),
        attribute::<companies::updated_at>().read_only().filter().sort(),
    ],
    relationships: &[
        has_many::<contacts::company_id>("contacts", &CONTACTS),
        many_through_as::<taggings::parent_type, taggings::parent_id, taggings::tag_id>(
            "tags", "taggings", &TAGS,
        ),
    ],
    events: Some(Events::of("company.created", "company.updated", "company.deleted", "company.restored")),
    ..Resource::DEFAULT
};
