//! Every answer of the edge but the good one. The bodies of 400, 401, 403 and 429 are a published contract, to the
//! byte; clients compare them.

use std::fmt;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, RETRY_AFTER};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use pulse_service::http::Excess;
use serde_json::json;

use super::cors;

/// Seconds after which a client may try again when the broker or the database is away.
const UNAVAILABLE_SECONDS: u64 = 2;

/// Why a request was not accepted.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The body is not what it must be; says which part and why.
    Malformed(String),
    /// Neither a header nor a member of the body carries a token.
    MissingToken,
    /// The token is unknown or disabled.
    InvalidToken,
    /// Revenue under a public token.
    PublicToken,
    /// No such path.
    NotFound,
    /// Not a POST.
    WrongMethod,
    /// The body is larger than this many bytes.
    TooLarge(usize),
    /// The body did not arrive in time.
    TooSlow,
    /// The request line or the headers are too large.
    Excess(Excess),
    /// The address has used up its requests.
    RateLimited,
    /// Something the edge depends on is away; trying again can help.
    Unavailable(anyhow::Error),
}

impl Refusal {
    /// A dependency is away.
    pub(crate) fn unavailable(cause: impl Into<anyhow::Error>) -> Self {
        Self::Unavailable(cause.into())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(message) => f.write_str(message),
            Self::MissingToken => f.write_str("Missing API token"),
            Self::InvalidToken => f.write_str("Invalid API token"),
            Self::PublicToken => f.write_str("Revenue events require secret token"),
            Self::NotFound => f.write_str("Not found"),
            Self::WrongMethod => f.write_str("Method not allowed"),
            Self::TooLarge(limit) => write!(f, "The body must not be larger than {limit} bytes."),
            Self::TooSlow => f.write_str("The body took too long."),
            Self::Excess(excess) => excess.fmt(f),
            Self::RateLimited => f.write_str("Rate limited"),
            Self::Unavailable(_) => f.write_str("Service unavailable"),
        }
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::MissingToken | Self::InvalidToken => StatusCode::UNAUTHORIZED,
            Self::PublicToken => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Excess(excess) => excess.status(),
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut response: HttpResponseBuilder = HttpResponse::build(self.status_code());
        cors::open(&mut response).content_type("application/json");
        match self {
            Self::WrongMethod => {
                response.insert_header((ALLOW, cors::METHODS));
            }
            Self::Unavailable(cause) => {
                tracing::warn!(error = format!("{cause:#}"), "an event was not accepted");
                response.insert_header((RETRY_AFTER, UNAVAILABLE_SECONDS));
            }
            _ => {}
        }
        // What the sender can correct in the body is a message; everything else is an error.
        let member = if matches!(self, Self::Malformed(_)) { "message" } else { "error" };
        response.body(json!({ member: self.to_string() }).to_string())
    }
}
