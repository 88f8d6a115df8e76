//! Measures crm-api beside pgbench: the same work, once over HTTP and once as bare statements, in turns.
//!
//! A figure of a shared machine says nothing by itself, so what counts is the ratio of two medians that were measured
//! in alternating rounds, and the CPU time per request. In reading order: [`fill`] makes the workspace of 200,000
//! contacts; [`http`] is a client that costs little beside what it measures; [`sent`] finds out which statements the
//! service sends; [`pgbench`] runs them bare; [`work`] are the three kinds of requests; [`usage`] counts CPU time;
//! [`rounds`] measures in turns and prints; [`guard`] does that with a server that asks for no credential instead of
//! pgbench.

mod fill;
mod guard;
mod http;
mod pgbench;
mod rounds;
mod sent;
mod usage;
mod work;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use tokio_postgres::NoTls;

/// Measures crm-api beside pgbench.
#[derive(Debug, Parser)]
pub struct Cli {
    /// Where crm-api listens.
    #[arg(long)]
    crm: SocketAddr,
    /// Its database, as its superuser: `postgres://…`.
    #[arg(long)]
    database: String,
    /// The log of that server.
    #[arg(long)]
    database_log: PathBuf,
    /// Process id of that server.
    #[arg(long)]
    database_pid: u32,
    /// Process id of crm-api.
    #[arg(long)]
    crm_pid: u32,
    /// The program pgbench.
    #[arg(long)]
    pgbench: PathBuf,
    /// Where the scripts for pgbench go.
    #[arg(long)]
    scratch: PathBuf,
    /// Contacts in the table.
    #[arg(long, default_value_t = 200_000)]
    contacts: u32,
    /// Connections, on either side.
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Seconds that each side is measured for in each round.
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// Rounds; the median of them counts.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// What to measure: list, show, create, guard.
    #[arg(long, value_delimiter = ',', default_value = "list,show,create,guard")]
    only: Vec<String>,
}

// One thread: the load generator must not take more of the machine than it needs.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let (mut database, connection) =
        tokio_postgres::connect(&cli.database, NoTls).await.context("the database")?;
    tokio::select! {
        done = measure(&cli, &mut database) => done,
        ended = connection => ended.context("the connection to the database was lost"),
    }
}

async fn measure(cli: &Cli, database: &mut tokio_postgres::Client) -> anyhow::Result<()> {
    let token = fill::sign_up(cli.crm).await?;
    let workspace = fill::workspace(database, cli.contacts).await?;
    let statements = sent::Log::new(database, &cli.database_log);
    let setting = rounds::Setting {
        crm: cli.crm,
        crm_pid: cli.crm_pid,
        database_pid: cli.database_pid,
        connections: cli.connections,
        rounds: cli.rounds,
        time: Duration::from_secs(cli.seconds),
        bare: pgbench::Pgbench {
            program: &cli.pgbench,
            database: &cli.database,
            scratch: &cli.scratch,
            connections: cli.connections,
            seconds: cli.seconds,
        },
    };
    println!(
        "{} contacts, {} connections, {} rounds of {} s on each side, {} cores",
        cli.contacts,
        cli.connections,
        cli.rounds,
        cli.seconds,
        std::thread::available_parallelism()?
    );
    for name in &cli.only {
        let work = match name.as_str() {
            "guard" => {
                let work = work::show(cli.crm, &token, database, &statements, workspace).await?;
                guard::run(&setting, &work, &cli.database, workspace).await?;
                continue;
            }
            "list" => work::list(cli.crm, &token, database, &statements, workspace).await?,
            "show" => work::show(cli.crm, &token, database, &statements, workspace).await?,
            "create" => work::create(cli.crm, &token, database, workspace).await?,
            other => anyhow::bail!("there is nothing to measure that is called {other}"),
        };
        rounds::run(&setting, &work, database).await?;
    }
    Ok(())
}
