//! All of Pulse for one test: its own database, its own queues, the four services and the gateway on free ports.

use std::collections::HashMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use pulse_testing::{Database, broker, eventually};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::process::Process;
use crate::script;

pub(crate) const CRM_API: &str = "crm-api";
pub(crate) const INGEST_GATEWAY: &str = "ingest-gateway";
pub(crate) const WEBHOOK_DISPATCHER: &str = "webhook-dispatcher";
pub(crate) const INCOMING_TRIGGER: &str = "incoming-trigger";
pub(crate) const GATEWAY: &str = "gateway";
/// A second crm-api on the same database.
pub(crate) const REPLICA: &str = "crm-api-replica";

const SERVICES: [&str; 4] = [CRM_API, INGEST_GATEWAY, WEBHOOK_DISPATCHER, INCOMING_TRIGGER];

const MASTER_KEY: &str = "bWFzdGVyLWtleS1vZi10aGUtZW5kLXRvLWVuZC10ZXM=";
/// Signs sessions; tests forge some with it.
pub(crate) const SESSION_KEY: &str = "c2Vzc2lvbi1rZXktb2YtdGhlLWVuZC10by1lbmQtdGU=";
const INTERNAL_KEY: &str = "aW50ZXJuYWwta2V5LW9mLXRoZS1lbmQtdG8tZW5kLXQ=";

pub(crate) const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Below what the kernel gives to others, so that a port stays free between the look and the start.
const PORTS: std::ops::Range<u16> = 23_000..31_000;

/// Everything, running. Ends when it is dropped.
pub(crate) struct Stack {
    /// What is stored, for faults that can be made in no other way.
    pub(crate) database: Database,
    bus_url: SecretString,
    bus_prefix: String,
    /// Settings of crm-api that a test wants to be others.
    told: Vec<(&'static str, String)>,
    ports: HashMap<&'static str, u16>,
    processes: HashMap<&'static str, Process>,
    directory: PathBuf,
}

impl Stack {
    /// Starts everything and waits until it is ready.
    pub(crate) async fn start() -> Self {
        Self::start_at(Database::create().await, broker::settings().url).await
    }

    /// The same with a database and a broker that are named.
    pub(crate) async fn start_at(database: Database, bus_url: SecretString) -> Self {
        let directory = std::env::temp_dir().join(format!("pulse-e2e-{}", Uuid::new_v4().simple()));
        std::fs::create_dir(&directory).expect("there is room for logs");
        let mut stack = Self {
            database,
            bus_url,
            bus_prefix: broker::settings().prefix,
            told: Vec::new(),
            ports: SERVICES.into_iter().chain([GATEWAY, REPLICA]).zip(free_ports()).collect(),
            processes: HashMap::new(),
            directory,
        };
        for service in SERVICES {
            stack.launch(service, &[]);
        }
        stack.launch_gateway();
        for service in SERVICES {
            stack.ready(service).await;
        }
        stack.answers(GATEWAY, "/healthz").await;
        stack
    }

    /// The address that users know.
    pub(crate) fn url(&self) -> String {
        self.address(GATEWAY)
    }

    /// Starts a service that is not running, in the roles named, or in all; waits until it is ready.
    pub(crate) async fn run(&mut self, service: &'static str, roles: &[&str]) {
        self.launch(service, roles);
        self.ready(service).await;
    }

    /// A process of a service beside those of the stack, in one role or in all, with settings that are others. Nobody knows
    /// its address.
    pub(crate) fn another(
        &self,
        service: &'static str,
        role: Option<&str>,
        settings: &[(&str, &str)],
    ) -> Process {
        let mut command = Command::new(program(service));
        command.args(role).env_clear().envs(self.settings(service)).env("PULSE_HTTP__LISTEN", "127.0.0.1:0");
        command.envs(settings.iter().copied());
        Process::start(service, &mut command, &self.log(service))
    }

