//! Who takes part in a deal, and as what.

use pulse_resource::{Ownership, Resource, attribute, belongs_to};
use pulse_store::schema::deal_contacts;

use super::contacts::CONTACTS;
use super::deals::DEALS;

/// The declaration.
pub(crate) static DEAL_CONTACTS: Resource = Resource {
    name: "deal_contacts",
    table: "deal_contacts",
    attributes: &[
        attribute::<deal_contacts::role>()
            .choices(&["decision_maker", "champion", "influencer", "evaluator", "user", "blocker", "other"])
            .filter()
            .sort(),
        attribute::<deal_contacts::created_at>().read_only().filter().sort(),
        attribute::<deal_contacts::updated_at>().read_only().filter().sort(),
    ],
    relationships: &[
        belongs_to::<deal_contacts::deal_id>("deal", &DEALS),
        belongs_to::<deal_contacts::contact_id>("contact", &CONTACTS),
    ],
    ownership: Ownership::Part("deal"),
    trash: false,
    ..Resource::DEFAULT
};
