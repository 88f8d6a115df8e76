//! Refresh tokens: what a session gets its next access token with. Each is good once.
//!
//! A token is `ref_` and the base64 of the session's `jti` and 256 secret bits. The next one follows from it under a key
//! of the server: so whoever sends a token a second time, because the answer to the first was lost, can be given the
//! same successor, although the session's row has nothing but the digest of that. And because every token names its
//! session, one that was used up long ago is recognised as such.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use uuid::Uuid;

use crate::seal;
use crate::token;

const PREFIX: &str = "ref_";

/// A token of a session.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// The session.
    pub jti: Uuid,
    secret: [u8; 32],
}

impl std::fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RefreshToken({}, …)", self.jti)
    }
}

/// What the successors of tokens are made with.
pub struct RefreshKey(hmac::Key);

impl std::fmt::Debug for RefreshKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RefreshKey(…)")
    }
}

impl RefreshKey {
    /// A key that follows from the master key, the base64 of 32 bytes.
    ///
    /// # Errors
    /// When the text is not that.
    pub fn of_master(text: &str) -> Result<Self, seal::Error> {
        let master = hmac::Key::new(hmac::HMAC_SHA256, &seal::key_bytes(text)?);
        let key = hmac::sign(&master, b"refresh tokens");
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, key.as_ref())))
    }
}

impl RefreshToken {
    /// The first token of a session.
    ///
    /// # Panics
    /// When the operating system gives no random bytes.
    #[must_use]
    pub fn generate(jti: Uuid) -> Self {
        let mut secret = [0; 32];
        SystemRandom::new().fill(&mut secret).expect("the operating system gives random bytes");
        Self { jti, secret }
    }

    /// Reads a token; `None` where the text is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
        let (jti, secret) = bytes.split_first_chunk()?;
        Some(Self { jti: Uuid::from_bytes(*jti), secret: secret.try_into().ok()? })
    }

    /// As the client keeps it.
    #[must_use]
    pub fn text(&self) -> String {
        let bytes = [self.jti.as_bytes().as_slice(), &self.secret].concat();
        format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }

    /// What is stored of it.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        token::digest(&self.text())
    }

    /// The token after this one, which is always the same.
    #[must_use]
    pub fn next(&self, key: &RefreshKey) -> Self {
        let text = [self.jti.as_bytes().as_slice(), &self.secret].concat();
        let mut secret = [0; 32];
        secret.copy_from_slice(hmac::sign(&key.0, &text).as_ref());
        Self { jti: self.jti, secret }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MASTER: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    #[test]
    fn the_next_token_is_of_the_same_session_and_follows_from_the_key() {
        let key = RefreshKey::of_master(MASTER).expect("a key");
        let other = RefreshKey::of_master("HwECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").expect("a key");
        let first = RefreshToken::generate(Uuid::new_v4());
        let second = first.next(&key);
        assert_eq!((second.jti, &second), (first.jti, &first.next(&key)));
        assert_ne!(second, first);
        assert_ne!(second, first.next(&other));
        assert_ne!(second.digest(), second.next(&key).digest());
    }

    proptest! {
        #[test]
        fn a_token_survives_its_text_and_no_other_text_is_one(text in "(ref_)?[A-Za-z0-9_-]{0,90}", jti: u128) {
            let token = RefreshToken::generate(Uuid::from_u128(jti));
            prop_assert_eq!(RefreshToken::parse(&token.text()), Some(token.clone()));
            prop_assert_eq!(token.text().len(), 4 + 64);
            if let Some(token) = RefreshToken::parse(&text) {
                prop_assert_eq!(token.text(), text);
            }
        }
    }
}
