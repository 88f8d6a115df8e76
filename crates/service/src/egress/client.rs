//! The guarded client.

use std::error::Error as StdError;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::HeaderMap;
use url::{Host, Url};

use super::{Settings, forbidden};
use crate::network::Networks;

/// At most this much of an answer is kept, and not much more is read.
const ANSWER_BYTES: usize = 16 * 1024;
/// Idle connections are closed sooner than an address may change hands.
const IDLE: Duration = Duration::from_secs(60);
/// Names that never lead to a public place.
const PRIVATE_NAMES: [&str; 5] = [".local", ".internal", ".localhost", ".home.arpa", ".onion"];

/// Why an address is not called at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is not an address.
    #[error("it is not a URL")]
    Malformed,
    /// It has another scheme than https.
    #[error("only https is called")]
    Scheme,
    /// It carries a user name or password.
    #[error("a URL with a user name or password is not called")]
    UserInfo,
    /// It is longer than 2048 characters.
    #[error("it is longer than 2048 characters")]
    Length,
    /// It does not lead to a public place.
    #[error("`{0}` is not a public address")]
    Private(String),
}

/// What went wrong in an exchange, by layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// The name has no address.
    Dns,
    /// The name leads to an address that must not be reached.
    BlockedTarget,
    /// No connection.
    Connect,
    /// No agreement on encryption.
    Tls,
    /// Not done in time.
    Timeout,
    /// The exchange broke off.
    Body,
}

impl Layer {
    /// As it stands in the log of attempts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::BlockedTarget => "blocked_target",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Body => "body",
        }
    }
}

/// No answer came.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}: {message}", layer.name())]
pub struct Failure {
    /// Where it failed.
    pub layer: Layer,
    /// What is known about it.
    pub message: String,
}

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

/// The guarded client. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    allow: Networks,
    timeout: Duration,
}

