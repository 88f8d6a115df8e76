//! What a test has: a database, an imitation of crm-api, and services that use both.

use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};

use incoming_trigger::Role;
use incoming_trigger::settings::{self, Security, Settings, Trigger};
use pulse_domain::WorkspaceId;
use pulse_domain::token::{self, Purpose};
use pulse_service::Service;
use pulse_service::settings::{Bounds, Format, Http, Telemetry};
use pulse_testing::{Database, Running, eventually};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::crm::Crm;

pub(crate) struct App {
    pub(crate) sql: tokio_postgres::Client,
    pub(crate) crm: Crm,
    pub(crate) settings: Settings,
    pub(crate) workspace: WorkspaceId,
}

/// A service that runs.
pub(crate) struct Server {
    pub(crate) url: String,
    http: reqwest::Client,
    running: Running,
}

/// A workflow and its trigger URL.
pub(crate) struct Hook {
    pub(crate) workspace: WorkspaceId,
    pub(crate) workflow: Uuid,
    pub(crate) token: String,
}

#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) state: String,
    pub(crate) error: Option<String>,
    pub(crate) position: i32,
    pub(crate) context: Value,
    pub(crate) leased: bool,
}

#[derive(Debug, PartialEq)]
pub(crate) struct StepRun {
    pub(crate) key: String,
    pub(crate) step_type: String,
    pub(crate) attempt: i32,
    pub(crate) state: String,
    pub(crate) input: Option<Value>,
    pub(crate) output: Option<Value>,
    pub(crate) error: Option<String>,
}

impl App {
    pub(crate) async fn new() -> Self {
        let database = Database::create().await;
        let crm = Crm::start();
        let settings = Settings {
            http: Http {
                listen: "127.0.0.1:0".parse().expect("an address"),
                trusted_proxies: pulse_service::network::Networks::default(),
                workers: Some(2),
                shutdown_seconds: 5,
                strict_transport_seconds: 0,
                bounds: Bounds::default(),
            },
            database: database.settings(),
            telemetry: Telemetry { log: "warn".into(), format: Format::Text, otlp_endpoint: None },
            security: Security { internal_key: pulse_testing::KEY.into() },
            limits: Default::default(),
            crm: settings::Crm { url: crm.url.clone(), timeout_ms: 10_000 },
            trigger: Trigger {
                requests_per_second: const { NonZeroU32::new(100).expect("not zero") },
                max_body_bytes: 1024 * 1024,
                concurrency: const { NonZeroUsize::new(16).expect("not zero") },
                lease_seconds: const { NonZeroU32::new(30).expect("not zero") },
                max_attempts: 10,
                sweep_seconds: const { NonZeroU64::new(5).expect("not zero") },
            },
        };
        let sql = database.client().await;
        let mut app = Self { sql, crm, settings, workspace: WorkspaceId::generate() };
        app.workspace = app.add_workspace().await;
        app
    }

    /// Starts a service in one role, or in all.
    pub(crate) fn start(&self, role: Option<Role>) -> Server {
        let mut service = Service::new("incoming-trigger");
        let address =
            incoming_trigger::build(&mut service, &self.settings, role).expect("the settings are good");
        Server {
            url: format!("http://{address}"),
            http: pulse_testing::http::client(),
            running: Running::start(service),
        }
    }

    pub(crate) async fn add_workspace(&self) -> WorkspaceId {
        let id = WorkspaceId::generate();
        self.execute("INSERT INTO workspaces (id, name) VALUES ($1, 'Test')", &[&id.0]).await;
        id
    }

    /// A workflow of the first workspace.
    pub(crate) async fn workflow(&self, steps: Value) -> Hook {
        self.workflow_of(self.workspace, steps).await
    }

    pub(crate) async fn workflow_of(&self, workspace: WorkspaceId, steps: Value) -> Hook {
        let definition = json!({"steps": steps});
        pulse_domain::workflow::check(&definition).expect("a valid definition");
        let hook = Hook { workspace, workflow: Uuid::now_v7(), token: Purpose::Trigger.generate() };
        let insert =
            "INSERT INTO workflows (workspace_id, id, name, definition, trigger_digest, trigger_hint)
                      VALUES ($1, $2, 'Test', $3, $4, 'in_…')";
        let digest = token::digest(&hook.token);
        self.execute(insert, &[&workspace.0, &hook.workflow, &definition, &digest.as_slice()]).await;
        hook
    }