    /// Starts crm-api again with settings that are others.
    pub(crate) async fn tell(&mut self, settings: &[(&'static str, &str)]) {
        self.told = settings.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        self.stop(CRM_API).await;
        self.run(CRM_API, &[]).await;
    }

    /// Runs a subcommand of a service to its end, and returns what it prints.
    pub(crate) async fn tool(&self, service: &'static str, arguments: &[&str]) -> String {
        let mut command = Command::new(program(service));
        command.args(arguments).env_clear().envs(self.settings(service));
        String::from_utf8(script::finish(command).await).expect("a text")
    }

    /// Where a publisher of others finds the broker.
    pub(crate) fn broker(&self) -> [(&'static str, &str); 2] {
        [("BROKER_URL", self.bus_url.expose_secret()), ("BROKER_PREFIX", &self.bus_prefix)]
    }

    /// Kills a service, as `kill -9` does.
    pub(crate) fn kill(&mut self, service: &'static str) {
        self.take(service).kill();
    }

    /// Stops a service, as an orchestrator does, and fails the test unless it ends well.
    pub(crate) async fn stop(&mut self, service: &'static str) {
        let status = self.take(service).stop().await;
        assert_eq!(status.code(), Some(0), "{service} ends well");
    }

    /// Whether a service says that it is ready.
    pub(crate) async fn is_ready(&self, service: &'static str) -> bool {
        self.is_ok(service, "/readyz").await
    }

    /// Fails the test if a queue still holds messages, or set any aside.
    pub(crate) async fn assert_no_messages_left(&self) {
        let mut settings = broker::settings();
        settings.prefix.clone_from(&self.bus_prefix);
        broker::assert_nothing_left(&settings, &[]).await;
    }

    fn take(&mut self, service: &'static str) -> Process {
        self.processes.remove(service).unwrap_or_else(|| panic!("{service} is not running"))
    }

    fn launch(&mut self, service: &'static str, roles: &[&str]) {
        let mut command = Command::new(program(service));
        command.args(roles).env_clear().envs(self.settings(service));
        let process = Process::start(service, &mut command, &self.log(service));
        assert!(self.processes.insert(service, process).is_none(), "{service} was running");
    }

    fn launch_gateway(&mut self) {
        let mut command = Command::new(format!("{ROOT}/deploy/dev/gateway"));
        command.args(["serve", "--dir"]).arg(self.directory.join("nginx"));
        let ports =
            [("port", GATEWAY), ("crm", CRM_API), ("ingest", INGEST_GATEWAY), ("trigger", INCOMING_TRIGGER)];
        for (option, name) in ports {
            command.args([format!("--{option}"), self.ports[name].to_string()]);
        }
        let process = Process::start(GATEWAY, &mut command, &self.log(GATEWAY));
        self.processes.insert(GATEWAY, process);
    }

    /// What `deploy/dev/services.sh` tells the services, with few connections each: the server is shared.
    fn settings(&self, service: &str) -> Vec<(&'static str, String)> {
        let mut settings = vec![
            ("PULSE_DATABASE__URL", self.database.url.clone()),
            ("PULSE_DATABASE__CONNECTIONS", "6".to_owned()),
            ("PULSE_HTTP__LISTEN", format!("127.0.0.1:{}", self.ports[service])),
            ("PULSE_HTTP__TRUSTED_PROXIES", "127.0.0.1/32".to_owned()),
            ("PULSE_HTTP__WORKERS", "1".to_owned()),
        ];
        let bus = [
            ("PULSE_BUS__URL", self.bus_url.expose_secret().to_owned()),
            ("PULSE_BUS__PREFIX", self.bus_prefix.clone()),
        ];
        let egress = ("PULSE_EGRESS__ALLOW", "127.0.0.0/8".to_owned());
        let master = ("PULSE_SECURITY__MASTER_KEY", MASTER_KEY.to_owned());
        let internal = ("PULSE_SECURITY__INTERNAL_KEY", INTERNAL_KEY.to_owned());
        match service {
            CRM_API | REPLICA => {
                settings.extend(bus);
                settings.extend([egress, master, internal]);
                settings.push(("PULSE_SECURITY__SESSION_KEY", SESSION_KEY.to_owned()));
                settings.push(("PULSE_GATEWAY__URL", self.url()));
                let many = || "1000000".to_owned();
                settings.push(("PULSE_LIMITS__READ_PER_MINUTE", many()));
                settings.push(("PULSE_LIMITS__WRITE_PER_MINUTE", many()));
                settings.push(("PULSE_LIMITS__SIGN_IN_PER_MINUTE", many()));
                settings.extend(self.told.iter().cloned());
            }
            INGEST_GATEWAY => settings.extend(bus),
            WEBHOOK_DISPATCHER => {
                settings.extend(bus);
                settings.extend([egress, master]);
            }
            _ => settings.extend([internal, ("PULSE_CRM__URL", self.address(CRM_API))]),
        }
        settings
    }

    async fn ready(&mut self, service: &'static str) {
        self.answers(service, "/readyz").await;
    }

    async fn answers(&mut self, name: &'static str, path: &str) {
        let waited_for = format!("{name} answers {path}");
        eventually(&waited_for, async || {
            self.processes.get_mut(name).expect("it was started").assert_running();
            self.is_ok(name, path).await.then_some(())
        })
        .await;
    }

    async fn is_ok(&self, name: &str, path: &str) -> bool {
        let url = format!("{}{path}", self.address(name));
        pulse_testing::http::client().get(url).send().await.is_ok_and(|answer| answer.status() == 200)
    }

    /// Where a service listens, without the gateway.
    pub(crate) fn address(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}", self.ports[name])
    }

    fn log(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.log"))
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // The gateway last: what is still under way then fails at the service and not at nothing.
        let gateway = self.processes.remove(GATEWAY);
        self.processes.clear();
        drop(gateway);
        if std::thread::panicking() {
            eprintln!("the logs are in {}", self.directory.display());
        } else {
            // Leftovers in the folder for temporary files do no harm.
            let _ = std::fs::remove_dir_all(&self.directory);
        }
    }
}

/// The program of a service, beside which cargo has put this test.
fn program(service: &str) -> PathBuf {
    let service = if service == REPLICA { CRM_API } else { service };
    let test = std::env::current_exe().expect("the system knows");
    let program = test.parent().and_then(Path::parent).expect("target/debug/deps").join(service);
    assert!(program.exists(), "{} is missing: cargo build --workspace --bins", program.display());
    program
}

/// Ports that nobody listens on.
pub(crate) fn free_ports() -> impl Iterator<Item = u16> {
    // Other checkouts may run their tests on this machine at the same time.
    let [first, second, ..] = Uuid::new_v4().into_bytes();
    let start = usize::from(u16::from_be_bytes([first, second])) % PORTS.len();
    PORTS.cycle().skip(start).filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
}
