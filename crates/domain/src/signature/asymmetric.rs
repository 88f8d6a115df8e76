//! Signatures by ed25519, for receivers that shall not be able to sign themselves: `v1a` of Standard Webhooks.
//!
//! They cover the id, the time and the body, as those by HMAC do. A key pair is kept as its seed; what it is verified with
//! is published.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

/// Bytes of a seed, and of a public key.
const LENGTH: usize = 32;
const PUBLIC: &str = "whpk_";
const VERSION: &str = "v1a,";

/// What signs.
#[derive(Debug)]
pub struct SigningKey(Ed25519KeyPair);

/// What verifies. Its text is `whpk_` and base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyingKey([u8; LENGTH]);

/// A text or bytes that are no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key of ed25519 has 32 bytes, and a public one is whpk_ and their base64")]
pub struct Malformed;

impl SigningKey {
    /// Makes the seed of a key from the operating system's random source.
    ///
    /// # Panics
    /// When that source fails: nothing secret can be made then.
    #[must_use]
    pub fn generate() -> [u8; LENGTH] {
        let mut seed = [0; LENGTH];
        SystemRandom::new().fill(&mut seed).expect("the operating system gives random bytes");
        seed
    }

    /// The key of a seed.
    ///
    /// # Errors
    /// When that has not 32 bytes.
    pub fn from_seed(seed: &[u8]) -> Result<Self, Malformed> {
        Ed25519KeyPair::from_seed_unchecked(seed).map(Self).or(Err(Malformed))
    }

    /// What its signatures are verified with.
    ///
    /// # Panics
    /// Never: a public key has as many bytes as it has.
    #[must_use]
    pub fn verifying(&self) -> VerifyingKey {
        let bytes = self.0.public_key().as_ref().try_into();
        VerifyingKey(bytes.expect("a public key of ed25519 has 32 bytes"))
    }

    /// The signature over an id, a time in seconds since 1970 and a body: `v1a,` and base64.
    #[must_use]
    pub fn standard(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        format!("{VERSION}{}", BASE64_STANDARD.encode(self.0.sign(&signed(id, timestamp, body))))
    }
}

impl VerifyingKey {
    /// The bytes of the key.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; LENGTH] {
        &self.0
    }

    /// Whether `signature`, one of those in `webhook-signature`, is of this key, over an id, a time and a body.
    #[must_use]
    pub fn verify(&self, id: &str, timestamp: i64, body: &[u8], signature: &str) -> bool {
        let encoded = signature.strip_prefix(VERSION);
        let Some(bytes) = encoded.and_then(|text| BASE64_STANDARD.decode(text).ok()) else { return false };
        UnparsedPublicKey::new(&ED25519, self.0).verify(&signed(id, timestamp, body), &bytes).is_ok()
    }
}

impl fmt::Display for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PUBLIC}{}", BASE64_STANDARD.encode(self.0))
    }
}

impl FromStr for VerifyingKey {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let bytes = text.strip_prefix(PUBLIC).and_then(|encoded| BASE64_STANDARD.decode(encoded).ok());
        bytes.and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or(Malformed)
    }
}

fn signed(id: &str, timestamp: i64, body: &[u8]) -> Vec<u8> {
    [format!("{id}.{timestamp}.").as_bytes(), body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example that the libraries of Svix, from which the form comes, test with; its secret is seed and public key.
    #[test]
    fn agrees_with_the_example_of_those_who_made_the_form() {
        let secret =
            "6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
        let secret = BASE64_STANDARD.decode(secret).expect("base64");
        let key = SigningKey::from_seed(&secret[..LENGTH]).expect("a seed");
        assert_eq!(key.verifying().bytes().as_slice(), &secret[LENGTH..]);
        let (id, time, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        let expected =
            "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==";
        assert_eq!(key.standard(id, time, body), expected);
        assert!(key.verifying().verify(id, time, body, expected));
    }

    /// RFC 8032, 7.1, the first test.
    #[test]
    fn a_seed_has_one_public_key() {
        let seed =
            hex::decode("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").expect("hex");
        let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        let key = SigningKey::from_seed(&seed).expect("a seed").verifying();
        assert_eq!(hex::encode(key.bytes()), public);
    }

    #[test]
    fn nothing_else_than_what_was_signed_verifies() {
        let key = SigningKey::from_seed(&SigningKey::generate()).expect("a seed");
        let other = SigningKey::from_seed(&SigningKey::generate()).expect("a seed").verifying();
        let signature = key.standard("id", 1, b"body");
        let key = key.verifying();
        assert!(key.verify("id", 1, b"body", &signature));
        assert!(!other.verify("id", 1, b"body", &signature));
        assert!(!key.verify("id2", 1, b"body", &signature));
        assert!(!key.verify("id", 2, b"body", &signature));
        assert!(!key.verify("id", 1, b"Body", &signature));
        assert!(!key.verify("id", 1, b"body", &signature.replace("v1a,", "v1,")));
        assert!(!key.verify("id", 1, b"body", "v1a,%"));
    }

    #[test]
    fn a_public_key_is_read_from_its_text_alone() {
        let key = SigningKey::from_seed(&[7; LENGTH]).expect("a seed").verifying();
        assert_eq!(key.to_string().parse(), Ok(key));
        for wrong in ["", "whpk_", "whpk_AQ==", "whpk_%", &key.to_string()[PUBLIC.len()..]] {
            assert_eq!(wrong.parse::<VerifyingKey>(), Err(Malformed), "{wrong}");
        }
        assert_eq!(SigningKey::from_seed(&[7; 31]).err(), Some(Malformed));
    }
}
