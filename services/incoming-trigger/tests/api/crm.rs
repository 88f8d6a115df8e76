//! An imitation of crm-api: keeps records in memory, answers the way the JSON:API does, and remembers what it was asked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE};
use actix_web::web::{self, Bytes};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use pulse_domain::WorkspaceId;
use pulse_domain::claims::Internal;
use pulse_service::credential::InternalKey;
use serde_json::{Map, Value, json};
use tokio::sync::watch;
use url::{Url, form_urlencoded};
use uuid::Uuid;

/// Attributes whose value one record of a workspace alone may have.
const UNIQUE: [(&str, &str); 2] = [("contacts", "email"), ("tags", "name")];

/// A request that was answered.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// `POST /contacts`, with the query decoded.
    pub(crate) line: String,
    pub(crate) body: Value,
    pub(crate) claims: Internal,
}

/// Workspace, JSON:API type and id.
type Key = (WorkspaceId, String, Uuid);

#[derive(Default)]
struct State {
    asked: Vec<Asked>,
    records: BTreeMap<Key, Map<String, Value>>,
    taggings: Vec<(Uuid, Uuid)>,
    failures: Vec<u16>,
}

#[derive(Clone)]
pub(crate) struct Crm {
    pub(crate) url: Url,
    state: Arc<Mutex<State>>,
    open: Arc<watch::Sender<bool>>,
}

struct Shared {
    state: Arc<Mutex<State>>,
    open: watch::Receiver<bool>,
    key: InternalKey,
}

impl Crm {
    pub(crate) fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let (open, watched) = watch::channel(true);
        let key = InternalKey::new(&pulse_testing::KEY.into()).expect("a key");
        let shared = web::Data::new(Shared { state: Arc::clone(&state), open: watched, key });
        let server =
            HttpServer::new(move || App::new().app_data(shared.clone()).default_service(web::to(answer)))
                .workers(1)
                .disable_signals()
                .bind("127.0.0.1:0")
                .expect("a port is free");
        let url = format!("http://{}", server.addrs()[0]).parse().expect("a URL");
        #[expect(clippy::disallowed_methods, reason = "ends with the test's process")]
        tokio::spawn(server.run());
        Self { url, state, open: Arc::new(open) }
    }

    /// Puts a record in and returns its id.
    pub(crate) fn add(&self, workspace: WorkspaceId, resource: &str, attributes: Value) -> Uuid {
        let id = Uuid::now_v7();
        let attributes = attributes.as_object().expect("an object").clone();
        self.lock().records.insert((workspace, resource.to_owned(), id), attributes);
        id
    }

    /// The records of a workspace and type.
    pub(crate) fn records(&self, workspace: WorkspaceId, resource: &str) -> Vec<(Uuid, Value)> {
        let state = self.lock();
        let wanted = state
            .records
            .iter()
            .filter(|((owner, kind, _), _)| (*owner, kind.as_str()) == (workspace, resource));
        wanted.map(|((_, _, id), attributes)| (*id, Value::Object(attributes.clone()))).collect()
    }

    pub(crate) fn taggings(&self) -> Vec<(Uuid, Uuid)> {
        self.lock().taggings.clone()
    }

    /// The requests so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.lock().asked.clone()
    }

    /// The first lines of the requests so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lock().asked.iter().map(|asked| asked.line.clone()).collect()
    }

    /// Statuses to answer the next requests with, instead of doing what they ask.
    pub(crate) fn fail(&self, statuses: &[u16]) {
        self.lock().failures.extend_from_slice(statuses);
    }

    /// Lets requests arrive, but not be answered, until [`Crm::go_on`].
    pub(crate) fn hold(&self) {
        self.open.send_replace(false);
    }

    pub(crate) fn go_on(&self) {
        self.open.send_replace(true);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics while it holds this")
    }
}

async fn answer(request: HttpRequest, body: Bytes, shared: web::Data<Shared>) -> HttpResponse {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Ok(claims) = shared.key.verify(header(AUTHORIZATION).trim_start_matches("Bearer ")) else {
        return refuse(401, "unauthorized", "no", json!({}));
    };
    let path = request.path().trim_start_matches("/api/v1").to_owned();
    let query: Vec<(String, String)> =
        form_urlencoded::parse(request.query_string().as_bytes()).into_owned().collect();
    let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).expect("JSON") };
    if body.is_object() {
        assert_eq!(header(CONTENT_TYPE), "application/vnd.api+json");
    }
    let failure = {
        let mut state = shared.state.lock().expect("not poisoned");
        let shown: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mark = if shown.is_empty() { "" } else { "?" };
        let line = format!("{} {path}{mark}{}", request.method(), shown.join("&"));
        state.asked.push(Asked { line, body: body.clone(), claims: claims.clone() });
        if state.failures.is_empty() { None } else { Some(state.failures.remove(0)) }
    };
    shared.open.clone().wait_for(|open| *open).await.expect("the imitation lives as long as its test");
    if let Some(status) = failure {
        return refuse(status, "unavailable", "not now", json!({}));
    }
    let mut state = shared.state.lock().expect("not poisoned");
    let path: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    state.act(claims.workspace, request.method().as_str(), &path, &query, &body)
}

