//! HMAC-SHA256 for jsonwebtoken by ring, which the rest of the house uses already. No other algorithm exists here, so
//! none can be talked into.

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result};
use jsonwebtoken::{Algorithm, AlgorithmFamily};
use ring::hmac;
use signature::{Error, Signer, Verifier};

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| {
        let bytes = hmac_only(*algorithm, key.family(), key.as_bytes())?;
        Ok(Box::new(Hmac(hmac::Key::new(hmac::HMAC_SHA256, bytes))))
    },
    verifier_factory: |algorithm, key| {
        let bytes = hmac_only(*algorithm, key.family(), key.try_get_as_bytes()?)?;
        Ok(Box::new(Hmac(hmac::Key::new(hmac::HMAC_SHA256, bytes))))
    },
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes it the provider of this process.
pub(super) fn install() {
    // Fails only when it is installed already.
    let _ = PROVIDER.install_default();
}

fn hmac_only(algorithm: Algorithm, family: AlgorithmFamily, key: &[u8]) -> Result<&[u8]> {
    if algorithm == Algorithm::HS256 && family == AlgorithmFamily::Hmac {
        Ok(key)
    } else {
        Err(ErrorKind::InvalidAlgorithm.into())
    }
}

struct Hmac(hmac::Key);

impl Signer<Vec<u8>> for Hmac {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, Error> {
        Ok(hmac::sign(&self.0, message).as_ref().to_vec())
    }
}

impl Verifier<Vec<u8>> for Hmac {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        hmac::verify(&self.0, message, signature).or(Err(Error::new()))
    }
}

impl JwtSigner for Hmac {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for Hmac {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}
