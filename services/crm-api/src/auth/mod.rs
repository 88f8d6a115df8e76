//! Who asks: sign-up, sign-in, sign-out, and the caller of every other request.
//!
//! Each session is a row with an identifier of its own, of which the token carries the original and the row the
//! digest. Every request looks its row up, so a session that is revoked is refused on the very next one.

mod caller;
mod form;
mod passwords;
mod role;
mod session;
mod sign_in;
mod sign_up;

pub use caller::Caller;
pub use passwords::Passwords;
pub(crate) use role::require_admin;
pub(crate) use sign_up::{NewWorkspace, create_workspace};

use actix_web::web;

use crate::answer;

/// The routes below `/api/v1/auth`, and below `/auth`, which is another name for it.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(
            web::resource("/sign_up")
                .route(web::post().to(sign_up::sign_up))
                .default_service(web::to(answer::only_post)),
        )
        .service(
            web::resource("/sign_in")
                .route(web::post().to(sign_in::sign_in))
                .default_service(web::to(answer::only_post)),
        )
        .service(
            web::resource("/sign_out")
                .route(web::delete().to(sign_in::sign_out))
                .default_service(web::to(answer::only_delete)),
        );
}
