//! Who asks: sign-up, sign-in, sign-out, and the caller of every other request.
//!
//! Each session is a row with an identifier of its own, of which the token carries the original and the row the
//! digest. Every request looks its row up, so a session that is revoked is refused on the very next one.

mod caller;
mod form;
mod passwords;
mod session;
mod sign_in;
mod sign_up;

pub use caller::Caller;
pub use passwords::Passwords;
pub(crate) use sign_up::{NewWorkspace, create_workspace};

use actix_web::web;

/// The routes below `/api/v1/auth`, and below `/auth`, which is another name for it.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/sign_up", web::post().to(sign_up::sign_up))
        .route("/sign_in", web::post().to(sign_in::sign_in))
        .route("/sign_out", web::delete().to(sign_in::sign_out));
}
