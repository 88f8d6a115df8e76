//! A PostgreSQL and a RabbitMQ of one test alone, for faults that other tests must not feel.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use pulse_testing::{Database, eventually_within};
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::process::Process;
use crate::stack::{ROOT, free_ports};

/// How long a server may take to start, recovery after a crash included.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server. It ends when it is dropped.
pub(crate) struct Server {
    kind: Kind,
    port: u16,
    arguments: Vec<String>,
    process: Option<Process>,
    /// What finds the nodes of RabbitMQ.
    _names: Option<Process>,
    directory: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Postgres,
    RabbitMq,
}

impl Server {
    /// An empty PostgreSQL. It waits for the disk as in production.
    pub(crate) async fn postgres() -> Self {
        let port = free_ports().next().expect("a port is free");
        Self::start(Kind::Postgres, port, Vec::new(), None).await
    }

    /// An empty RabbitMQ.
    pub(crate) async fn rabbitmq() -> Self {
        let mut ports = free_ports();
        let mut port = || ports.next().expect("a port is free");
        let [port, distribution, epmd] = [port(), port(), port()];
        let mut names = Command::new("epmd");
        names.args(["-address", "127.0.0.1", "-port", &epmd.to_string()]);
        let log = std::env::temp_dir().join(format!("pulse-epmd-{epmd}.log"));
        let names = Process::start("epmd", &mut names, &log);
        let arguments = [("distribution", distribution), ("epmd", epmd)];
        let arguments =
            arguments.into_iter().flat_map(|(name, port)| [format!("--{name}"), port.to_string()]);
        Self::start(Kind::RabbitMq, port, arguments.collect(), Some(names)).await
    }

    async fn start(kind: Kind, port: u16, arguments: Vec<String>, names: Option<Process>) -> Self {
        let directory = std::env::temp_dir().join(format!("pulse-server-{}", Uuid::new_v4().simple()));
        std::fs::create_dir(&directory).expect("there is room for data");
        let mut server = Self { kind, port, arguments, process: None, _names: names, directory };
        server.launch().await;
        server
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        match self.kind {
            Kind::Postgres => format!("postgres://pulse@127.0.0.1:{}/postgres", self.port),
            Kind::RabbitMq => format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port),
        }
    }

    /// Ends it with a signal, and starts it again with the data that it has on disk.
    pub(crate) async fn restart(&mut self, signal: &str) {
        self.end(signal).await;
        self.launch().await;
    }

    /// Kills it, and starts it again without any data.
    pub(crate) async fn wipe(&mut self) {
        self.end("KILL").await;
        std::fs::remove_dir_all(&self.directory).expect("the data can be removed");
        std::fs::create_dir(&self.directory).expect("there is room for data");
        self.launch().await;
    }

    /// Stops all of it where it stands, for a time: connections stay open, and nobody answers.
    pub(crate) async fn freeze(&self, time: Duration) {
        let process = self.process.as_ref().expect("it is running");
        process.signal_all("STOP");
        tokio::time::sleep(time).await;
        process.signal_all("CONT");
    }

    async fn end(&mut self, signal: &str) {
        self.process.take().expect("it is running").end(signal).await;
    }

    async fn launch(&mut self) {
        let (name, program) = match self.kind {
            Kind::Postgres => ("PostgreSQL", "postgres"),
            Kind::RabbitMq => ("RabbitMQ", "rabbitmq"),
        };
        let mut command = Command::new(Path::new(ROOT).join("deploy/dev/server"));
        command.arg(program).arg("--dir").arg(&self.directory);
        command.args(["--port", &self.port.to_string()]).args(&self.arguments);
        let process = Process::start(name, &mut command, &self.directory.join("log"));
        let process = self.process.insert(process);
        let (kind, port) = (self.kind, self.port);
        let database = Database { url: format!("postgres://pulse@127.0.0.1:{port}/postgres") };
        eventually_within(PATIENCE, &format!("{name} answers"), async || {
            process.assert_running();
            match kind {
                Kind::Postgres => database.reach().await.map(drop),
                Kind::RabbitMq => TcpStream::connect(("127.0.0.1", port)).await.ok().map(drop),
            }
        })
        .await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process = None;
        if std::thread::panicking() {
            eprintln!("a server's log is in {}", self.directory.display());
        } else {
            // Leftovers in the folder for temporary files do no harm.
            let _ = std::fs::remove_dir_all(&self.directory);
        }
    }
}
