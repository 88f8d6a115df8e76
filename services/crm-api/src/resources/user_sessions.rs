//! Sessions: where users are signed in.

use pulse_resource::{Actions, Resource, attribute, belongs_to};
use pulse_store::schema::user_sessions;

use super::users::USERS;

/// The declaration.
pub(crate) static USER_SESSIONS: Resource = Resource {
    name: "user_sessions",
    table: "user_sessions",
    attributes: &[
        attribute::<user_sessions::ip>().read_only().filter().sort(),
        attribute::<user_sessions::user_agent>().read_only().filter(),
        attribute::<user_sessions::last_seen_at>().read_only().filter().sort(),
        attribute::<user_sessions::expires_at>().read_only().filter().sort(),
        attribute::<user_sessions::revoked_at>().read_only().filter().sort(),
        attribute::<user_sessions::created_at>().read_only().filter().sort(),
    ],
    relationships: &[belongs_to::<user_sessions::user_id>("user", &USERS).read_only()],
    actions: Actions::NONE,
    editable: false,
    ..Resource::DEFAULT
};
