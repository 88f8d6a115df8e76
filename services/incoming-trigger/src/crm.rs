//! The client of crm-api: the one way in which a run reads and writes CRM records.
//!
//! crm-api is a service of the same house, so its address may be private. Every call shows a token that is good for a
//! minute and for one workspace, and carries the correlation id of the run on to the events it causes.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use pulse_domain::WorkspaceId;
use pulse_domain::claims::{INTERNAL_AUDIENCE, Internal};
use pulse_service::credential::InternalKey;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;
use uuid::Uuid;

use crate::settings::{self, Security};

const MEDIA_TYPE: &str = "application/vnd.api+json";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const TOKEN_SECONDS: i64 = 60;

/// Why a call had no result.
#[derive(Debug)]
pub(crate) enum Failure {
    /// crm-api refused; asking again changes nothing.
    Refused(Refused),
    /// No answer, or one that says it is a bad moment.
    Away(String),
}

/// What crm-api said when it refused.
#[derive(Debug)]
pub(crate) struct Refused {
    status: u16,
    problems: Vec<Problem>,
}

#[derive(Debug, Deserialize)]
struct Problems {
    errors: Vec<Problem>,
}

#[derive(Debug, Deserialize)]
struct Problem {
    #[serde(default)]
    code: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    source: Source,
    #[serde(default)]
    meta: Meta,
}

#[derive(Debug, Default, Deserialize)]
struct Source {
    pointer: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Meta {
    id: Option<Uuid>,
}

/// A record.
#[derive(Debug, Deserialize)]
pub(crate) struct Record {
    pub id: Uuid,
    #[serde(default)]
    attributes: Map<String, Value>,
}

#[derive(Deserialize)]
struct Document<T> {
    data: T,
}

/// The client. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: Url,
    key: Arc<InternalKey>,
}

/// The client, acting for one run.
#[derive(Debug)]
pub(crate) struct Acting<'a> {
    client: &'a Client,
    workspace: WorkspaceId,
    correlation: Uuid,
    run: Uuid,
}

impl Client {
    pub(crate) fn new(settings: &settings::Crm, security: &Security) -> anyhow::Result<Self> {
        // Fails only when another client of this process has installed it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        #[expect(
            clippy::disallowed_methods,
            reason = "crm-api is inside: the guarded client would refuse its address"
        )]
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(Duration::from_millis(settings.timeout_ms))
            .build()?;
        anyhow::ensure!(!settings.url.cannot_be_a_base(), "crm.url is not the address of a server");
        Ok(Self {
            http,
            base: settings.url.clone(),
            key: Arc::new(InternalKey::new(&security.internal_key)?),
        })
    }

    /// Calls on behalf of a run.
    pub(crate) fn acting(&self, workspace: WorkspaceId, correlation: Uuid, run: Uuid) -> Acting<'_> {
        Acting { client: self, workspace, correlation, run }
    }
}

