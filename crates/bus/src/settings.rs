//! How to reach a broker.

use secrecy::SecretString;
use serde::Deserialize;

/// Section `[bus]` of a service.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `amqp://user:password@host:port/vhost`.
    pub url: SecretString,
    /// Put before the name of every exchange and queue, so that several installations can share a broker. Queues under
    /// a prefix that starts with `test.` vanish when nobody has used them for ten minutes.
    #[serde(default)]
    pub prefix: String,
    /// How long a publish waits for the broker's confirm, in milliseconds.
    #[serde(default = "confirm_timeout_ms")]
    pub confirm_timeout_ms: u64,
}

const fn confirm_timeout_ms() -> u64 {
    2_000
}
