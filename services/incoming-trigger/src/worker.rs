//! The worker: claims due runs, executes their steps one after the other, and commits each before the next.
//!
//! Neither a transaction nor a connection is held while crm-api is called.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use pulse_domain::WorkspaceId;
use pulse_domain::workflow::{Definition, Step};
use pulse_store::Pool;
use pulse_store::notify::{Channel, Listener, Waker};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::Value;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::crm::{Acting, Client};
use crate::runs::{self, Outcome, Run, StepRun};
use crate::settings::{self, Settings};
use crate::step::{self, Failure};

/// How long to wait before a database that was away is asked again.
const BREATH: Duration = Duration::from_secs(1);
/// The wait before the second try of a step; it doubles with each further one.
const FIRST_RETRY_SECONDS: i64 = 1;
/// No wait is longer.
const LONGEST_RETRY_SECONDS: i64 = 300;

/// Executes runs.
#[derive(Debug)]
pub(crate) struct Worker {
    bench: Arc<Bench>,
    listener: Listener,
    concurrency: usize,
}

/// What all runs of a worker share.
#[derive(Debug)]
struct Bench {
    pool: Pool,
    crm: Client,
    waker: Waker,
    stop: CancellationToken,
    settings: settings::Trigger,
}

impl Worker {
    pub(crate) fn new(
        settings: &Settings,
        pool: Pool,
        waker: Waker,
        stop: CancellationToken,
    ) -> anyhow::Result<Self> {
        let sweep = Duration::from_secs(settings.trigger.sweep_seconds.get());
        let url = settings.database.url.expose_secret();
        let crm = Client::new(&settings.crm, &settings.security)?;
        Ok(Self {
            bench: Arc::new(Bench { pool, crm, waker, stop, settings: settings.trigger.clone() }),
            listener: Listener::new(url, Channel::WorkflowRuns, sweep),
            concurrency: settings.trigger.concurrency.get(),
        })
    }

    /// Works until told to stop; runs under way then finish the step they are at, and are given back.
    pub(crate) async fn run(mut self) -> anyhow::Result<()> {
        let mut under_way = JoinSet::new();
        let stop = self.bench.stop.clone();
        while !stop.is_cancelled() {
            let free = self.concurrency - under_way.len();
            let patience = match self.bench.claim(free).await {
                Ok((claimed, patience)) => {
                    for run in claimed {
                        let span = tracing::info_span!(
                            "run", run_id = %run.id, workspace_id = %run.workspace_id,
                            correlation_id = %run.correlation_id,
                        );
                        under_way.spawn(Arc::clone(&self.bench).drive(run).instrument(span));
                    }
                    patience
                }
                Err(error) => {
                    tracing::warn!(error = format!("{error:#}"), "cannot look for due runs");
                    Some(BREATH)
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                Some(ended) = under_way.join_next() => report(ended),
                () = self.listener.wait(patience), if under_way.len() < self.concurrency => {}
            }
            while let Some(ended) = under_way.try_join_next() {
                report(ended);
            }
        }
        while let Some(ended) = under_way.join_next().await {
            report(ended);
        }
        Ok(())
    }
}

impl Bench {
    /// Claims what is due, and says how long it is until something else will be.
    async fn claim(&self, free: usize) -> anyhow::Result<(Vec<Run>, Option<Duration>)> {
        let mut connection = self.pool.get().await?;
        let claimed = runs::claim(&mut connection, free, self.settings.lease_seconds.get()).await?;
        let patience = if claimed.len() < free { runs::until_next_due(&mut connection).await? } else { None };
        Ok((claimed, patience))
    }

