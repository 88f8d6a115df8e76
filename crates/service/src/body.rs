//! Reading a request body within a bound.

use actix_web::web::{Bytes, Payload};

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is larger than allowed.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// The client broke off, or sent something that is not HTTP.
    #[error("the body broke off")]
    Broken,
}

/// Reads a body of at most `limit` bytes; stops reading as soon as it is larger.
///
/// # Errors
/// When it is too large or breaks off.
pub async fn read(payload: Payload, limit: usize) -> Result<Bytes, Error> {
    match payload.to_bytes_limited(limit).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(Error::Broken),
        Err(_) => Err(Error::TooLarge(limit)),
    }
}
