//! The settings of this service.

use std::num::{NonZeroU16, NonZeroU32};

use pulse_service::limit;
use pulse_service::settings::{Http, Telemetry};
use secrecy::SecretString;
use serde::Deserialize;

/// The settings as they are without a file and without variables.
pub const DEFAULTS: &str = include_str!("settings.default.toml");

/// All settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where to listen. The role `work` answers only `/livez` and `/readyz` there.
    pub http: Http,
    /// The CRM's database: the tokens are in it.
    pub database: pulse_store::Settings,
    /// The database of events and revenue.
    #[serde(default)]
    pub analytics: Analytics,
    /// The broker.
    pub bus: pulse_bus::Settings,
    /// Logs and traces.
    pub telemetry: Telemetry,
    /// Where requests are counted.
    #[serde(default)]
    pub limits: limit::Settings,
    /// What is accepted, and how it is stored.
    pub ingest: Ingest,
}

/// Section `[analytics]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Analytics {
    /// `postgres://user:password@host:port/database`; that of `database.url` where it is not set.
    #[serde(default)]
    pub database_url: Option<SecretString>,
}

/// Section `[ingest]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ingest {
    /// The largest body that is accepted, in bytes. Browsers send no more than 65,536 when a page is left.
    pub max_body_bytes: usize,
    /// Requests per hour and IP address; of IPv6, per /64.
    pub requests_per_hour: NonZeroU32,
    /// How long a token may be believed without looking at the database again, in seconds. A change through the API
    /// takes effect at once all the same.
    pub token_ttl_seconds: NonZeroU32,
    /// Days after which the salt of derived visitor fingerprints is replaced. Within them a visitor is recognised, and
    /// so the first touch of a purchase is found; when they are over the salt is deleted, and nobody can tell any more
    /// whether a fingerprint belongs to an address. 1 where privacy counts most.
    pub salt_days: NonZeroU32,
    /// Events that are stored in one transaction at most.
    pub batch: NonZeroU16,
    /// How long the first event of a batch waits for others, in milliseconds.
    pub linger_ms: u64,
}

impl Settings {
    /// How to reach the database of events and revenue.
    #[must_use]
    pub fn analytics_database(&self) -> pulse_store::Settings {
        let mut settings = self.database.clone();
        if let Some(url) = &self.analytics.database_url {
            settings.url = url.clone();
        }
        settings
    }
}
