//! Looking names up: A and AAAA, by the name servers of the system or those that are set, as names that are complete. No
//! search domain is tried, and no file of hosts asked.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::Name;
use hickory_resolver::{Resolver as Hickory, TokioResolver};

use super::Nameservers;

/// A look-up may take this long.
pub(super) const BUDGET: Duration = Duration::from_secs(2);
/// A name server that has not answered by then is asked again, or another.
const PATIENCE: Duration = Duration::from_millis(800);
/// What a name leads to is known for no longer than this, and that it leads nowhere no longer than that.
const KNOWN: Duration = Duration::from_secs(60);
const UNKNOWN: Duration = Duration::from_secs(5);

/// Why a name has no address.
#[derive(Debug)]
pub(super) enum Unresolved {
    /// There is none.
    Nowhere(NetError),
    /// Nobody answered in time.
    Late,
}

/// Looks names up. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Resolver(TokioResolver);

impl Resolver {
    /// With name servers, or those of the system where there are none.
    pub(super) fn new(nameservers: &Nameservers) -> anyhow::Result<Self> {
        let servers: Vec<NameServerConfig> = nameservers.iter().map(|address| server(*address)).collect();
        let mut builder = if servers.is_empty() {
            Hickory::builder_tokio()?
        } else {
            let config = ResolverConfig::from_parts(None, Vec::new(), servers);
            Hickory::builder_with_config(config, TokioRuntimeProvider::default())
        };
        let options = builder.options_mut();
        options.timeout = PATIENCE;
        options.attempts = 1;
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        options.use_hosts_file = ResolveHosts::Never;
        options.positive_max_ttl = Some(KNOWN);
        options.negative_max_ttl = Some(UNKNOWN);
        Ok(Self(builder.build()?))
    }

    /// All addresses of a name.
    pub(super) async fn look_up(&self, name: &str) -> Result<Vec<IpAddr>, Unresolved> {
        let mut name = Name::from_ascii(name).map_err(|error| Unresolved::Nowhere(error.into()))?;
        name.set_fqdn(true);
        match tokio::time::timeout(BUDGET, self.0.lookup_ip(name)).await {
            Err(_) | Ok(Err(NetError::Timeout)) => Err(Unresolved::Late),
            Ok(Err(error)) => Err(Unresolved::Nowhere(error)),
            Ok(Ok(found)) => Ok(found.iter().collect()),
        }
    }
}

fn server(address: SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = address.port();
        connection
    });
    NameServerConfig::new(address.ip(), true, connections.into())
}
