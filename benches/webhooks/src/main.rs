//! Measures webhook-dispatcher: deliveries per second, what each costs, how soon it arrives, and what a bad neighbour
//! changes about that.
//!
//! A figure of a shared machine says nothing by itself: each stands beside its limit, measured in alternating rounds,
//! and the CPU time per delivery is the steadiest of them. In reading order: [`sink`] receives and notes when;
//! [`subscriber`] makes workspaces and subscriptions; [`source`] makes events, on the bus or in the journal; [`cost`]
//! counts what the processes use; [`limit`] are the same requests and the same rows without a dispatcher; [`throughput`],
//! [`latency`] and [`backlog`] measure and print.

mod backlog;
mod cost;
mod latency;
mod limit;
mod sink;
mod source;
mod subscriber;
mod throughput;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use tokio_postgres::NoTls;

/// Measures webhook-dispatcher.
#[derive(Debug, Parser)]
pub struct Cli {
    /// The database, as its superuser: `postgres://…`.
    #[arg(long)]
    database: String,
    /// The broker: `amqp://…`.
    #[arg(long)]
    bus: String,
    /// Process id of the database server.
    #[arg(long)]
    database_pid: u32,
    /// Process id of the broker.
    #[arg(long)]
    bus_pid: u32,
    /// Process id of webhook-dispatcher.
    #[arg(long)]
    dispatcher_pid: u32,
    /// The program pgbench.
    #[arg(long)]
    pgbench: PathBuf,
    /// Where the script for pgbench goes.
    #[arg(long)]
    scratch: PathBuf,
    /// A file with the key that secrets are sealed with, in base64.
    #[arg(long)]
    master_key: PathBuf,
    /// Seconds that each side is measured for in each round.
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// Rounds; the median of them counts.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Due retries that stand in the way.
    #[arg(long, default_value_t = 1_000_000)]
    retries: i32,
    /// What to measure: one, ten, latency, isolation, backlog.
    #[arg(long, value_delimiter = ',', default_value = "one,ten,latency,isolation,backlog")]
    only: Vec<String>,
}

/// What everything is measured with.
pub(crate) struct Bench {
    pub(crate) cli: Cli,
    pub(crate) database: tokio_postgres::Client,
    pub(crate) bus: pulse_bus::Publisher,
    pub(crate) sink: sink::Sink,
    pub(crate) key: pulse_domain::seal::MasterKey,
}

impl Bench {
    pub(crate) fn time(&self) -> Duration {
        Duration::from_secs(self.cli.seconds)
    }
}

// One thread: the load must not take more of the machine than it needs. The sink has one of its own.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let (database, connection) =
        tokio_postgres::connect(&cli.database, NoTls).await.context("the database")?;
    let bus = pulse_bus::Settings {
        url: cli.bus.clone().into(),
        prefix: String::new(),
        confirm_timeout_ms: 30_000,
    };
    let key = std::fs::read_to_string(&cli.master_key).context("the master key")?;
    let bench = Bench {
        database,
        bus: pulse_bus::Publisher::new(&bus, "bench"),
        sink: sink::Sink::start()?,
        key: pulse_domain::seal::MasterKey::from_base64(&key)?,
        cli,
    };
    tokio::select! {
        done = measure(&bench) => done,
        ended = connection => ended.context("the connection to the database was lost"),
    }
}

async fn measure(bench: &Bench) -> anyhow::Result<()> {
    println!(
        "{} rounds of {} s on each side, {} cores; memory of the dispatcher at rest {} MiB (bar 40)",
        bench.cli.rounds,
        bench.cli.seconds,
        std::thread::available_parallelism()?,
        pulse_bench_usage::memory(bench.cli.dispatcher_pid)?
    );
    for name in &bench.cli.only {
        subscriber::start_afresh(bench).await?;
        match name.as_str() {
            "one" => throughput::run(bench, "one", 1).await?,
            "ten" => throughput::run(bench, "ten", 10).await?,
            "latency" => latency::alone(bench).await?,
            "isolation" => latency::beside_a_hanging_endpoint(bench).await?,
            "backlog" => backlog::run(bench).await?,
            other => anyhow::bail!("there is nothing to measure that is called {other}"),
        }
    }
    subscriber::start_afresh(bench).await
}
