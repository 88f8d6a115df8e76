//! What may be called, as far as a URL shows it, and which addresses may be behind its name.

use std::net::IpAddr;
use std::sync::Arc;

use hyper::Uri;
use hyper::header::HeaderValue;
use rustls::pki_types::{DnsName, ServerName};
use url::{Position, Url};

use super::Settings;
use super::address::{behind_nat64, forbidden};
use super::domain::{Domains, within};
use super::port;
use crate::network::Networks;

/// Characters of a URL at most.
const LONGEST: usize = 2_048;
/// Names that never lead to a public place.
const PRIVATE_NAMES: [&str; 5] = ["local", "internal", "localhost", "home.arpa", "onion"];

/// Why a URL is not called at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is not a URL with a host.
    #[error("it is not a URL")]
    Malformed,
    /// It has another scheme than https.
    #[error("only https is called")]
    Scheme,
    /// It carries a user name or password.
    #[error("a URL with a user name or password is not called")]
    UserInfo,
    /// It is longer than 2048 characters.
    #[error("it is longer than {LONGEST} characters")]
    Length,
    /// Its port is that of something else than a receiver.
    #[error("port {port} is not called: it is that of {used_by}")]
    Port {
        /// The port.
        port: u16,
        /// What is known to listen there.
        used_by: &'static str,
    },
    /// It has the address of a host in place of its name.
    #[error("`{0}` is an address: only names are called")]
    Literal(IpAddr),
    /// It does not lead to a public place.
    #[error("`{0}` is not a public address")]
    Private(String),
    /// It leads back to where it is called from.
    #[error("`{0}` belongs to this service itself")]
    Own(String),
    /// The name leads to an address that is not public. It is not told which: names can be known inside alone.
    #[error("`{0}` leads to an address that is not public")]
    LeadsInside(String),
}

/// A URL that may be called, taken apart once. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Target {
    pub(super) origin: Arc<Origin>,
    /// Path and query.
    pub(super) path: Uri,
    /// The value of `Host`.
    pub(super) host: HeaderValue,
}

/// What a connection leads to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Origin {
    pub(super) encrypted: bool,
    pub(super) host: Host,
    pub(super) port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Host {
    /// In lower case, without a dot at the end.
    Name(DnsName<'static>),
    Address(IpAddr),
}

impl Host {
    /// What a certificate has to be for.
    pub(super) fn server_name(&self) -> ServerName<'static> {
        match self {
            Self::Name(name) => ServerName::DnsName(name.clone()),
            Self::Address(address) => ServerName::IpAddress((*address).into()),
        }
    }
}

/// What may be called. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Rules(Arc<Switches>);

#[derive(Debug, Default)]
struct Switches {
    allow: Networks,
    own_addresses: Networks,
    own_domains: Domains,
    ip_literals: bool,
    nat64: bool,
}

impl Rules {
    /// As the settings have it.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self(Arc::new(Switches {
            allow: settings.allow.clone(),
            own_addresses: settings.addresses.clone(),
            own_domains: settings.own_domains.clone(),
            ip_literals: settings.ip_literals,
            nat64: settings.nat64,
        }))
    }

    /// Whether a URL may be called, as far as can be seen without looking its name up; the addresses behind a name are
    /// vetted whenever a connection is made.
    ///
    /// # Errors
    /// Everything that speaks against it.
    pub fn vet(&self, text: &str) -> Result<Target, Vec<Refused>> {
        let mut refused = Vec::new();
        if text.len() > LONGEST {
            refused.push(Refused::Length);
        }
        let Ok(url) = Url::parse(text) else {
            refused.push(Refused::Malformed);
            return Err(refused);
        };
        if !url.username().is_empty() || url.password().is_some() {
            refused.push(Refused::UserInfo);
        }
        let host = host(&url);
        let allowed = matches!(host, Some(Host::Address(address)) if self.0.allow.contains(address));
        let encrypted = url.scheme() == "https";
        let in_the_open = url.scheme() == "http" && allowed;
        if !(encrypted || in_the_open) {
            refused.push(Refused::Scheme);
        }
        let port = url.port_or_known_default().unwrap_or_default();
        if !allowed
            && url.port().is_some()
            && let Some(used_by) = port::refusal(port)
        {
            refused.push(Refused::Port { port, used_by });
        }
        refused.extend(host.as_ref().and_then(|host| self.refusal(host)));
        let target = host.and_then(|host| Target::new(&url, Origin { encrypted, host, port }));
        if target.is_none() {
            refused.push(Refused::Malformed);
        }
        target.filter(|_| refused.is_empty()).ok_or(refused)
    }

    /// Whether an address may be connected to.
    pub(super) fn reachable(&self, address: IpAddr) -> bool {
        let public = |address| !forbidden(address) && !self.0.own_addresses.contains(address);
        self.0.allow.contains(address)
            || public(address)
            || (self.0.nat64 && behind_nat64(address).is_some_and(public))
    }

    fn refusal(&self, host: &Host) -> Option<Refused> {
        match host {
            Host::Address(address) if self.0.allow.contains(*address) => None,
            Host::Address(address) if !self.reachable(*address) => {
                Some(Refused::Private(address.to_string()))
            }
            Host::Address(address) => (!self.0.ip_literals).then_some(Refused::Literal(*address)),
            Host::Name(name) => {
                let name = name.as_ref();
                if !name.contains('.') || PRIVATE_NAMES.iter().any(|domain| within(name, domain)) {
                    Some(Refused::Private(name.to_owned()))
                } else {
                    self.0.own_domains.contain(name).then(|| Refused::Own(name.to_owned()))
                }
            }
        }
    }
}

