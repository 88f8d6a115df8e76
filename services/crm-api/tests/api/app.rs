//! A crm-api on a free port, with its own database and broker namespace, and a signed-in user.

use std::net::SocketAddr;

use crm_api::Settings;
use pulse_service::Service;
use pulse_testing::{Database, Dns, KEY, Running, broker, http};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use uuid::Uuid;

pub(crate) const INTERNAL_KEY: &str = "HwECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const JSON_API: &str = "application/vnd.api+json";

/// Requests in a minute: the tests of everything else but limits must not meet one.
const MANY: u32 = 1_000_000;

/// The service under test.
pub(crate) struct App {
    pub(crate) database: Database,
    pub(crate) settings: Settings,
    pub(crate) token: String,
    address: SocketAddr,
    client: reqwest::Client,
    running: Option<Running>,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) json: Value,
}

impl Answer {
    async fn of(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.expect("a body");
        let json = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).expect("JSON") };
        Self { status, headers, json }
    }

    pub(crate) fn id(&self) -> String {
        self.json["data"]["id"].as_str().expect("one resource").to_owned()
    }

    pub(crate) fn ids(&self) -> Vec<String> {
        assert_eq!(self.status, 200, "{}", self.json);
        let data = self.json["data"].as_array().expect("a collection");
        data.iter().map(|resource| resource["id"].as_str().expect("an id").to_owned()).collect()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The access token in the answer to a sign-in, or to what is as good as one.
    pub(crate) fn token(&self) -> String {
        self.header("authorization").expect("a token").to_owned()
    }

    /// `code` and what `source` names, of every error.
    pub(crate) fn errors(&self) -> Vec<(String, String)> {
        let errors = self.json["errors"].as_array().unwrap_or_else(|| panic!("errors: {}", self.json));
        assert_eq!(self.header("content-type"), Some(JSON_API));
        errors
            .iter()
            .map(|error| {
                let source = error["source"].as_object().and_then(|source| source.values().next());
                let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or("").to_owned();
                (text(error.get("code")), text(source))
            })
            .collect()
    }
}

/// Names as the tests write them.
pub(crate) fn errors<const N: usize>(expected: [(&str, &str); N]) -> Vec<(String, String)> {
    expected.iter().map(|(code, source)| ((*code).to_owned(), (*source).to_owned())).collect()
}

impl App {
    /// Starts the service with all its roles.
    pub(crate) async fn spawn() -> Self {
        Self::start(true, |_| {}).await
    }

    /// Starts the service without the relay.
    pub(crate) async fn spawn_without_relay() -> Self {
        Self::start(false, |_| {}).await
    }

