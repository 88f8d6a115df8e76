//! Signing and verifying JSON Web Tokens. The algorithm is pinned; only jsonwebtoken decides.

mod hmac;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use pulse_domain::claims::{INTERNAL_AUDIENCE, Internal, SESSION_AUDIENCE, Session};
use pulse_domain::seal;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;

const ALGORITHM: Algorithm = Algorithm::HS256;

/// Clocks of two machines may differ by this many seconds.
const LEEWAY_SECONDS: u64 = 5;

/// Why a token was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It was good, and is not any more.
    #[error("the token has expired")]
    Expired,
    /// It is not a token of ours.
    #[error("the token is not valid")]
    Invalid,
}

struct Keys {
    signing: EncodingKey,
    verifying: DecodingKey,
    validation: Validation,
}

impl Keys {
    fn new(secret: &SecretString, audience: &str) -> anyhow::Result<Self> {
        hmac::install();
        let bytes = seal::key_bytes(secret.expose_secret())?;
        let mut validation = Validation::new(ALGORITHM);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "aud", "sub"]);
        validation.leeway = LEEWAY_SECONDS;
        Ok(Self {
            signing: EncodingKey::from_secret(&bytes),
            verifying: DecodingKey::from_secret(&bytes),
            validation,
        })
    }

    fn sign(&self, claims: &impl Serialize) -> anyhow::Result<String> {
        Ok(jsonwebtoken::encode(&Header::new(ALGORITHM), claims, &self.signing)?)
    }

    fn verify<T: DeserializeOwned + Clone>(&self, token: &str) -> Result<T, Refused> {
        match jsonwebtoken::decode::<T>(token, &self.verifying, &self.validation) {
            Ok(token) => Ok(token.claims),
            Err(error) if matches!(error.kind(), ErrorKind::ExpiredSignature) => Err(Refused::Expired),
            Err(_) => Err(Refused::Invalid),
        }
    }
}

/// Signs and verifies the tokens of user sessions.
pub struct SessionKey(Keys);

/// Signs and verifies the tokens that services show each other.
pub struct InternalKey(Keys);

impl std::fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionKey(…)")
    }
}

impl std::fmt::Debug for InternalKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InternalKey(…)")
    }
}

impl SessionKey {
    /// Reads the base64 of 32 bytes.
    ///
    /// # Errors
    /// When the text is not that.
    pub fn new(secret: &SecretString) -> anyhow::Result<Self> {
        Keys::new(secret, SESSION_AUDIENCE).map(Self)
    }

    /// The token of a session.
    ///
    /// # Errors
    /// When the claims cannot be written as JSON.
    pub fn sign(&self, session: &Session) -> anyhow::Result<String> {
        self.0.sign(session)
    }

    /// Reads a token.
    ///
    /// # Errors
    /// When it has expired or is not one of ours.
    pub fn verify(&self, token: &str) -> Result<Session, Refused> {
        self.0.verify(token)
    }
}

impl InternalKey {
    /// Reads the base64 of 32 bytes.
    ///
    /// # Errors
    /// When the text is not that.
    pub fn new(secret: &SecretString) -> anyhow::Result<Self> {
        Keys::new(secret, INTERNAL_AUDIENCE).map(Self)
    }

    /// The token of a call.
    ///
    /// # Errors
    /// When the claims cannot be written as JSON.
    pub fn sign(&self, internal: &Internal) -> anyhow::Result<String> {
        self.0.sign(internal)
    }

    /// Reads a token.
    ///
    /// # Errors
    /// When it has expired or is not one of ours.
    pub fn verify(&self, token: &str) -> Result<Internal, Refused> {
        self.0.verify(token)
    }
}

#[cfg(test)]
mod tests {
    use chrono::Utc;
    use pulse_domain::WorkspaceId;
    use uuid::Uuid;

    use super::*;

    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn session(expires_in: i64) -> Session {
        let now = Utc::now().timestamp();
        Session {
            aud: SESSION_AUDIENCE.into(),
            sub: Uuid::now_v7(),
            workspace: WorkspaceId::generate(),
            jti: Uuid::now_v7(),
            iat: now,
            exp: now + expires_in,
        }
    }

    #[test]
    fn a_session_survives_its_token_and_expires() {
        let key = SessionKey::new(&KEY.into()).expect("a key");
        let token = key.sign(&session(60)).expect("signs");
        assert!(key.verify(&token).is_ok());
        assert_eq!(key.verify(&key.sign(&session(-60)).expect("signs")).err(), Some(Refused::Expired));
    }

    #[test]
    fn one_audience_does_not_open_the_door_of_the_other() {
        let token = SessionKey::new(&KEY.into()).expect("a key").sign(&session(60)).expect("signs");
        assert_eq!(
            InternalKey::new(&KEY.into()).expect("a key").verify(&token).err(),
            Some(Refused::Invalid)
        );
    }

    #[test]
    fn a_changed_token_another_key_and_no_algorithm_are_refused() {
        let key = SessionKey::new(&KEY.into()).expect("a key");
        let other = SessionKey::new(&"HwECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".into()).expect("a key");
        let token = key.sign(&session(60)).expect("signs");
        assert_eq!(other.verify(&token).err(), Some(Refused::Invalid));
        // {"alg":"none"}
        let body = token.split('.').nth(1).expect("a body");
        assert_eq!(key.verify(&format!("eyJhbGciOiJub25lIn0.{body}.")).err(), Some(Refused::Invalid));
        assert_eq!(key.verify("nonsense").err(), Some(Refused::Invalid));
    }
}
