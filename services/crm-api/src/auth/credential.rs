//! What a request shows to say who asks. It is read once, before anything else is done with the request: every step that
//! follows finds it among the request's extensions.

use std::rc::Rc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpRequest, web};
use pulse_domain::claims;
use pulse_domain::token::{self, Purpose};
use pulse_jsonapi::{Code, Problem};
use pulse_service::credential::Refused;

use super::cookie::Cookie;
use crate::App;

/// What a request shows. A token is one of ours where it is kept here; whether it still counts is not known yet.
#[derive(Clone, Debug)]
pub(crate) enum Credential {
    /// Nothing.
    Nothing,
    /// The token of a session.
    Session(claims::Session),
    /// Something that looks like the API token of this digest.
    Token([u8; 32]),
    /// The token of another service.
    Service(claims::Internal),
    /// Something that is no credential of ours.
    Refused(Problem),
}

impl Credential {
    /// What the request shows.
    pub(crate) fn of(request: &HttpRequest) -> Rc<Self> {
        request.extensions().get::<Rc<Self>>().cloned().unwrap_or_else(|| Rc::new(Self::Nothing))
    }

    fn read(request: &ServiceRequest, app: &App) -> Self {
        let Some(token) = bearer(request) else {
            return Self::of_cookie(request, app);
        };
        if token.starts_with(Purpose::Api.prefix()) {
            return Self::Token(token::digest(token));
        }
        match app.0.session_keys.verify(token) {
            Ok(claims) => Self::Session(claims),
            Err(Refused::Expired) => {
                let detail = "The token has expired. Get another with the refresh token, or sign in again.";
                Self::Refused(refused(Code::TokenExpired, detail))
            }
            // Services come less often than users, so theirs is what is tried second.
            Err(Refused::Invalid) => match app.0.internal_key.verify(token) {
                Ok(claims) => Self::Service(claims),
                Err(_) => Self::Refused(refused(Code::InvalidToken, "The token is not one of ours.")),
            },
        }
    }
}

impl Credential {
    /// What a browser shows by itself, where nothing else is shown.
    fn of_cookie(request: &ServiceRequest, app: &App) -> Self {
        let Some(token) = Cookie::Session.read(request.headers(), &app.0.settings.session) else {
            return Self::Nothing;
        };
        match app.0.session_keys.verify_cookie(token) {
            Ok(claims) => Self::Session(claims),
            Err(Refused::Expired) => {
                Self::Refused(at_cookie(Code::SessionExpired, "The session is over. Sign in again."))
            }
            Err(Refused::Invalid) => {
                Self::Refused(at_cookie(Code::InvalidToken, "The cookie is not one of ours."))
            }
        }
    }
}

/// Whether a request is signed in by a cookie, if it is: a bearer token wins over it.
pub(super) fn is_cookie(request: &HttpRequest) -> bool {
    bearer_of(request.headers()).is_none()
}

/// The middleware.
///
/// # Errors
/// Those of the handlers.
pub(crate) async fn read<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    if let Some(app) = request.app_data::<web::Data<App>>() {
        let credential = Rc::new(Credential::read(&request, app));
        request.extensions_mut().insert(credential);
    }
    next.call(request).await
}

fn bearer(request: &ServiceRequest) -> Option<&str> {
    bearer_of(request.headers())
}

fn bearer_of(headers: &header::HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim())
}

/// What somebody is refused with for the credential that they show.
pub(super) fn refused(code: Code, detail: &str) -> Problem {
    Problem::new(code, detail).at_header("Authorization")
}

fn at_cookie(code: Code, detail: &str) -> Problem {
    Problem::new(code, detail).at_header("Cookie")
}