    /// A run as a worker that died left it: at a position, its lease over for a second.
    pub(crate) async fn abandoned_run(&self, hook: &Hook, position: i32, context: Value) -> Uuid {
        let id = Uuid::now_v7();
        let insert =
            "INSERT INTO workflow_runs (workspace_id, id, workflow_id, state, definition, context, position,
                                                 correlation_id, due_at, lease_until, lease_epoch)
                      SELECT workspace_id, $1, id, 'running', definition, $2, $3, $1,
                             now() - interval '1 minute', now() - interval '1 second', 7
                        FROM workflows WHERE id = $4";
        self.execute(insert, &[&id, &context, &position, &hook.workflow]).await;
        id
    }

    pub(crate) async fn execute(
        &self,
        statement: &str,
        values: &[&(dyn tokio_postgres::types::ToSql + Sync)],
    ) {
        self.sql.execute(statement, values).await.expect("the statement runs");
    }

    pub(crate) async fn count(&self, table: &str) -> i64 {
        let counted = self.sql.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await;
        counted.expect("the statement runs").get(0)
    }

    pub(crate) async fn run(&self, id: Uuid) -> Run {
        let select = "SELECT state, error, position, context, lease_until IS NOT NULL FROM workflow_runs WHERE id = $1";
        let row = self.sql.query_one(select, &[&id]).await.expect("the run is there");
        Run {
            state: row.get(0),
            error: row.get(1),
            position: row.get(2),
            context: row.get(3),
            leased: row.get(4),
        }
    }

    /// Waits until a run is in a state.
    pub(crate) async fn run_in(&self, id: Uuid, state: &str) -> Run {
        eventually(&format!("the run is {state}"), || async {
            let run = self.run(id).await;
            let over = run.state != state && ["succeeded", "failed"].contains(&run.state.as_str());
            assert!(!over, "{run:?}");
            (run.state == state).then_some(run)
        })
        .await
    }

    /// The tries of steps of a run, in order.
    pub(crate) async fn step_runs(&self, id: Uuid) -> Vec<StepRun> {
        let select = "SELECT key, step_type, attempt, state, input, output, error FROM workflow_step_runs
                       WHERE run_id = $1 ORDER BY position, attempt";
        let rows = self.sql.query(select, &[&id]).await.expect("the statement runs");
        rows.iter()
            .map(|row| StepRun {
                key: row.get(0),
                step_type: row.get(1),
                attempt: row.get(2),
                state: row.get(3),
                input: row.get(4),
                output: row.get(5),
                error: row.get(6),
            })
            .collect()
    }

    /// Makes a waiting run due, as if its time had come.
    pub(crate) async fn make_due(&self, id: Uuid) {
        self.execute("UPDATE workflow_runs SET due_at = now() WHERE id = $1", &[&id]).await;
        self.execute("NOTIFY pulse_workflow_runs", &[]).await;
    }
}

impl Server {
    /// Posts JSON to a trigger URL and returns the id of the run it started.
    pub(crate) async fn trigger(&self, hook: &Hook, body: &Value) -> Uuid {
        let answer = self.post(&hook.token, "application/json", body.to_string()).await;
        assert_eq!(answer.status(), 202);
        let answer: Value = answer.json().await.expect("JSON");
        assert_eq!(answer["accepted"], true);
        answer["run_id"].as_str().and_then(|id| id.parse().ok()).expect("the id of a run")
    }

    pub(crate) async fn post(
        &self,
        token: &str,
        content_type: &str,
        body: impl Into<reqwest::Body>,
    ) -> Response {
        let request = self.http.post(format!("{}/v1/webhooks/in/{token}", self.url));
        request.header(CONTENT_TYPE, content_type).body(body).send().await.expect("an answer")
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response {
        let mut request = self.http.request(method, format!("{}{path}", self.url)).body(body.to_owned());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.expect("an answer")
    }

    /// Stops it the way a signal does.
    pub(crate) async fn stop(self) {
        self.running.stop().await;
    }
}

/// Asserts that an answer refuses, and returns its text.
pub(crate) async fn refused(answer: Response, status: u16, code: &str) -> String {
    assert_eq!(answer.status(), status);
    let body: Value = answer.json().await.expect("JSON");
    assert_eq!(body["code"], code);
    body["error"].as_str().expect("a text").to_owned()
}
