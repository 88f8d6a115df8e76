//! Which addresses are public. Everything else is refused.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IPv4 networks that are not public: network and prefix length.
const V4: &[([u8; 4], u8)] = &[
    // "This network", private, shared (carrier-grade NAT), loopback, link-local (metadata of clouds)
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    // Protocol assignments, documentation, 6to4 relays
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    // Benchmarks, documentation
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    // Multicast, reserved and broadcast
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];

/// IPv6 networks within `2000::/3` that are not public; everything outside of it is not either, which takes every
/// spelling of an embedded IPv4 address with it.
const V6: &[([u16; 2], u8)] = &[
    // Protocol assignments (Teredo, ORCHID), documentation, 6to4, documentation
    ([0x2001, 0], 23),
    ([0x2001, 0x0db8], 32),
    ([0x2002, 0], 16),
    ([0x3fff, 0], 20),
];

/// `64:ff9b::/96`, which a NAT64 gateway translates to the IPv4 address in the last 32 bits (RFC 6052).
const NAT64: u128 = 0x0064_ff9b << 96;

/// Whether an address is not public.
pub(super) fn forbidden(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => v4(address),
        IpAddr::V6(address) => v6(address),
    }
}

/// The IPv4 address that a NAT64 gateway reaches under an IPv6 address.
pub(super) fn behind_nat64(address: IpAddr) -> Option<IpAddr> {
    let IpAddr::V6(address) = address else { return None };
    let [.., a, b, c, d] = address.octets();
    (address.to_bits() >> 32 == NAT64 >> 32).then(|| Ipv4Addr::new(a, b, c, d).into())
}

fn v4(address: Ipv4Addr) -> bool {
    V4.iter().any(|(network, length)| {
        let mask = u32::MAX << (32 - u32::from(*length));
        address.to_bits() & mask == Ipv4Addr::from(*network).to_bits()
    })
}

