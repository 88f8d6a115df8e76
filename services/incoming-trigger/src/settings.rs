//! What can be set.

use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};

use pulse_service::limit;
use pulse_service::settings::{Http, Telemetry};
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

/// The compiled-in defaults.
pub const DEFAULTS: &str = include_str!("settings.default.toml");

/// The settings of incoming-trigger.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where to listen: for trigger URLs, and in every role for `/livez` and `/readyz`.
    pub http: Http,
    /// The database of the CRM.
    pub database: pulse_store::Settings,
    /// Logs and traces.
    pub telemetry: Telemetry,
    /// Keys.
    pub security: Security,
    /// The service that writes CRM records.
    pub crm: Crm,
    /// Where requests are counted.
    #[serde(default)]
    pub limits: limit::Settings,
    /// Trigger URLs and the runs they start.
    pub trigger: Trigger,
}

/// Section `[security]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Security {
    /// Base64 of the 32 bytes that calls between services are signed with.
    pub internal_key: SecretString,
}

/// Section `[crm]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crm {
    /// Base address of crm-api, without `/api/v1`.
    pub url: Url,
    /// How long one call may take, in milliseconds.
    pub timeout_ms: u64,
}

/// Section `[trigger]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trigger {
    /// Requests per second and workspace; so many may come at once.
    pub requests_per_second: NonZeroU32,
    /// Largest body, in bytes.
    pub max_body_bytes: usize,
    /// Runs that one process executes at once.
    pub concurrency: NonZeroUsize,
    /// How long a run belongs to its worker after a step was committed, in seconds; a step may take half of it. The
    /// runs of a worker that died go on elsewhere after that.
    pub lease_seconds: NonZeroU32,
    /// How often a step is tried while crm-api is away, before the run fails.
    pub max_attempts: i32,
    /// How often due runs are looked for without being told of any, in seconds.
    pub sweep_seconds: NonZeroU64,
}
