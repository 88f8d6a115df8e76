//! The guarded client.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{HOST, HeaderMap, HeaderValue, USER_AGENT};
use hyper::{Method, Request};
use rustls::ClientConfig;

use super::Settings;
use super::connect::{self, Connector};
use super::course::{Course, Phase};
use super::failure::{Failure, Layer};
use super::pool::Pool;
use super::proxy::Proxy;
use super::resolve::Resolver;
use super::target::{Refused, Rules, Target};

/// An answer, whatever its status.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers, names in lower case; values as text with what is not UTF-8 replaced.
    pub headers: Vec<(String, String)>,
    /// The first 16 KiB.
    pub body: Bytes,
}

/// What came of a request.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// How it went.
    pub course: Course,
    /// The answer, unless none came. A status of any kind is an answer.
    pub result: Result<Answer, Failure>,
}

impl Exchange {
    /// Of a URL that is not called.
    #[must_use]
    pub fn refused(refused: &[Refused]) -> Self {
        let reasons: Vec<String> = refused.iter().map(ToString::to_string).collect();
        let failure = Failure::new(Layer::BlockedTarget, reasons.join("; "));
        Self { course: Course::default(), result: Err(failure) }
    }
}

/// The guarded client. Cheap to clone.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    rules: Rules,
    connector: Connector,
    pool: Arc<Pool>,
    timeout: Duration,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("rules", &self.0.rules).finish_non_exhaustive()
    }
}

impl Client {
    /// Builds the client.
    ///
    /// # Errors
    /// When the system has no root certificates, or no name servers and the settings name none, or a proxy that cannot be
    /// meant.
    pub fn new(settings: &Settings) -> anyhow::Result<Self> {
        Self::trusting(connect::tls()?, settings)
    }

    pub(super) fn trusting(tls: Arc<ClientConfig>, settings: &Settings) -> anyhow::Result<Self> {
        let rules = Rules::new(settings);
        let resolver = Resolver::new(&settings.nameservers)?;
        Ok(Self(Arc::new(Inner {
            connector: Connector::new(rules.clone(), resolver, Proxy::new(&settings.proxy)?, tls),
            rules,
            pool: Arc::default(),
            timeout: Duration::from_millis(settings.timeout_ms),
        })))
    }

    /// Whether a URL may be called as things stand: it is vetted, and so are the addresses that its name leads to. A name
    /// that has no address yet can have one later, and passes.
    ///
    /// # Errors
    /// Everything that speaks against it.
    pub async fn admit(&self, url: &str) -> Result<Target, Vec<Refused>> {
        let target = self.0.rules.vet(url)?;
        let found = self.0.connector.addresses(&target.origin.host, &mut Course::default()).await;
        match (found, target.name()) {
            (Err(Failure { layer: Layer::BlockedTarget, .. }), Some(name)) => {
                Err(vec![Refused::LeadsInside(name.to_owned())])
            }
            _ => Ok(target),
        }
    }

    /// Posts bytes. The deadline covers everything from the look-up of the name to the last byte of the answer.
    pub async fn post(&self, target: &Target, headers: HeaderMap, body: Bytes) -> Exchange {
        let mut course = Course::default();
        let whole = self.exchange(target, headers, body, &mut course);
        let result = tokio::time::timeout(self.0.timeout, whole).await;
        let result = result.unwrap_or_else(|_| Err(Failure::timeout(course.phase(), self.0.timeout)));
        course.finish();
        Exchange { course, result }
    }

    async fn exchange(
        &self,
        target: &Target,
        headers: HeaderMap,
        body: Bytes,
        course: &mut Course,
    ) -> Result<Answer, Failure> {
        let Inner { connector, pool, .. } = &*self.0;
        let mut request = request(target, headers, body);
        loop {
            let rested = pool.take(&target.origin).await;
            let fresh = rested.is_none();
            let mut connection = match rested {
                Some(connection) => connection,
                None => Box::pin(connector.connect(&target.origin, course)).await?,
            };
            course.remote_address = Some(connection.remote_address);
            course.tls_version = connection.tls_version;
            course.enter(Phase::Wait);
            let answer = match connection.send(request).await {
                Ok(answer) => answer,
                Err(mut error) => match error.take_message() {
                    // The receiver has closed a connection that rested before anything of this was sent.
                    Some(unsent) if !fresh => {
                        request = unsent;
                        continue;
                    }
                    _ => return Err(Failure::broken(error.error())),
                },
            };
            course.enter(Phase::Body);
            let (head, body) = answer.into_parts();
            let (body, whole) = connection.read(body).await.map_err(|error| Failure::broken(&error))?;
            if whole {
                pool.put(&target.origin, connection).await;
            }
            let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
            let headers = head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
            return Ok(Answer { status: head.status.as_u16(), headers, body });
        }
    }
}

fn request(target: &Target, mut headers: HeaderMap, body: Bytes) -> Request<Full<Bytes>> {
    const AGENT: HeaderValue = HeaderValue::from_static(concat!("Pulse/", env!("CARGO_PKG_VERSION")));
    headers.insert(HOST, target.host.clone());
    headers.entry(USER_AGENT).or_insert(AGENT);
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = target.path.clone();
    *request.headers_mut() = headers;
    request
}
