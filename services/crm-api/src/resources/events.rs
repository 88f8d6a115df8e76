//! The journal: everything that happened.

use pulse_resource::{Actions, Resource, attribute};
use pulse_store::schema::events;

/// The declaration.
pub(crate) static EVENTS: Resource = Resource {
    name: "events",
    table: "events",
    attributes: &[
        attribute::<events::event_type>().read_only().filter().sort(),
        attribute::<events::resource_type>().read_only().filter().sort(),
        attribute::<events::record_id>().read_only().filter(),
        attribute::<events::occurred_at>().read_only().filter().sort(),
        attribute::<events::sequence>().read_only().filter().sort(),
        attribute::<events::correlation_id>().read_only().filter(),
        attribute::<events::data>().read_only(),
        attribute::<events::changes>().read_only(),
    ],
    actions: Actions::NONE,
    editable: false,
    newest_by: "occurred_at",
    ..Resource::DEFAULT
};