    /// Starts the service with other settings.
    pub(crate) async fn spawn_with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::start(true, change).await
    }

    async fn start(relay: bool, change: impl FnOnce(&mut Settings)) -> Self {
        let database = Database::create().await;
        let bus = broker::settings();
        let mut settings: Settings = toml_settings();
        settings.database = database.settings();
        settings.bus = bus;
        change(&mut settings);
        let app = crm_api::App::new(&settings).expect("the settings are usable");
        let mut service = Service::new(crm_api::NAME);
        let address = crm_api::serve(&mut service, &app).expect("a port is free");
        if relay {
            crm_api::publish(&mut service, &app);
        }
        crm_api::send_mail(&mut service, &app).expect("mails can be sent, or wait");
        let running = Some(Running::start(service));
        let client = http::client();
        let mut app = Self { database, settings, token: String::new(), address, client, running };
        app.token = app.sign_up("owner@pulse.test").await;
        app
    }

    /// Makes a workspace of its own and returns the token of its owner.
    pub(crate) async fn sign_up(&self, email: &str) -> String {
        let form = json!({
            "workspace_name": "Acme", "name": "Ada Owner", "email": email, "password": "correct horse battery",
        });
        let answer = self.send(Method::POST, "/api/v1/auth/sign_up", None, Some(&form)).await;
        assert_eq!(answer.status, 201, "{}", answer.json);
        answer.header("authorization").expect("a token").to_owned()
    }

    /// Signs the owner in once more and returns the whole answer.
    pub(crate) async fn sign_in(&self) -> Answer {
        let form = json!({ "email": "owner@pulse.test", "password": "correct horse battery" });
        let answer = self.send(Method::POST, "/api/v1/auth/sign_in", None, Some(&form)).await;
        assert_eq!(answer.status, 201, "{}", answer.json);
        answer
    }

    /// The same service, as somebody else.
    pub(crate) async fn as_another_workspace(&self) -> Caller<'_> {
        Caller { app: self, token: self.sign_up("somebody@else.test").await }
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Answer {
        let mut request = self.client.request(method, format!("http://{}{path}", self.address));
        if let Some(token) = token {
            request = request.header("Authorization", token);
        }
        if let Some(body) = body {
            request = request.header("Content-Type", JSON_API).body(body.to_string());
        }
        Answer::of(request.send().await.expect("an answer")).await
    }

    /// A request of the test's own making.
    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address))
    }

    pub(crate) async fn answer(request: reqwest::RequestBuilder) -> Answer {
        Answer::of(request.send().await.expect("an answer")).await
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// A request without credentials, whatever it answers.
    pub(crate) async fn send_raw(&self, method: Method, path: &str, body: Option<&Value>) -> Response {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.header("Content-Type", JSON_API).body(body.to_string());
        }
        request.send().await.expect("an answer")
    }

    /// Whoever shows this.
    pub(crate) fn bearer(&self, token: String) -> Caller<'_> {
        Caller { app: self, token }
    }

    /// The owner of the first workspace.
    pub(crate) fn caller(&self) -> Caller<'_> {
        Caller { app: self, token: self.token.clone() }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.caller().get(path).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.caller().post(path, body).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.caller().patch(path, body).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.caller().send(Method::DELETE, path, None).await
    }

    /// Creates a record and returns its id.
    pub(crate) async fn create(&self, resource: &str, attributes: Value) -> String {
        self.caller().create(resource, attributes).await
    }

    /// Creates a record that leads to others, each given as the relationship, its type and its id.
    pub(crate) async fn create_with(
        &self,
        resource: &str,
        attributes: Value,
        related: &[(&str, &str, &str)],
    ) -> String {
        let answer = self.post_with(resource, attributes, related).await;
        assert_eq!(answer.status, 201, "{}", answer.json);
        answer.id()
    }

    /// Asks for a record that leads to others.
    pub(crate) async fn post_with(
        &self,
        resource: &str,
        attributes: Value,
        related: &[(&str, &str, &str)],
    ) -> Answer {
        let relationships: serde_json::Map<String, Value> = related
            .iter()
            .map(|(name, kind, id)| ((*name).to_owned(), json!({ "data": { "type": kind, "id": id } })))
            .collect();
        let document = json!({ "data": {
            "type": resource, "attributes": attributes, "relationships": relationships,
        } });
        self.post(&format!("/api/v1/{resource}"), document).await
    }

    /// Changes attributes of a record.
    pub(crate) async fn change(&self, resource: &str, id: &str, attributes: Value) -> Answer {
        let document = json!({ "data": { "type": resource, "id": id, "attributes": attributes } });
        self.patch(&format!("/api/v1/{resource}/{id}"), document).await
    }

    /// Types of the events of a record, in order.
    pub(crate) async fn events_of(&self, id: &str) -> Vec<String> {
        let events = self.get(&format!("/api/v1/events?q[record_id_eq]={id}&sort=sequence")).await;
        let events = events.json["data"].as_array().expect("a collection").clone();
        let kind = |event: Value| event["attributes"]["event_type"].as_str().expect("a type").to_owned();
        events.into_iter().map(kind).collect()
    }

    /// Does once what is done beside requests, and returns when it is done.
    pub(crate) async fn keep_up(&self) {
        let app = crm_api::App::new(&self.settings).expect("the settings are usable");
        let mut service = Service::new(crm_api::NAME);
        crm_api::keep_up(&mut service, &app);
        Running::start(service).stop().await;
    }

    /// Stops the service the way a signal does.
    pub(crate) async fn stop(mut self) -> Database {
        self.running.take().expect("it runs").stop().await;
        self.database
    }
}

/// Somebody who is signed in.
pub(crate) struct Caller<'a> {
    app: &'a App,
    token: String,
}

impl Caller<'_> {
    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        self.app.send(method, path, Some(&self.token), body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(&body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, Some(&body)).await
    }

    pub(crate) async fn create(&self, resource: &str, attributes: Value) -> String {
        let document = json!({ "data": { "type": resource, "attributes": attributes } });
        let answer = self.post(&format!("/api/v1/{resource}"), document).await;
        assert_eq!(answer.status, 201, "{}", answer.json);
        answer.id()
    }
}

/// The defaults, with keys, a free port, and loopback addresses allowed as targets.
fn toml_settings() -> Settings {
    let file = std::env::temp_dir().join(format!("pulse-crm-api-{}.toml", Uuid::now_v7()));
    // Not the system's: what a name leads to must not depend on where tests run.
    let dns = Dns::start().address();
    let text = format!(
        "[http]\nlisten = '127.0.0.1:0'\nworkers = 1\n[security]\nmaster_key = '{KEY}'\nsession_key = '{KEY}'\n\
         internal_key = '{INTERNAL_KEY}'\n[egress]\nallow = '127.0.0.0/8'\nnameservers = '{dns}'\n[limits]\nread_per_minute = {MANY}\n\
         write_per_minute = {MANY}\nsign_in_per_minute = {MANY}\n"
    );
    std::fs::write(&file, text).expect("a temporary file");
    let settings = pulse_service::settings::load(crm_api::settings::DEFAULTS, Some(&file));
    std::fs::remove_file(&file).expect("the temporary file");
    settings.expect("the settings are complete")
}
