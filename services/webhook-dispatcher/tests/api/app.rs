//! A dispatcher under test: its own database and queues, and the hands to set it up with.

use chrono::{DateTime, Utc};
use pulse_bus::topology::{COMMANDS, EVENTS, Queue, REPLAY};
use pulse_bus::{Outgoing, Publisher};
use pulse_domain::command::Replay;
use pulse_domain::seal::MasterKey;
use pulse_domain::token::{self, Purpose};
use pulse_domain::{Event, EventId, RecordId, WorkspaceId, catalogue};
use pulse_service::Service;
use pulse_service::settings::{Bounds, Http, Telemetry};
use pulse_testing::{Database, KEY, Running, Sink, broker, eventually};
use serde_json::value::RawValue;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_postgres::{Client, Row};
use uuid::Uuid;
use webhook_dispatcher::settings::{Delivery, Retention, Security, Sweep};
use webhook_dispatcher::{Role, Settings};

pub(crate) struct App {
    pub(crate) settings: Settings,
    pub(crate) database: Client,
    publisher: Publisher,
    /// The workspace that the tests act in, unless they name another.
    pub(crate) workspace: WorkspaceId,
}

pub(crate) struct Subscription {
    pub(crate) id: Uuid,
    pub(crate) secret: String,
}

impl App {
    /// Everything but the dispatcher itself.
    pub(crate) async fn prepare() -> Self {
        let database = Database::create().await;
        let settings = Settings {
            http: Http {
                listen: "127.0.0.1:0".parse().expect("an address"),
                trusted_proxies: Default::default(),
                workers: Some(1),
                shutdown_seconds: 1,
                strict_transport_seconds: 0,
                bounds: Bounds::default(),
            },
            database: database.settings(),
            bus: broker::settings(),
            telemetry: Telemetry { log: "off".into(), format: Default::default(), otlp_endpoint: None },
            security: Security { master_key: KEY.into() },
            egress: pulse_service::egress::Settings {
                allow: "127.0.0.0/8".parse().expect("a network"),
                ..Default::default()
            },
            delivery: delivery(64, 8),
            sweep: sweep(3_600),
            retention: Retention {
                attempts_days: 30.try_into().expect("not zero"),
                payloads_days: 30.try_into().expect("not zero"),
                deliveries_days: 90.try_into().expect("not zero"),
            },
        };
        let publisher = Publisher::new(&settings.bus, "test");
        let app = Self {
            database: database.client().await,
            publisher,
            workspace: WorkspaceId::generate(),
            settings,
        };
        app.add_workspace(app.workspace).await;
        app
    }

    /// A dispatcher in all roles.
    pub(crate) fn start(&self) -> Running {
        self.start_as(None).0
    }

    /// A dispatcher in one role, with the address of its health checks.
    pub(crate) fn start_as(&self, role: Option<Role>) -> (Running, String) {
        let mut service = Service::new("webhook-dispatcher");
        let address = webhook_dispatcher::build(&mut service, &self.settings, role).expect("it is built");
        (Running::start(service), format!("http://{address}"))
    }

    /// Stops a dispatcher; nothing may be left on the bus but in queues of `except`.
    pub(crate) async fn stop(&self, dispatcher: Running, except: &[Queue]) {
        dispatcher.stop().await;
        broker::assert_nothing_left(&self.settings.bus, except).await;
    }

    pub(crate) async fn add_workspace(&self, id: WorkspaceId) {
        let sql = "INSERT INTO workspaces (id, name) VALUES ($1, 'Test')";
        self.database.execute(sql, &[&id.0]).await.expect("a workspace");
    }

    /// A subscription of the workspace to event types.
    pub(crate) async fn subscribe(&self, url: &str, event_types: &[&str]) -> Subscription {
        self.subscribe_in(self.workspace, url, event_types).await
    }

    pub(crate) async fn subscribe_in(
        &self,
        workspace: WorkspaceId,
        url: &str,
        event_types: &[&str],
    ) -> Subscription {
        let id = Uuid::now_v7();
        let secret = Purpose::Webhook.generate();
        let sealed = MasterKey::from_base64(KEY).expect("a key").seal(id.as_bytes(), secret.as_bytes());
        let sql = "INSERT INTO webhook_subscriptions
            (workspace_id, id, url, event_types, secret_sealed, secret_hint) VALUES ($1, $2, $3, $4, $5, $6)";
        let event_types = serde_json::json!(event_types);
        self.database
            .execute(sql, &[&workspace.0, &id, &url, &event_types, &sealed, &token::hint(&secret)])
            .await
            .expect("a subscription");
        Subscription { id, secret }
    }

