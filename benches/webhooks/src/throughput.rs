//! Deliveries per second, and what each costs: with always enough events ahead to keep the dispatcher busy.

use std::time::{Duration, Instant};

use anyhow::ensure;
use pulse_bench_usage::{load, median, memory};

use crate::cost::{Cost, Each};
use crate::limit::Bare;
use crate::{Bench, limit, source, subscriber};

/// Deliveries that are on their way at most, in all.
const AHEAD: usize = 2_000;
/// How long the dispatcher is warmed up before it is measured.
const WARM_UP: Duration = Duration::from_secs(2);
/// How long what is left may take to arrive.
const PATIENCE: Duration = Duration::from_secs(60);

/// One round.
struct Round {
    per_second: f64,
    each: Each,
    bare: Bare,
    rows: f64,
}

/// Measures deliveries to so many endpoints of one workspace, beside bare requests and bare rows, and prints.
pub(crate) async fn run(bench: &Bench, name: &str, endpoints: usize) -> anyhow::Result<()> {
    let (bar_rate, bar_cpu) = if endpoints == 1 { (2_500, 0.5) } else { (6_000, 0.2) };
    let paths: Vec<String> = (0..endpoints).map(|number| format!("/ok/{number}")).collect();
    let workspace = subscriber::subscribe(bench, &paths).await?;
    let ahead = AHEAD / endpoints;
    bench.sink.forget();
    let warm = source::keep_busy(bench, workspace, endpoints, ahead, WARM_UP).await?;
    bench.sink.wait_for(warm * endpoints, PATIENCE).await?;
    let mut rounds = Vec::new();
    for _ in 0..bench.cli.rounds {
        bench.sink.forget();
        let (before, begun) = (Cost::now(bench)?, Instant::now());
        let published = source::keep_busy(bench, workspace, endpoints, ahead, bench.time()).await?;
        bench.sink.wait_for(published * endpoints, PATIENCE).await?;
        let took = begun.elapsed().as_secs_f64();
        recorded(bench).await?;
        let each = Cost::now(bench)?.since(before, published * endpoints);
        let arrivals = bench.sink.take();
        let expected = published * endpoints;
        ensure!(arrivals.count == expected, "{} of {expected} deliveries arrived", arrivals.count);
        ensure!(arrivals.duplicates == 0, "{} deliveries arrived twice", arrivals.duplicates);
        let (bare, rows) = (limit::requests(bench).await?, limit::rows(bench).await?);
        bench.sink.forget();
        rounds.push(Round { per_second: expected as f64 / took, each, bare, rows });
    }
    let of = |field: fn(&Round) -> f64| median(rounds.iter().map(field).collect());
    println!(
        "{name:<9} {:>6.0}/s (bar {bar_rate})   bare requests {:.0}/s   bare rows {:.0}/s",
        of(|round| round.per_second),
        of(|round| round.bare.per_second),
        of(|round| round.rows)
    );
    println!(
        "          CPU of a delivery: dispatcher {:.3} + PostgreSQL {:.3} + RabbitMQ {:.3} = {:.3} ms (bar {bar_cpu}); \
         a bare request {:.3} ms; memory of the dispatcher {} MiB (bar 150); load average {}",
        of(|round| round.each.dispatcher),
        of(|round| round.each.database),
        of(|round| round.each.bus),
        of(|round| round.each.sum()),
        of(|round| round.bare.cpu),
        memory(bench.cli.dispatcher_pid)?,
        load()?
    );
    Ok(())
}

/// Waits until every delivery that has arrived is on record: that is part of its cost.
async fn recorded(bench: &Bench) -> anyhow::Result<()> {
    let sql = "SELECT count(*) FROM webhook_deliveries WHERE state = 'scheduled'";
    let deadline = Instant::now() + PATIENCE;
    loop {
        let left: i64 = bench.database.query_one(sql, &[]).await?.get(0);
        if left == 0 {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "{left} deliveries are not recorded");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
