//! The moves of deals from stage to stage, as they happened. Each is written when its deal moves, and never changed.

use pulse_resource::{Actions, Ownership, Resource, attribute, belongs_to};
use pulse_store::schema::deal_stage_transitions;

use super::deals::DEALS;
use super::stages::STAGES;

/// The declaration.
pub(crate) static DEAL_STAGE_TRANSITIONS: Resource = Resource {
    name: "deal_stage_transitions",
    table: "deal_stage_transitions",
    attributes: &[
        attribute::<deal_stage_transitions::from_kind>().read_only().filter().sort(),
        attribute::<deal_stage_transitions::to_kind>().read_only().filter().sort(),
        attribute::<deal_stage_transitions::seconds_in_from>().read_only().filter().sort(),
        attribute::<deal_stage_transitions::amount>().scale(2).read_only().filter().sort(),
        attribute::<deal_stage_transitions::currency>().read_only().filter().sort(),
        attribute::<deal_stage_transitions::probability>().read_only().filter().sort(),
        attribute::<deal_stage_transitions::actor>().read_only(),
        attribute::<deal_stage_transitions::created_at>().read_only().filter().sort(),
    ],
    relationships: &[
        belongs_to::<deal_stage_transitions::deal_id>("deal", &DEALS).read_only(),
        belongs_to::<deal_stage_transitions::from_stage_id>("from_stage", &STAGES).read_only(),
        belongs_to::<deal_stage_transitions::to_stage_id>("to_stage", &STAGES).read_only(),
    ],
    actions: Actions::NONE,
    ownership: Ownership::Part("deal"),
    editable: false,
    ..Resource::DEFAULT
};
