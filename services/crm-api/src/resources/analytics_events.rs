//! What websites and shops have sent.

use pulse_resource::{Actions, Resource, Store, attribute};
use pulse_store::schema::analytics::events;

/// The declaration.
pub(crate) static ANALYTICS_EVENTS: Resource = Resource {
    name: "analytics_events",
    path: "analytics/events",
    table: "analytics.events",
    store: Store::Analytics,
    attributes: &[
        attribute::<events::kind>().read_only().filter().sort(),
        attribute::<events::name>().read_only().filter().sort(),
        attribute::<events::occurred_at>().read_only().filter().sort(),
        attribute::<events::received_at>().read_only().filter().sort(),
        attribute::<events::site_id>().read_only().filter(),
        attribute::<events::visitor_fingerprint>().read_only().filter(),
        attribute::<events::session_id>().read_only().filter(),
        attribute::<events::customer_id>().read_only().filter(),
        attribute::<events::url>().read_only().filter(),
        attribute::<events::path>().read_only().filter().sort(),
        attribute::<events::title>().read_only().filter(),
        attribute::<events::referrer>().read_only().filter(),
        attribute::<events::referrer_source>().read_only().filter().sort(),
        attribute::<events::locale>().read_only().filter(),
        attribute::<events::utm_source>().read_only().filter(),
        attribute::<events::utm_medium>().read_only().filter(),
        attribute::<events::utm_campaign>().read_only().filter(),
        attribute::<events::utm_term>().read_only().filter(),
        attribute::<events::utm_content>().read_only().filter(),
        attribute::<events::data>().read_only(),
    ],
    actions: Actions::NONE,
    editable: false,
    newest_by: "occurred_at",
    ..Resource::DEFAULT
};
