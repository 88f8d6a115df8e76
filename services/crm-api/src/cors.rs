//! What lets pages of other origins use the API: those of the setting `cors.origins`, and none where it is empty.
//!
//! Public forms decide by themselves, each which origins may send it.

use std::str::FromStr;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{HttpResponse, web};
use pulse_jsonapi::BASE;
use serde::{Deserialize, Deserializer};

use crate::{App, auth, public};

/// Methods that the API answers.
const METHODS: &str = "GET, HEAD, POST, PATCH, DELETE";

/// Headers of requests that mean something to the API, beside those that every page may send.
const ALLOWED: &str =
    "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, X-CSRF-Token, X-API-Token";

/// Headers of answers that a page would not see otherwise.
const EXPOSED: &str = "Authorization, ETag, Location, Retry-After, RateLimit, RateLimit-Policy, X-RateLimit-Limit, \
    X-RateLimit-Remaining, X-RateLimit-Reset, X-Request-Id, Idempotency-Replayed, X-CSRF-Token";

/// Whose pages may use the API: `*`, or origins separated by commas, such as `https://app.example.com`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origins {
    /// Nobody's.
    #[default]
    None,
    /// Everybody's, who then cannot send cookies.
    Any,
    /// Theirs, cookies included.
    Of(Vec<String>),
}

/// What is no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an origin, which is a scheme, a host, and a port where it is not the scheme's own")]
pub struct NoOrigin(String);

impl FromStr for Origins {
    type Err = NoOrigin;

    fn from_str(text: &str) -> Result<Self, NoOrigin> {
        match text.trim() {
            "" => Ok(Self::None),
            "*" => Ok(Self::Any),
            list => {
                list.split(',').map(|origin| origin_of(origin.trim())).collect::<Result<_, _>>().map(Self::Of)
            }
        }
    }
}

/// As browsers write it.
fn origin_of(text: &str) -> Result<String, NoOrigin> {
    let url = url::Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    match url.map(|url| url.origin().ascii_serialization()) {
        Some(origin) if origin == text => Ok(origin),
        _ => Err(NoOrigin(text.to_owned())),
    }
}

impl<'de> Deserialize<'de> for Origins {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Origins {
    /// Whether pages of an origin may use the API with the cookies of who looks at them.
    pub(crate) fn trusts(&self, origin: &str) -> bool {
        matches!(self, Self::Of(origins) if origins.iter().any(|known| known == origin))
    }

    /// What an answer to a page of an origin has to say, if that may read it.
    fn allow(&self, origin: &HeaderValue) -> Option<HeaderValue> {
        match self {
            Self::None => None,
            Self::Any => Some(HeaderValue::from_static("*")),
            Self::Of(origins) => {
                origins.iter().any(|known| known.as_bytes() == origin.as_bytes()).then(|| origin.clone())
            }
        }
    }

    /// Writes what a page may see of an answer; one of another origin is told nothing.
    fn open(&self, headers: &mut HeaderMap, origin: Option<&HeaderValue>) {
        if matches!(self, Self::Of(_)) {
            headers.append(header::VARY, HeaderValue::from_static("Origin"));
        }
        if let Some(allowed) = origin.and_then(|origin| self.allow(origin)) {
            if allowed != "*" {
                headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            }
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        }
    }
}

/// The middleware. A preflight asks for no credential and counts against no limit: a browser that is refused one sends
/// nothing at all.
///
/// # Errors
/// Those of the handlers.
pub(crate) async fn share<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error> {
    let app = request.app_data::<web::Data<App>>().cloned();
    let Some(app) =
        app.filter(|app| app.settings().cors.origins != Origins::None && is_shared(request.path()))
    else {
        return Ok(next.call(request).await?.map_into_left_body());
    };
    let cors = &app.settings().cors;
    let origin = request.headers().get(header::ORIGIN).cloned();
    let is_preflight = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
        && origin.as_ref().is_some_and(|origin| cors.origins.allow(origin).is_some());
    let mut response = if is_preflight {
        let allowed = HttpResponse::NoContent()
            .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, METHODS))
            .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED))
            .insert_header((header::ACCESS_CONTROL_MAX_AGE, cors.max_age_seconds))
            .finish();
        request.into_response(allowed).map_into_right_body()
    } else {
        next.call(request).await?.map_into_left_body()
    };
    cors.origins.open(response.headers_mut(), origin.as_ref());
    Ok(response)
}

fn is_shared(path: &str) -> bool {
    let is_below =
        |root: &str| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    (is_below(BASE) && !is_below(public::ROOT)) || auth::ROOTS.into_iter().any(is_below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_written_as_browsers_write_them() {
        let of =
            |origins: &[&str]| Ok(Origins::Of(origins.iter().map(|origin| (*origin).to_owned()).collect()));
        assert_eq!("".parse(), Ok(Origins::None));
        assert_eq!("*".parse(), Ok(Origins::Any));
        assert_eq!(
            "https://a.test, http://b.test:8080".parse(),
            of(&["https://a.test", "http://b.test:8080"])
        );
        for wrong in [
            "a.test",
            "https://a.test/",
            "https://A.test",
            "https://a.test:443",
            "null",
            "*, https://a.test",
            ",",
        ] {
            assert!(wrong.parse::<Origins>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_api_is_shared_and_public_forms_decide_for_themselves() {
        for path in ["/api/v1", "/api/v1/contacts", "/auth/sign_in", "/api/v1/auth/sign_in"] {
            assert!(is_shared(path), "{path}");
        }
        for path in ["/api/v1/public/forms/x", "/docs", "/api/v10/contacts", "/authors"] {
            assert!(!is_shared(path), "{path}");
        }
    }
}
