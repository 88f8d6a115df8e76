//! Networks, and the address of a client behind proxies.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;
use serde::{Deserialize, Deserializer};

/// The part of an IPv6 address that one customer of a provider has to themselves is 64 bits, and they can choose the
/// rest freely.
const SUBSCRIBER_BITS: u32 = 64;

/// A set of networks, written as CIDR notation separated by commas.
#[derive(Clone, Debug, Default)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// Whether an address lies in one of them.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &IpNet> {
        self.0.iter()
    }

    /// The address of the client: the peer's, or where that is a trusted proxy the rightmost address in
    /// `X-Forwarded-For` that is not one. Nothing a client can write is believed.
    #[must_use]
    pub fn client(&self, peer: IpAddr, forwarded_for: Option<&str>) -> IpAddr {
        let mut client = peer.to_canonical();
        for hop in forwarded_for.unwrap_or_default().rsplit(',') {
            if !self.contains(client) {
                break;
            }
            match hop.trim().parse::<IpAddr>() {
                Ok(address) => client = address.to_canonical(),
                Err(_) => break,
            }
        }
        client
    }
}

/// The customer of a provider whom an address belongs to: what a quota is counted by.
#[must_use]
pub fn subscriber(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V4(_) => client,
        IpAddr::V6(address) => {
            let network = u128::MAX << (u128::BITS - SUBSCRIBER_BITS);
            Ipv6Addr::from_bits(address.to_bits() & network).into()
        }
    }
}

impl std::str::FromStr for Networks {
    type Err = ipnet::AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split(',')
            .map(str::trim)
            .filter(|network| !network.is_empty())
            .map(|network| {
                network
                    .parse::<IpNet>()
                    .or_else(|error| network.parse::<IpAddr>().map(IpNet::from).or(Err(error)))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl<'de> Deserialize<'de> for Networks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &str, peer: &str, forwarded_for: Option<&str>) -> String {
        let trusted: Networks = trusted.parse().expect("networks");
        trusted.client(peer.parse().expect("address"), forwarded_for).to_string()
    }

    #[test]
    fn a_client_cannot_choose_its_address() {
        assert_eq!(client("", "9.9.9.9", Some("1.1.1.1")), "9.9.9.9");
        assert_eq!(client("127.0.0.1", "127.0.0.1", Some("6.6.6.6, 9.9.9.9")), "9.9.9.9");
        assert_eq!(
            client("127.0.0.1,10.0.0.0/8", "127.0.0.1", Some("6.6.6.6, 9.9.9.9, 10.1.2.3")),
            "9.9.9.9"
        );
    }

    #[test]
    fn a_proxy_that_says_nothing_readable_is_the_client_itself() {
        assert_eq!(client("127.0.0.1", "127.0.0.1", None), "127.0.0.1");
        assert_eq!(client("127.0.0.1", "127.0.0.1", Some("unknown")), "127.0.0.1");
        assert_eq!(client("127.0.0.0/8", "::ffff:127.0.0.1", Some("9.9.9.9")), "9.9.9.9");
    }

    #[test]
    fn an_ipv6_customer_is_one_however_many_addresses_they_use() {
        let key = |address: &str| subscriber(address.parse().expect("an address"));
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    }
}
