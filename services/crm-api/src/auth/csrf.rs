//! Cross-site requests: a browser sends a cookie along whoever makes it do so. So whoever signs in by cookie says
//! something with every request that changes something that only a page of ours could have read: a token that is in a
//! cookie and in a header, and that is bound to the session by an HMAC (OWASP, "Signed Double-Submit Cookie").
//!
//! Who shows a bearer token needs none of that: no browser sends one by itself.

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{TimeDelta, Utc};
use pulse_jsonapi::document::{Links, Writer};
use pulse_jsonapi::{Code, Problem};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use super::cookie::Cookie;
use super::credential::{self, Credential};
use crate::{App, Error, answer};

/// The header that says the token again.
const HEADER: HeaderName = HeaderName::from_static("x-csrf-token");

/// Bytes of the part of a token that is random.
const RANDOM: usize = 16;

/// What tokens are made with.
#[derive(Debug)]
pub(crate) struct Key(hmac::Key);

impl Key {
    /// From 32 secret bytes.
    pub(crate) fn new(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// A token for a session, or for somebody who has none yet.
    fn issue(&self, session: Option<Uuid>) -> String {
        let mut random = [0; RANDOM];
        SystemRandom::new().fill(&mut random).expect("the operating system gives random bytes");
        let proof = hmac::sign(&self.0, &text(session, &random));
        BASE64_URL_SAFE_NO_PAD.encode([random.as_slice(), proof.as_ref()].concat())
    }

    /// Whether a token is one of ours for a session, in constant time.
    fn fits(&self, session: Option<Uuid>, token: &str) -> bool {
        let Ok(bytes) = BASE64_URL_SAFE_NO_PAD.decode(token) else { return false };
        let Some((random, proof)) = bytes.split_at_checked(RANDOM) else { return false };
        hmac::verify(&self.0, &text(session, random), proof).is_ok()
    }
}

fn text(session: Option<Uuid>, random: &[u8]) -> Vec<u8> {
    [session.unwrap_or_default().as_bytes().as_slice(), random].concat()
}

/// The session that a request is signed in to by cookie.
fn by_cookie(request: &HttpRequest) -> Option<Uuid> {
    match &*Credential::of(request) {
        Credential::Session(claims) if credential::is_cookie(request) => Some(claims.jti),
        _ => None,
    }
}

/// The middleware: refuses requests that change something, are signed in by cookie, and do not say the token.
///
/// # Errors
/// Those of the handlers.
pub(crate) async fn guard<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error> {
    match check(request.request()) {
        Ok(()) => Ok(next.call(request).await?.map_into_left_body()),
        Err(refused) => Ok(request.error_response(Error::from(refused)).map_into_right_body()),
    }
}

fn check(request: &HttpRequest) -> Result<(), Problem> {
    let app = request.app_data::<web::Data<App>>();
    let Some((app, session)) = app.zip(by_cookie(request)).filter(|_| !request.method().is_safe()) else {
        return Ok(());
    };
    require_own_page(app, request.headers())?;
    let said = request.headers().get(HEADER).and_then(|value| value.to_str().ok());
    let held = Cookie::Csrf.read(request.headers(), &app.0.settings.session);
    let fits = |token: &str| app.0.csrf_key.fits(Some(session), token);
    match said.zip(held) {
        Some((said, held)) if fits(said) && fits(held) && said == held => Ok(()),
        _ => {
            let detail = "Get a token at /api/v1/auth/csrf, and send it as X-CSRF-Token.";
            Err(Problem::new(Code::CsrfMismatch, detail).at_header("X-CSRF-Token"))
        }
    }
}

/// Refuses what a page of another site made a browser send. Programs that are no browser say nothing of it.
///
/// # Errors
/// 403.
pub(super) fn require_own_page(app: &App, headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let own = match (text("sec-fetch-site"), text("origin")) {
        (Some("same-origin" | "none"), _) | (None, None) => true,
        (_, Some(origin)) => is_own(app, origin, text("host")),
        (Some(_), None) => false,
    };
    if own {
        return Ok(());
    }
    let detail = "A page of another site sent this.";
    Err(Problem::new(Code::CsrfMismatch, detail).at_header("Origin"))
}

/// Whether an origin is where this service is reached, or one whose pages may use it with cookies.
fn is_own(app: &App, origin: &str, host: Option<&str>) -> bool {
    let Ok(origin) = Url::parse(origin) else { return false };
    let gateway = Url::parse(&app.0.settings.gateway.url).ok();
    let authority = origin.as_str().trim_end_matches('/').split_once("://").map(|(_, authority)| authority);
    gateway.is_some_and(|gateway| gateway.origin() == origin.origin())
        || authority == host
        || app.0.settings.cors.origins.trusts(&origin.origin().ascii_serialization())
}

/// The schema of what is answered.
pub(super) fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["csrf_token"],
        "properties": { "csrf_token": { "type": "string" } },
    })
}

/// `GET /auth/csrf`: a token, in a cookie, in a header and in the document.
pub(super) async fn show(request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, Error> {
    let token = app.0.csrf_key.issue(by_cookie(&request));
    let document = Writer::meta_only(&Links::none()).finish(Some(&json!({ "csrf_token": token })));
    let mut response = answer::document(StatusCode::OK, document);
    hand_out(&app, &mut response, &token)?;
    Ok(response)
}

/// Gives a token for a session that begins with this answer.
pub(super) fn begin(app: &App, response: &mut HttpResponse, session: Uuid) -> Result<(), Error> {
    hand_out(app, response, &app.0.csrf_key.issue(Some(session)))
}

fn hand_out(app: &App, response: &mut HttpResponse, token: &str) -> Result<(), Error> {
    let settings = &app.0.settings.session;
    let until = Utc::now() + TimeDelta::hours(i64::from(settings.lifetime_hours));
    Cookie::Csrf.set(response, settings, token, until)?;
    let value = HeaderValue::from_str(token).map_err(anyhow::Error::from)?;
    response.headers_mut().insert(HEADER, value);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_fits_the_session_and_the_key_it_was_made_for() {
        let (key, other) = (Key::new(&[1; 32]), Key::new(&[2; 32]));
        let (one, two) = (Some(Uuid::new_v4()), Some(Uuid::new_v4()));
        let token = key.issue(one);
        assert!(key.fits(one, &token));
        assert!(!key.fits(two, &token));
        assert!(!key.fits(None, &token));
        assert!(!other.fits(one, &token));
        assert_ne!(token, key.issue(one));
        for index in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            assert!(!key.fits(one, &String::from_utf8(changed).expect("ASCII")), "{index}");
        }
        for nonsense in ["", "%", "AAAA"] {
            assert!(!key.fits(one, nonsense));
        }
    }
}
