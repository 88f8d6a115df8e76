//! Secrets at rest: AES-256-GCM under a versioned master key.
//!
//! A sealed secret is `version (1 byte) ‖ nonce (12) ‖ ciphertext and tag`. What it belongs to is authenticated with
//! it, so a sealed secret that is copied to another row does not open.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

const VERSION: u8 = 1;

/// The key that seals and opens.
pub struct MasterKey {
    sealing: LessSafeKey,
    deriving: hmac::Key,
}

/// Why a key or a sealed secret is not usable.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The key is not the base64 of 32 bytes.
    #[error("a key is the base64 of 32 bytes")]
    Key,
    /// The secret was sealed under another key, belongs to something else, or was changed.
    #[error("the sealed secret does not open under this key")]
    Open,
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

/// Reads a key of 32 bytes from its base64 form.
///
/// # Errors
/// When it is not that.
pub fn key_bytes(text: &str) -> Result<[u8; 32], Error> {
    BASE64_STANDARD.decode(text.trim()).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(Error::Key)
}

impl MasterKey {
    /// Reads the base64 of 32 bytes.
    ///
    /// # Errors
    /// When the text is not that.
    ///
    /// # Panics
    /// Never: 32 bytes are the length of a key.
    pub fn from_base64(text: &str) -> Result<Self, Error> {
        let bytes = key_bytes(text)?;
        let key = UnboundKey::new(&AES_256_GCM, &bytes).expect("32 bytes are the length of a key");
        let deriving = hmac::Key::new(hmac::HMAC_SHA256, &bytes);
        Ok(Self { sealing: LessSafeKey::new(key), deriving })
    }

    /// A key of its own for another purpose, which tells nothing of this one.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        let mut bytes = [0; 32];
        let text = [b"pulse derived key v1: ", purpose.as_bytes()].concat();
        bytes.copy_from_slice(hmac::sign(&self.deriving, &text).as_ref());
        bytes
    }

    /// Seals a secret for `owner`, such as the id of its row.
    ///
    /// # Panics
    /// When the operating system gives no random bytes.
    #[must_use]
    pub fn seal(&self, owner: &[u8], secret: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).expect("the operating system gives random bytes");
        let mut text = secret.to_vec();
        self.sealing
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(owner), &mut text)
            .expect("a secret is far below the limit of one message");
        [&[VERSION], nonce.as_slice(), &text].concat()
    }

    /// Opens what was sealed for `owner`.
    ///
    /// # Errors
    /// When it does not open.
    pub fn open(&self, owner: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Error> {
        let (nonce, text) = match sealed {
            [VERSION, rest @ ..] => rest.split_at_checked(NONCE_LEN).ok_or(Error::Open)?,
            _ => return Err(Error::Open),
        };
        let nonce = Nonce::try_assume_unique_for_key(nonce).or(Err(Error::Open))?;
        let mut text = text.to_vec();
        let length =
            self.sealing.open_in_place(nonce, Aad::from(owner), &mut text).or(Err(Error::Open))?.len();
        text.truncate(length);
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> MasterKey {
        MasterKey::from_base64(&BASE64_STANDARD.encode([byte; 32])).expect("32 bytes")
    }

    #[test]
    fn opens_only_under_its_key_for_its_owner_and_unchanged() {
        let sealed = key(1).seal(b"row", b"secret");
        assert_eq!(key(1).open(b"row", &sealed).as_deref(), Ok(b"secret".as_slice()));
        assert_eq!(key(2).open(b"row", &sealed), Err(Error::Open));
        assert_eq!(key(1).open(b"another row", &sealed), Err(Error::Open));
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert_eq!(key(1).open(b"row", &changed), Err(Error::Open));
        }
        assert_eq!(key(1).open(b"row", b""), Err(Error::Open));
    }

    #[test]
    fn the_same_secret_never_seals_to_the_same_bytes() {
        assert_ne!(key(1).seal(b"row", b"secret"), key(1).seal(b"row", b"secret"));
    }

    #[test]
    fn derived_keys_differ_by_purpose_and_by_key() {
        assert_eq!(key(1).derive("one"), key(1).derive("one"));
        assert_ne!(key(1).derive("one"), key(1).derive("other"));
        assert_ne!(key(1).derive("one"), key(2).derive("one"));
    }

    #[test]
    fn a_key_is_32_bytes() {
        assert_eq!(MasterKey::from_base64("c2hvcnQ=").err(), Some(Error::Key));
        assert_eq!(MasterKey::from_base64("%").err(), Some(Error::Key));
    }
}