impl State {
    fn act(
        &mut self,
        workspace: WorkspaceId,
        method: &str,
        path: &[&str],
        query: &[(String, String)],
        body: &Value,
    ) -> HttpResponse {
        let key = |resource: &str, id: &str| (workspace, resource.to_owned(), id.parse().expect("an id"));
        match (method, path) {
            ("GET", [resource]) => {
                let found: Vec<Value> = self
                    .records
                    .iter()
                    .filter(|((owner, kind, _), _)| *owner == workspace && kind == resource)
                    .filter(|(_, attributes)| {
                        query.iter().all(|(name, value)| matches(attributes, name, value))
                    })
                    .map(|((_, kind, id), attributes)| document(kind, *id, attributes))
                    .collect();
                respond(200, json!({"data": found}))
            }
            ("GET", [resource, id]) => match self.records.get(&key(resource, id)) {
                Some(attributes) => {
                    respond(200, json!({"data": document(resource, key(resource, id).2, attributes)}))
                }
                None => refuse(404, "not_found", "There is no such record.", json!({})),
            },
            ("POST", [resource]) => {
                let key = key(resource, body["data"]["id"].as_str().expect("an id of the client"));
                if self.records.contains_key(&key) {
                    return refuse(409, "id_taken", "The id is taken.", json!({}));
                }
                self.write(key, 201, body)
            }
            ("PATCH", [resource, id]) if self.records.contains_key(&key(resource, id)) => {
                self.write(key(resource, id), 200, body)
            }
            ("POST", [resource, id, "relationships", "tags"])
                if self.records.contains_key(&key(resource, id)) =>
            {
                let tag = body["data"][0]["id"].as_str().expect("a tag");
                let tagging = (key(resource, id).2, key("tags", tag).2);
                if !self.taggings.contains(&tagging) {
                    self.taggings.push(tagging);
                }
                HttpResponse::NoContent().finish()
            }
            ("POST", ["sequences", id, "start"]) if self.records.contains_key(&key("sequences", id)) => {
                let enrollment = key("sequence_enrollments", body["enrollment_id"].as_str().expect("an id"));
                let status = if self.records.contains_key(&enrollment) { 200 } else { 201 };
                let attributes = Map::from_iter([("contact_id".to_owned(), body["contact_id"].clone())]);
                let shown = document("sequence_enrollments", enrollment.2, &attributes);
                self.records.insert(enrollment, attributes);
                respond(status, json!({"data": shown}))
            }
            _ => refuse(404, "not_found", "There is no such record.", json!({})),
        }
    }

    fn write(&mut self, key: Key, status: u16, body: &Value) -> HttpResponse {
        let changes = body["data"]["attributes"].as_object().expect("attributes");
        if changes.get("email").is_some_and(|email| !email.as_str().is_some_and(|text| text.contains('@'))) {
            return refuse(422, "invalid", "email is not an email address", json!({}));
        }
        for (_, attribute) in UNIQUE.iter().filter(|(resource, _)| *resource == key.1) {
            let wanted = changes.get(*attribute).map(|value| value.to_string().to_lowercase());
            let holder = self.records.iter().find(|(other, attributes)| {
                (other.0, &other.1) == (key.0, &key.1)
                    && other.2 != key.2
                    && attributes.get(*attribute).map(|value| value.to_string().to_lowercase()) == wanted
            });
            if let (Some(_), Some((holder, _))) = (&wanted, holder) {
                return refuse(409, "not_unique", "It is taken.", json!({"id": holder.2}));
            }
        }
        let attributes = self.records.entry(key.clone()).or_default();
        attributes.extend(changes.clone());
        respond(status, json!({"data": document(&key.1, key.2, attributes)}))
    }
}

/// `q[name_eq]=value`; a filter without a value filters nothing, as in Ransack.
fn matches(attributes: &Map<String, Value>, name: &str, value: &str) -> bool {
    let Some(attribute) = name.strip_prefix("q[").and_then(|name| name.strip_suffix("_eq]")) else {
        return true;
    };
    value.is_empty() || attributes.get(attribute).and_then(Value::as_str) == Some(value)
}

fn document(resource: &str, id: Uuid, attributes: &Map<String, Value>) -> Value {
    json!({"type": resource, "id": id, "attributes": attributes})
}

fn respond(status: u16, body: Value) -> HttpResponse {
    HttpResponse::build(StatusCode::from_u16(status).expect("a status"))
        .content_type("application/vnd.api+json")
        .body(body.to_string())
}

fn refuse(status: u16, code: &str, detail: &str, meta: Value) -> HttpResponse {
    respond(
        status,
        json!({"errors": [{"status": status.to_string(), "code": code, "detail": detail, "meta": meta}]}),
    )
}
