//! How to reach a database.

use secrecy::SecretString;
use serde::Deserialize;

/// Section `[database]` of a service.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `postgres://user:password@host:port/database`.
    pub url: SecretString,
    /// Connections at most, per process.
    #[serde(default = "connections")]
    pub connections: usize,
    /// How long a request waits for a connection before it is answered with 503, in milliseconds.
    #[serde(default = "acquire_timeout_ms")]
    pub acquire_timeout_ms: u64,
}

const fn connections() -> usize {
    16
}

const fn acquire_timeout_ms() -> u64 {
    3_000
}