impl Client {
    /// Builds the client.
    ///
    /// # Errors
    /// When the system has no root certificates.
    pub fn new(settings: &Settings) -> anyhow::Result<Self> {
        // Fails only when another client of this process has installed it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let resolver = Vetting { allow: settings.allow.clone() };
        #[expect(clippy::disallowed_methods, reason = "this is the guarded client")]
        let http = reqwest::Client::builder()
            .user_agent(concat!("Pulse/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .dns_resolver(Arc::new(resolver))
            .pool_idle_timeout(IDLE)
            .build()?;
        Ok(Self { http, allow: settings.allow.clone(), timeout: Duration::from_millis(settings.timeout_ms) })
    }

    /// Whether an address may be called, as far as can be seen without looking its name up; the addresses behind a
    /// name are vetted when the connection is made.
    ///
    /// # Errors
    /// Why it may not.
    pub fn vet(&self, url: &str) -> Result<Url, Refused> {
        vet(url, &self.allow)
    }

    /// Posts bytes. The deadline covers everything from the look-up of the name to the last byte of the answer.
    ///
    /// # Errors
    /// When no answer came. A status of any kind is an answer.
    pub async fn post(&self, url: &str, headers: HeaderMap, body: Bytes) -> Result<Answer, Failure> {
        let url = self
            .vet(url)
            .map_err(|refused| Failure { layer: Layer::BlockedTarget, message: refused.to_string() })?;
        let exchange = async {
            let mut response = self
                .http
                .post(url)
                .headers(headers)
                .body(body)
                .send()
                .await
                .map_err(|error| failure(&error))?;
            let status = response.status().as_u16();
            let headers = response
                .headers()
                .iter()
                .map(|(name, value)| {
                    (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
                })
                .collect();
            let mut kept = Vec::new();
            while kept.len() < ANSWER_BYTES {
                match response.chunk().await.map_err(|error| failure(&error))? {
                    Some(chunk) => {
                        kept.extend_from_slice(&chunk[..chunk.len().min(ANSWER_BYTES - kept.len())])
                    }
                    None => break,
                }
            }
            Ok(Answer { status, headers, body: kept.into() })
        };
        tokio::time::timeout(self.timeout, exchange).await.unwrap_or_else(|_| {
            let message = format!("no complete answer within {} ms", self.timeout.as_millis());
            Err(Failure { layer: Layer::Timeout, message })
        })
    }
}

fn vet(text: &str, allow: &Networks) -> Result<Url, Refused> {
    if text.len() > 2_048 {
        return Err(Refused::Length);
    }
    let url = Url::parse(text).or(Err(Refused::Malformed))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Refused::UserInfo);
    }
    let literal: Option<IpAddr> = match url.host() {
        Some(Host::Ipv4(address)) => Some(address.into()),
        Some(Host::Ipv6(address)) => Some(address.into()),
        _ => None,
    };
    let allowed = literal.is_some_and(|address| allow.contains(address));
    match url.scheme() {
        "https" => {}
        "http" if allowed => {}
        _ => return Err(Refused::Scheme),
    }
    let host = url.host_str().ok_or(Refused::Malformed)?.trim_end_matches('.').to_ascii_lowercase();
    let private = match literal {
        Some(address) => forbidden(address) && !allowed,
        None => !host.contains('.') || PRIVATE_NAMES.iter().any(|suffix| host.ends_with(suffix)),
    };
    if private { Err(Refused::Private(host)) } else { Ok(url) }
}

/// Resolves names, and refuses all of an answer if any address in it is forbidden: what was vetted here is what gets
/// connected to, so a name cannot change its mind in between.
struct Vetting {
    allow: Networks,
}

/// Marks a refusal in the chain of causes.
#[derive(Debug, thiserror::Error)]
#[error("the name leads to an address that is not public")]
struct Blocked;

/// Marks a failed look-up in the chain of causes.
#[derive(Debug, thiserror::Error)]
#[error("the name has no address")]
struct NoAddress;

impl Resolve for Vetting {
    fn resolve(&self, name: Name) -> Resolving {
        let allow = self.allow.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            let addresses: Vec<SocketAddr> = found.or(Err(Box::new(NoAddress)))?.collect();
            if addresses.is_empty() {
                return Err(Box::new(NoAddress).into());
            }
            if addresses.iter().any(|address| forbidden(address.ip()) && !allow.contains(address.ip())) {
                return Err(Box::new(Blocked).into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

fn failure(error: &reqwest::Error) -> Failure {
    let mut causes = std::iter::successors(error.source(), |&cause| cause.source());
    let layer = causes
        .find_map(|cause| {
            if cause.is::<Blocked>() {
                Some(Layer::BlockedTarget)
            } else if cause.is::<NoAddress>() {
                Some(Layer::Dns)
            } else if cause.is::<rustls::Error>() || cause.to_string().contains("certificate") {
                Some(Layer::Tls)
            } else {
                None
            }
        })
        .unwrap_or(if error.is_connect() { Layer::Connect } else { Layer::Body });
    let innermost = std::iter::successors(error.source(), |&cause| cause.source()).last();
    Failure { layer, message: innermost.map_or_else(|| error.to_string(), ToString::to_string) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str) -> Option<Refused> {
        vet(url, &Networks::default()).err()
    }

    #[test]
    fn only_https_to_a_public_place_is_called() {
        assert_eq!(refusal("https://example.com/hook?x=1"), None);
        assert_eq!(refusal("http://example.com/"), Some(Refused::Scheme));
        assert_eq!(refusal("ftp://example.com/"), Some(Refused::Scheme));
        assert_eq!(refusal("https://user:secret@example.com/"), Some(Refused::UserInfo));
        assert_eq!(refusal("not a url"), Some(Refused::Malformed));
        assert_eq!(refusal(&format!("https://example.com/{}", "x".repeat(2_048))), Some(Refused::Length));
    }

    #[test]
    fn every_spelling_of_a_private_address_is_refused() {
        for url in [
            "https://127.0.0.1/",
            "https://0x7f.1/",
            "https://2130706433/",
            "https://017700000001/",
            "https://①②⑦.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://localhost/",
            "https://LOCALHOST./",
            "https://db.internal/",
            "https://printer.local./",
            "https://backend/",
            "https://169.254.169.254/latest/meta-data",
            "https://10.0.0.1:8443/",
        ] {
            assert!(matches!(refusal(url), Some(Refused::Private(_))), "{url}");
        }
    }

    #[test]
    fn the_development_switch_opens_what_it_names_and_nothing_else() {
        let loopback: Networks = "127.0.0.0/8".parse().expect("a network");
        assert!(vet("http://127.0.0.1:9000/", &loopback).is_ok());
        assert!(vet("https://127.0.0.1:9000/", &loopback).is_ok());
        assert_eq!(vet("http://10.0.0.1/", &loopback).err(), Some(Refused::Scheme));
        assert!(vet("https://10.0.0.1/", &loopback).is_err());
        assert!(vet("http://localhost/", &loopback).is_err());
    }
}
