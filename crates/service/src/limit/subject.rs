//! Who is counted.

use std::fmt;
use std::net::IpAddr;

use uuid::Uuid;

use crate::network::subscriber;

/// Somebody whose requests are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Subject(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Address(IpAddr),
    User(Uuid),
    Token([u8; 16]),
    Workspace(Uuid),
}

impl Subject {
    /// Whoever an address belongs to: of IPv6, the customer who has all addresses of a /64.
    #[must_use]
    pub fn address(client: IpAddr) -> Self {
        Self(Kind::Address(subscriber(client)))
    }

    /// A user.
    #[must_use]
    pub const fn user(id: Uuid) -> Self {
        Self(Kind::User(id))
    }

    /// A token, by its digest.
    #[must_use]
    pub fn token(digest: &[u8; 32]) -> Self {
        let mut half = [0; 16];
        half.copy_from_slice(&digest[..16]);
        Self(Kind::Token(half))
    }

    /// A workspace.
    #[must_use]
    pub const fn workspace(id: Uuid) -> Self {
        Self(Kind::Workspace(id))
    }
}

/// A name for it, unlike that of anybody else.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Kind::Address(address) => write!(f, "address:{address}"),
            Kind::User(id) => write!(f, "user:{}", id.simple()),
            Kind::Token(digest) => write!(f, "token:{:032x}", u128::from_be_bytes(digest)),
            Kind::Workspace(id) => write!(f, "workspace:{}", id.simple()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_customer_is_one_subject_and_no_two_kinds_are() {
        let at = |address: &str| Subject::address(address.parse().expect("an address"));
        assert_eq!(at("2001:db8:1:2::1"), at("2001:db8:1:2:ffff::9"));
        assert_ne!(at("2001:db8:1:2::1"), at("2001:db8:1:3::1"));
        let id = Uuid::from_u128(7);
        let subjects = [Subject::user(id), Subject::workspace(id), Subject::token(&[7; 32]), at("::7")];
        let names: std::collections::HashSet<_> = subjects.iter().map(ToString::to_string).collect();
        assert_eq!(names.len(), subjects.len(), "{names:?}");
    }
}
