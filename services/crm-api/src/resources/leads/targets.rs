//! Which contact, company and deal a lead becomes: what was asked for, completed by what is known.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use pulse_domain::WorkspaceId;
use pulse_jsonapi::document::{Identifier, Linkage, ResourceInput};
use pulse_jsonapi::{Code, Problem, Source};
use pulse_resource::render::Record;
use pulse_resource::{Changes, Resource};
use pulse_store::schema::{pipelines, stages};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::matches::Candidate;
use crate::resources::deals::DEALS;
use crate::resources::pipelines::Rules;

/// What a conversion is asked to do.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Conversion {
    pub(super) contact: Target,
    pub(super) company: Target,
    pub(super) deal: DealTarget,
    pub(super) on_duplicate: Option<OnDuplicate>,
    /// Who owns what is created; the owner of the lead, where nobody is named.
    pub(super) owner_id: Option<Uuid>,
}

/// What becomes of the person, or of the company.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Target {
    pub(super) mode: Mode,
    pub(super) id: Option<Uuid>,
    pub(super) attributes: Map<String, Value>,
}

/// How a target is come by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mode {
    /// One that matches is taken; one is created where none does.
    #[default]
    Auto,
    /// One is created.
    Create,
    /// The one that is named is taken.
    Link,
    /// There is none. Not of a contact: a lead always becomes one.
    None,
}

/// What becomes of the chance.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct DealTarget {
    pub(super) mode: DealMode,
    pub(super) attributes: Map<String, Value>,
    pub(super) pipeline_id: Option<Uuid>,
    pub(super) stage_id: Option<Uuid>,
}

/// Whether there is a deal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DealMode {
    #[default]
    Create,
    None,
}

/// What is done where one that matches exists already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OnDuplicate {
    Link,
    Error,
    Create,
}

/// What was decided.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Choice {
    Link(Uuid),
    Create,
    None,
}

impl Target {
    /// Decides between a new record and one that exists. `can_create` is whether enough is known to create one.
    ///
    /// # Errors
    /// When an id is missing, or there are duplicates and there shall be none.
    pub(super) fn choose(
        &self,
        section: &'static str,
        on_duplicate: Option<OnDuplicate>,
        candidates: &[Candidate],
        can_create: bool,
    ) -> Result<Choice, Problem> {
        let on_duplicate = on_duplicate.unwrap_or(match self.mode {
            Mode::Create => OnDuplicate::Create,
            _ => OnDuplicate::Link,
        });
        let duplicate = candidates.iter().find(|candidate| candidate.is_sure());
        match (self.mode, duplicate, on_duplicate) {
            (Mode::None, ..) => Ok(Choice::None),
            (Mode::Link, ..) => match self.id {
                Some(id) => Ok(Choice::Link(id)),
                None => {
                    let detail = "The mode link needs the id of the record.";
                    Err(Problem::new(Code::Required, detail).at_pointer(format!("/{section}")))
                }
            },
            (_, Some(_), OnDuplicate::Error) => {
                let detail = format!("The {section} exists already.");
                Err(Problem::new(Code::NotUnique, detail).with_meta(json!({ "candidates": candidates })))
            }
            (_, Some(duplicate), OnDuplicate::Link) => Ok(Choice::Link(duplicate.id)),
            (Mode::Auto, ..) if !can_create => Ok(Choice::None),
            _ => Ok(Choice::Create),
        }
    }
}

/// Mapped attributes, with those that were given in their place.
pub(super) fn merged(mut mapped: Map<String, Value>, given: &Map<String, Value>) -> Map<String, Value> {
    mapped.extend(given.clone());
    mapped
}

/// The attributes of a record to be created, checked.
///
/// # Errors
/// Everything that is wrong with them, pointing into the section of the body.
pub(super) fn creating(
    resource: &'static Resource,
    section: &str,
    attributes: Map<String, Value>,
    given: &Map<String, Value>,
) -> Result<Changes, Vec<Problem>> {
    let input = ResourceInput { attributes, ..ResourceInput::default() };
    Changes::creating(resource, input).map_err(|problems| pointed(problems, section, given))
}

/// The attributes of a record that exists: those given, and those it lacks.
///
/// # Errors
/// As [`creating`].
pub(super) fn filling(
    record: &Record,
    section: &str,
    mapped: Map<String, Value>,
    given: &Map<String, Value>,
) -> Result<Changes, Vec<Problem>> {
    let lacks = |(name, _): &(String, Value)| super::mapping::is_blank(&record.get(name));
    let attributes = merged(mapped.into_iter().filter(lacks).collect(), given);
    let input = ResourceInput { attributes, ..ResourceInput::default() };
    Changes::updating(record.resource, input).map_err(|problems| pointed(problems, section, given))
}