    /// Changes a subscription, as in `set_subscription(id, "enabled = false")`.
    pub(crate) async fn set_subscription(&self, id: Uuid, assignment: &str) {
        let sql = format!("UPDATE webhook_subscriptions SET {assignment} WHERE id = $1");
        assert_eq!(self.database.execute(&sql, &[&id]).await.expect("an update"), 1);
    }

    /// An event of the workspace that has just happened.
    pub(crate) fn event(&self, kind: &str) -> Event {
        let resource = catalogue::find(kind).map_or("contacts", |kind| kind.resource);
        Event {
            id: EventId::generate(),
            workspace_id: self.workspace,
            kind: kind.into(),
            occurred_at: Utc::now(),
            resource: resource.into(),
            record_id: RecordId::generate(),
            data: RawValue::from_string(r#"{"id":"1",  "first_name":"Ada","score":1.50}"#.into())
                .expect("JSON"),
            changes: None,
            correlation_id: Uuid::now_v7(),
            sequence: 1,
        }
    }

    /// Leaves an event in the journal as published, without it being on the bus.
    pub(crate) async fn lose(&self, event: &Event) {
        let sql = "INSERT INTO events (workspace_id, id, event_type, resource_type, record_id, occurred_at, data,
            correlation_id, shard, published_at) VALUES ($1, $2, $3, $4, $5, $6, $7::text::json, $8, 0, now())";
        let (workspace, id, record) = (event.workspace_id.0, event.id.0, event.record_id.0);
        let (at, data, correlation) = (event.occurred_at, event.data.get(), event.correlation_id);
        self.database
            .execute(sql, &[&workspace, &id, &event.kind, &event.resource, &record, &at, &data, &correlation])
            .await
            .expect("a journal row");
    }

    pub(crate) async fn publish(&self, event: &Event) {
        self.publish_bytes(&event.kind, event.id.0, event.encode()).await;
    }

    pub(crate) async fn publish_bytes(&self, routing_key: &str, id: Uuid, body: Vec<u8>) {
        let message = Outgoing { exchange: EVENTS, routing_key: routing_key.into(), id, body };
        self.publisher.publish(&message).await.expect("the broker confirms");
    }

    pub(crate) async fn ask_for_replay(&self, command: &Replay) {
        self.ask(REPLAY, command.replay_id, command.encode()).await;
    }

    /// Sends a command.
    pub(crate) async fn ask(&self, key: &str, id: Uuid, body: Vec<u8>) {
        let message = Outgoing { exchange: COMMANDS, routing_key: key.into(), id, body };
        self.publisher.publish(&message).await.expect("the broker confirms");
    }

    /// Waits until the journal tells of a subscription, and returns what `data` shows.
    pub(crate) async fn told_of(&self, kind: &str, subscription: Uuid) -> serde_json::Value {
        eventually(&format!("{kind} in the journal"), || async {
            let sql =
                "SELECT data FROM events WHERE event_type = $1 AND record_id = $2 AND workspace_id = $3";
            let row = self.database.query_opt(sql, &[&kind, &subscription, &self.workspace.0]).await;
            row.expect("the journal").map(|row| row.get(0))
        })
        .await
    }

    /// Waits until dispatchers have heard of the last change of a subscription: they hear of this one after it.
    pub(crate) async fn subscriptions_are_known(&self) {
        let sink = Sink::start();
        self.subscribe(&sink.url(), &["tag.created"]).await;
        eventually("a subscription that was made later is delivered to", || async {
            self.publish(&self.event("tag.created")).await;
            (!sink.received().is_empty()).then_some(())
        })
        .await;
    }

    /// Waits until a retry of an event's one delivery is scheduled.
    pub(crate) async fn retry_scheduled(&self, event: EventId, number: i32) -> Delivered {
        eventually(&format!("retry {number} of {event}"), || async {
            self.deliveries(event).await.into_iter().find(|delivery| delivery.retries == number)
        })
        .await
    }

    /// Waits until the one delivery of an event is in a state, and returns it.
    pub(crate) async fn delivery_in(&self, event: EventId, state: &str) -> Delivered {
        let what = format!("the delivery of {event} to be {state}");
        eventually(&what, || async {
            self.deliveries(event).await.into_iter().find(|delivery| delivery.state == state)
        })
        .await
    }

    /// The deliveries of an event, oldest first.
    pub(crate) async fn deliveries(&self, event: EventId) -> Vec<Delivered> {
        let sql = "SELECT * FROM webhook_deliveries WHERE event_id = $1 ORDER BY created_at, id";
        let rows = self.database.query(sql, &[&event.0]).await.expect("deliveries");
        rows.iter().map(Delivered::from).collect()
    }

