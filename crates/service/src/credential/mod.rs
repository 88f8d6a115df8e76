//! Signing and verifying JSON Web Tokens. The algorithm is pinned; a token names the key that it was signed with; only
//! jsonwebtoken decides.

mod hmac;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use pulse_domain::claims::{COOKIE_AUDIENCE, INTERNAL_AUDIENCE, ISSUER, Internal, SESSION_AUDIENCE, Session};
use pulse_domain::seal;
use ring::digest;
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

/// Keys of one kind of token. The first signs; each verifies what says that it was signed with it.
struct Ring {
    kid: String,
    signing: EncodingKey,
    verifying: Vec<(String, DecodingKey)>,
    validation: Validation,
}

impl Ring {
    fn new<'a>(
        secret: &'a SecretString,
        further: impl IntoIterator<Item = &'a str>,
        validation: Validation,
    ) -> anyhow::Result<Self> {
        hmac::install();
        let first = seal::key_bytes(secret.expose_secret())?;
        let mut verifying = vec![(name(&first), DecodingKey::from_secret(&first))];
        for text in further {
            let key = seal::key_bytes(text)?;
            verifying.push((name(&key), DecodingKey::from_secret(&key)));
        }
        Ok(Self { kid: name(&first), signing: EncodingKey::from_secret(&first), verifying, validation })
    }

    fn sign(&self, claims: &impl Serialize) -> anyhow::Result<String> {
        let header = Header { kid: Some(self.kid.clone()), ..Header::new(ALGORITHM) };
        Ok(jsonwebtoken::encode(&header, claims, &self.signing)?)
    }

    fn verify<T: DeserializeOwned + Clone>(&self, token: &str) -> Result<T, Refused> {
        self.verify_by(&self.validation, token)
    }

    fn verify_by<T: DeserializeOwned + Clone>(
        &self,
        validation: &Validation,
        token: &str,
    ) -> Result<T, Refused> {
        let header = jsonwebtoken::decode_header(token).or(Err(Refused::Invalid))?;
        let named = self.verifying.iter().find(|(kid, _)| Some(kid) == header.kid.as_ref());
        let (_, key) = named.ok_or(Refused::Invalid)?;
        match jsonwebtoken::decode::<T>(token, key, validation) {
            Ok(token) => Ok(token.claims),
            Err(error) if matches!(error.kind(), ErrorKind::ExpiredSignature) => Err(Refused::Expired),
            Err(_) => Err(Refused::Invalid),
        }
    }
}

/// What the `kid` of a token calls a key: the beginning of its digest, which says nothing about a key of 256 random
/// bits.
fn name(key: &[u8; 32]) -> String {
    digest::digest(&digest::SHA256, key).as_ref()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn validation(audience: &str, claims: &[&str]) -> Validation {
    let mut validation = Validation::new(ALGORITHM);
    validation.set_audience(&[audience]);
    validation.set_required_spec_claims(claims);
    validation.leeway = LEEWAY_SECONDS;
    validation
}

/// Signs and verifies the tokens of user sessions, and those in cookies, which have an audience of their own.
pub struct SessionKeys(Ring, Validation);

/// Signs and verifies the tokens that services show each other.
pub struct InternalKey(Ring);

impl std::fmt::Debug for SessionKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SessionKeys({}, …)", self.0.kid)
    }
}

impl std::fmt::Debug for InternalKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InternalKey(…)")
    }
}

impl SessionKeys {
    /// Reads the key that signs, and `further` ones that verify besides: those that signed before, until the tokens of
    /// then have expired, and those that will, before the first replica signs with them. Each is the base64 of 32 bytes.
    ///
    /// # Errors
    /// When one is not that.
    pub fn new<'a>(
        secret: &'a SecretString,
        further: impl IntoIterator<Item = &'a str>,
    ) -> anyhow::Result<Self> {
        let [tokens, cookies] = [SESSION_AUDIENCE, COOKIE_AUDIENCE].map(|audience| {
            let mut validation = validation(audience, &["exp", "aud", "sub", "iss"]);
            validation.set_issuer(&[ISSUER]);
            validation
        });
        Ok(Self(Ring::new(secret, further, tokens)?, cookies))
    }

    /// A token of a session.
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

    /// Reads a token that was in a cookie.
    ///
    /// # Errors
    /// When it has expired or is not one of ours.
    pub fn verify_cookie(&self, token: &str) -> Result<Session, Refused> {
        self.0.verify_by(&self.1, token)
    }
}

