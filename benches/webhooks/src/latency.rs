//! How soon an event arrives after its commit, through the journal, the relay and the bus; alone, and beside the
//! endpoint of a stranger that takes requests and never answers.

use std::time::Duration;

use anyhow::ensure;
use pulse_bench_usage::{load, median};
use pulse_domain::WorkspaceId;

use crate::{Bench, source, subscriber};

/// Events of a strange workspace to an endpoint that hangs.
const HANGING: usize = 1_500;
/// How long the last event may take to arrive.
const PATIENCE: Duration = Duration::from_secs(60);

/// Median and 99th percentile of one round, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Percentiles {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

/// 200 events a second.
pub(crate) async fn alone(bench: &Bench) -> anyhow::Result<()> {
    let workspace = subscriber::subscribe(bench, &["/ok/latency".into()]).await?;
    steady(bench, workspace, 200, Duration::from_secs(2)).await?;
    let mut rounds = Vec::new();
    for _ in 0..bench.cli.rounds {
        rounds.push(steady(bench, workspace, 200, bench.time()).await?);
    }
    println!(
        "latency   at 200 events/s from commit to arrival: {} (bars 8 and 20); load average {}",
        both(&rounds),
        load()?
    );
    Ok(())
}

/// 50 events a second, without and with the stranger in turns.
pub(crate) async fn beside_a_hanging_endpoint(bench: &Bench) -> anyhow::Result<()> {
    let workspace = subscriber::subscribe(bench, &["/ok/healthy".into()]).await?;
    steady(bench, workspace, 50, Duration::from_secs(2)).await?;
    let (mut before, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..bench.cli.rounds {
        before.push(steady(bench, workspace, 50, bench.time()).await?);
        let stranger = subscriber::subscribe(bench, &["/hang/".into()]).await?;
        source::publish(bench, stranger, HANGING).await?;
        beside.push(steady(bench, workspace, 50, bench.time()).await?);
        give_up(bench, stranger).await?;
    }
    let ratios = before.iter().zip(&beside).map(|(before, beside)| beside.p99 / before.p99).collect();
    println!(
        "isolation at 50 events/s: {}; with {HANGING} for a stranger that hangs: {}; p99 × {:.2} (bar 2); load average {}",
        both(&before),
        both(&beside),
        median(ratios),
        load()?
    );
    Ok(())
}

/// One round at a steady rate; every event has to arrive.
pub(crate) async fn steady(
    bench: &Bench,
    workspace: WorkspaceId,
    per_second: u32,
    time: Duration,
) -> anyhow::Result<Percentiles> {
    bench.sink.forget();
    let count = source::journal(bench, workspace, per_second, time).await?;
    bench.sink.wait_for(count, PATIENCE).await?;
    let mut took = bench.sink.take().took;
    // One that arrived between its commit and our noting it is not among them; it was fast.
    ensure!(took.len() * 100 >= count * 99, "{} of {count} events are timed", took.len());
    took.sort_unstable();
    let at = |part: usize| took[(took.len() * part / 100).min(took.len() - 1)].as_secs_f64() * 1_000.0;
    Ok(Percentiles { p50: at(50), p99: at(99) })
}

/// The medians over rounds.
pub(crate) fn both(rounds: &[Percentiles]) -> String {
    let of = |field: fn(&Percentiles) -> f64| median(rounds.iter().map(field).collect());
    format!("p50 {:.1} ms, p99 {:.1} ms", of(|round| round.p50), of(|round| round.p99))
}

/// Takes what is not delivered away from the dispatcher.
async fn give_up(bench: &Bench, workspace: WorkspaceId) -> anyhow::Result<()> {
    let sql = "UPDATE webhook_subscriptions SET enabled = false, updated_at = now() WHERE workspace_id = $1";
    bench.database.execute(sql, &[&workspace.0]).await?;
    bench.database.batch_execute("NOTIFY pulse_webhook_subscriptions").await?;
    Ok(())
}
