//! What is kept of a request beside its body: headers with secrets masked, and the query.

use actix_web::HttpRequest;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap};
use serde_json::{Map, Value};

use crate::body;

/// Stands in the place of a secret.
const MASK: &str = "***";

/// A header whose name contains one of these carries a secret.
const SECRETS: [&str; 7] = ["authorization", "cookie", "token", "secret", "password", "api-key", "apikey"];

/// A request without its body.
#[derive(Debug)]
pub(crate) struct Captured {
    /// Names in lower case.
    pub headers: Value,
    /// A name that stands more than once has a list of values.
    pub query: Value,
    pub content_type: Option<String>,
}

impl Captured {
    pub(crate) fn of(request: &HttpRequest) -> Self {
        // PostgreSQL stores no U+0000, and a query is no reason to refuse a request.
        let query = request.query_string().replace("%00", "%EF%BF%BD");
        Self {
            headers: Value::Object(headers(request.headers())),
            query: Value::Object(body::pairs(query.as_bytes())),
            content_type: request
                .headers()
                .get(CONTENT_TYPE)
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
        }
    }
}

fn headers(headers: &HeaderMap) -> Map<String, Value> {
    headers
        .keys()
        .map(|name| {
            let value = if SECRETS.iter().any(|secret| name.as_str().contains(secret)) {
                MASK.to_owned()
            } else {
                // Several lines of one name mean the same as one line with commas: RFC 9110, 5.3.
                let lines: Vec<_> =
                    headers.get_all(name).map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
                lines.join(", ")
            };
            (name.as_str().to_owned(), Value::String(value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_masked_and_the_rest_is_kept() {
        let request = TestRequest::with_uri("/?a=1&a=2&b=%00x")
            .insert_header(("Authorization", "Bearer secret"))
            .insert_header(("Proxy-Authorization", "secret"))
            .insert_header(("Cookie", "session=secret"))
            .insert_header(("X-Api-Key", "secret"))
            .insert_header(("X-Shop-Access-Token", "secret"))
            .insert_header(("Content-Type", "text/plain"))
            .append_header(("X-Shop", "one"))
            .append_header(("X-Shop", "two"))
            .to_http_request();
        let captured = Captured::of(&request);
        assert!(!captured.headers.to_string().contains("secret"));
        assert_eq!(captured.headers["authorization"], "***");
        assert_eq!(captured.headers["x-shop"], "one, two");
        assert_eq!(captured.query, json!({"a": ["1", "2"], "b": "\u{FFFD}x"}));
        assert_eq!(captured.content_type.as_deref(), Some("text/plain"));
    }
}
