//! Runs as rows: claimed by one worker at a time, committed step by step.
//!
//! A claim sets a lease and raises `lease_epoch`. Every later write asks for that epoch, so a worker that was paused
//! past its lease cannot write over the one that took its run, and asks for the state `running`, so what has ended
//! never changes.
//!
//! Leases and due times go by the clock of the database: workers need not agree on the hour.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::dsl::{IntervalDsl, jsonb_set, now};
use diesel::prelude::*;
use diesel::sql_types::{Array, Interval, Nullable, Text, Timestamptz};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use pulse_domain::workflow::Step;
use pulse_store::schema::{workflow_runs as runs, workflow_step_runs as step_runs};
use serde_json::Value;
use uuid::Uuid;

const RUNNING: &str = "running";
/// States in which a run is not over.
const OPEN: [&str; 3] = ["queued", RUNNING, "waiting"];

/// A run that belongs to this worker until its lease ends.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = runs)]
pub(crate) struct Run {
    pub workspace_id: Uuid,
    pub id: Uuid,
    /// As it was when the run was accepted.
    pub definition: Value,
    /// The variables.
    pub context: Value,
    /// Index of the step that is next.
    pub position: i32,
    /// How often that step has been tried.
    pub attempt: i32,
    pub correlation_id: Uuid,
    lease_epoch: i64,
}

/// One try of a step.
#[derive(Debug)]
pub(crate) struct StepRun<'a> {
    pub step: &'a Step,
    /// The parameters with their variables filled in, where that worked.
    pub input: Option<Value>,
    pub started_at: DateTime<Utc>,
    pub outcome: Outcome,
}

/// How a try ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// With this output.
    Succeeded(Value),
    /// In a way that may pass; the step is tried again after so many seconds.
    Retry { error: String, after_seconds: i64 },
    /// For good.
    Failed(String),
}

#[derive(Insertable)]
#[diesel(table_name = step_runs)]
struct NewStepRun<'a> {
    workspace_id: Uuid,
    id: Uuid,
    run_id: Uuid,
    position: i32,
    attempt: i32,
    key: &'a str,
    step_type: &'static str,
    state: &'static str,
    input: Option<&'a Value>,
    output: Option<&'a Value>,
    error: Option<&'a str>,
    started_at: DateTime<Utc>,
    finished_at: DateTime<Utc>,
}

/// Ends a run, and its lease.
#[derive(AsChangeset)]
#[diesel(table_name = runs, treat_none_as_null = true)]
struct Ended {
    state: &'static str,
    error: Option<String>,
    lease_until: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
}

diesel::define_sql_function! {
    /// A time and a span after it: the function behind `+`.
    #[sql_name = "timestamptz_pl_interval"]
    fn later(time: Timestamptz, span: Interval) -> Timestamptz;
}
diesel::define_sql_function! {
    /// The first that is not null.
    fn coalesce(time: Nullable<Timestamptz>, otherwise: Timestamptz) -> Timestamptz;
}

/// Takes up to `limit` runs that are due, or whose worker let its lease run out.
pub(crate) async fn claim(
    connection: &mut AsyncPgConnection,
    limit: usize,
    lease_seconds: u32,
) -> QueryResult<Vec<Run>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    connection
        .transaction(async |connection| {
            let due: Vec<(Uuid, Uuid)> = runs::table
                .filter(runs::state.eq_any(OPEN))
                .filter(runs::due_at.le(now))
                .filter(
                    runs::lease_until
                        .is_null()
                        .or(runs::lease_until.le(now.into_sql::<Timestamptz>().nullable())),
                )
                .order(runs::due_at)
                .limit(limit)
                .select((runs::workspace_id, runs::id))
                .for_update()
                .skip_locked()
                .load(connection)
                .await?;
            if due.is_empty() {
                return Ok(Vec::new());
            }
            let (workspaces, ids): (Vec<Uuid>, Vec<Uuid>) = due.into_iter().unzip();
            let claimed =
                runs::table.filter(runs::workspace_id.eq_any(workspaces)).filter(runs::id.eq_any(ids));
            diesel::update(claimed)
                .set((
                    runs::state.eq(RUNNING),
                    runs::lease_until.eq(later(now, i64::from(lease_seconds).seconds()).nullable()),
                    runs::lease_epoch.eq(runs::lease_epoch + 1),
                    runs::started_at.eq(coalesce(runs::started_at, now).nullable()),
                ))
                .returning(Run::as_returning())
                .get_results(connection)
                .await
        })
        .await
}

