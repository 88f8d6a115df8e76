//! Teams: users who work together. Admins write them.

use pulse_resource::{Resource, attribute, belongs_to, has_many, many_through};
use pulse_store::schema::{companies, contacts, deals, leads, team_members, teams};

use super::companies::COMPANIES;
use super::contacts::CONTACTS;
use super::deals::DEALS;
use super::leads::LEADS;
use super::users::USERS;

/// The declaration.
pub(crate) static TEAMS: Resource = Resource {
    name: "teams",
    table: "teams",
    attributes: &[
        attribute::<teams::name>().required().filter().sort(),
        attribute::<teams::description>().max_len(65_535).filter(),
        attribute::<teams::created_at>().read_only().filter().sort(),
        attribute::<teams::updated_at>().read_only().filter().sort(),
    ],
    relationships: &[
        belongs_to::<teams::manager_id>("manager", &USERS),
        many_through::<team_members::team_id, team_members::user_id>("users", "team_members", &USERS),
        has_many::<contacts::team_id>("contacts", &CONTACTS),
        has_many::<companies::team_id>("companies", &COMPANIES),
        has_many::<leads::team_id>("leads", &LEADS),
        has_many::<deals::team_id>("deals", &DEALS),
    ],
    ..Resource::DEFAULT
};
