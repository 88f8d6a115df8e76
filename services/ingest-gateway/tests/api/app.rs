//! The service under test, on a database and queues of its own, with a site and its two tokens.

use std::net::SocketAddr;

use ingest_gateway::{DEFAULTS, Role, Settings};
use pulse_bus::dead_letters::{self, Depth};
use pulse_bus::{Outgoing, Publisher, topology};
use pulse_domain::token::{self, Purpose};
use pulse_service::Service;
use pulse_service::settings;
use pulse_testing::{Database, Running, broker, eventually, http};
use serde_json::{Value, json};
use tokio_postgres::Row;
use uuid::Uuid;

/// A closed port: whatever is said to be there is away.
const NOBODY: &str = "127.0.0.1:1";

pub(crate) struct App {
    pub(crate) settings: Settings,
    pub(crate) database: Database,
    pub(crate) workspace: Uuid,
    pub(crate) site: Uuid,
    pub(crate) public: String,
    pub(crate) secret: String,
    pub(crate) address: SocketAddr,
    client: reqwest::Client,
    running: Running,
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) async fn read(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, body: response.text().await.expect("a body") }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("text"))
    }
}

impl App {
    pub(crate) async fn spawn() -> Self {
        Self::spawn_with(None, |_| {}).await
    }

    /// `change` is applied to the settings before the service starts.
    pub(crate) async fn spawn_with(role: Option<Role>, change: impl FnOnce(&mut Settings)) -> Self {
        let database = Database::create().await;
        let mut settings: Settings = settings::load(DEFAULTS, None).expect("the defaults are valid");
        settings.http.listen = "127.0.0.1:0".parse().expect("an address");
        settings.http.workers = Some(1);
        settings.database = database.settings();
        settings.bus = broker::settings();
        change(&mut settings);
        let (workspace, site) = (Uuid::now_v7(), Uuid::now_v7());
        let client = database.client().await;
        client
            .execute("INSERT INTO workspaces (id, name) VALUES ($1, 'Shop')", &[&workspace])
            .await
            .expect("a workspace");
        client
            .execute(
                "INSERT INTO ingest_sites (workspace_id, id, name) VALUES ($1, $2, 'shop.example')",
                &[&workspace, &site],
            )
            .await
            .expect("a site");
        let (address, running) = start(&settings, role);
        let mut app = Self {
            settings,
            database,
            workspace,
            site,
            public: String::new(),
            secret: String::new(),
            address,
            client: http::client(),
            running,
        };
        app.public = app.make_token(Purpose::IngestPublic, "public").await;
        app.secret = app.make_token(Purpose::IngestSecret, "secret").await;
        app
    }

    /// Makes a token of the site.
    pub(crate) async fn make_token(&self, purpose: Purpose, kind: &str) -> String {
        let token = purpose.generate();
        let insert =
            "INSERT INTO ingest_tokens (workspace_id, id, site_id, name, kind, token_digest, token_hint)
                      VALUES ($1, $2, $3, 'test', $4, $5, $6)";
        let digest = token::digest(&token);
        self.database
            .client()
            .await
            .execute(
                insert,
                &[
                    &self.workspace,
                    &Uuid::now_v7(),
                    &self.site,
                    &kind,
                    &digest.as_slice(),
                    &token::hint(&token),
                ],
            )
            .await
            .expect("a token");
        token
    }

    /// A settings change that leads to a broker that is away.
    pub(crate) fn without_broker(settings: &mut Settings) {
        settings.bus.url = format!("amqp://guest:guest@{NOBODY}/%2f").into();
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method.parse().expect("a method"), self.url(path))
    }

    pub(crate) fn post(&self) -> reqwest::RequestBuilder {
        self.request("POST", "/api/ingest")
    }

    /// Posts a body as it is, with no token but that in it.
    pub(crate) async fn send(&self, body: impl Into<reqwest::Body>) -> Answer {
        Answer::read(self.post().body(body).send().await.expect("an answer")).await
    }

    /// Posts an event under a token in the header.
    pub(crate) async fn ingest(&self, token: &str, kind: &str, data: &Value) -> Answer {
        let body = json!({ "type": kind, "data": data }).to_string();
        Answer::read(self.post().header("X-API-Token", token).body(body).send().await.expect("an answer"))
            .await
    }

    /// Puts a message into the queue of the worker, past the edge.
    pub(crate) async fn publish(&self, body: Vec<u8>) {
        let publisher = Publisher::new(&self.settings.bus, "test");
        let message = Outgoing {
            exchange: topology::INGEST,
            routing_key: topology::ACCEPTED.to_owned(),
            id: Uuid::now_v7(),
            body,
        };
        publisher.publish(&message).await.expect("confirmed");
        publisher.close().await;
    }

    pub(crate) async fn depth(&self) -> Depth {
        dead_letters::depth(&self.settings.bus, topology::INGEST_EVENTS).await.expect("the broker answers")
    }

    pub(crate) async fn query(&self, sql: &str) -> Vec<Row> {
        self.database.client().await.query(sql, &[]).await.expect("valid SQL")
    }

    pub(crate) async fn count(&self, table: &str) -> i64 {
        self.query(&format!("SELECT count(*) FROM {table}")).await[0].get(0)
    }

    /// Waits until so many events are stored.
    pub(crate) async fn stored(&self, count: i64) {
        let database = self.database.client().await;
        eventually(&format!("{count} stored events"), || async {
            let rows = database.query("SELECT count(*) FROM analytics.events", &[]).await;
            rows.ok().filter(|rows| rows[0].get::<_, i64>(0) >= count)
        })
        .await;
        assert_eq!(self.count("analytics.events").await, count);
    }

    /// Waits until everything that was sent before is dealt with: one worker takes events in order, so it is when the
    /// last one is stored, which is taken out again.
    pub(crate) async fn settled(&self) {
        let last = json!({ "session_id": "last", "event_name": "last" });
        assert_eq!(self.ingest(&self.public, "event", &last).await.status, 202);
        let database = self.database.client().await;
        eventually("the last event", || async {
            let taken = database.execute("DELETE FROM analytics.events WHERE name = 'last'", &[]).await;
            taken.ok().filter(|taken| *taken == 1)
        })
        .await;
    }

    /// Stops the service and fails the test when it left anything in its queues.
    pub(crate) async fn stop(self) {
        self.running.stop().await;
        broker::assert_nothing_left(&self.settings.bus, &[]).await;
    }

    /// Stops the service and leaves its queues as they are.
    pub(crate) async fn halt(self) {
        self.running.stop().await;
    }
}

/// Starts the service.
pub(crate) fn start(settings: &Settings, role: Option<Role>) -> (SocketAddr, Running) {
    let mut service = Service::new("ingest-gateway");
    let address = ingest_gateway::build(&mut service, settings, role).expect("the service builds");
    (address, Running::start(service))
}
