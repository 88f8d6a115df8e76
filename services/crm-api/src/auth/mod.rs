//! Who asks: sign-up, sign-in, sign-out, and the caller of every other request.
//!
//! Each session is a row with an identifier of its own, of which the token carries the original and the row the
//! digest. Every request looks its row up, most of them along with what they read or write, so a session that is revoked is refused on the very next one.

mod api_token;
mod caller;
mod cookie;
pub(crate) mod credential;
pub(crate) mod csrf;
mod device;
mod form;
mod lookup;
mod passwords;
mod refresh;
pub(crate) mod revocation;
mod session;
mod sign_in;
mod sign_out;
mod sign_up;

pub(crate) use api_token::{ApiToken, Uses};
pub use caller::{Bearer, Caller};
pub(crate) use lookup::{Lookup, Session};
pub use passwords::Passwords;
pub(crate) use sign_up::{NewWorkspace, create_workspace, is_address};

use actix_web::web;
use pulse_jsonapi::Code;
use serde_json::json;

use crate::limits::Bucket;
use crate::operation::{Answer, Body, Operation, Verb};
use crate::resources::user_sessions::USER_SESSIONS;

/// Where [`OPERATIONS`] are, by either name.
pub(crate) const ROOTS: [&str; 2] = ["/auth", "/api/v1/auth"];

/// What is done to sign up, in and out.
pub(crate) const OPERATIONS: &[Operation] = &[
    Operation {
        id: "sign_up",
        summary: "Make a workspace and sign its owner in",
        description: SIGNED_IN,
        path: "/sign_up",
        public: true,
        body: Body::Json(sign_up::form),
        answers: &[Answer::Record(201, &USER_SESSIONS)],
        headers: &[TOKEN],
        refusals: &[Code::NotUnique],
        bucket: Some(Bucket::SignIn),
        handler: || web::to(sign_up::sign_up),
        ..Operation::DEFAULT
    },
    Operation {
        id: "sign_in",
        summary: "Sign in",
        description: SIGNED_IN,
        path: "/sign_in",
        public: true,
        body: Body::Json(sign_in::form),
        answers: &[Answer::Record(201, &USER_SESSIONS)],
        headers: &[TOKEN],
        refusals: &[Code::InvalidCredentials, Code::CsrfMismatch],
        bucket: Some(Bucket::SignIn),
        handler: || web::to(sign_in::sign_in),
        ..Operation::DEFAULT
    },
    Operation {
        id: "sign_out",
        summary: "End the session that the request was made with",
        verb: Verb::Delete,
        path: "/sign_out",
        answers: &[Answer::Meta(200, || {
            json!({
                "type": "object",
                "required": ["signed_out"],
                "properties": { "signed_out": { "const": true } },
            })
        })],
        refusals: &[Code::Forbidden],
        handler: || web::to(sign_out::sign_out),
        ..Operation::DEFAULT
    },
    Operation {
        id: "sign_out_everywhere",
        summary: "End all sessions of the user",
        description: "`meta.signed_out` is how many there were.",
        path: "/sign_out_everywhere",
        body: Body::Json(sign_out::everywhere_form),
        answers: &[Answer::Meta(200, || {
            json!({
                "type": "object",
                "required": ["signed_out"],
                "properties": { "signed_out": { "type": "integer", "minimum": 0 } },
            })
        })],
        refusals: &[Code::Forbidden],
        handler: || web::to(sign_out::everywhere),
        ..Operation::DEFAULT
    },
    Operation {
        id: "refresh",
        summary: "Get the next access token of a session",
        description: "Each refresh token is good once: `meta.refresh_token` is the next one. One that is sent again after \
                      some seconds ends the session, because somebody may have stolen it.",
        path: "/refresh",
        public: true,
        body: Body::Json(refresh::form),
        answers: &[Answer::Record(200, &USER_SESSIONS)],
        headers: &[TOKEN],
        refusals: &[Code::InvalidToken],
        handler: || web::to(refresh::refresh),
        ..Operation::DEFAULT
    },
    Operation {
        id: "show_csrf_token",
        summary: "Get the token that browsers show again with what they change",
        description: "For sessions by cookie alone. The token is in a cookie, in the header `X-CSRF-Token` and in \
                      `meta.csrf_token`; whoever is signed in by cookie sends it in that header with every POST, PATCH and \
                      DELETE. One that was made before a sign-in is not good after it.",
        verb: Verb::Get,
        path: "/csrf",
        public: true,
        answers: &[Answer::Meta(200, csrf::schema)],
        headers: &[("X-CSRF-Token", "The token."), ("Set-Cookie", "The cookie that goes with it.")],
        handler: || web::to(csrf::show),
        ..Operation::DEFAULT
    },
    Operation {
        id: "show_session",
        summary: "The session that the request was made with",
        verb: Verb::Get,
        path: "/session",
        answers: &[Answer::Record(200, &USER_SESSIONS)],
        refusals: &[Code::Forbidden],
        handler: || web::to(sign_out::current),
        ..Operation::DEFAULT
    },
];

/// What a client should know of signing up and in.
const SIGNED_IN: &str = "The fields may also stand in `user`, or in `data.attributes`. The access token in `Authorization` is good until \
     `meta.token_expires_at`; `meta.refresh_token` gets the next one at `/auth/refresh`.";

/// The header that a session's token is in.
const TOKEN: (&str, &str) =
    ("Authorization", "`Bearer` and the token, to be sent with every further request.");
