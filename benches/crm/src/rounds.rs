//! Measuring in turns, and what is printed of it.

use std::cell::Cell;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::ensure;
use futures_util::future::try_join_all;
use pulse_bench_usage::{load as load_average, median};
use tokio_postgres::Client;

use crate::http::Connection;
use crate::pgbench::Pgbench;
use crate::usage::Used;
use crate::work::{Requests, WRITTEN, Work};

/// How long the service is warmed up before it is measured.
pub(crate) const WARM_UP: Duration = Duration::from_secs(2);

/// What is measured with.
#[derive(Debug)]
pub(crate) struct Setting<'a> {
    pub(crate) crm: SocketAddr,
    pub(crate) crm_pid: u32,
    pub(crate) database_pid: u32,
    pub(crate) connections: usize,
    pub(crate) rounds: usize,
    pub(crate) time: Duration,
    pub(crate) bare: Pgbench<'a>,
}

/// One side of one round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    per_second: f64,
    /// Microseconds of CPU per request: of the service, and of PostgreSQL.
    pub(crate) service: f64,
    pub(crate) database: f64,
}

impl Measured {
    pub(crate) fn new(per_second: f64, count: f64, used: Used) -> Self {
        let each = |time: Duration| time.as_secs_f64() * 1e6 / count;
        Self { per_second, service: each(used.service), database: each(used.database) }
    }

    /// CPU of both.
    pub(crate) fn cpu(&self) -> f64 {
        self.service + self.database
    }
}

/// Measures both sides in turns, and prints the medians.
pub(crate) async fn run(setting: &Setting<'_>, work: &Work, database: &Client) -> anyhow::Result<()> {
    let next = Cell::new(1);
    let mut connections = Vec::new();
    for _ in 0..setting.connections {
        connections.push(Connection::open(setting.crm).await?);
    }
    load(&mut connections, work, &next, WARM_UP).await?;
    let (mut service, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..setting.rounds {
        let before = stored(work, database).await?;
        let used = Used::now(setting.crm_pid, setting.database_pid)?;
        let began = Instant::now();
        let count = load(&mut connections, work, &next, setting.time).await?;
        let took = began.elapsed().as_secs_f64();
        let used = Used::now(setting.crm_pid, setting.database_pid)?.since(used);
        for ((table, before), (_, after)) in before.into_iter().zip(stored(work, database).await?) {
            let rows = after - before;
            ensure!(rows == i64::try_from(count)?, "{count} answers, {rows} rows in {table}");
        }
        service.push(Measured::new(count as f64 / took, count as f64, used));

        let used = Used::now(setting.crm_pid, setting.database_pid)?;
        let per_second = setting.bare.run(work.name, &work.bare).await?;
        let used = Used::now(setting.crm_pid, setting.database_pid)?.since(used);
        bare.push(Measured::new(per_second, per_second * setting.time.as_secs_f64(), used));
    }
    print(work, &service, &bare)
}

/// Keeps all connections busy for a time, checks every answer, and returns how many there were.
pub(crate) async fn load(
    connections: &mut [Connection],
    work: &Work,
    next: &Cell<usize>,
    time: Duration,
) -> anyhow::Result<usize> {
    let (until, first) = (Instant::now() + time, next.get());
    let busy = connections.iter_mut().map(|connection| async {
        while Instant::now() < until {
            let number = next.replace(next.get() + 1);
            let answer = connection.send(&work.requests.make(number)).await?;
            work.requests.check(number, &answer)?;
        }
        anyhow::Ok(())
    });
    try_join_all(busy).await?;
    Ok(next.get() - first)
}

/// How many rows there are in each table that the work writes.
async fn stored(work: &Work, database: &Client) -> anyhow::Result<Vec<(&'static str, i64)>> {
    let mut counts = Vec::new();
    if let Requests::Creates { .. } = work.requests {
        for table in WRITTEN {
            let row = database.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await?;
            counts.push((*table, row.get(0)));
        }
    }
    Ok(counts)
}

fn print(work: &Work, service: &[Measured], bare: &[Measured]) -> anyhow::Result<()> {
    let of = |side: &[Measured], field: fn(&Measured) -> f64| median(side.iter().map(field).collect());
    let ratio = of(service, |one| one.per_second) / of(bare, |one| one.per_second);
    let (crm, database) = (of(service, |one| one.service), of(service, |one| one.database));
    println!(
        "{:<8} {:>8.0}/s   pgbench {:>8.0}/s   ratio {:>5.1} % (bar {:.0} %)",
        work.name,
        of(service, |one| one.per_second),
        of(bare, |one| one.per_second),
        ratio * 100.0,
        work.bar * 100.0
    );
    println!(
        "         CPU per request: crm-api {crm:.0} µs + PostgreSQL {database:.0} µs = {:.0} µs; \
         pgbench's PostgreSQL {:.0} µs; load average {}",
        crm + database,
        of(bare, |one| one.database),
        load_average()?
    );
    let each: Vec<String> = service
        .iter()
        .zip(bare)
        .map(|(one, other)| format!("{:.0}/{:.0}", one.per_second, other.per_second))
        .collect();
    println!("         rounds: {}", each.join(", "));
    Ok(())
}
