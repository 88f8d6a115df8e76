//! Tags: words that records are marked with. One in the trash marks nothing; taken out again, it marks what it did.

use pulse_resource::{Events, Resource, attribute, has_many};
use pulse_store::schema::{taggings, tags};

use super::taggings::TAGGINGS;

/// The declaration.
pub(crate) static TAGS: Resource = Resource {
    name: "tags",
    table: "tags",
    attributes: &[
        attribute::<tags::name>().required().filter().sort(),
        attribute::<tags::color>().max_len(50).filter().sort(),
        attribute::<tags::created_at>().read_only().filter().sort(),
        attribute::<tags::updated_at>().read_only().filter().sort(),
    ],
    relationships: &[has_many::<taggings::tag_id>("taggings", &TAGGINGS)],
    events: Some(Events::of("tag.created", "tag.updated", "tag.deleted", "tag.restored")),
    ..Resource::DEFAULT
};
