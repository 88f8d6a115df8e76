//! Versions of what is answered: `ETag`, `If-None-Match` and `If-Match`.
//!
//! A tag is `"v7-0123456789abcdef"`: the version of the record, which counts its changes, then a digest of the document.
//! A document depends on more than the record (on what it includes, on the fields that are wanted), so whether it is
//! unchanged is asked of the whole tag, and whether a record is, before it is written, of its version alone.
//! Collections have the digest alone.

use std::hash::{DefaultHasher, Hasher};

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use pulse_jsonapi::{Code, Problem};

use crate::Error;

/// The tag of a document about a record of a version, or about several records.
pub(crate) fn tag(version: Option<i64>, document: &[u8]) -> String {
    // A digest of another release of the program may differ; then a client is sent what it has.
    let mut hasher = DefaultHasher::new();
    hasher.write(document);
    let digest = hasher.finish();
    match version {
        Some(version) => format!("\"v{version}-{digest:016x}\""),
        None => format!("\"{digest:016x}\""),
    }
}

/// Names the tag in an answer.
pub(crate) fn name(response: &mut HttpResponse, tag: &str) {
    if let Ok(tag) = HeaderValue::from_str(tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
}

/// Whether a client has the document of a tag: `If-None-Match` lists it, perhaps as weak (RFC 9110, 13.1.2).
pub(crate) fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let known = tags(headers, &header::IF_NONE_MATCH);
    known.is_some_and(|mut known| known.any(|one| one == "*" || one.trim_start_matches("W/") == tag))
}

/// The version that `If-Match` asks for; `*` asks for any.
///
/// # Errors
/// When it is none of ours: it cannot match.
pub(crate) fn expected(request: &HttpRequest) -> Result<Option<i64>, Error> {
    let Some(tags) = tags(request.headers(), &header::IF_MATCH) else { return Ok(None) };
    let tags: Vec<&str> = tags.collect();
    if tags.contains(&"*") {
        return Ok(None);
    }
    // Versions only grow: of several that a record is known to have had, it can only have the newest.
    let newest = tags.into_iter().filter_map(version).max();
    let stale = || Problem::new(Code::Stale, "The record does not have that version.").at_header("If-Match");
    Ok(Some(newest.ok_or_else(stale)?))
}

/// The version in a tag, also without a digest, as clients make it from `lock_version`.
fn version(tag: &str) -> Option<i64> {
    let tag = tag.strip_prefix("\"v")?.strip_suffix('"')?;
    tag.split_once('-').map_or(tag, |(version, _)| version).parse().ok()
}

/// The members of a header that lists tags; `None` where it is not there.
fn tags<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<impl Iterator<Item = &'h str> + use<'h>> {
    let lines = headers.contains_key(name).then(|| headers.get_all(name.clone()))?;
    Some(lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(',')).map(str::trim))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, lines: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name.clone(), HeaderValue::from_static(line));
        }
        headers
    }

    #[test]
    fn a_tag_tells_the_version_and_the_document() {
        let first = tag(Some(7), b"a");
        assert_eq!(version(&first), Some(7));
        assert_eq!(first, tag(Some(7), b"a"));
        assert_ne!(first, tag(Some(7), b"b"));
        assert_ne!(first, tag(Some(8), b"a"));
        assert_eq!(version(&tag(None, b"a")), None);
        assert_eq!(version("\"v7\""), Some(7));
        for foreign in ["v7", "W/\"v7\"", "\"7\"", "\"vx-1\""] {
            assert_eq!(version(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn a_document_is_known_by_any_of_the_tags_listed() {
        for known in [&["\"a\""][..], &["W/\"a\""], &["\"b\", \"a\""], &["\"b\"", "\"a\""], &["*"]] {
            assert!(is_known(&headers(header::IF_NONE_MATCH, known), "\"a\""), "{known:?}");
        }
        for other in [&[][..], &[""], &["\"b\""], &["a"]] {
            assert!(!is_known(&headers(header::IF_NONE_MATCH, other), "\"a\""), "{other:?}");
        }
    }
}
