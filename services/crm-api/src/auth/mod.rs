//! Who asks: sign-up, sign-in, sign-out, and the caller of every other request.
//!
//! Each session is a row with an identifier of its own, of which the token carries the original and the row the
//! digest. Every request looks its row up, most of them along with what they read or write, so a session that is revoked is refused on the very next one.

mod api_token;
mod caller;
mod confirm;
mod cookie;
pub(crate) mod credential;
pub(crate) mod csrf;
mod device;
mod email;
mod even;
mod form;
pub(crate) mod invitation;
mod lookup;
pub(crate) mod mail_token;
mod password;
mod password_rules;
mod passwords;
mod refresh;
pub(crate) mod revocation;
mod second_factor;
mod session;
mod sign_in;
mod sign_out;
mod sign_up;
mod throttle;

pub(crate) use api_token::{ApiToken, Uses};
pub use caller::{Bearer, Caller};
pub(crate) use lookup::{Lookup, Session};
pub use passwords::Passwords;
pub(crate) use sign_up::{NewWorkspace, create_workspace, is_address};

use actix_web::web;
use pulse_jsonapi::Code;
use serde_json::{Value, json};

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
        refusals: &[Code::NotUnique, Code::RateLimited],
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
        refusals: &[
            Code::InvalidCredentials,
            Code::SecondFactorRequired,
            Code::CsrfMismatch,
            Code::RateLimited,
        ],
        bucket: Some(Bucket::SignIn),
        handler: || web::to(sign_in::sign_in),
        ..Operation::DEFAULT
    },
    Operation {
        id: "sign_out",
        summary: "End the session that the request was made with",
        verb: Verb::Delete,
        path: "/sign_out",
        answers: &[Answer::Meta(200, || said("signed_out"))],
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
        id: "change_password",
        summary: "Change one's password",
        description: "The other sessions of the user end.",
        path: "/password",
        body: Body::Json(password::change_form),
        answers: &[Answer::Meta(200, password_changed)],
        refusals: &[Code::Forbidden, Code::InvalidCredentials, Code::RateLimited],
        handler: || web::to(password::change),
        ..Operation::DEFAULT
    },
    Operation {
        id: "ask_for_password_reset",
        summary: "Have a mail sent that lets one set a password",
        description: "The answer is the same whether the address is known or not. What is mailed is good for an hour, once.",
        path: "/password_reset",
        public: true,
        body: Body::Json(password::ask_form),
        answers: &[Answer::Meta(202, requested)],
        refusals: &[Code::RateLimited],
        bucket: Some(Bucket::SignIn),
        handler: || web::to(password::ask),
        ..Operation::DEFAULT
    },
    Operation {
        id: "confirm_password_reset",
        summary: "Set a password with the token of a mail",
        description: "All sessions of the user end; nobody is signed in.",
        path: "/password_reset/confirm",
        public: true,
        body: Body::Json(password::confirm_form),
        answers: &[Answer::Meta(200, password_changed)],
        refusals: &[Code::InvalidToken, Code::StateConflict],
        bucket: Some(Bucket::SignIn),
        handler: || web::to(password::confirm),
        ..Operation::DEFAULT
    },
    Operation {
        id: "accept_invitation",
        summary: "Choose a password with the token of an invitation, and sign in",
        description: "An invitation is good for seven days, once.",
        path: "/invitations/accept",
        public: true,
        body: Body::Json(invitation::accept_form),
        answers: &[Answer::Record(201, &USER_SESSIONS)],
        headers: &[TOKEN],
        refusals: &[Code::InvalidToken, Code::StateConflict],
        bucket: Some(Bucket::SignIn),
        handler: || web::to(invitation::accept),
        ..Operation::DEFAULT
    },
    Operation {
        id: "ask_for_email_change",
        summary: "Have a mail sent to the address that one wants",
        description: "The address counts once the token of that mail is sent back, within an hour.",
        path: "/email",
        body: Body::Json(email::ask_form),
        answers: &[Answer::Meta(202, requested)],
        refusals: &[Code::Forbidden, Code::InvalidCredentials, Code::RateLimited],
        handler: || web::to(email::ask),
        ..Operation::DEFAULT
    },
    Operation {
        id: "confirm_email_change",
        summary: "Confirm an address with the token of a mail",
        description: "The address of before is told.",
        path: "/email/confirm",
        public: true,
        body: Body::Json(email::confirm_form),
        answers: &[Answer::Meta(200, || said("email_changed"))],
        refusals: &[Code::InvalidToken, Code::NotUnique],
        bucket: Some(Bucket::SignIn),
        handler: || web::to(email::confirm),
        ..Operation::DEFAULT
    },
    Operation {
        id: "add_second_factor",
        summary: "Begin to use an authenticator app",
        description: "`meta.otpauth_uri` is what the app reads from a picture. Nothing is asked for until it is confirmed.",
        path: "/totp",
        body: Body::Json(second_factor::add_form),
        answers: &[Answer::Meta(201, || {
            json!({
                "type": "object",
                "required": ["secret", "otpauth_uri"],
                "properties": { "secret": { "type": "string" }, "otpauth_uri": { "type": "string", "format": "uri" } },
            })
        })],
        refusals: &[Code::Forbidden, Code::InvalidCredentials, Code::StateConflict, Code::RateLimited],
        handler: || web::to(second_factor::add),
        ..Operation::DEFAULT
    },
    Operation {
        id: "confirm_second_factor",
        summary: "Let sign-in ask for codes of the app from now on",
        description: "`meta.recovery_codes` are shown this once; each is good once in place of a code.",
        path: "/totp/confirm",
        body: Body::Json(second_factor::confirm_form),
        answers: &[Answer::Meta(200, || {
            json!({
                "type": "object",
                "required": ["recovery_codes"],
                "properties": { "recovery_codes": { "type": "array", "items": { "type": "string" } } },
            })
        })],
        refusals: &[Code::Forbidden, Code::InvalidSecondFactor, Code::StateConflict, Code::RateLimited],
        handler: || web::to(second_factor::confirm),
        ..Operation::DEFAULT
    },
    Operation {
        id: "remove_second_factor",
        summary: "Sign in without codes from now on",
        verb: Verb::Delete,
        path: "/totp",
        body: Body::Json(second_factor::remove_form),
        answers: &[Answer::Meta(200, || said("second_factor_removed"))],
        refusals: &[Code::Forbidden, Code::InvalidCredentials, Code::StateConflict, Code::RateLimited],
        handler: || web::to(second_factor::remove),
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

/// The schema of a document that says that something was done.
fn said(name: &str) -> Value {
    json!({ "type": "object", "required": [name], "properties": { name: { "const": true } } })
}

fn requested() -> Value {
    said("requested")
}

fn password_changed() -> Value {
    json!({
        "type": "object",
        "required": ["password_changed", "signed_out"],
        "properties": {
            "password_changed": { "const": true },
            "signed_out": { "type": "integer", "minimum": 0, "description": "Sessions that were ended." },
        },
    })
}

/// What a client should know of signing up and in.
const SIGNED_IN: &str = "The fields may also stand in `user`, or in `data.attributes`. The access token in `Authorization` is good until \
     `meta.token_expires_at`; `meta.refresh_token` gets the next one at `/auth/refresh`.";

/// The header that a session's token is in.
const TOKEN: (&str, &str) =
    ("Authorization", "`Bearer` and the token, to be sent with every further request.");
