//! What a request says: its key, and what else it must be the same in to be the same request.

use actix_web::HttpRequest;
use actix_web::http::header::HeaderMap;
use pulse_jsonapi::{Code, Problem};
use ring::digest::{Context, SHA256};

use crate::auth::credential::Credential;

/// The header (draft-ietf-httpapi-idempotency-key-header).
pub(super) const HEADER: &str = "Idempotency-Key";

/// Characters of a key.
const LENGTH: std::ops::RangeInclusive<usize> = 1..=255;

/// What a client calls one request of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key(String);

impl Key {
    /// The key of a request, where it has one. The quotes that the draft asks for may be left out.
    ///
    /// # Errors
    /// When it is not one.
    pub(super) fn of(headers: &HeaderMap) -> Result<Option<Self>, Problem> {
        let mut given = headers.get_all(HEADER);
        let key = match (given.next(), given.next()) {
            (None, _) => return Ok(None),
            (Some(key), None) => key.to_str().unwrap_or_default(),
            _ => "",
        };
        let bare = key.strip_prefix('"').and_then(|key| key.strip_suffix('"')).unwrap_or(key);
        if LENGTH.contains(&bare.len()) && bare.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(Some(Self(bare.to_owned())));
        }
        let detail = "One key of 1 to 255 visible characters of ASCII names a request.";
        Err(Problem::new(Code::InvalidHeader, detail).at_header(HEADER))
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}

/// Whose key it is: the same text from two of them names two requests.
pub(super) fn scope(credential: &Credential) -> String {
    match credential {
        Credential::Session(claims) => format!("user:{}", claims.sub),
        Credential::Token(digest) => format!("token:{}", hex::encode(digest)),
        Credential::Service(internal) => format!("service:{}", internal.sub),
        Credential::Nothing | Credential::Refused(_) => "nobody".to_owned(),
    }
}

/// The digest of everything that makes a request another one.
pub(super) fn digest(request: &HttpRequest, body: &[u8]) -> [u8; 32] {
    let head = request.head();
    let mut context = Context::new(&SHA256);
    for part in [head.method.as_str(), request.path(), request.query_string()] {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    context.update(body);
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.finish().as_ref());
    bytes
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};
    use actix_web::test::TestRequest;

    use super::*;

    fn key_of(values: &[&[u8]]) -> Result<Option<Key>, Problem> {
        let mut headers = HeaderMap::new();
        for value in values {
            let value = HeaderValue::from_bytes(value).expect("a value");
            headers.append(HeaderName::from_static("idempotency-key"), value);
        }
        Key::of(&headers)
    }

    #[test]
    fn a_key_is_visible_ascii_of_a_bounded_length_and_stands_alone() {
        let key = |text: &str| Ok(Some(Key(text.to_owned())));
        assert_eq!(key_of(&[]), Ok(None));
        assert_eq!(key_of(&[b"8e03978e-40d5-43e8"]), key("8e03978e-40d5-43e8"));
        assert_eq!(key_of(&[b"\"8e03978e\""]), key("8e03978e"));
        assert_eq!(key_of(&[&[b'k'; 255]]), key(&"k".repeat(255)));
        for wrong in [b"".as_slice(), b"\"\"", b"two words", &[b'k'; 256], "\u{e9}".as_bytes()] {
            assert_eq!(key_of(&[wrong]).map_err(|problem| problem.code), Err(Code::InvalidHeader));
        }
        assert_eq!(key_of(&[b"one", b"other"]).map_err(|problem| problem.code), Err(Code::InvalidHeader));
    }

    #[test]
    fn requests_differ_by_method_address_and_body() {
        let of = |request: TestRequest, body: &[u8]| digest(&request.to_http_request(), body);
        let post = || TestRequest::post().uri("/a?b=c");
        let all = [
            of(post(), b"body"),
            of(post(), b"bod"),
            of(TestRequest::patch().uri("/a?b=c"), b"body"),
            of(TestRequest::post().uri("/ab=c"), b"body"),
            of(TestRequest::post().uri("/a?b=d"), b"body"),
        ];
        assert_eq!(of(post(), b"body"), all[0]);
        let distinct: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
