//! What a handler of the JSON:API answers when it cannot do what was asked.
//!
//! Four variants, because a client can react in four ways. The cause of a failure is logged once, here, with the
//! request id, and never sent.

use std::fmt;
use std::time::Duration;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use diesel::result::Error as DatabaseError;
use pulse_jsonapi::problem::{self, Code, Problem};
use pulse_service::http::Excess;
use pulse_store::pool;

/// Seconds after which a client may try again when a dependency is away.
const RETRY_AFTER_SECONDS: &str = "2";

/// Why a request was not fulfilled.
#[derive(Debug)]
pub enum Error {
    /// The client can fix it; each problem becomes one error object.
    Rejected(Vec<Problem>),
    /// Trying again later can help; answered with 503 and `Retry-After`.
    Unavailable(anyhow::Error),
    /// Too many guesses; answered with 429 and `Retry-After`.
    TooMany(Duration),
    /// A defect. The client sees the request id and nothing else.
    Internal(anyhow::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(problems) => write!(f, "rejected: {problems:?}"),
            Self::TooMany(wait) => write!(f, "too many attempts: wait {wait:?}"),
            Self::Unavailable(cause) => write!(f, "a dependency is unavailable: {cause:#}"),
            Self::Internal(cause) => write!(f, "internal error: {cause:#}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Rejected(vec![problem])
    }
}

impl From<Vec<Problem>> for Error {
    fn from(problems: Vec<Problem>) -> Self {
        Self::Rejected(problems)
    }
}

impl From<anyhow::Error> for Error {
    fn from(cause: anyhow::Error) -> Self {
        Self::Internal(cause)
    }
}

impl From<pool::Unavailable> for Error {
    fn from(cause: pool::Unavailable) -> Self {
        Self::Unavailable(cause.into())
    }
}

impl From<pulse_bus::Unavailable> for Error {
    fn from(cause: pulse_bus::Unavailable) -> Self {
        Self::Unavailable(cause.into())
    }
}

impl From<pulse_resource::Error> for Error {
    fn from(error: pulse_resource::Error) -> Self {
        match error {
            pulse_resource::Error::Rejected(problems) => Self::Rejected(problems),
            pulse_resource::Error::Unavailable(cause) => cause.into(),
            pulse_resource::Error::Database(cause) => cause.into(),
        }
    }
}

impl From<DatabaseError> for Error {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::NotFound => Problem::new(Code::NotFound, "There is no such record.").into(),
            away if pool::is_away(&away) => Self::Unavailable(away.into()),
            other => Self::Internal(other.into()),
        }
    }
}

/// What a bearer is told in `WWW-Authenticate` (RFC 6750, section 3): how to ask, what is wrong with the token, or which
/// scope it lacks. `None` where no other token would help.
fn challenge(problems: &[Problem]) -> Option<String> {
    let first = problems.first()?;
    match first.code {
        Code::InsufficientScope => {
            let scope =
                first.meta.as_ref().and_then(|meta| meta.get("scope")).and_then(|scope| scope.as_str());
            Some(format!(r#"Bearer error="insufficient_scope", scope="{}""#, scope.unwrap_or_default()))
        }
        Code::Unauthenticated | Code::InvalidCredentials => Some("Bearer".to_owned()),
        code if code.status() == 401 => Some(r#"Bearer error="invalid_token""#.to_owned()),
        _ => None,
    }
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        let status = match self {
            Self::Rejected(problems) => problem::status(problems),
            Self::Unavailable(_) => 503,
            Self::TooMany(_) => Code::RateLimited.status(),
            Self::Internal(_) => 500,
        };
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response.content_type(pulse_jsonapi::MEDIA_TYPE).insert_header((header::VARY, "Accept"));
        let request_id = pulse_service::http::current_request_id();
        let document = match self {
            Self::Rejected(problems) => {
                if let Some(challenge) = challenge(problems) {
                    response.insert_header((header::WWW_AUTHENTICATE, challenge));
                }
                problem::errors_document(problems, request_id.as_deref())
            }
            Self::Unavailable(cause) => {
                tracing::warn!(error = format!("{cause:#}"), "a dependency is unavailable");
                response.insert_header((header::RETRY_AFTER, RETRY_AFTER_SECONDS));
                let detail = "The service cannot do this at the moment. Try again.";
                problem::errors_document(&[Problem::new(Code::Unavailable, detail)], request_id.as_deref())
            }
            Self::TooMany(wait) => {
                let seconds = wait.as_millis().div_ceil(1_000).max(1);
                response.insert_header((header::RETRY_AFTER, seconds.to_string()));
                let detail = format!("There were too many attempts. Try again in {seconds} s.");
                problem::errors_document(&[Problem::new(Code::RateLimited, detail)], request_id.as_deref())
            }
            Self::Internal(cause) => {
                tracing::error!(error = format!("{cause:#}"), "internal error");
                let detail = "Something went wrong on our side. The id of this error is in our logs.";
                problem::errors_document(&[Problem::new(Code::Internal, detail)], request_id.as_deref())
            }
        };
        response.body(document)
    }
}

/// What a request is answered that has too much of something.
pub(crate) fn excessive(excess: Excess) -> HttpResponse {
    let code = match excess {
        Excess::Uri(_) => Code::UriTooLong,
        Excess::Headers { .. } => Code::HeadersTooLarge,
    };
    Error::from(Problem::new(code, excess.to_string())).error_response()
}
