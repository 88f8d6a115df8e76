//! What holds whenever a deal is written: its stage is one of its pipeline and may be entered, its status fits the stage,
//! and its probability is that of the stage where nobody has set another.

use chrono::{TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use pulse_jsonapi::{Code, Problem};
use pulse_resource::render::Record;
use pulse_resource::write::{Transaction, Work};
use pulse_resource::{Bind, Changes, Error, Link};
use pulse_store::schema::{deals, pipelines, stages};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::DEALS;
use crate::resources::pipelines::Rules;

/// A stage as the rules see it.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = stages)]
struct Stage {
    id: Uuid,
    pipeline_id: Uuid,
    name: String,
    position: i32,
    kind: String,
    probability: Option<i32>,
    rot_after_days: Option<i32>,
    required_fields: Value,
    wip_limit: Option<i32>,
    archived: bool,
    deleted_at: Option<chrono::DateTime<Utc>>,
}

impl Stage {
    async fn find(transaction: &mut Transaction, id: Uuid) -> Result<Self, Error> {
        let workspace = transaction.workspace().0;
        let stage = stages::table.find((workspace, id)).select(Self::as_select());
        Ok(stage.first(transaction.connection()).await?)
    }

    /// The status of a deal that ends here.
    fn ending(&self) -> Option<&str> {
        matches!(self.kind.as_str(), "won" | "lost").then_some(self.kind.as_str())
    }

    fn place(&self) -> (i32, Uuid) {
        (self.position, self.id)
    }

    /// Whether the order of stages binds deals that come here or leave: one can be lost at any time and taken up again,
    /// and leaves a stage that is done away with to anywhere.
    fn is_ordered(&self) -> bool {
        self.kind != "lost" && !self.archived && self.deleted_at.is_none()
    }
}

/// A write of a deal, with the stage it will be in.
struct Writing<'a> {
    old: Option<&'a Record>,
    changes: &'a mut Changes,
    stage: Stage,
    /// Where it comes from, if it moves.
    from: Option<Stage>,
    moves: bool,
    /// Whether it will be open.
    open: bool,
}

/// See the module.
pub(super) fn prepare<'a>(
    transaction: &'a mut Transaction,
    old: Option<&'a Record>,
    changes: &'a mut Changes,
) -> Work<'a> {
    Box::pin(async move {
        let before = old.and_then(|deal| deal.related_id("stage"));
        let Some(after) = changes.id_of("stage_id").or(before) else { return Ok(()) };
        let concerns = ["stage_id", "pipeline_id", "status", "probability"];
        if old.is_some() && concerns.iter().all(|column| changes.column(column).is_none()) {
            return Ok(());
        }
        let stage = Stage::find(transaction, after).await?;
        let moves = before != Some(after);
        let from = match before.filter(|_| moves) {
            Some(before) => Some(Stage::find(transaction, before).await?),
            None => None,
        };
        let mut writing = Writing { old, changes, stage, from, moves, open: true };
        let mut problems: Vec<Problem> = writing.place().into_iter().collect();
        problems.extend(writing.status());
        writing.probability();
        if moves {
            problems.extend(writing.entrance(transaction).await?);
        }
        if !problems.is_empty() {
            return Err(problems.into());
        }
        if old.is_none() {
            let number = transaction.next_number(&DEALS).await?;
            changes.set("number", number);
        }
        Ok(())
    })
}