impl Acting<'_> {
    /// The first record whose attribute equals a text. The text must not be blank: a filter without a value filters
    /// nothing.
    pub(crate) async fn find(
        &self,
        resource: &str,
        attribute: &str,
        text: &str,
    ) -> Result<Option<Record>, Failure> {
        let mut url = self.url(&[resource]);
        url.query_pairs_mut().append_pair(&format!("q[{attribute}_eq]"), text).append_pair("page[size]", "1");
        let found: Document<Vec<Record>> = read(&self.call(Method::GET, url, None).await?)?;
        Ok(found.data.into_iter().next())
    }

    /// One record.
    pub(crate) async fn show(&self, resource: &str, id: Uuid) -> Result<Record, Failure> {
        let answer = self.call(Method::GET, self.url(&[resource, &id.to_string()]), None).await?;
        Ok(read::<Document<Record>>(&answer)?.data)
    }

    /// Creates a record under an id that comes out the same when the step is done again; where it exists already, an
    /// earlier try made it, and it is returned.
    pub(crate) async fn create(
        &self,
        resource: &str,
        id: Uuid,
        attributes: &Map<String, Value>,
    ) -> Result<Record, Failure> {
        let body = json!({"data": {"type": resource, "id": id, "attributes": attributes}});
        match self.call(Method::POST, self.url(&[resource]), Some(&body)).await {
            Err(Failure::Refused(refused)) if refused.is("id_taken") => self.show(resource, id).await,
            answer => Ok(read::<Document<Record>>(&answer?)?.data),
        }
    }

    /// Changes the attributes that are named.
    pub(crate) async fn update(
        &self,
        resource: &str,
        id: Uuid,
        attributes: &Map<String, Value>,
    ) -> Result<Record, Failure> {
        let body = json!({"data": {"type": resource, "id": id, "attributes": attributes}});
        let url = self.url(&[resource, &id.to_string()]);
        let answer = self.call(Method::PATCH, url, Some(&body)).await?;
        Ok(read::<Document<Record>>(&answer)?.data)
    }

    /// Puts a tag on a record; one that it has already stays.
    pub(crate) async fn tag(&self, resource: &str, id: Uuid, tag: Uuid) -> Result<(), Failure> {
        let body = json!({"data": [{"type": "tags", "id": tag}]});
        let url = self.url(&[resource, &id.to_string(), "relationships", "tags"]);
        self.call(Method::POST, url, Some(&body)).await?;
        Ok(())
    }

    /// Enrols a contact in a sequence; the same enrolment is made once.
    pub(crate) async fn start_sequence(
        &self,
        sequence: Uuid,
        contact: Uuid,
        enrollment: Uuid,
    ) -> Result<Record, Failure> {
        let body = json!({"contact_id": contact, "enrollment_id": enrollment});
        let url = self.url(&["sequences", &sequence.to_string(), "start"]);
        let answer = self.call(Method::POST, url, Some(&body)).await?;
        Ok(read::<Document<Record>>(&answer)?.data)
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.client.base.clone();
        url.path_segments_mut()
            .expect("Client::new has seen that the address is a base")
            .pop_if_empty()
            .extend(["api", "v1"])
            .extend(path);
        url
    }

    async fn call(&self, method: Method, url: Url, body: Option<&Value>) -> Result<Vec<u8>, Failure> {
        let mut request =
            self.client.http.request(method, url).bearer_auth(self.token()?).header(ACCEPT, MEDIA_TYPE);
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, MEDIA_TYPE).body(body.to_string());
        }
        let away = |error: reqwest::Error| {
            Failure::Away(format!("crm-api did not answer: {:#}", anyhow::Error::from(error.without_url())))
        };
        let response = request.send().await.map_err(away)?;
        let status = response.status();
        let answer = response.bytes().await.map_err(away)?;
        if status.is_success() {
            return Ok(answer.into());
        }
        let problems =
            serde_json::from_slice(&answer).map_or_else(|_| Vec::new(), |found: Problems| found.errors);
        let refused = Refused { status: status.as_u16(), problems };
        if is_passing(status) {
            Err(Failure::Away(refused.to_string()))
        } else {
            Err(Failure::Refused(refused))
        }
    }

    fn token(&self) -> Result<String, Failure> {
        let now = Utc::now().timestamp();
        let claims = Internal {
            aud: INTERNAL_AUDIENCE.into(),
            sub: "incoming-trigger".into(),
            workspace: self.workspace,
            correlation: self.correlation,
            run: Some(self.run),
            iat: now,
            exp: now + TOKEN_SECONDS,
        };
        self.client.key.sign(&claims).map_err(|error| Failure::Away(format!("no token: {error:#}")))
    }
}

impl Record {
    /// Id and attributes as one flat object: what later steps read.
    pub(crate) fn into_output(self) -> Value {
        let mut output = Map::new();
        output.insert("id".into(), self.id.to_string().into());
        output.extend(self.attributes);
        Value::Object(output)
    }
}

impl Refused {
    fn is(&self, code: &str) -> bool {
        self.problems.iter().any(|problem| problem.code == code)
    }

    /// The record that already has the value of this attribute, which only one may have.
    pub(crate) fn holder(&self, attribute: &str) -> Option<Uuid> {
        let problem = self.problems.iter().find(|problem| problem.code == "not_unique")?;
        // Another attribute may be taken as well, by a record that has nothing to do with this one.
        let blamed = problem.source.pointer.as_deref().and_then(|at| at.strip_prefix("/data/attributes/"));
        problem.meta.id.filter(|_| blamed.is_none_or(|blamed| blamed == attribute))
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "crm-api answered {}", self.status)?;
        for (index, Problem { code, detail, source, .. }) in self.problems.iter().enumerate() {
            let separator = if index == 0 { ": " } else { "; " };
            write!(f, "{separator}{}", if detail.is_empty() { code } else { detail })?;
            if let Some(pointer) = &source.pointer {
                write!(f, " ({pointer})")?;
            }
        }
        Ok(())
    }
}

/// Whether the same call may succeed later. 401 is among these: a key that does not fit, or clocks that differ, are
/// for the operator to mend, and no fault of the workflow.
fn is_passing(status: StatusCode) -> bool {
    status.is_server_error()
        || [StatusCode::UNAUTHORIZED, StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS]
            .contains(&status)
}

fn read<'de, T: Deserialize<'de>>(answer: &'de [u8]) -> Result<T, Failure> {
    serde_json::from_slice(answer)
        .map_err(|error| Failure::Away(format!("crm-api answered something else than a record: {error}")))
}