    /// The attempts of a delivery, by number.
    pub(crate) async fn attempts(&self, delivery: Uuid) -> Vec<Attempt> {
        let sql = "SELECT * FROM webhook_attempts WHERE delivery_id = $1 ORDER BY number";
        let rows = self.database.query(sql, &[&delivery]).await.expect("attempts");
        rows.iter().map(Attempt::from).collect()
    }

    /// Lets the time of a delivery's next attempt come.
    pub(crate) async fn make_due(&self, delivery: Uuid) {
        let sql = "UPDATE webhook_deliveries SET next_attempt_at = now() WHERE id = $1";
        assert_eq!(self.database.execute(sql, &[&delivery]).await.expect("an update"), 1);
    }
}

/// Limits on what is under way in all, and to one subscription.
pub(crate) fn delivery(concurrency: usize, per_subscription: u16) -> Delivery {
    let [concurrency, per_workspace, held] =
        [concurrency, 64, 8_192].map(|limit| limit.try_into().expect("not zero"));
    let per_subscription = per_subscription.try_into().expect("not zero");
    Delivery { concurrency, per_subscription, per_workspace, held }
}

/// Missing deliveries are looked for once events have been published for this long.
pub(crate) fn sweep(after_seconds: u64) -> Sweep {
    let every_seconds = 1.try_into().expect("not zero");
    Sweep { after_seconds, every_seconds, window_seconds: 86_400 }
}

/// A row of `webhook_deliveries`.
#[derive(Debug)]
pub(crate) struct Delivered {
    pub(crate) id: Uuid,
    pub(crate) subscription_id: Uuid,
    pub(crate) state: String,
    /// Where order matters.
    pub(crate) has_turn: Option<bool>,
    pub(crate) retries: i32,
    pub(crate) first_attempt_at: Option<DateTime<Utc>>,
    pub(crate) next_attempt_at: Option<DateTime<Utc>>,
    pub(crate) completed_at: Option<DateTime<Utc>>,
    pub(crate) replay_of_id: Option<Uuid>,
}

impl From<&Row> for Delivered {
    fn from(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            subscription_id: row.get("subscription_id"),
            state: row.get("state"),
            has_turn: row.get("has_turn"),
            retries: row.get("retries"),
            first_attempt_at: row.get("first_attempt_at"),
            next_attempt_at: row.get("next_attempt_at"),
            completed_at: row.get("completed_at"),
            replay_of_id: row.get("replay_of_id"),
        }
    }
}

/// A row of `webhook_attempts`.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) number: i32,
    pub(crate) url: String,
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) duration_ms: Option<i32>,
    pub(crate) outcome: String,
    pub(crate) response_status: Option<i32>,
    pub(crate) response_headers: Option<serde_json::Value>,
    pub(crate) response_body: Option<String>,
    pub(crate) durations: Option<serde_json::Value>,
    pub(crate) remote_address: Option<String>,
    pub(crate) tls_version: Option<String>,
    pub(crate) error_layer: Option<String>,
    pub(crate) error: Option<String>,
}

impl From<&Row> for Attempt {
    fn from(row: &Row) -> Self {
        Self {
            number: row.get("number"),
            url: row.get("url"),
            started_at: row.get("started_at"),
            duration_ms: row.get("duration_ms"),
            outcome: row.get("outcome"),
            response_status: row.get("response_status"),
            response_headers: row.get("response_headers"),
            response_body: row.get("response_body"),
            durations: row.get("durations"),
            remote_address: row.get("remote_address"),
            tls_version: row.get("tls_version"),
            error_layer: row.get("error_layer"),
            error: row.get("error"),
        }
    }
}

/// A receiver that takes requests and answers only when the test does.
pub(crate) struct Silent(TcpListener);

impl Silent {
    pub(crate) async fn listen() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.expect("a port is free"))
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.0.local_addr().expect("it is bound"))
    }

    /// Waits for a request to begin, and returns what it waits for an answer on.
    pub(crate) async fn request(&self) -> TcpStream {
        let (mut stream, _) = self.0.accept().await.expect("a connection");
        let mut head = [0; 4];
        stream.read_exact(&mut head).await.expect("a request");
        assert_eq!(&head, b"POST");
        stream
    }
}

/// Answers a request of a [`Silent`] receiver.
pub(crate) async fn answer(mut stream: TcpStream, response: &[u8]) {
    stream.write_all(response).await.expect("the sender listens");
}
