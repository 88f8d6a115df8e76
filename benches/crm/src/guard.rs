//! P4: what guards a request (its credential, its limit, its policy) costs, as CPU time of each: crm-api beside a server
//! that answers the same without, in turns.

use std::cell::Cell;
use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use pulse_bench_usage as usage;

use crate::fill::Workspace;
use crate::http::Connection;
use crate::rounds::{Measured, Setting, WARM_UP, load};
use crate::usage::Used;
use crate::work::Work;

/// What the guard may cost, in microseconds of CPU.
const BAR: f64 = 60.0;

/// How long the other server may take to listen.
const PATIENCE: Duration = Duration::from_secs(10);

/// The server without a guard. Dropping it kills it.
struct Bare {
    address: SocketAddr,
    process: Child,
}

impl Bare {
    /// What it logs goes to a file, as what crm-api logs does.
    async fn start(database: &str, workspace: Workspace, scratch: &Path) -> anyhow::Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let program = std::env::current_exe()?.with_file_name("pulse-bench-bare");
        let mut command = Command::new(&program);
        command.args(["--listen", &address.to_string(), "--database", database]);
        let process = command
            .args(["--workspace", &workspace.0.to_string()])
            .stdout(Stdio::null())
            .stderr(File::create(scratch.join("bare.log"))?)
            .spawn()
            .with_context(|| program.display().to_string())?;
        let bare = Self { address, process };
        let began = Instant::now();
        while Connection::open(address).await.is_err() {
            ensure!(began.elapsed() < PATIENCE, "the server without a guard does not listen");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(bare)
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// One of the two.
struct Side {
    pid: u32,
    connections: Vec<Connection>,
    measured: Vec<Measured>,
}

impl Side {
    async fn open(address: SocketAddr, pid: u32, count: usize) -> anyhow::Result<Self> {
        let mut connections = Vec::new();
        for _ in 0..count {
            connections.push(Connection::open(address).await?);
        }
        Ok(Self { pid, connections, measured: Vec::new() })
    }

    async fn measure(&mut self, setting: &Setting<'_>, work: &Work) -> anyhow::Result<()> {
        let next = Cell::new(1);
        let used = Used::now(self.pid, setting.database_pid)?;
        let began = Instant::now();
        let count = load(&mut self.connections, work, &next, setting.time).await? as f64;
        let took = began.elapsed().as_secs_f64();
        let used = Used::now(self.pid, setting.database_pid)?.since(used);
        self.measured.push(Measured::new(count / took, count, used));
        Ok(())
    }

    fn of(&self, field: fn(&Measured) -> f64) -> f64 {
        usage::median(self.measured.iter().map(field).collect())
    }
}

/// Measures both in turns, and prints the medians. Both answer the same bytes, which is checked of every answer.
pub(crate) async fn run(
    setting: &Setting<'_>,
    work: &Work,
    database: &str,
    workspace: Workspace,
) -> anyhow::Result<()> {
    let bare = Bare::start(database, workspace, setting.bare.scratch).await?;
    let mut guarded = Side::open(setting.crm, setting.crm_pid, setting.connections).await?;
    let mut without = Side::open(bare.address, bare.process.id(), setting.connections).await?;
    for side in [&mut guarded, &mut without] {
        load(&mut side.connections, work, &Cell::new(1), WARM_UP).await?;
    }
    for _ in 0..setting.rounds {
        guarded.measure(setting, work).await?;
        without.measure(setting, work).await?;
    }
    // What the database does for the guard is part of its cost: it looks sessions up.
    let cost: Vec<f64> =
        guarded.measured.iter().zip(&without.measured).map(|(with, bare)| with.cpu() - bare.cpu()).collect();
    println!(
        "guard    CPU per request: {:.0} µs (bar {BAR:.0} µs); crm-api {:.0} µs + PostgreSQL {:.0} µs, without a guard \
         {:.0} µs + {:.0} µs; load average {}",
        usage::median(cost.clone()),
        guarded.of(|one| one.service),
        guarded.of(|one| one.database),
        without.of(|one| one.service),
        without.of(|one| one.database),
        usage::load()?
    );
    let each: Vec<String> = cost.iter().map(|cost| format!("{cost:.0}")).collect();
    println!("         rounds: {}", each.join(", "));
    Ok(())
}
