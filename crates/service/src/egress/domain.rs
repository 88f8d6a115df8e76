//! Domains: names, and everything below them.

use std::convert::Infallible;

use serde::{Deserialize, Deserializer};

/// Domains, written separated by commas.
#[derive(Clone, Debug, Default)]
pub struct Domains(Vec<String>);

impl Domains {
    /// Whether a name in lower case is one of them or lies below one.
    pub(super) fn contain(&self, name: &str) -> bool {
        self.0.iter().any(|domain| within(name, domain))
    }
}

/// Whether a name is a domain or lies below it.
pub(super) fn within(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

impl std::str::FromStr for Domains {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let domains = text.split(',').map(|domain| domain.trim().trim_matches('.').to_ascii_lowercase());
        Ok(Self(domains.filter(|domain| !domain.is_empty()).collect()))
    }
}

impl<'de> Deserialize<'de> for Domains {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