impl InternalKey {
    /// Reads the base64 of 32 bytes.
    ///
    /// # Errors
    /// When the text is not that.
    pub fn new(secret: &SecretString) -> anyhow::Result<Self> {
        Ring::new(secret, [], validation(INTERNAL_AUDIENCE, &["exp", "aud", "sub"])).map(Self)
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
    use pulse_domain::{Role, WorkspaceId};
    use uuid::Uuid;

    use super::*;

    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const OTHER: &str = "HwECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn keys<const N: usize>(signing: &str, further: [&str; N]) -> SessionKeys {
        SessionKeys::new(&signing.into(), further).expect("keys")
    }

    fn session(expires_in: i64) -> Session {
        let now = Utc::now().timestamp();
        Session {
            iss: ISSUER.into(),
            aud: SESSION_AUDIENCE.into(),
            sub: Uuid::now_v7(),
            workspace: WorkspaceId::generate(),
            role: Role::Rep,
            jti: Uuid::now_v7(),
            iat: now,
            exp: now + expires_in,
        }
    }

    #[test]
    fn a_session_survives_its_token_and_expires() {
        let key = keys(KEY, []);
        let token = key.sign(&session(60)).expect("signs");
        assert!(key.verify(&token).is_ok());
        assert_eq!(key.verify(&key.sign(&session(-60)).expect("signs")).err(), Some(Refused::Expired));
    }

    #[test]
    fn one_audience_does_not_open_the_door_of_the_other() {
        let token = keys(KEY, []).sign(&session(60)).expect("signs");
        assert_eq!(
            InternalKey::new(&KEY.into()).expect("a key").verify(&token).err(),
            Some(Refused::Invalid)
        );
    }

    #[test]
    fn what_is_good_in_a_cookie_is_no_bearer_token_and_the_other_way_round() {
        let ring = keys(KEY, []);
        let bearer = ring.sign(&session(60)).expect("signs");
        let cookie = Session { aud: COOKIE_AUDIENCE.into(), ..session(60) };
        let cookie = ring.sign(&cookie).expect("signs");
        assert!(ring.verify(&bearer).is_ok() && ring.verify_cookie(&cookie).is_ok());
        assert_eq!(ring.verify(&cookie).err(), Some(Refused::Invalid));
        assert_eq!(ring.verify_cookie(&bearer).err(), Some(Refused::Invalid));
    }

    #[test]
    fn a_changed_token_another_key_and_no_algorithm_are_refused() {
        let key = keys(KEY, []);
        let other = keys(OTHER, []);
        let token = key.sign(&session(60)).expect("signs");
        assert_eq!(other.verify(&token).err(), Some(Refused::Invalid));
        // {"alg":"none"}
        let body = token.split('.').nth(1).expect("a body");
        assert_eq!(key.verify(&format!("eyJhbGciOiJub25lIn0.{body}.")).err(), Some(Refused::Invalid));
        assert_eq!(key.verify("nonsense").err(), Some(Refused::Invalid));
    }

    #[test]
    fn a_key_that_no_longer_signs_verifies_until_it_is_taken_off_the_ring() {
        let before = keys(KEY, [OTHER]);
        let during = keys(OTHER, [KEY]);
        let after = keys(OTHER, []);
        let old = before.sign(&session(60)).expect("signs");
        let new = during.sign(&session(60)).expect("signs");
        assert!(before.verify(&old).is_ok() && before.verify(&new).is_ok());
        assert!(during.verify(&old).is_ok() && during.verify(&new).is_ok());
        assert_eq!(after.verify(&old).err(), Some(Refused::Invalid));
        assert!(after.verify(&new).is_ok());
    }

    #[test]
    fn a_token_says_by_which_key_and_whom_and_must() {
        let ring = keys(KEY, [OTHER]);
        let token = ring.sign(&session(60)).expect("signs");
        let header = jsonwebtoken::decode_header(&token).expect("a header");
        assert_eq!(header.kid.as_deref(), Some("630dcd2966c43366"));
        let mut stranger = session(60);
        stranger.iss = "somebody else".into();
        assert_eq!(ring.verify(&ring.sign(&stranger).expect("signs")).err(), Some(Refused::Invalid));
        // The same key, but the token does not name it.
        let key = EncodingKey::from_secret(&seal::key_bytes(KEY).expect("a key"));
        let nameless = jsonwebtoken::encode(&Header::new(ALGORITHM), &session(60), &key).expect("signs");
        assert_eq!(ring.verify(&nameless).err(), Some(Refused::Invalid));
    }
}
