//! What the sender of a request is answered when no run was started: `{"error":"…","code":"…"}`.
//!
//! Codes are stable; the texts are for people. The cause of a failure is logged here, once, and never sent.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use diesel::result::Error as DatabaseError;
use pulse_service::http::Excess;
use pulse_store::pool;
use serde_json::json;

use crate::body::Unreadable;

/// Seconds after which a sender may try again when the database is away.
const RETRY_AFTER_SECONDS: u64 = 2;

/// Why no run was started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("There is nothing at this address.")]
    NotFound,
    /// Says the same of a token that never was and of one whose workflow was deleted.
    #[error("This trigger URL is not known.")]
    UnknownTrigger,
    #[error("A trigger URL takes POST alone.")]
    Method,
    #[error("Too many requests for this workspace.")]
    Limited,
    #[error("The body is larger than {0} bytes.")]
    TooLarge(usize),
    #[error("The body took too long.")]
    TooSlow,
    #[error("{0}")]
    Excess(Excess),
    #[error("The body broke off.")]
    BrokenOff,
    #[error("{0}")]
    Unreadable(Unreadable),
    #[error("The workflow is switched off. The request was kept as a sample.")]
    Inactive,
    #[error("The request cannot be stored at the moment. Try again.")]
    Unavailable(#[source] anyhow::Error),
    #[error("Something went wrong on our side.")]
    Internal(#[source] anyhow::Error),
}

impl Refusal {
    fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Self::UnknownTrigger => (StatusCode::NOT_FOUND, "unknown_trigger"),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::Limited => (StatusCode::TOO_MANY_REQUESTS, "rate_limited"),
            Self::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"),
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, "body_too_slow"),
            Self::Excess(excess) => match excess {
                Excess::Uri(_) => (excess.status(), "uri_too_long"),
                Excess::Headers { .. } => (excess.status(), "headers_too_large"),
            },
            Self::BrokenOff => (StatusCode::BAD_REQUEST, "body_incomplete"),
            Self::Unreadable(_) => (StatusCode::BAD_REQUEST, "body_unreadable"),
            Self::Inactive => (StatusCode::CONFLICT, "workflow_inactive"),
            Self::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }
}

impl From<pulse_service::body::Error> for Refusal {
    fn from(error: pulse_service::body::Error) -> Self {
        match error {
            pulse_service::body::Error::TooLarge(limit) => Self::TooLarge(limit),
            pulse_service::body::Error::TooSlow(_) => Self::TooSlow,
            pulse_service::body::Error::Broken => Self::BrokenOff,
        }
    }
}

impl From<pool::Unavailable> for Refusal {
    fn from(cause: pool::Unavailable) -> Self {
        Self::Unavailable(cause.into())
    }
}

impl From<DatabaseError> for Refusal {
    fn from(error: DatabaseError) -> Self {
        if pool::is_away(&error) { Self::Unavailable(error.into()) } else { Self::Internal(error.into()) }
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        self.status_and_code().0
    }

    fn error_response(&self) -> HttpResponse {
        let (status, code) = self.status_and_code();
        let mut response = HttpResponse::build(status);
        match self {
            Self::Method => {
                response.insert_header((header::ALLOW, "POST"));
            }
            Self::Unavailable(cause) => {
                tracing::warn!(error = format!("{cause:#}"), "a dependency is unavailable");
                response.insert_header((header::RETRY_AFTER, RETRY_AFTER_SECONDS));
            }
            Self::Internal(cause) => tracing::error!(error = format!("{cause:#}"), "internal error"),
            _ => {}
        }
        response.json(json!({"error": self.to_string(), "code": code}))
    }
}
