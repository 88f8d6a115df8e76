//! Stages: the steps of a pipeline, in the order of their positions. One that has deals is only left behind with a stage
//! to move them to ([`deletion`]).

mod deletion;

use diesel::dsl::IntervalDsl;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use pulse_jsonapi::{Code, Problem};
use pulse_resource::render::Record;
use pulse_resource::write::{Transaction, Work};
use pulse_resource::{Changes, Error, Resource, attribute, belongs_to, has_many};
use pulse_store::schema::{deal_stage_transitions, deals, stages};
use serde_json::json;
use uuid::Uuid;

use super::deal_stage_transitions::DEAL_STAGE_TRANSITIONS;
use super::deals::DEALS;
use super::pipelines::PIPELINES;

pub(super) use deletion::OPERATIONS;

/// The declaration.
pub(crate) static STAGES: Resource = Resource {
    name: "stages",
    table: "stages",
    attributes: &[
        attribute::<stages::name>().required().filter().sort(),
        attribute::<stages::position>().filter().sort(),
        attribute::<stages::kind>().choices(&["open", "won", "lost", "on_hold"]).filter().sort(),
        attribute::<stages::probability>().filter().sort(),
        attribute::<stages::color>().max_len(50).filter().sort(),
        attribute::<stages::rot_after_days>().filter().sort(),
        attribute::<stages::required_fields>(),
        attribute::<stages::wip_limit>().filter().sort(),
        attribute::<stages::archived>().filter().sort(),
        attribute::<stages::created_at>().read_only().filter().sort(),
        attribute::<stages::updated_at>().read_only().filter().sort(),
    ],
    relationships: &[
        belongs_to::<stages::pipeline_id>("pipeline", &PIPELINES),
        has_many::<deals::stage_id>("deals", &DEALS),
        has_many::<deal_stage_transitions::to_stage_id>("arrivals", &DEAL_STAGE_TRANSITIONS),
        has_many::<deal_stage_transitions::from_stage_id>("departures", &DEAL_STAGE_TRANSITIONS),
    ],
    validate,
    prepare: Some(prepare),
    follow: Some(follow),
    ..Resource::DEFAULT
};

fn validate(changes: &Changes) -> Vec<Problem> {
    let Some(fields) = changes.value("required_fields") else { return Vec::new() };
    let at = "/data/attributes/required_fields";
    let Some(fields) = fields.as_array() else {
        let detail = "required_fields is an array of names of attributes and relationships of deals.";
        return vec![Problem::new(Code::WrongKind, detail).at_pointer(at)];
    };
    let is_field = |name: &str| {
        DEALS.attribute(name).is_some_and(|attribute| attribute.writable)
            || DEALS.relationship(name).is_some_and(pulse_resource::Relationship::to_one)
    };
    let unknown = fields.iter().enumerate().filter(|(_, name)| !name.as_str().is_some_and(is_field));
    unknown
        .map(|(index, name)| {
            let detail = format!("{name} is nothing that a deal can be given.");
            Problem::new(Code::Invalid, detail).at_pointer(format!("{at}/{index}"))
        })
        .collect()
}

/// What deals have taken from their stage stays true: its kind and its pipeline stand as long as it has any.
fn prepare<'a>(
    transaction: &'a mut Transaction,
    old: Option<&'a Record>,
    changes: &'a mut Changes,
) -> Work<'a> {
    Box::pin(async move {
        let Some(stage) = old else { return Ok(()) };
        let mut at = Vec::new();
        if changes.value("kind").is_some_and(|kind| *kind != stage.get("kind")) {
            at.push("/data/attributes/kind");
        }
        if changes.id_of("pipeline_id").is_some_and(|id| Some(id) != stage.related_id("pipeline")) {
            at.push("/data/relationships/pipeline");
        }
        if at.is_empty() {
            return Ok(());
        }
        let deals = live_deals(transaction, stage.id()).await?;
        if deals == 0 {
            return Ok(());
        }
        let detail = format!("{deals} deals are in this stage: move them first.");
        let problem = |at: &str| Problem::new(Code::StateConflict, detail.clone()).at_pointer(at);
        Err(at.into_iter().map(problem).collect::<Vec<_>>().into())
    })
}

fn follow<'a>(
    transaction: &'a mut Transaction,
    old: Option<&'a Record>,
    new: Option<&'a Record>,
) -> Work<'a> {
    Box::pin(async move {
        match (old, new) {
            (Some(stage), None) => require_empty(transaction, stage.id()).await,
            (Some(old), Some(new)) if old.get("rot_after_days") != new.get("rot_after_days") => {
                set_rotten(transaction, new).await
            }
            _ => Ok(()),
        }
    })
}

async fn require_empty(transaction: &mut Transaction, stage: Uuid) -> Result<(), Error> {
    let deals = live_deals(transaction, stage).await?;
    if deals == 0 {
        return Ok(());
    }
    let detail =
        format!("{deals} deals are in this stage: name the one to move them to, as move_to_stage_id.");
    Err(Problem::new(Code::StateConflict, detail).with_meta(json!({ "deals": deals })).into())
}

async fn live_deals(transaction: &mut Transaction, stage: Uuid) -> Result<i64, Error> {
    let count = deals::table
        .filter(deals::workspace_id.eq(transaction.workspace().0).and(deals::stage_id.eq(stage)))
        .filter(deals::deleted_at.is_null())
        .count()
        .get_result(transaction.connection())
        .await?;
    Ok(count)
}

/// Deals rot in a stage when they were there for too long.
async fn set_rotten(transaction: &mut Transaction, stage: &Record) -> Result<(), Error> {
    let here = deals::table
        .filter(deals::workspace_id.eq(transaction.workspace().0).and(deals::stage_id.eq(stage.id())));
    let days = stage.get("rot_after_days").as_i64().and_then(|days| i32::try_from(days).ok());
    match days {
        Some(days) => {
            diesel::update(here)
                .set(deals::rotten_at.eq((deals::stage_entered_at + days.days()).nullable()))
                .execute(transaction.connection())
                .await?
        }
        None => {
            diesel::update(here)
                .set(deals::rotten_at.eq(None::<chrono::DateTime<chrono::Utc>>))
                .execute(transaction.connection())
                .await?
        }
    };
    Ok(())
}
