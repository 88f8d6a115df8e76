//! The one client for everything that leaves: addresses are vetted when a connection is made, redirects are not
//! followed, no proxy is taken from the environment, and the whole exchange has a deadline.
//!
//! In reading order: [`target`] says what may be called, by its [`address`], its [`port`] and its [`domain`]; the
//! [`client`] posts to it over a [`connection`], which the [`pool`] has or [`connect`] makes after [`resolve`] has looked
//! the name up, itself or through a [`proxy`]; the [`course`] of the exchange and its [`failure`] are told. Why it is ours: docs/adr/0011.

mod address;
mod client;
mod connect;
mod connection;
mod course;
mod domain;
mod failure;
mod pool;
mod port;
mod proxy;
mod resolve;
mod target;
#[cfg(test)]
mod tests;

pub use client::{Answer, Client, Exchange};
pub use course::{Course, Phase};
pub use domain::Domains;
pub use failure::{Failure, Layer};
pub use hyper::header::{HeaderMap, HeaderName, HeaderValue};
pub use proxy::Settings as ProxySettings;
pub use target::{Refused, Rules, Target};

use std::net::SocketAddr;

use serde::{Deserialize, Deserializer};

use crate::network::Networks;

/// Section `[egress]` of a service.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Networks that may be reached although they are not public, also over plain HTTP and on every port: for development
    /// alone.
    pub allow: Networks,
    /// How long an exchange may take, from the look-up of the name to the last byte of the answer, in milliseconds.
    pub timeout_ms: u64,
    /// Networks that everything leaves from, as receivers are told. Nothing in them is called.
    pub addresses: Networks,
    /// Domains of this service itself, separated by commas. Nothing in them is called.
    pub own_domains: Domains,
    /// Whether a URL may have a public address in place of a name.
    pub ip_literals: bool,
    /// Whether public IPv4 addresses are reached through a NAT64 gateway, as `64:ff9b::/96`.
    pub nat64: bool,
    /// Name servers that are asked, as `9.9.9.9:53`, separated by commas; those of the system where there are none. Ones
    /// that know public names alone are best.
    pub nameservers: Nameservers,
    /// The proxy that everything leaves through.
    pub proxy: ProxySettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            allow: Networks::default(),
            timeout_ms: 10_000,
            addresses: Networks::default(),
            own_domains: Domains::default(),
            ip_literals: false,
            nat64: false,
            nameservers: Nameservers::default(),
            proxy: ProxySettings::default(),
        }
    }
}

/// Name servers: addresses with ports, written separated by commas.
#[derive(Clone, Debug, Default)]
pub struct Nameservers(Vec<SocketAddr>);

impl Nameservers {
    fn iter(&self) -> impl Iterator<Item = &SocketAddr> {
        self.0.iter()
    }
}

impl std::str::FromStr for Nameservers {
    type Err = std::net::AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let addresses = text.split(',').map(str::trim).filter(|address| !address.is_empty());
        addresses.map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl<'de> Deserialize<'de> for Nameservers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
