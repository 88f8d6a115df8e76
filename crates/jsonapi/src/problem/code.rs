//! The catalogue of error codes: one row per code, for all services.

use crate::{BASE, profile};

/// Turns the rows below into the enum and its accessors, so that a code cannot lack a status, a title or a
/// meaning.
macro_rules! codes {
    ($($variant:ident $name:literal $status:literal $title:literal, $meaning:literal;)+) => {
        /// A stable machine-readable name for a kind of problem; never renamed, never reused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $meaning] $variant,)+
        }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &[Code] = &[$(Code::$variant,)+];

            /// The `code` member of an error object.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Code::$variant => $name,)+ }
            }

            /// The HTTP status a problem of this kind calls for.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Code::$variant => $status,)+ }
            }

            /// The `title` member of an error object, the same for every occurrence.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Code::$variant => $title,)+ }
            }

            /// One sentence for the published list of codes.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Code::$variant => $meaning,)+ }
            }
        }
    };
}

impl Code {
    /// The code of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.name() == name)
    }

    /// The `links.type` of an error object: what the profile demands, else our own page about the code.
    #[must_use]
    pub fn page(self) -> String {
        match self {
            Self::PageTooLarge => format!("{}/max-size-exceeded", profile::CURSOR_PAGINATION),
            code => format!("{BASE}/errors/{}", code.name()),
        }
    }

    /// The page about all codes, as Markdown.
    #[must_use]
    pub fn catalogue() -> String {
        let mut page = String::from(
            "# Errors\n\nEvery `code` of an error object under `/api/v1`. Codes are never renamed or reused; titles are constant; \
             `detail` says what is wrong\nthis time and `source` where. The row of one code is served at \
             `/api/v1/errors/{code}`. This page is written from\n\
             `crates/jsonapi/src/problem/code.rs`; a test compares.\n\n| code | status | title | meaning |\n| --- | --- | --- | \
             --- |\n",
        );
        for code in Self::ALL {
            let (name, status, title, meaning) = (code.name(), code.status(), code.title(), code.meaning());
            page.push_str(&format!("| `{name}` | {status} | {title} | {meaning} |\n"));
        }
        page
    }
}

