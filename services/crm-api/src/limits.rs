//! Limits: how much a user, a token or an address may ask for. Each kind of request has a quota of its own, so that who
//! reads a lot can still write.
//!
//! A request counts against the limit of its kind before anything is done for it, also when it is refused later. Who
//! shows no credential of ours counts as their address; other services are not counted.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, web};
use pulse_jsonapi::{BASE, Code, Problem};
use pulse_service::http::Origin;
use pulse_service::limit::{Limit, Standing, Store, Subject};

use crate::auth::credential::Credential;
use crate::operation::{Operation, Verb};
use crate::resources::OPERATIONS;
use crate::{App, Error, auth, public, settings};

const MINUTE: Duration = Duration::from_secs(60);

/// Kinds of requests that are limited apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bucket {
    /// GET, HEAD and OPTIONS.
    Read,
    /// Every other method.
    Write,
    /// Many records at once.
    Bulk,
    /// Full-text search.
    Search,
    /// What takes a password or makes an account: counted by address, whoever asks.
    SignIn,
}

impl Bucket {
    const ALL: [Self; 5] = [Self::Read, Self::Write, Self::Bulk, Self::Search, Self::SignIn];

    /// As clients are told.
    const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Bulk => "bulk",
            Self::Search => "search",
            Self::SignIn => "sign_in",
        }
    }

    const fn per_minute(self, settings: &settings::Limits) -> u32 {
        match self {
            Self::Read => settings.read_per_minute,
            Self::Write => settings.write_per_minute,
            Self::Bulk => settings.bulk_per_minute,
            Self::Search => settings.search_per_minute,
            Self::SignIn => settings.sign_in_per_minute,
        }
    }
}

/// The limits, and which requests count against one that their method does not tell.
#[derive(Debug)]
pub(crate) struct Limits {
    /// In the order of [`Bucket::ALL`].
    limits: [Option<Limit>; 5],
    declared: Vec<Declared>,
}

/// An operation that names its bucket.
#[derive(Debug)]
struct Declared {
    verb: Verb,
    path: String,
    bucket: Bucket,
}

impl Limits {
    pub(crate) fn new(settings: &settings::Limits, store: Option<&Store>) -> Self {
        let limit = |bucket: Bucket| {
            let per_minute = NonZeroU32::new(bucket.per_minute(settings))?;
            Some(Limit::new(bucket.name(), per_minute, MINUTE).shared(store.cloned()))
        };
        Self { limits: Bucket::ALL.map(limit), declared: declared() }
    }

    fn bucket(&self, method: &Method, path: &str) -> Bucket {
        let declared = self.declared.iter().find(|one| one.verb.is(method) && matches(&one.path, path));
        match (declared, method) {
            (Some(declared), _) => declared.bucket,
            (None, &Method::GET | &Method::HEAD | &Method::OPTIONS) => Bucket::Read,
            (None, _) => Bucket::Write,
        }
    }

    /// What a request counts against; nothing where it comes from another service, or its kind has no limit.
    fn counted(&self, request: &ServiceRequest) -> Option<Counted<'_>> {
        // As the router reads it: a letter may be escaped.
        let bucket = self.bucket(request.method(), request.match_info().as_str());
        let limit = self.limits[bucket as usize].as_ref()?;
        let address = Subject::address(request.extensions().get::<Origin>()?.client);
        let (subject, guesser) = match &*Credential::of(request.request()) {
            Credential::Service(_) => return None,
            _ if bucket == Bucket::SignIn => (address, None),
            Credential::Session(claims) => (Subject::user(claims.sub), None),
            Credential::Token(digest) => (Subject::token(digest), Some(address)),
            Credential::Nothing | Credential::Refused(_) => (address, None),
        };
        Some(Counted { limit, subject, guesser })
    }
}

/// A request and its limit.
struct Counted<'a> {
    limit: &'a Limit,
    subject: Subject,
    /// The address of whoever shows a token that may turn out to be nobody's: each guess is another token, so guesses
    /// count as their address.
    guesser: Option<Subject>,
}

impl Counted<'_> {
    async fn count(&self) -> Standing {
        match self.guesser.and_then(|guesser| self.limit.used_up(guesser)) {
            Some(used_up) => used_up,
            None => self.limit.count(self.subject).await,
        }
    }

    fn answered(&self, status: StatusCode) {
        if let Some(guesser) = self.guesser.filter(|_| status == StatusCode::UNAUTHORIZED) {
            self.limit.strike(guesser);
        }
    }
}

fn declared() -> Vec<Declared> {
    let below = |root: &'static str, operations: &'static [Operation]| {
        operations.iter().filter_map(move |operation| {
            let path = format!("{root}{}", operation.path);
            operation.bucket.map(|bucket| Declared { verb: operation.verb, path, bucket })
        })
    };
    auth::ROOTS
        .iter()
        .flat_map(|root| below(root, auth::OPERATIONS))
        .chain(OPERATIONS.iter().flat_map(|operations| below(BASE, operations)))
        .chain(public::OPERATIONS.iter().flat_map(|operations| below(public::ROOT, operations)))
        .collect()
}

/// Whether a path is one of a pattern, in which a part in braces stands for any other.
fn matches(pattern: &str, path: &str) -> bool {
    let mut parts = path.split('/');
    let alike = pattern
        .split('/')
        .all(|expected| parts.next().is_some_and(|part| expected.starts_with('{') || expected == part));
    alike && parts.next().is_none()
}

/// The middleware. Every answer says how its client stands.
///
/// # Errors
/// Those of the handlers.
pub(crate) async fn count<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error> {
    let limits = request.app_data::<web::Data<App>>().map(|app| Arc::clone(&app.0.limits));
    let Some(counted) = limits.as_ref().and_then(|limits| limits.counted(&request)) else {
        return Ok(next.call(request).await?.map_into_left_body());
    };
    let standing = counted.count().await;
    let mut response = match standing.retry_after_seconds() {
        None => next.call(request).await?.map_into_left_body(),
        Some(seconds) => {
            let detail = format!("The limit is used up. Try again in {seconds} s.");
            let refused = Error::from(Problem::new(Code::RateLimited, detail));
            request.error_response(refused).map_into_right_body()
        }
    };
    counted.answered(response.status());
    standing.tell(response.headers_mut());
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_follows_from_the_method_and_from_what_is_declared() {
        let limits = Limits { limits: Default::default(), declared: declared() };
        for (method, path, bucket) in [
            (Method::GET, "/api/v1/contacts", Bucket::Read),
            (Method::HEAD, "/api/v1/contacts", Bucket::Read),
            (Method::OPTIONS, "/api/v1/public/forms/x", Bucket::Read),
            (Method::POST, "/api/v1/contacts", Bucket::Write),
            (Method::PATCH, "/api/v1/contacts/1", Bucket::Write),
            (Method::PUT, "/nowhere", Bucket::Write),
            (Method::POST, "/api/v1/auth/sign_in", Bucket::SignIn),
            (Method::POST, "/auth/sign_up", Bucket::SignIn),
            (Method::GET, "/auth/sign_in", Bucket::Read),
            (Method::DELETE, "/auth/sign_out", Bucket::Write),
        ] {
            assert_eq!(limits.bucket(&method, path), bucket, "{method} {path}");
        }
    }

    #[test]
    fn a_part_in_braces_stands_for_any_other() {
        assert!(matches("/a/{id}/b", "/a/7/b"));
        for other in ["/a/7", "/a/7/b/c", "/a/7/c", "/a/7/b/"] {
            assert!(!matches("/a/{id}/b", other), "{other}");
        }
    }
}
