//! The one client for everything that leaves: addresses are vetted when a connection is made, redirects are not
//! followed, no proxy is taken from the environment, and the whole exchange has a deadline.

mod address;
mod client;

pub use address::forbidden;
pub use client::{Answer, Client, Failure, Layer, Refused};
pub use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use serde::Deserialize;

use crate::network::Networks;

/// Section `[egress]` of a service.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Networks that may be reached although they are not public, also over plain HTTP: for development alone.
    #[serde(default)]
    pub allow: Networks,
    /// How long an exchange may take, from the look-up of the name to the last byte of the answer, in milliseconds.
    #[serde(default = "timeout_ms")]
    pub timeout_ms: u64,
    /// Networks that everything leaves from, as receivers are told.
    #[serde(default)]
    pub addresses: Networks,
}

const fn timeout_ms() -> u64 {
    10_000
}
