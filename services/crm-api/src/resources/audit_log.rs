//! The audit log: who did what to which record.

use pulse_resource::{Actions, Resource, attribute};
use pulse_store::schema::audit_log;

/// The declaration.
pub(crate) static AUDIT_LOG: Resource = Resource {
    name: "audit_log",
    table: "audit_log",
    attributes: &[
        attribute::<audit_log::at>().read_only().filter().sort(),
        attribute::<audit_log::actor_type>().read_only().filter().sort(),
        attribute::<audit_log::actor_id>().read_only().filter(),
        attribute::<audit_log::action>().read_only().filter().sort(),
        attribute::<audit_log::resource_type>().read_only().filter().sort(),
        attribute::<audit_log::record_id>().read_only().filter(),
        attribute::<audit_log::changes>().read_only(),
        attribute::<audit_log::request_id>().read_only().filter(),
        attribute::<audit_log::ip>().read_only().filter(),
        attribute::<audit_log::correlation_id>().read_only().filter(),
    ],
    actions: Actions::NONE,
    editable: false,
    newest_by: "at",
    ..Resource::DEFAULT
};
