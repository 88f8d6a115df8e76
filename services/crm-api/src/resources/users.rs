//! Users: the people who work in a workspace.

use pulse_resource::{Actions, Resource, attribute, has_many};
use pulse_store::schema::{user_sessions, users};

use super::user_sessions::USER_SESSIONS;

/// The declaration.
pub(crate) static USERS: Resource = Resource {
    name: "users",
    table: "users",
    attributes: &[
        attribute::<users::name>().read_only().filter().sort(),
        attribute::<users::email>().read_only().filter().sort(),
        attribute::<users::role>().read_only().filter().sort(),
        attribute::<users::created_at>().read_only().filter().sort(),
        attribute::<users::updated_at>().read_only().filter().sort(),
    ],
    relationships: &[has_many::<user_sessions::user_id>("user_sessions", &USER_SESSIONS)],
    actions: Actions::NONE,
    ..Resource::DEFAULT
};
