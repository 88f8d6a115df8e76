//! Codes of an authenticator app as a second factor: RFC 6238 with SHA-1, 30 seconds and 6 digits, which is what all such
//! apps understand; and recovery codes, for who has lost the app.

use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

use crate::token;

/// Seconds that a code is for.
const PERIOD: u64 = 30;
/// Codes are below this.
const CODES: u32 = 1_000_000;
/// How many periods the clocks of a phone and a server may differ.
const DRIFT: u64 = 1;
/// Recovery codes that are made at once.
pub const RECOVERY_CODES: usize = 10;

/// RFC 4648, 6.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// What codes are made from: 160 bits, the length of the digest (RFC 4226, 4).
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; 20]);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// A secret from the operating system's random source.
    ///
    /// # Panics
    /// When that source fails.
    #[must_use]
    pub fn generate() -> Self {
        Self(random())
    }

    /// Reads the bytes of a secret that was stored.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// What is stored, sealed.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// As people type it into an app.
    #[must_use]
    pub fn text(&self) -> String {
        base32(&self.0)
    }

    /// As an app reads it from a picture. `account` tells accounts apart in the app.
    #[must_use]
    pub fn uri(&self, issuer: &str, account: &str) -> String {
        let (issuer, account) = (escaped(issuer), escaped(account));
        let secret = self.text();
        format!(
            "otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits=6&period={PERIOD}"
        )
    }

    /// The code at a time, in seconds since 1970.
    #[must_use]
    pub fn code(&self, at: u64) -> String {
        format!("{:06}", self.number(at / PERIOD))
    }

    /// The period that a code is of: this one, or one beside it. `None` where it is of none, or of one that is not after
    /// `used`: a code that was seen over a shoulder is good for nothing once it was used.
    #[must_use]
    pub fn period_of(&self, code: &str, at: u64, used: Option<u64>) -> Option<u64> {
        let given: u32 = match code.len() {
            6 if code.bytes().all(|byte| byte.is_ascii_digit()) => code.parse().ok()?,
            _ => return None,
        };
        let now = at / PERIOD;
        // All are compared, whichever fits.
        let fits = (now.saturating_sub(DRIFT)..=now + DRIFT)
            .filter(|period| self.number(*period) == given)
            .collect::<Vec<_>>();
        fits.into_iter().find(|period| used.is_none_or(|used| *period > used))
    }

    /// RFC 4226, 5.3.
    fn number(&self, period: u64) -> u32 {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let tag = hmac::sign(&key, &period.to_be_bytes());
        let tag = tag.as_ref();
        let offset = usize::from(tag[19] & 0x0f);
        let mut word = [0; 4];
        word.copy_from_slice(&tag[offset..offset + 4]);
        (u32::from_be_bytes(word) & 0x7fff_ffff) % CODES
    }
}

/// Codes for emergencies, each good once: 80 random bits in groups of four characters.
///
/// # Panics
/// When the operating system gives no random bytes.
#[must_use]
pub fn recovery_codes() -> Vec<String> {
    let code = || {
        let text = base32(&random::<10>()).to_lowercase();
        let groups: Vec<&str> = [0, 4, 8, 12].into_iter().map(|start| &text[start..start + 4]).collect();
        groups.join("-")
    };
    (0..RECOVERY_CODES).map(|_| code()).collect()
}

/// What is stored of a recovery code, however it is typed: people leave hyphens out, and use capitals.
#[must_use]
pub fn recovery_digest(code: &str) -> [u8; 32] {
    let plain: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    token::digest(&plain.to_lowercase())
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// Of a whole number of groups of five bytes.
fn base32(bytes: &[u8]) -> String {
    let group = |group: &[u8]| {
        let bits = group.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        (0..8).rev().map(move |index| BASE32[(bits >> (5 * index) & 31) as usize] as char)
    };
    bytes.chunks_exact(5).flat_map(group).collect()
}

/// Percent-encodes whatever a URI might take for its own (RFC 3986, 2.3).
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let letter = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 6238, appendix B, of which these are the last six digits.
    const VECTORS: [(u64, &str); 6] = [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ];

    fn secret() -> Secret {
        Secret(*b"12345678901234567890")
    }

    #[test]
    fn codes_are_those_of_the_standard() {
        for (at, code) in VECTORS {
            assert_eq!(secret().code(at), code);
            assert_eq!(secret().period_of(code, at, None), Some(at / 30));
        }
    }

    #[test]
    fn a_secret_is_shown_as_apps_read_it() {
        assert_eq!(secret().text(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(
            secret().uri("Pulse", "ada@acme.example"),
            "otpauth://totp/Pulse:ada%40acme.example?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Pulse&\
             algorithm=SHA1&digits=6&period=30"
        );
    }

    #[test]
    fn recovery_codes_differ_and_are_known_however_they_are_typed() {
        let codes = recovery_codes();
        assert_eq!(codes.len(), RECOVERY_CODES);
        assert!(codes.iter().all(|code| code.len() == 19), "{codes:?}");
        assert_ne!(codes[0], codes[1]);
        let typed = codes[0].replace('-', " ").to_uppercase();
        assert_eq!(recovery_digest(&typed), recovery_digest(&codes[0]));
        assert_ne!(recovery_digest(&codes[0]), recovery_digest(&codes[1]));
    }

    proptest! {
        #[test]
        fn a_code_is_good_for_a_minute_and_a_half_and_once(at in 60_u64..1 << 40, late in 0_u64..120) {
            let secret = secret();
            let code = secret.code(at);
            let period = secret.period_of(&code, at + late, None);
            if at / 30 + 1 >= (at + late) / 30 {
                prop_assert!(period.is_some());
            }
            if let Some(period) = period {
                prop_assert!(period.abs_diff((at + late) / 30) <= 1);
                prop_assert!(secret.period_of(&code, at + late, Some(period)).is_none_or(|next| next > period));
            }
        }

        #[test]
        fn no_text_is_too_strange_to_be_a_code(text in any::<String>()) {
            let period = secret().period_of(&text, 59, None);
            prop_assert!(period.is_none() || text.len() == 6);
        }
    }
}
