//! What lets pages of any origin send events and read the answers.
//!
//! Without it a browser reports an answer as a network failure, and the SDK does not wait as long as a 429 asks for.

use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
};
use actix_web::{HttpResponse, HttpResponseBuilder};

/// The methods of the one path there is.
pub(super) const METHODS: &str = "POST, OPTIONS";

/// Puts on an answer what every answer has.
pub(super) fn open(response: &mut HttpResponseBuilder) -> &mut HttpResponseBuilder {
    response
        .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .insert_header((ACCESS_CONTROL_EXPOSE_HEADERS, "Retry-After"))
        // A beacon asks without CORS; its browser would report every answer as blocked.
        .insert_header(("cross-origin-resource-policy", "cross-origin"))
}

/// The answer to a preflight: asks for no token and counts against no limit, since a browser that is refused here
/// sends nothing at all.
pub(super) async fn preflight() -> HttpResponse {
    open(&mut HttpResponse::NoContent())
        .insert_header((ACCESS_CONTROL_ALLOW_METHODS, METHODS))
        .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, "content-type, x-api-token"))
        // A day; browsers that keep it for less shorten it by themselves.
        .insert_header((ACCESS_CONTROL_MAX_AGE, "86400"))
        .finish()
}