fn v6(address: Ipv6Addr) -> bool {
    let bits = address.to_bits();
    if bits >> 125 != 0b001 {
        return true;
    }
    V6.iter().any(|([first, second], length)| {
        let network = (u128::from(*first) << 112) | (u128::from(*second) << 96);
        bits >> (128 - u32::from(*length)) == network >> (128 - u32::from(*length))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_forbidden(text: &str) -> bool {
        forbidden(text.parse().expect("an address"))
    }

    /// First and last address of a range, and the neighbours that are public.
    const EDGES: &[(&str, &str, Option<&str>, Option<&str>)] = &[
        ("0.0.0.0", "0.255.255.255", None, Some("1.0.0.0")),
        ("10.0.0.0", "10.255.255.255", Some("9.255.255.255"), Some("11.0.0.0")),
        ("100.64.0.0", "100.127.255.255", Some("100.63.255.255"), Some("100.128.0.0")),
        ("127.0.0.0", "127.255.255.255", Some("126.255.255.255"), Some("128.0.0.0")),
        ("169.254.0.0", "169.254.255.255", Some("169.253.255.255"), Some("169.255.0.0")),
        ("172.16.0.0", "172.31.255.255", Some("172.15.255.255"), Some("172.32.0.0")),
        ("192.0.0.0", "192.0.0.255", Some("191.255.255.255"), Some("192.0.1.0")),
        ("192.0.2.0", "192.0.2.255", Some("192.0.1.255"), Some("192.0.3.0")),
        ("192.88.99.0", "192.88.99.255", Some("192.88.98.255"), Some("192.88.100.0")),
        ("192.168.0.0", "192.168.255.255", Some("192.167.255.255"), Some("192.169.0.0")),
        ("198.18.0.0", "198.19.255.255", Some("198.17.255.255"), Some("198.20.0.0")),
        ("198.51.100.0", "198.51.100.255", Some("198.51.99.255"), Some("198.51.101.0")),
        ("203.0.113.0", "203.0.113.255", Some("203.0.112.255"), Some("203.0.114.0")),
        ("224.0.0.0", "239.255.255.255", Some("223.255.255.255"), None),
        ("240.0.0.0", "255.255.255.255", None, None),
        ("::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None, Some("2000::")),
        ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", Some("2000:ffff::ffff"), Some("2001:200::")),
        (
            "2001:db8::",
            "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
            Some("2001:db7:ffff:ffff:ffff:ffff:ffff:ffff"),
            Some("2001:db9::"),
        ),
        (
            "2002::",
            "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            Some("2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            Some("2003::"),
        ),
        (
            "3fff::",
            "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
            Some("3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            Some("3fff:1000::"),
        ),
        (
            "4000::",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            Some("3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            None,
        ),
    ];

    #[test]
    fn every_range_is_forbidden_from_its_first_address_to_its_last_and_no_further() {
        for (first, last, before, after) in EDGES {
            assert!(is_forbidden(first) && is_forbidden(last), "{first} to {last}");
            for public in [before, after].into_iter().flatten() {
                assert!(!is_forbidden(public), "{public}");
            }
        }
    }

    #[test]
    fn the_table_of_edges_has_every_range() {
        let firsts: Vec<IpAddr> = EDGES.iter().map(|edge| edge.0.parse().expect("an address")).collect();
        let v4 = V4.iter().map(|(network, _)| IpAddr::from(*network));
        let v6 = V6.iter().map(|([a, b], _)| IpAddr::from([*a, *b, 0, 0, 0, 0, 0, 0]));
        for first in v4.chain(v6) {
            assert!(firsts.contains(&first), "{first}");
        }
    }

    #[test]
    fn no_spelling_of_a_private_address_in_ipv6_is_public() {
        for private in [
            "::1",
            "::ffff:127.0.0.1",     // mapped
            "::127.0.0.1",          // compatible
            "::ffff:0:127.0.0.1",   // SIIT
            "64:ff9b::127.0.0.1",   // NAT64
            "64:ff9b:1::127.0.0.1", // NAT64 of local use
            "2001:0:7f00:1::",      // Teredo
            "2002:7f00:1::",        // 6to4
            "fe80::5efe:127.0.0.1", // ISATAP
            "fe80::1",
            "fc00::1",
            "fec0::1",
            "ff02::1",
            "100::1",
            "5f00::1",
        ] {
            assert!(is_forbidden(private), "{private}");
        }
    }

    #[test]
    fn the_address_behind_nat64_is_that_in_the_last_32_bits() {
        let behind = |text: &str| behind_nat64(text.parse().expect("an address"));
        assert_eq!(behind("64:ff9b::7f00:1"), Some(IpAddr::from([127, 0, 0, 1])));
        assert_eq!(behind("64:ff9b::1.1.1.1"), Some(IpAddr::from([1, 1, 1, 1])));
        for other in ["64:ff9b:0:0:0:1::", "64:ff9b:1::1.1.1.1", "64:ff9a::1.1.1.1", "::1.1.1.1", "1.1.1.1"] {
            assert_eq!(behind(other), None, "{other}");
        }
    }

    /// What the registries of special addresses say, in the words of the standard library where it has them.
    fn globally_reachable(address: IpAddr) -> bool {
        match address {
            IpAddr::V4(v4) => {
                let [a, b, c, _] = v4.octets();
                let special = v4.is_private()
                    || v4.is_loopback()
                    || v4.is_link_local()
                    || v4.is_broadcast()
                    || v4.is_documentation()
                    || v4.is_multicast()
                    || v4.is_unspecified();
                let shared = a == 100 && (64..128).contains(&b);
                let benchmark = a == 198 && (b == 18 || b == 19);
                !(special || shared || benchmark || a == 0 || a >= 240 || (a, b, c) == (192, 0, 0))
            }
            IpAddr::V6(v6) => {
                let [a, b, ..] = v6.segments();
                let embedded = v6.to_ipv4().is_some() || a == 0x2002 || (a, b) == (0x64, 0xff9b);
                let special = v6.is_loopback()
                    || v6.is_unspecified()
                    || v6.is_multicast()
                    || v6.is_unique_local()
                    || v6.is_unicast_link_local();
                let documentation = (a, b) == (0x2001, 0xdb8) || (a == 0x3fff && b < 0x1000);
                !(embedded || special || documentation || (a == 0x2001 && b < 0x200))
            }
        }
    }

    proptest! {
        #[test]
        fn an_address_that_is_allowed_is_globally_reachable(
            bits in any::<u128>(),
            v4 in any::<u32>(),
            prefix in prop::sample::select(vec![0x64_u128, 0x2000, 0x2001, 0x2002, 0x3fff, 0xfe80]),
        ) {
            let near = (prefix << 112) | (bits >> (bits % 112));
            for address in [
                IpAddr::from(Ipv4Addr::from_bits(v4)),
                IpAddr::from(Ipv6Addr::from_bits(bits)),
                IpAddr::from(Ipv6Addr::from_bits(near)),
                IpAddr::from(Ipv4Addr::from_bits(v4).to_ipv6_mapped()),
                IpAddr::from(Ipv4Addr::from_bits(v4).to_ipv6_compatible()),
            ] {
                prop_assert!(forbidden(address) || globally_reachable(address), "{address}");
            }
        }
    }
}
