//! Attempts: one HTTP call each, whatever became of it.

use pulse_resource::{Actions, Resource, attribute, belongs_to};
use pulse_store::schema::webhook_attempts;

use super::webhook_deliveries::WEBHOOK_DELIVERIES;

/// The declaration.
pub(crate) static WEBHOOK_ATTEMPTS: Resource = Resource {
    name: "webhook_attempts",
    table: "webhook_attempts",
    attributes: &[
        attribute::<webhook_attempts::number>().read_only().filter().sort(),
        attribute::<webhook_attempts::url>().read_only().filter(),
        attribute::<webhook_attempts::outcome>().read_only().filter().sort(),
        attribute::<webhook_attempts::started_at>().read_only().filter().sort(),
        attribute::<webhook_attempts::duration_ms>().read_only().filter().sort(),
        attribute::<webhook_attempts::durations>().read_only(),
        attribute::<webhook_attempts::remote_address>().read_only().filter(),
        attribute::<webhook_attempts::tls_version>().read_only().filter(),
        attribute::<webhook_attempts::request_headers>().read_only(),
        attribute::<webhook_attempts::response_status>().read_only().filter().sort(),
        attribute::<webhook_attempts::response_headers>().read_only(),
        attribute::<webhook_attempts::response_body>().read_only(),
        attribute::<webhook_attempts::error_layer>().read_only().filter().sort(),
        attribute::<webhook_attempts::error>().read_only().filter(),
        attribute::<webhook_attempts::next_attempt_at>().read_only().filter().sort(),
    ],
    relationships: &[belongs_to::<webhook_attempts::delivery_id>("delivery", &WEBHOOK_DELIVERIES).read_only()],
    actions: Actions::NONE,
    editable: false,
    newest_by: "started_at",
    ..Resource::DEFAULT
};
