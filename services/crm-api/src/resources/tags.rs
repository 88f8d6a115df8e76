//! Tags: words that records are marked with.

use pulse_resource::{Events, Resource, attribute};
use pulse_store::schema::tags;

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
    events: Some(Events::of("tag.created", "tag.updated", "tag.deleted", "tag.restored")),
    ..Resource::DEFAULT
};