/// The attributes of a deal in a stage, checked.
///
/// # Errors
/// As [`creating`].
pub(super) fn deal(
    attributes: Map<String, Value>,
    stage: Uuid,
    given: &Map<String, Value>,
) -> Result<Changes, Vec<Problem>> {
    let stage = Identifier { r#type: "stages".into(), id: stage.to_string() };
    let relationships = vec![("stage".to_owned(), Linkage::ToOne(Some(stage)))];
    let input = ResourceInput { attributes, relationships, ..ResourceInput::default() };
    Changes::creating(&DEALS, input).map_err(|problems| pointed(problems, "deal", given))
}

/// Points into a section of the body rather than into a document; to the whole body where the fault is in what the lead
/// has.
pub(super) fn pointed(problems: Vec<Problem>, section: &str, given: &Map<String, Value>) -> Vec<Problem> {
    let moved = problems.into_iter().map(|mut problem| {
        if let Some(Source::Pointer(pointer)) = &mut problem.source {
            let rest = pointer.strip_prefix("/data/attributes/").unwrap_or_default();
            let name = rest.split('/').next().unwrap_or_default();
            *pointer = if given.contains_key(name) {
                format!("/{section}/attributes/{rest}")
            } else {
                String::new()
            };
        }
        problem
    });
    moved.collect()
}

/// Where a deal begins: in the stage that is named, or in the first that the pipeline lets deals begin in, which is the
/// default one where none is named.
///
/// # Errors
/// When there is no such stage.
pub(super) async fn stage(
    connection: &mut AsyncPgConnection,
    workspace: WorkspaceId,
    target: &DealTarget,
) -> QueryResult<Result<Uuid, Problem>> {
    if let Some(stage) = target.stage_id {
        let known: Option<Uuid> = stages::table
            .find((workspace.0, stage))
            .filter(stages::deleted_at.is_null())
            .select(stages::pipeline_id)
            .first(connection)
            .await
            .optional()?;
        return Ok(match (known, target.pipeline_id) {
            (None, _) => Err(missing("stages", stage, "/deal/stage_id")),
            (Some(its), Some(asked)) if its != asked => {
                let detail = "The stage is one of another pipeline.";
                Err(Problem::new(Code::Invalid, detail).at_pointer("/deal/stage_id"))
            }
            _ => Ok(stage),
        });
    }
    let known = pipelines::table
        .filter(pipelines::workspace_id.eq(workspace.0).and(pipelines::deleted_at.is_null()))
        .select((pipelines::id, pipelines::rules));
    let pipeline: Option<(Uuid, Value)> = match target.pipeline_id {
        Some(id) => known.filter(pipelines::id.eq(id)).first(connection).await.optional()?,
        None => {
            let usable = pipelines::kind.eq("deal").and(pipelines::archived.eq(false));
            let order = (pipelines::is_default.desc(), pipelines::position, pipelines::id);
            known.filter(usable).order(order).first(connection).await.optional()?
        }
    };
    let Some((pipeline, rules)) = pipeline else {
        return Ok(Err(match target.pipeline_id {
            Some(id) => missing("pipelines", id, "/deal/pipeline_id"),
            None => {
                let detail =
                    "There is no pipeline for the deal: make one, or ask for none with the mode none.";
                Problem::new(Code::StateConflict, detail)
            }
        }));
    };
    let begins = Rules::deserialize(rules).unwrap_or_default().create_stage_ids;
    let first: Vec<Uuid> = stages::table
        .filter(stages::workspace_id.eq(workspace.0).and(stages::pipeline_id.eq(pipeline)))
        .filter(stages::deleted_at.is_null().and(stages::archived.eq(false)).and(stages::kind.eq("open")))
        .order((stages::position, stages::id))
        .select(stages::id)
        .load(connection)
        .await?;
    let first = first.into_iter().find(|stage| begins.is_empty() || begins.contains(stage));
    let detail = "The pipeline has no stage that a deal can begin in.";
    Ok(first.ok_or_else(|| Problem::new(Code::StateConflict, detail)))
}

/// A record that is named in the body does not exist.
pub(super) fn missing(resource: &str, id: Uuid, at: &str) -> Problem {
    Problem::new(Code::RelatedNotFound, format!("There is no {resource} with the id {id}.")).at_pointer(at)
}