    /// Executes a run until it is over, has to wait, belongs to another, or the worker stops.
    async fn drive(self: Arc<Self>, mut run: Run) -> anyhow::Result<()> {
        let definition = match Definition::deserialize(&run.definition) {
            Ok(definition) => definition,
            Err(error) => {
                let reason = format!("the definition cannot be read: {error}");
                return Ok(runs::end(&mut *self.pool.get().await?, &run, Err(reason)).await?);
            }
        };
        let crm = self.crm.acting(WorkspaceId(run.workspace_id), run.correlation_id, run.id);
        let mut steps = definition.steps.iter().skip(usize::try_from(run.position)?).peekable();
        while let Some(step) = steps.next() {
            let last = steps.peek().is_none();
            if !self.advance(&crm, &mut run, step, last).await? {
                return Ok(());
            }
            if self.stop.is_cancelled() {
                runs::release(&mut *self.pool.get().await?, &run).await?;
                self.waker.wake();
                return Ok(());
            }
        }
        // Reached by a definition without steps alone: the last step ends its run itself.
        Ok(runs::end(&mut *self.pool.get().await?, &run, Ok(())).await?)
    }

    /// Executes the next step and commits how it ended. Returns whether the run goes on.
    async fn advance(
        &self,
        crm: &Acting<'_>,
        run: &mut Run,
        step: &Step,
        last: bool,
    ) -> anyhow::Result<bool> {
        let started_at = Utc::now();
        let (input, result) = match step::fill(step, &run.context) {
            Ok(parameters) => {
                let result = self.execute(crm, run, &parameters).await;
                (Some(parameters), result)
            }
            Err(failure) => (None, Err(failure)),
        };
        let done = StepRun { step, input, started_at, outcome: self.outcome(run.attempt + 1, result) };
        let mut connection = self.pool.get().await?;
        if !runs::commit(&mut connection, run, &done, last, self.settings.lease_seconds.get()).await? {
            tracing::info!(step = step.key, "the run is not this worker's any more");
            return Ok(false);
        }
        match done.outcome {
            Outcome::Succeeded(output) if !last => {
                run.context["steps"][&step.key] = output;
                run.position += 1;
                run.attempt = 0;
                Ok(true)
            }
            Outcome::Succeeded(_) => Ok(false),
            Outcome::Retry { error, .. } | Outcome::Failed(error) => {
                tracing::info!(step = step.key, error, "a step has no output");
                Ok(false)
            }
        }
    }

    async fn execute(&self, crm: &Acting<'_>, run: &Run, parameters: &Value) -> Result<Value, Failure> {
        // What is not done by then is given up while the lease still stands: two workers never do the same step.
        let deadline = Duration::from_secs(self.settings.lease_seconds.get().into()) / 2;
        tokio::time::timeout(deadline, step::execute(crm, run.id, run.position, parameters))
            .await
            .unwrap_or_else(|_| Err(Failure::Passing(format!("not done within {} s", deadline.as_secs()))))
    }

    fn outcome(&self, tries: i32, result: Result<Value, Failure>) -> Outcome {
        match result {
            Ok(output) => Outcome::Succeeded(output),
            Err(Failure::Final(error)) => Outcome::Failed(error),
            Err(Failure::Passing(error)) if tries < self.settings.max_attempts => {
                Outcome::Retry { error, after_seconds: retry_seconds(tries) }
            }
            Err(Failure::Passing(error)) => Outcome::Failed(format!("given up after {tries} tries: {error}")),
        }
    }
}

/// A run that could not be driven on keeps its lease; when that ends it is tried again.
fn report(ended: Result<anyhow::Result<()>, JoinError>) {
    if let Err(error) = ended.map_err(anyhow::Error::from).flatten() {
        tracing::error!(error = format!("{error:#}"), "a run was left lying");
    }
}

/// Seconds to wait after a number of failed tries.
fn retry_seconds(tries: i32) -> i64 {
    let doublings = u32::try_from(tries - 1).unwrap_or(0).min(16);
    (FIRST_RETRY_SECONDS << doublings).min(LONGEST_RETRY_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_five_minutes() {
        let waits: Vec<i64> = (1..=10).map(retry_seconds).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]);
        assert_eq!(retry_seconds(i32::MAX), 300);
    }
}
