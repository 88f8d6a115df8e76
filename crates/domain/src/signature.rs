//! The signature of a webhook: bare lower-case hex HMAC-SHA256 over the exact bytes of the body, no prefix, one value.
//!
//! Documented receivers compare it with `===`, so nothing may ever be added to its form.

use ring::hmac;

/// Signs a body.
#[must_use]
pub fn sign(secret: &[u8], body: &[u8]) -> String {
    hex::encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), body))
}

/// Whether `signature` is the one of `body`; compares in constant time.
#[must_use]
pub fn verify(secret: &[u8], body: &[u8], signature: &str) -> bool {
    hex::decode(signature)
        .is_ok_and(|tag| hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, secret), body, &tag).is_ok())
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
}
