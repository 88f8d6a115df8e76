//! How a user talks to Pulse: over the gateway, signed in or not.

use pulse_testing::eventually;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::stack::Stack;

pub(crate) const PASSWORD: &str = "correct horse battery";

/// A client of the gateway.
#[derive(Clone)]
pub(crate) struct Api {
    http: reqwest::Client,
    gateway: String,
    token: Option<String>,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: reqwest::header::HeaderMap,
    pub(crate) body: String,
}

/// A record that was created.
#[derive(Clone, Debug)]
pub(crate) struct Created {
    pub(crate) id: String,
    pub(crate) document: Value,
}

impl Api {
    /// A client that is not signed in.
    pub(crate) fn anonymous(stack: &Stack) -> Self {
        Self { http: pulse_testing::http::client(), gateway: stack.url(), token: None }
    }

    /// The same client at another address.
    pub(crate) fn at(&self, address: String) -> Self {
        Self { gateway: address, ..self.clone() }
    }

    /// The owner of a workspace of their own.
    pub(crate) async fn sign_up(stack: &Stack) -> Self {
        let form = json!({
            "workspace_name": "Acme", "name": "Ada", "email": some_email(), "password": PASSWORD,
        });
        let api = Self::anonymous(stack);
        let answer = api.post("/api/v1/auth/sign_up", &form).await.expect(201);
        api.with_token(answer.bearer())
    }

    /// The same client with another token.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The token of who is signed in.
    pub(crate) fn token(&self) -> &str {
        self.token.as_deref().expect("somebody is signed in")
    }

    /// A request with any body and headers.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Answer {
        let mut request = self.http.request(method, format!("{}{path}", self.gateway)).body(body);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.expect("the gateway answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, body: response.text().await.expect("the answer is complete") }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], "").await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, &[], "").await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, &[("content-type", "application/json")], body.to_string()).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PATCH, path, &[("content-type", "application/json")], body.to_string()).await
    }

    /// Creates a record.
    pub(crate) async fn create(&self, kind: &str, attributes: Value) -> Created {
        let document = json!({"data": {"type": kind, "attributes": attributes}});
        let document = self.post(&format!("/api/v1/{kind}"), &document).await.expect(201).json();
        let id = document["data"]["id"].as_str().expect("a record has an id").to_owned();
        Created { id, document }
    }

    /// The records of a list.
    pub(crate) async fn list(&self, path: &str) -> Vec<Value> {
        let document = self.get(&format!("/api/v1/{path}")).await.expect(200).json();
        document["data"].as_array().expect("a list").clone()
    }

    /// The records of a list, once there are as many as expected.
    pub(crate) async fn list_of(&self, count: usize, path: &str) -> Vec<Value> {
        eventually(&format!("{count} records at {path}"), async || {
            Some(self.list(path).await).filter(|records| records.len() == count)
        })
        .await
    }

    /// Subscribes an address to events, and returns the secret they are signed with.
    pub(crate) async fn subscribe(&self, url: &str, event_types: &[&str]) -> String {
        let subscription = json!({"url": url, "event_types": event_types});
        let created = self.create("webhook_subscriptions", subscription).await;
        created.document["meta"]["secret"].as_str().expect("the secret is shown once").to_owned()
    }

    /// Makes a website with two tokens: the public and the secret one.
    pub(crate) async fn website(&self) -> (String, String) {
        let site = self.create("ingest_sites", json!({"name": "Shop"})).await;
        (self.ingest_token(&site.id, "public").await, self.ingest_token(&site.id, "secret").await)
    }

    async fn ingest_token(&self, site: &str, kind: &str) -> String {
        let document = json!({"data": {
            "type": "ingest_tokens",
            "attributes": {"name": kind, "kind": kind},
            "relationships": {"site": {"data": {"type": "ingest_sites", "id": site}}},
        }});
        let made = self.post("/api/v1/ingest_tokens", &document).await.expect(201).json();
        made["meta"]["token"].as_str().expect("the token is shown once").to_owned()
    }
}

impl Answer {
    /// Fails the test unless the status is this one.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("ASCII"))
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The token in `Authorization`.
    pub(crate) fn bearer(&self) -> &str {
        let value = self.header("authorization").expect("the token is in a header");
        value.strip_prefix("Bearer ").expect("a bearer token")
    }

    /// The only error: its code, and what it points at.
    #[track_caller]
    pub(crate) fn error(&self) -> (String, String) {
        let document = self.json();
        let [error] = document["errors"].as_array().expect("errors").as_slice() else {
            panic!("one error is expected: {document}");
        };
        let source = error["source"].as_object().and_then(|source| source.values().next());
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        assert_eq!(error["status"], self.status.to_string());
        (text(error.get("code")), text(source))
    }
}

pub(crate) fn some_email() -> String {
    format!("{}@pulse.test", Uuid::new_v4().simple())
}
