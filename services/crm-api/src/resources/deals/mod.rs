//! Deals: what may be sold, to whom, and how far it has come.
//!
//! [`rules`] is what holds whenever a deal is written; [`history`] is what its moves and its end leave behind, in the
//! table of transitions and in the journal; [`actions`] move, win, lose and reopen one. Actions only ask for an ordinary
//! change, so a deal moves by the same rules whoever moves it.

mod actions;
mod history;
mod rules;

use pulse_jsonapi::Problem;
use pulse_resource::{
    Changes, Events, NOW, Ownership, Resource, Scope, attribute, belongs_to, has_many, has_many_as,
    many_through, many_through_as,
};
use pulse_store::schema::{
    activities, calls, deal_contacts, deal_stage_transitions, deals, notes, taggings, tasks, tickets,
};

use super::ORIGINS;
use super::activities::ACTIVITIES;
use super::calls::CALLS;
use super::companies::COMPANIES;
use super::contacts::CONTACTS;
use super::deal_contacts::DEAL_CONTACTS;
use super::deal_stage_transitions::DEAL_STAGE_TRANSITIONS;
use super::leads::LEADS;
use super::notes::NOTES;
use super::pipelines::PIPELINES;
use super::shape::{self, Member, Shape};
use super::stages::STAGES;
use super::taggings::TAGGINGS;
use super::tags::TAGS;
use super::tasks::TASKS;
use super::teams::TEAMS;
use super::tickets::TICKETS;
use super::users::USERS;

pub(super) use actions::OPERATIONS;

/// The declaration.
pub(crate) static DEALS: Resource = Resource {
    name: "deals",
    table: "deals",
    attributes: &[
        attribute::<deals::number>().read_only().filter().sort(),
        attribute::<deals::name>().required().filter().sort(),
        attribute::<deals::amount>().scale(2).filter().sort(),
        attribute::<deals::currency>().max_len(3).filter().sort(),
        attribute::<deals::recurring>(),
        attribute::<deals::status>().choices(&["open", "won", "lost", "abandoned"]).filter().sort(),
        attribute::<deals::probability>().filter().sort(),
        attribute::<deals::probability_override>().read_only().filter().sort(),
        attribute::<deals::weighted_amount>().scale(2).read_only().filter().sort(),
        attribute::<deals::forecast_category>()
            .choices(&["commit", "best_case", "pipeline", "omitted"])
            .filter()
            .sort(),
        attribute::<deals::expected_close_on>().filter().sort(),
        attribute::<deals::closed_at>().read_only().filter().sort(),
        attribute::<deals::stage_entered_at>().read_only().filter().sort(),
        attribute::<deals::rotten_at>().read_only().filter().sort(),
        attribute::<deals::lost_reason>().filter().sort(),
        attribute::<deals::lost_note>().max_len(65_535).filter(),
        attribute::<deals::competitor>().filter().sort(),
        attribute::<deals::source>().filter().sort(),
        attribute::<deals::next_step>().filter().sort(),
        attribute::<deals::position>().filter().sort(),
        attribute::<deals::last_activity_at>().read_only().filter().sort(),
        attribute::<deals::description>().max_len(65_535).filter(),
        attribute::<deals::external_source>().filter().sort(),
        attribute::<deals::external_id>().filter().sort(),
        attribute::<deals::origin>().choices(ORIGINS).filter().sort(),
        attribute::<deals::custom_fields>().custom(),
        attribute::<deals::created_at>().read_only().filter().sort(),
        attribute::<deals::updated_at>().read_only().filter().sort(),
    ],
    relationships: &[
        belongs_to::<deals::stage_id>("stage", &STAGES),
        belongs_to::<deals::pipeline_id>("pipeline", &PIPELINES),
        belongs_to::<deals::contact_id>("contact", &CONTACTS),
        many_through::<deal_contacts::deal_id, deal_contacts::contact_id>(
            "contacts",
            "deal_contacts",
            &CONTACTS,
        ),
        has_many::<deal_contacts::deal_id>("deal_contacts", &DEAL_CONTACTS),
        belongs_to::<deals::company_id>("company", &COMPANIES),
        belongs_to::<deals::owner_id>("owner", &USERS),
        belongs_to::<deals::team_id>("team", &TEAMS),
        belongs_to::<deals::source_lead_id>("lead", &LEADS),
        has_many::<deal_stage_transitions::deal_id>("transitions", &DEAL_STAGE_TRANSITIONS),
        has_many::<tickets::deal_id>("tickets", &TICKETS),
        has_many::<calls::deal_id>("calls", &CALLS),
        has_many_as::<activities::parent_type, activities::parent_id>("activities", &ACTIVITIES),
        has_many_as::<tasks::parent_type, tasks::parent_id>("tasks", &TASKS),
        has_many_as::<notes::parent_type, notes::parent_id>("notes", &NOTES),
        has_many_as::<taggings::parent_type, taggings::parent_id>("taggings", &TAGGINGS),
        many_through_as::<taggings::parent_type, taggings::parent_id, taggings::tag_id>(
            "tags", "taggings", &TAGS,
        ),
    ],
    scopes: &[
        Scope { name: "open", conditions: &[("status_eq", &["open"])] },
        Scope { name: "won", conditions: &[("status_eq", &["won"])] },
        Scope { name: "lost", conditions: &[("status_eq", &["lost"])] },
        Scope { name: "closed", conditions: &[("status_not_eq", &["open"])] },
        Scope { name: "rotting", conditions: &[("status_eq", &["open"]), ("rotten_at_lteq", &[NOW])] },
    ],
    ownership: Ownership::user_and_team::<deals::owner_id, deals::team_id>(),
    events: Some(Events::of("deal.created", "deal.updated", "deal.deleted", "deal.restored")),
    validate,
    prepare: Some(rules::prepare),
    follow: Some(history::follow),
    ..Resource::DEFAULT
};

const RECURRING: Shape =
    &[("mrr", Member::Amount), ("arr", Member::Amount), ("acv", Member::Amount), ("interval", Member::Text)];

fn validate(changes: &Changes) -> Vec<Problem> {
    shape::object(changes, "recurring", RECURRING)
}