impl Writing<'_> {
    fn was(&self, attribute: &str) -> Value {
        self.old.map_or(Value::Null, |deal| deal.get(attribute))
    }

    /// The pipeline is that of the stage, and the time in the stage begins.
    fn place(&mut self) -> Option<Problem> {
        let given = self.changes.id_of("pipeline_id");
        if given.is_some_and(|pipeline| pipeline != self.stage.pipeline_id) {
            let detail = format!("The stage {:?} is one of another pipeline.", self.stage.name);
            let at = "/data/relationships/pipeline";
            return Some(Problem::new(Code::Invalid, detail).at_pointer(at));
        }
        self.changes.set("pipeline_id", self.stage.pipeline_id);
        if self.moves {
            let now = Utc::now();
            let rotten = self.stage.rot_after_days.map(|days| now + TimeDelta::days(days.into()));
            self.changes.set("stage_entered_at", Bind::Instant(now));
            self.changes.set("rotten_at", rotten.map_or(Bind::Null, Bind::Instant));
        }
        None
    }

    /// The status follows from a stage that ends deals; in any other stage a deal can be won, lost and reopened.
    fn status(&mut self) -> Option<Problem> {
        let given = self.changes.text("status").map(str::to_owned);
        let was = self.was("status");
        let is = match (self.stage.ending(), given) {
            (Some(ending), Some(given)) if given != ending => {
                let Stage { name, kind, .. } = &self.stage;
                let detail = format!("The stage {name:?} is of kind {kind}: move the deal to another one.");
                let code = if self.moves { Code::Invalid } else { Code::StateConflict };
                return Some(Problem::new(code, detail).at_pointer("/data/attributes/status"));
            }
            (Some(ending), _) => ending.to_owned(),
            (None, Some(given)) => given,
            (None, None) => match was.as_str() {
                Some(was) if self.from.as_ref().and_then(Stage::ending) != Some(was) => was.to_owned(),
                _ => "open".to_owned(),
            },
        };
        self.open = is == "open";
        if was == is.as_str() {
            return None;
        }
        let closed_at = if self.open { Bind::Null } else { Bind::Instant(Utc::now()) };
        self.changes.set("status", is.as_str());
        self.changes.set("closed_at", closed_at);
        if self.open && self.old.is_some() {
            for attribute in ["lost_reason", "lost_note"] {
                if self.changes.value(attribute).is_none() {
                    self.changes.set(attribute, Bind::Null);
                }
            }
        }
        None
    }

    /// Clients send whole records back, so a probability is set by hand only where it differs.
    fn probability(&mut self) {
        let was = self.was("probability");
        match self.changes.value("probability").cloned() {
            Some(given) if self.old.is_none() || given != was => {
                let percent = given.as_i64().map_or(Bind::Null, Bind::Integer);
                self.changes.set("probability_override", percent);
            }
            _ if self.moves && self.was("probability_override").is_null() => {
                let percent =
                    self.stage.probability.map_or(Bind::Null, |percent| Bind::Integer(percent.into()));
                self.changes.set("probability", percent);
            }
            _ => {}
        }
    }

    /// Whether the stage may be entered.
    async fn entrance(&mut self, transaction: &mut Transaction) -> Result<Vec<Problem>, Error> {
        let workspace = transaction.workspace().0;
        let (kind, currency, rules): (String, Option<String>, Value) = pipelines::table
            .find((workspace, self.stage.pipeline_id))
            .select((pipelines::kind, pipelines::currency, pipelines::rules))
            .first(transaction.connection())
            .await?;
        if kind != "deal" {
            return Ok(vec![at_stage(Code::Invalid, format!("The stage is one for {kind}s."))]);
        }
        if let Some(currency) = currency.filter(|_| self.old.is_none())
            && self.changes.value("currency").is_none()
        {
            self.changes.set("currency", currency.as_str());
        }
        let rules = Rules::deserialize(rules).unwrap_or_default();
        let mut problems = Vec::new();
        if self.stage.archived {
            problems.push(refused("archived", format!("The stage {:?} is archived.", self.stage.name)));
        }
        match &self.from {
            Some(from) if from.pipeline_id == self.stage.pipeline_id => {
                problems.extend(self.order(transaction, from, &rules).await?);
            }
            _ => problems.extend(self.beginning(&rules)),
        }
        problems.extend(self.missing());
        problems.extend(self.room(transaction).await?);
        Ok(problems)
    }

    fn beginning(&self, rules: &Rules) -> Option<Problem> {
        let begins = rules.create_stage_ids.is_empty() || rules.create_stage_ids.contains(&self.stage.id);
        let detail = format!("A deal does not begin in the stage {:?} of its pipeline.", self.stage.name);
        (!begins).then(|| refused("create_stage_ids", detail))
    }

    async fn order(
        &self,
        transaction: &mut Transaction,
        from: &Stage,
        rules: &Rules,
    ) -> Result<Option<Problem>, Error> {
        let to = &self.stage;
        if !from.is_ordered() || !to.is_ordered() {
            return Ok(None);
        }
        if to.place() < from.place() {
            let detail = format!("The pipeline does not let deals go back to {:?}.", to.name);
            return Ok(rules.no_back.then(|| refused("no_back", detail)));
        }
        if !rules.no_skip {
            return Ok(None);
        }
        let others: Vec<Stage> = stages::table
            .filter(stages::workspace_id.eq(transaction.workspace().0))
            .filter(stages::pipeline_id.eq(to.pipeline_id).and(stages::deleted_at.is_null()))
            .filter(stages::position.between(from.position, to.position))
            .select(Stage::as_select())
            .load(transaction.connection())
            .await?;
        let mut skipped = others
            .iter()
            .filter(|stage| stage.is_ordered() && from.place() < stage.place() && stage.place() < to.place());
        Ok(skipped.next().map(|skipped| {
            let detail = format!("The pipeline does not let deals skip the stage {:?}.", skipped.name);
            refused("no_skip", detail)
        }))
    }

    /// What the stage asks for and the deal has not.
    fn missing(&self) -> Vec<Problem> {
        let fields = Vec::<String>::deserialize(&self.stage.required_fields).unwrap_or_default();
        let missing = fields.into_iter().filter(|field| !self.has(field));
        missing
            .map(|field| {
                let detail = format!("The stage {:?} requires {field}.", self.stage.name);
                let given = self.changes.value(&field).is_some();
                let at = if given { format!("/data/attributes/{field}") } else { "/data".into() };
                let meta = json!({ "rule": "required_fields", "field": field });
                Problem::new(Code::Required, detail).at_pointer(at).with_meta(meta)
            })
            .collect()
    }

    fn has(&self, field: &str) -> bool {
        let column = match DEALS.relationship(field).map(|relationship| relationship.link) {
            Some(Link::BelongsTo { column, .. }) => column,
            _ => field,
        };
        match (self.changes.column(column), self.old) {
            (Some(Bind::Null), _) => false,
            (Some(Bind::Text(text)), _) => !text.is_empty(),
            (Some(_), _) => true,
            (None, Some(deal)) => match deal.get(field) {
                Value::Null => deal.related_id(field).is_some(),
                Value::String(text) => !text.is_empty(),
                _ => true,
            },
            (None, None) => false,
        }
    }

    /// A stage with a limit takes so many open deals at a time.
    async fn room(&self, transaction: &mut Transaction) -> Result<Option<Problem>, Error> {
        let Some(limit) = self.stage.wip_limit.filter(|_| self.open) else { return Ok(None) };
        let workspace = transaction.workspace().0;
        // Deals that come at once take turns, so that each counts those before it.
        stages::table
            .find((workspace, self.stage.id))
            .select(stages::id)
            .for_no_key_update()
            .first::<Uuid>(transaction.connection())
            .await?;
        let here: i64 = deals::table
            .filter(deals::workspace_id.eq(workspace).and(deals::stage_id.eq(self.stage.id)))
            .filter(deals::status.eq("open").and(deals::deleted_at.is_null()))
            .count()
            .get_result(transaction.connection())
            .await?;
        let detail = format!("The stage {:?} takes {limit} open deals at most.", self.stage.name);
        Ok((here >= limit.into()).then(|| refused("wip_limit", detail)))
    }
}

fn at_stage(code: Code, detail: String) -> Problem {
    Problem::new(code, detail).at_pointer("/data/relationships/stage")
}

/// A rule of the pipeline or of the stage is against it.
fn refused(rule: &str, detail: String) -> Problem {
    at_stage(Code::StateConflict, detail).with_meta(json!({ "rule": rule }))
}
