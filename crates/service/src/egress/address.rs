//! Which addresses are public. Everything else is refused.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IPv4 networks that are not public: network and prefix length.
const V4: &[([u8; 4], u8)] = &[
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];

/// IPv6 networks within `2000::/3` that are not public; everything outside of it is not either, which takes every
/// spelling of an embedded IPv4 address with it.
const V6: &[([u16; 2], u8)] =
    &[([0x2001, 0], 23), ([0x2001, 0x0db8], 32), ([0x2002, 0], 16), ([0x3fff, 0], 20)];

/// Whether an address must not be reached.
#[must_use]
pub fn forbidden(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => v4(address),
        IpAddr::V6(address) => v6(address),
    }
}

fn v4(address: Ipv4Addr) -> bool {
    V4.iter().any(|(network, length)| {
        let mask = u32::MAX << (32 - u32::from(*length));
        u32::from(address) & mask == u32::from(Ipv4Addr::from(*network))
    })
}

fn v6(address: Ipv6Addr) -> bool {
    let bits = u128::from(address);
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
    use super::*;

    fn is_forbidden(text: &str) -> bool {
        forbidden(text.parse().expect("an address"))
    }

    #[test]
    fn every_range_is_forbidden_from_its_first_address_to_its_last_and_no_further() {
        for (network, length) in V4 {
            let first = u32::from(Ipv4Addr::from(*network));
            let last = first | (u32::MAX >> length);
            assert!(v4(first.into()) && v4(last.into()), "{network:?}");
        }
        for public in [
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "1.1.1.1",
            "2606:4700::1111",
            "2a00::1",
            "2001:200::1",
        ] {
            assert!(!is_forbidden(public), "{public}");
        }
    }

    #[test]
    fn no_spelling_of_a_private_address_in_ipv6_is_public() {
        for private in [
            "::1",
            "::",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "fe80::1",
            "fc00::1",
            "fec0::1",
            "ff02::1",
            "100::1",
            "5f00::1",
            "2001::1",
            "2001:1ff::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff:fff::1",
            "::ffff:0:127.0.0.1",
        ] {
            assert!(is_forbidden(private), "{private}");
        }
    }
}