impl Target {
    fn new(url: &Url, origin: Origin) -> Option<Self> {
        let host = match &origin.host {
            Host::Name(name) => name.as_ref().to_owned(),
            Host::Address(IpAddr::V4(address)) => address.to_string(),
            Host::Address(IpAddr::V6(address)) => format!("[{address}]"),
        };
        let host = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host,
        };
        Some(Self {
            origin: Arc::new(origin),
            path: url[Position::BeforePath..Position::AfterQuery].parse().ok()?,
            host: host.try_into().ok()?,
        })
    }

    /// The name that has to be looked up, if it has one.
    pub(super) fn name(&self) -> Option<&str> {
        match &self.origin.host {
            Host::Name(name) => Some(name.as_ref()),
            Host::Address(_) => None,
        }
    }
}

/// The host of a URL; the parser has brought every spelling of an address into one.
fn host(url: &Url) -> Option<Host> {
    match url.host()? {
        url::Host::Ipv4(address) => Some(Host::Address(address.into())),
        url::Host::Ipv6(address) => Some(Host::Address(address.into())),
        url::Host::Domain(name) => {
            let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
            if name.ends_with('.') {
                return None;
            }
            DnsName::try_from(name).ok().map(Host::Name)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rules(change: impl FnOnce(&mut Settings)) -> Rules {
        let mut settings = Settings::default();
        change(&mut settings);
        Rules::new(&settings)
    }

    fn refusals(url: &str) -> Vec<Refused> {
        Rules::default().vet(url).err().unwrap_or_default()
    }

    #[test]
    fn only_https_to_a_public_place_is_called() {
        for url in
            ["https://example.com/hook?x=1", "HTTPS://EXAMPLE.com:8443", "https://a.example.com.:3000/"]
        {
            assert_eq!(refusals(url), [], "{url}");
        }
        assert_eq!(refusals("http://example.com/"), [Refused::Scheme]);
        assert_eq!(refusals("ftp://example.com/"), [Refused::Scheme]);
        assert_eq!(refusals("https://user:secret@example.com/"), [Refused::UserInfo]);
        for malformed in
            ["", "not a url", "https://", "https://a..b/", "https://example.com../", "https://-/"]
        {
            assert_eq!(refusals(malformed), [Refused::Malformed], "{malformed}");
        }
        assert_eq!(refusals(&format!("https://example.com/{}", "x".repeat(LONGEST))), [Refused::Length]);
    }

    #[test]
    fn everything_that_speaks_against_a_url_is_told_at_once() {
        let url = format!("http://ada:pass@db.internal:5432/{}", "x".repeat(LONGEST));
        let port = Refused::Port { port: 5432, used_by: "PostgreSQL" };
        let private = Refused::Private("db.internal".into());
        let all = [Refused::Length, Refused::UserInfo, Refused::Scheme, port, private];
        assert_eq!(refusals(&url), all);
    }

    #[test]
    fn every_spelling_of_a_private_address_is_refused() {
        for url in pulse_testing::inside::URLS {
            let url = url.replace("PORT", "8443");
            assert!(matches!(refusals(&url)[..], [Refused::Private(_)]), "{url}: {:?}", refusals(&url));
        }
    }

    #[test]
    fn addresses_are_called_only_where_the_operator_wants_it() {
        let literal = Refused::Literal("1.1.1.1".parse().expect("an address"));
        assert_eq!(refusals("https://1.1.1.1/"), [literal]);
        let literals = rules(|settings| settings.ip_literals = true);
        assert!(
            literals.vet("https://1.1.1.1/").is_ok() && literals.vet("https://[2606:4700::1111]/").is_ok()
        );
        assert!(literals.vet("https://10.0.0.1/").is_err());
    }

    #[test]
    fn nothing_of_our_own_is_called() {
        let rules = rules(|settings| {
            settings.own_domains = "pulse.example, CRM.example.com".parse().expect("domains");
            settings.addresses = "9.9.9.9, 2620:fe::/48".parse().expect("networks");
            settings.ip_literals = true;
        });
        for own in ["https://pulse.example/", "https://api.PULSE.example./", "https://a.b.crm.example.com/"] {
            assert!(matches!(rules.vet(own).expect_err(own)[..], [Refused::Own(_)]), "{own}");
        }
        for own in ["https://9.9.9.9/", "https://[2620:fe::9]/"] {
            assert!(matches!(rules.vet(own).expect_err(own)[..], [Refused::Private(_)]), "{own}");
        }
        assert!(rules.vet("https://notpulse.example/").is_ok() && rules.vet("https://example.com/").is_ok());
    }

    #[test]
    fn what_a_nat64_gateway_reaches_is_public_only_where_there_is_one() {
        let reachable = |rules: &Rules, address: &str| rules.reachable(address.parse().expect("an address"));
        assert!(!reachable(&Rules::default(), "64:ff9b::1.1.1.1"));
        let nat64 = rules(|settings| settings.nat64 = true);
        assert!(reachable(&nat64, "64:ff9b::1.1.1.1"));
        for private in ["64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b:1::1.1.1.1", "::1"] {
            assert!(!reachable(&nat64, private), "{private}");
        }
    }

    #[test]
    fn the_development_switch_opens_what_it_names_and_nothing_else() {
        let rules = rules(|settings| settings.allow = "127.0.0.0/8".parse().expect("a network"));
        for open in
            ["http://127.0.0.1:9000/", "https://127.0.0.1/", "http://127.0.0.1/", "http://127.0.0.1:5432/"]
        {
            assert!(rules.vet(open).is_ok(), "{open}");
        }
        for closed in ["http://10.0.0.1/", "https://10.0.0.1/", "http://localhost/", "http://[::1]/"] {
            assert!(rules.vet(closed).is_err(), "{closed}");
        }
        assert_eq!(rules.vet("http://u@127.0.0.1/").expect_err("a user"), [Refused::UserInfo]);
    }

    #[test]
    fn a_target_is_called_by_its_plain_name_without_a_fragment() {
        let target =
            Rules::default().vet("https://Bücher.Example.:8443/a b?c=d#e").expect("it may be called");
        assert_eq!(target.host, "xn--bcher-kva.example:8443");
        assert_eq!(target.path, "/a%20b?c=d");
        assert_eq!(target.name(), Some("xn--bcher-kva.example"));
    }

    proptest! {
        #[test]
        fn vetting_never_panics(text in "\\PC{0,80}") {
            let _ = Rules::default().vet(&text);
            let _ = Rules::default().vet(&format!("https://{text}"));
        }

        #[test]
        fn an_address_in_a_url_is_called_only_if_it_may_be_connected_to(v4 in any::<u32>(), v6 in any::<u128>()) {
            let rules = rules(|settings| settings.ip_literals = true);
            let v4 = IpAddr::from(std::net::Ipv4Addr::from_bits(v4));
            let v6 = std::net::Ipv6Addr::from_bits(v6);
            prop_assert_eq!(rules.vet(&format!("https://{v4}/")).is_ok(), rules.reachable(v4));
            prop_assert_eq!(rules.vet(&format!("https://[{v6}]/")).is_ok(), rules.reachable(v6.into()));
        }
    }
}
