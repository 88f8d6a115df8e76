//! Pipelines: the ways that deals, leads and tickets take, stage by stage, and the rules on them.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use pulse_jsonapi::Problem;
use pulse_resource::render::Record;
use pulse_resource::write::{Transaction, Work};
use pulse_resource::{Changes, Resource, attribute, has_many};
use pulse_store::schema::{deals, pipelines, stages};
use serde::Deserialize;
use uuid::Uuid;

use super::deals::DEALS;
use super::stages::STAGES;

/// The declaration.
pub(crate) static PIPELINES: Resource = Resource {
    name: "pipelines",
    table: "pipelines",
    attributes: &[
        attribute::<pipelines::name>().required().filter().sort(),
        attribute::<pipelines::kind>().choices(&["deal", "lead", "ticket"]).filter().sort(),
        attribute::<pipelines::position>().filter().sort(),
        attribute::<pipelines::is_default>().filter().sort(),
        attribute::<pipelines::archived>().filter().sort(),
        attribute::<pipelines::currency>().max_len(3).filter().sort(),
        attribute::<pipelines::rules>(),
        attribute::<pipelines::created_at>().read_only().filter().sort(),
        attribute::<pipelines::updated_at>().read_only().filter().sort(),
    ],
    relationships: &[
        has_many::<stages::pipeline_id>("stages", &STAGES),
        has_many::<deals::pipeline_id>("deals", &DEALS),
    ],
    validate,
    prepare: Some(prepare),
    ..Resource::DEFAULT
};

/// What a pipeline asks of those that pass through it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Rules {
    /// Forwards from one stage to the next alone. Stages of kind `lost` are next to all.
    pub(super) no_skip: bool,
    /// Never to an earlier stage.
    pub(super) no_back: bool,
    /// The stages to begin in; any where there are none.
    pub(super) create_stage_ids: Vec<Uuid>,
}

fn rules(changes: &Changes) -> Option<Result<Rules, Problem>> {
    let fault = |fault: serde_json::Error| {
        let detail = format!("rules has no_skip, no_back and create_stage_ids: {fault}.");
        Problem::invalid("rules", detail)
    };
    changes.value("rules").map(|rules| Rules::deserialize(rules).map_err(fault))
}

fn validate(changes: &Changes) -> Vec<Problem> {
    rules(changes).and_then(Result::err).into_iter().collect()
}

/// A pipeline begins in stages of its own.
fn prepare<'a>(
    transaction: &'a mut Transaction,
    old: Option<&'a Record>,
    changes: &'a mut Changes,
) -> Work<'a> {
    Box::pin(async move {
        let Some(Ok(rules)) = rules(changes) else { return Ok(()) };
        if rules.create_stage_ids.is_empty() {
            return Ok(());
        }
        let own: Vec<Uuid> = stages::table
            .filter(stages::workspace_id.eq(transaction.workspace().0))
            .filter(stages::pipeline_id.eq(old.map_or(Uuid::nil(), Record::id)))
            .filter(stages::id.eq_any(&rules.create_stage_ids).and(stages::deleted_at.is_null()))
            .select(stages::id)
            .load(transaction.connection())
            .await?;
        let strange = rules.create_stage_ids.iter().enumerate().filter(|(_, id)| !own.contains(id));
        let problems: Vec<Problem> = strange
            .map(|(index, id)| {
                Problem::invalid("rules", format!("{id} is no stage of the pipeline."))
                    .at_pointer(format!("/data/attributes/rules/create_stage_ids/{index}"))
            })
            .collect();
        if problems.is_empty() { Ok(()) } else { Err(problems.into()) }
    })
}
