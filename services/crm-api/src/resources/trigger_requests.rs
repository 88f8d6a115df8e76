//! What was posted to trigger URLs: the samples that variables are picked from.

use pulse_resource::{Actions, Resource, attribute, belongs_to};
use pulse_store::schema::trigger_requests;

use super::workflows::WORKFLOWS;

/// The declaration.
pub(crate) static TRIGGER_REQUESTS: Resource = Resource {
    name: "trigger_requests",
    table: "trigger_requests",
    attributes: &[
        attribute::<trigger_requests::verdict>().read_only().filter().sort(),
        attribute::<trigger_requests::content_type>().read_only().filter(),
        attribute::<trigger_requests::headers>().read_only(),
        attribute::<trigger_requests::query>().read_only(),
        attribute::<trigger_requests::body>().read_only(),
        attribute::<trigger_requests::received_at>().read_only().filter().sort(),
    ],
    relationships: &[belongs_to::<trigger_requests::workflow_id>("workflow", &WORKFLOWS).read_only()],
    actions: Actions::NONE,
    editable: false,
    newest_by: "received_at",
    ..Resource::DEFAULT
};
