//! Reading a request body within bounds: of its length, of the time it takes, of how deep its JSON is nested.
//!
//! The edge puts [`Bounded`] around every body, so no handler can forget it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::dev;
use actix_web::error::PayloadError;
use actix_web::web::{Bytes, Payload};
use futures_util::Stream;
use tokio::time::{Sleep, sleep};

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is larger than allowed.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// It did not arrive in time.
    #[error("the body took longer than {} s", .0.as_secs())]
    TooSlow(Duration),
    /// The client broke off, or sent something that is not HTTP.
    #[error("the body broke off")]
    Broken,
}

/// Reads a body of any length that the settings allow.
///
/// # Errors
/// When it is too large, too slow or breaks off.
pub async fn read_whole(payload: Payload) -> Result<Bytes, Error> {
    read(payload, usize::MAX).await
}

/// Reads a body of at most `limit` bytes; stops reading as soon as it is larger.
///
/// # Errors
/// When it is too large, too slow or breaks off.
pub async fn read(payload: Payload, limit: usize) -> Result<Bytes, Error> {
    match payload.to_bytes_limited(limit).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(fault)) => Err(reason(fault)),
        Err(_) => Err(Error::TooLarge(limit)),
    }
}

fn reason(fault: actix_web::Error) -> Error {
    match fault.as_error::<PayloadError>() {
        Some(PayloadError::Io(fault)) => match fault.get_ref().and_then(|cause| cause.downcast_ref()) {
            Some(Error::TooLarge(limit)) => Error::TooLarge(*limit),
            Some(Error::TooSlow(patience)) => Error::TooSlow(*patience),
            _ => Error::Broken,
        },
        _ => Error::Broken,
    }
}

/// Whether JSON is nested deeper than some levels, found without recursion and before anything is made of it. What is no
/// JSON may be anything.
#[must_use]
pub fn is_deeper(json: &[u8], levels: usize) -> bool {
    let (mut depth, mut is_text, mut is_escaped) = (0_usize, false, false);
    for byte in json {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_text => is_escaped = true,
            b'"' => is_text = !is_text,
            b'{' | b'[' if !is_text => {
                depth += 1;
                if depth > levels {
                    return true;
                }
            }
            b'}' | b']' if !is_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// A body that ends with an error when it is too large or has taken too long.
pub(crate) struct Bounded {
    body: dev::Payload,
    limit: usize,
    left: usize,
    patience: Duration,
    /// Runs from when the body is first waited for.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl Bounded {
    pub(crate) fn new(body: dev::Payload, limit: usize, patience: Duration) -> Self {
        Self { body, limit, left: limit, patience, deadline: None }
    }
}

impl Stream for Bounded {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let failed = |why| Poll::Ready(Some(Err(PayloadError::Io(io::Error::other(why)))));
        match Pin::new(&mut self.body).poll_next(context) {
            Poll::Ready(Some(Ok(bytes))) => match self.left.checked_sub(bytes.len()) {
                Some(left) => {
                    self.left = left;
                    Poll::Ready(Some(Ok(bytes)))
                }
                None => failed(Error::TooLarge(self.limit)),
            },
            Poll::Pending => {
                let patience = self.patience;
                let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(patience)));
                match deadline.as_mut().poll(context) {
                    Poll::Ready(()) => failed(Error::TooSlow(patience)),
                    Poll::Pending => Poll::Pending,
                }
            }
            end => end,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_brackets_outside_of_texts_are_levels() {
        for (json, depth) in
            [("7", 0), ("[]", 1), (r#"{"a":[1,[2]],"b":{}}"#, 3), (r#"["[[", "\"[", "\\"]"#, 1)]
        {
            assert!(!is_deeper(json.as_bytes(), depth), "{json}");
            assert!(depth == 0 || is_deeper(json.as_bytes(), depth - 1), "{json}");
        }
        assert!(is_deeper("[".repeat(1_000_000).as_bytes(), 999_999));
    }

    proptest! {
        #[test]
        fn anything_can_be_looked_at(bytes in prop::collection::vec(any::<u8>(), 0..200), levels in 0usize..10) {
            prop_assert!(!is_deeper(&bytes, levels.max(bytes.len())));
        }
    }
}
