//! Signatures of a webhook, over the exact bytes of the body.
//!
//! There are two forms. The bare one is the lower-case hex HMAC-SHA256 of the body alone, no prefix, one value: documented
//! receivers compare it with `===`, so nothing may ever be added to it, and its key is the secret as it was shown. That
//! of [Standard Webhooks](https://www.standardwebhooks.com) covers the id and the time as well and can stand in a list;
//! its key are the bits behind `whsec_`. What is signed so can be signed by ed25519 as well: [`asymmetric`].

pub mod asymmetric;

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_STANDARD;
use ring::{digest, hmac};

use crate::token::Purpose;

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// A secret, ready to sign with.
#[derive(Debug)]
pub struct Secret {
    /// The text as it was shown, prefix included.
    shown: hmac::Key,
    /// What the text behind the prefix says.
    bits: hmac::Key,
}

impl Secret {
    /// Reads a secret from its text. One that is not `whsec_` and base64 is taken as it is.
    #[must_use]
    pub fn new(text: &[u8]) -> Self {
        let key = |bytes: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, bytes);
        let behind = text.strip_prefix(Purpose::Webhook.prefix().as_bytes()).unwrap_or(text);
        let decoded = [STANDARD, URL_SAFE]
            .iter()
            .find_map(|alphabet| GeneralPurpose::new(alphabet, LENIENT).decode(behind).ok());
        Self { shown: key(text), bits: decoded.map_or_else(|| key(text), |bits| key(&bits)) }
    }

    /// The bare signature of a body.
    #[must_use]
    pub fn bare(&self, body: &[u8]) -> String {
        hex::encode(hmac::sign(&self.shown, body))
    }

    /// The signature of Standard Webhooks over an id, a time in seconds since 1970 and a body: `v1,` and base64.
    #[must_use]
    pub fn standard(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.bits);
        context.update(format!("{id}.{timestamp}.").as_bytes());
        context.update(body);
        format!("v1,{}", BASE64_STANDARD.encode(context.sign()))
    }
}

/// The bare signature of a body.
#[must_use]
pub fn sign(secret: &[u8], body: &[u8]) -> String {
    Secret::new(secret).bare(body)
}

/// Whether `signature` is the bare one of `body`; compares in constant time.
#[must_use]
pub fn verify(secret: &[u8], body: &[u8], signature: &str) -> bool {
    hex::decode(signature).is_ok_and(|tag| hmac::verify(&Secret::new(secret).shown, body, &tag).is_ok())
}

/// What tells whether a body has the bytes that it should have: the 32 bytes of its SHA-256.
pub use digest::Digest as Sha256;

/// The SHA-256 of a body.
#[must_use]
pub fn sha256(body: &[u8]) -> Sha256 {
    digest::digest(&digest::SHA256, body)
}

/// The value of `Content-Digest` (RFC 9530) for the body of this SHA-256.
#[must_use]
pub fn content_digest(sha256: impl AsRef<[u8]>) -> String {
    format!("sha-256=:{}:", BASE64_STANDARD.encode(sha256))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_rfc_4231_test_case_2() {
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(sign(b"Jefe", b"what do ya want for nothing?"), expected);
        assert!(verify(b"Jefe", b"what do ya want for nothing?", expected));
    }

    #[test]
    fn a_changed_byte_or_a_malformed_signature_fails() {
        let signature = sign(b"secret", b"body");
        assert!(!verify(b"secret", b"Body", &signature));
        assert!(!verify(b"Secret", b"body", &signature));
        assert!(!verify(b"secret", b"body", "not hex"));
        assert!(!verify(b"secret", b"body", ""));
    }

    /// The example that the libraries of Standard Webhooks test with.
    #[test]
    fn agrees_with_standard_webhooks() {
        let secret = Secret::new(b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signature =
            secret.standard("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_is_read_in_either_alphabet_with_and_without_padding() {
        let of = |text: &str| Secret::new(text.as_bytes()).standard("id", 1, b"body");
        assert_eq!(of("whsec_-_-_"), of("whsec_+/+/"));
        assert_eq!(of("whsec_AQ"), of("whsec_AQ=="));
        assert_ne!(of("whsec_AQ"), of("whsec_Ag"));
        assert_ne!(of("not base64 !"), of("not base64 ?"));
    }

    /// The example of RFC 9530, appendix D.
    #[test]
    fn agrees_with_rfc_9530() {
        let expected = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";
        assert_eq!(content_digest(sha256(b"{\"hello\": \"world\"}")), expected);
    }
}