codes! {
    // Documents
    MalformedJson "malformed_json" 400 "Malformed JSON",
        "The body is not JSON, is nested too deeply or is not UTF-8.";
    MalformedDocument "malformed_document" 400 "Malformed document",
        "The body is JSON but not a JSON:API document of the shape this request needs.";
    WrongType "wrong_type" 409 "Wrong resource type",
        "The document's `type` is not the type this URL stands for.";
    WrongId "wrong_id" 409 "Wrong resource id",
        "The document's `id` is not the id in the URL.";
    ClientIdForbidden "client_id_forbidden" 403 "Client-generated id not accepted",
        "Resources of this type get their id from the server only.";
    UnknownAttribute "unknown_attribute" 422 "Unknown attribute",
        "The resource has no attribute of this name.";
    ReadOnlyAttribute "read_only_attribute" 422 "Read-only attribute",
        "The attribute is set by the server and cannot be written.";
    UnknownRelationship "unknown_relationship" 422 "Unknown relationship",
        "The resource has no relationship of this name.";

    // Values
    WrongKind "wrong_kind" 422 "Wrong kind of value",
        "The value has the wrong JSON type or cannot be read as the attribute's kind.";
    Invalid "invalid" 422 "Invalid value",
        "The value is readable but not acceptable; the detail says why.";
    Required "required" 422 "Missing value",
        "The attribute or relationship must be given and must not be null.";
    TooLong "too_long" 422 "Value too long",
        "The text is longer than the attribute allows.";
    NotUnique "not_unique" 409 "Value already taken",
        "Another record already has this value, which must be unique.";
    IdTaken "id_taken" 409 "Id already taken",
        "A resource with this client-generated id already exists.";
    StateConflict "state_conflict" 409 "Conflict with the current state",
        "The record is not in a state that allows this change.";
    AlreadyConverted "already_converted" 409 "Already converted",
        "The lead was converted before; `meta` has the ids of what it became.";
    WorkflowInactive "workflow_inactive" 409 "Workflow inactive",
        "The workflow is not active, so it cannot be started.";

    // Things that are not there
    NotFound "not_found" 404 "Not found",
        "No resource, relationship or endpoint exists at this URL for the caller.";
    RelatedNotFound "related_not_found" 404 "Related resource not found",
        "A resource named in the linkage does not exist for the caller.";

    // Query parameters
    UnknownParameter "unknown_parameter" 400 "Unknown parameter",
        "The endpoint has no query parameter of this name.";
    InvalidParameter "invalid_parameter" 400 "Invalid parameter",
        "The query parameter's name or value cannot be read.";
    UnknownFilter "unknown_filter" 400 "Unknown filter",
        "The filter names an attribute, association or predicate that does not exist here.";
    InvalidFilter "invalid_filter" 400 "Invalid filter",
        "The filter exists but its value or shape cannot be used.";
    UnknownSort "unknown_sort" 400 "Unknown sort",
        "The collection cannot be sorted by this name.";
    UnknownInclude "unknown_include" 400 "Unknown include",
        "The path does not name relationships that can be included, or is too deep.";
    UnknownField "unknown_field" 400 "Unknown field",
        "A sparse fieldset names a type or field that does not exist.";
    InvalidPage "invalid_page" 400 "Invalid page",
        "A `page` parameter is not a number in the allowed range.";
    PageTooLarge "page_too_large" 400 "Page too large",
        "`page[size]` is above the maximum, which `meta.page.maxSize` tells.";
    InvalidCursor "invalid_cursor" 400 "Invalid cursor",
        "`page[after]` or `page[before]` is not a cursor of this collection in this order.";

    // HTTP
    InvalidHeader "invalid_header" 400 "Invalid header",
        "The value of a request header cannot be read or is not one of those allowed.";
    MalformedRequest "malformed_request" 400 "Malformed request",
        "The request is not HTTP as the gateway understands it.";
    MethodNotAllowed "method_not_allowed" 405 "Method not allowed",
        "The URL exists but does not answer this method; `Allow` lists those it does.";
    NotAcceptable "not_acceptable" 406 "Not acceptable",
        "The `Accept` header leaves no media type this server can answer with.";
    UnsupportedMediaType "unsupported_media_type" 415 "Unsupported media type",
        "The `Content-Type` header names a media type, parameter or extension that cannot be read.";
    Stale "stale" 412 "Stale version",
        "The record has changed since the version named in `If-Match`.";
    RequestTimeout "request_timeout" 408 "Request too slow",
        "The body did not arrive in time.";
    IdempotencyConflict "idempotency_conflict" 409 "Request under way",
        "A request with this `Idempotency-Key` is being executed; `Retry-After` says when to ask for its answer.";
    IdempotencyKeyReused "idempotency_key_reused" 422 "Idempotency key reused",
        "The `Idempotency-Key` came with another request before.";
    PayloadTooLarge "payload_too_large" 413 "Payload too large",
        "The request body is larger than this endpoint accepts.";
    UriTooLong "uri_too_long" 414 "URI too long",
        "The path with its query is longer than the server reads.";
    HeadersTooLarge "headers_too_large" 431 "Headers too large",
        "The request headers are more, or longer, than the server reads.";
    RateLimited "rate_limited" 429 "Too many requests",
        "The limit is used up; `Retry-After` says when to try again.";

    // Who is asking
    Unauthenticated "unauthenticated" 401 "Not signed in",
        "The request carries no credentials.";
    InvalidCredentials "invalid_credentials" 401 "Invalid credentials",
        "The e-mail address and password do not belong together.";
    SecondFactorRequired "second_factor_required" 401 "Second factor required",
        "The password is right; send a code of the authenticator app, or a recovery code, along as `otp`.";
    InvalidSecondFactor "invalid_second_factor" 401 "Invalid second factor",
        "The password is right; the code is wrong, or was used before.";
    InvalidToken "invalid_token" 401 "Invalid token",
        "The token is malformed, has a wrong signature or is not known.";
    TokenExpired "token_expired" 401 "Token expired",
        "The token's time is over; the refresh token gets another one, an API token is made anew.";
    SessionExpired "session_expired" 401 "Session expired",
        "The session's time is over, or it was not used for too long; sign in again.";
    SessionRevoked "session_revoked" 401 "Session revoked",
        "The session was ended before its time; sign in again.";
    SessionStale "session_stale" 401 "Session out of date",
        "The user's role has changed since the token was made; refresh it or sign in again.";
    TokenRevoked "token_revoked" 401 "Token revoked",
        "The API token was revoked or deleted, or its user may not sign in any more.";
    InsufficientScope "insufficient_scope" 403 "Insufficient scope",
        "The API token lacks a scope that this takes; `meta.scope` names it.";
    AddressNotAllowed "address_not_allowed" 403 "Address not allowed",
        "The API token does not work from the address of the request.";
    CsrfMismatch "csrf_mismatch" 403 "Cross-site request",
        "The request is signed in by cookie and does not say the token of `/auth/csrf`, or a page of another site sent it.";
    Forbidden "forbidden" 403 "Forbidden",
        "The caller is known but may not do this, or nobody may.";

    // Not the client's doing
    Unavailable "unavailable" 503 "Temporarily unavailable",
        "Something the server depends on does not answer; try again after `Retry-After`.";
    Internal "internal" 500 "Internal error",
        "A defect on the server, logged under the request id.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_is_the_catalogue() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");
        #[expect(clippy::disallowed_methods, reason = "a switch of this test, not a setting")]
        if std::env::var("BLESS").is_ok() {
            std::fs::write(page, Code::catalogue()).expect("writes the page");
        }
        let committed = std::fs::read_to_string(page).expect("the page exists");
        assert_eq!(committed, Code::catalogue(), "run `make bless` to write it again");
    }
}