/// How long it is until the next run that nobody has will be due.
pub(crate) async fn until_next_due(connection: &mut AsyncPgConnection) -> QueryResult<Option<Duration>> {
    let next: Option<(DateTime<Utc>, DateTime<Utc>)> = runs::table
        .filter(runs::state.eq_any(OPEN))
        .filter(runs::lease_until.is_null())
        .order(runs::due_at)
        .select((runs::due_at, now.into_sql::<Timestamptz>()))
        .first(connection)
        .await
        .optional()?;
    Ok(next.map(|(due_at, at)| (due_at - at).to_std().unwrap_or_default()))
}

/// Writes how a try of the next step ended, and what the run does then, in one transaction: on to the step after it
/// with a renewed lease, waiting for the next try, or over. Returns `false`, and writes nothing, when the run is not
/// this worker's any more.
pub(crate) async fn commit(
    connection: &mut AsyncPgConnection,
    run: &Run,
    done: &StepRun<'_>,
    last: bool,
    lease_seconds: u32,
) -> QueryResult<bool> {
    connection
        .transaction(async |connection| {
            // The run first: it is what says whether this worker may write at all.
            let kept = match &done.outcome {
                Outcome::Succeeded(output) => {
                    let context = jsonb_set(
                        runs::context,
                        vec!["steps", &done.step.key].into_sql::<Array<Text>>(),
                        output,
                    );
                    let advanced =
                        (runs::position.eq(run.position + 1), runs::attempt.eq(0), runs::context.eq(context));
                    if last {
                        diesel::update(mine(run))
                            .set((advanced, Ended::now("succeeded", None)))
                            .execute(connection)
                            .await?
                    } else {
                        let lease =
                            runs::lease_until.eq(later(now, i64::from(lease_seconds).seconds()).nullable());
                        diesel::update(mine(run)).set((advanced, lease)).execute(connection).await?
                    }
                }
                Outcome::Retry { after_seconds, .. } => {
                    diesel::update(mine(run))
                        .set((
                            runs::state.eq("waiting"),
                            runs::attempt.eq(run.attempt + 1),
                            runs::due_at.eq(later(now, after_seconds.seconds())),
                            runs::lease_until.eq(None::<DateTime<Utc>>),
                        ))
                        .execute(connection)
                        .await?
                }
                Outcome::Failed(error) => {
                    let error = format!("step `{}`: {error}", done.step.key);
                    diesel::update(mine(run))
                        .set(Ended::now("failed", Some(error)))
                        .execute(connection)
                        .await?
                }
            };
            if kept == 1 {
                diesel::insert_into(step_runs::table).values(row(run, done)).execute(connection).await?;
            }
            QueryResult::Ok(kept == 1)
        })
        .await
}

/// Ends a run that has no step to blame or praise for it.
pub(crate) async fn end(
    connection: &mut AsyncPgConnection,
    run: &Run,
    result: Result<(), String>,
) -> QueryResult<()> {
    let change = match result {
        Ok(()) => Ended::now("succeeded", None),
        Err(error) => Ended::now("failed", Some(error)),
    };
    diesel::update(mine(run)).set(change).execute(connection).await?;
    Ok(())
}

/// Gives a run back, so that another worker goes on with it at once.
pub(crate) async fn release(connection: &mut AsyncPgConnection, run: &Run) -> QueryResult<()> {
    diesel::update(mine(run)).set(runs::lease_until.eq(None::<DateTime<Utc>>)).execute(connection).await?;
    Ok(())
}

/// The row of a run, as long as it is this worker's.
#[diesel::dsl::auto_type]
fn mine(run: &Run) -> _ {
    let (workspace_id, id, lease_epoch): (Uuid, Uuid, i64) = (run.workspace_id, run.id, run.lease_epoch);
    let running: &'static str = RUNNING;
    runs::table
        .filter(runs::workspace_id.eq(workspace_id))
        .filter(runs::id.eq(id))
        .filter(runs::lease_epoch.eq(lease_epoch))
        .filter(runs::state.eq(running))
}

impl Ended {
    fn now(state: &'static str, error: Option<String>) -> Self {
        Self { state, error, lease_until: None, finished_at: Some(Utc::now()) }
    }
}

fn row<'a>(run: &Run, done: &'a StepRun<'_>) -> NewStepRun<'a> {
    let (state, output, error) = match &done.outcome {
        Outcome::Succeeded(output) => ("succeeded", Some(output), None),
        Outcome::Retry { error, .. } => ("retry_scheduled", None, Some(error.as_str())),
        Outcome::Failed(error) => ("failed", None, Some(error.as_str())),
    };
    NewStepRun {
        workspace_id: run.workspace_id,
        id: Uuid::now_v7(),
        run_id: run.id,
        position: run.position,
        attempt: run.attempt + 1,
        key: &done.step.key,
        step_type: done.step.action.kind(),
        state,
        input: done.input.as_ref(),
        output,
        error,
        started_at: done.started_at,
        finished_at: Utc::now(),
    }
}
