//! Reading the body of a request as JSON, whatever its content type says.

use serde_json::{Map, Value};
use url::form_urlencoded;

/// Arrays and objects in one another at most.
const MAX_DEPTH: usize = 32;

/// Some senders start a text with this; JSON does not know it.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Why a body cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("The body is not JSON: {0}.")]
    Syntax(#[source] serde_json::Error),
    #[error("The body is nested deeper than {MAX_DEPTH} levels.")]
    Depth,
    #[error("The body contains the character U+0000, which cannot be stored.")]
    Nul,
}

/// Reads a body.
///
/// A form becomes an object. `curl -d` calls everything a form, so what looks like JSON is read as JSON even then: the
/// names of a real form would have the braces escaped.
pub(crate) fn parse(content_type: Option<&str>, bytes: &[u8]) -> Result<Value, Unreadable> {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let looks_like_json = matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'['));
    let value = if is_form(content_type) && !looks_like_json {
        Value::Object(pairs(bytes))
    } else {
        serde_json::from_slice(bytes).map_err(Unreadable::Syntax)?
    };
    if depth(&value) > MAX_DEPTH {
        return Err(Unreadable::Depth);
    }
    if has_nul(&value) {
        return Err(Unreadable::Nul);
    }
    Ok(value)
}

/// Names and values as a query or a form has them; a name that stands more than once has a list of values.
pub(crate) fn pairs(bytes: &[u8]) -> Map<String, Value> {
    let mut map = Map::new();
    for (name, value) in form_urlencoded::parse(bytes) {
        let value = Value::String(value.into_owned());
        match map.get_mut(&*name) {
            None => {
                map.insert(name.into_owned(), value);
            }
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    map
}

/// Whether a text in it contains U+0000, which PostgreSQL refuses in jsonb.
pub(crate) fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(list) => list.iter().any(has_nul),
        Value::Object(map) => map.iter().any(|(key, value)| key.contains('\0') || has_nul(value)),
        _ => false,
    }
}

fn is_form(content_type: Option<&str>) -> bool {
    let essence = content_type.unwrap_or_default().split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(list) => 1 + list.iter().map(depth).max().unwrap_or(0),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const FORM: Option<&str> = Some("application/x-www-form-urlencoded; charset=utf-8");

    #[test]
    fn json_is_read_whatever_the_content_type_says() {
        for content_type in
            [None, Some("application/json"), Some("text/plain"), Some("application/xml"), FORM]
        {
            assert_eq!(parse(content_type, b" {\"a\":[1]}").expect("JSON"), json!({"a": [1]}));
        }
        assert_eq!(parse(None, b"\xEF\xBB\xBF3").expect("JSON"), json!(3));
    }

    #[test]
    fn a_form_becomes_an_object() {
        let form = parse(FORM, b"a=1&b=x+y%26&a=2&a=3&c").expect("a form");
        assert_eq!(form, json!({"a": ["1", "2", "3"], "b": "x y&", "c": ""}));
    }

    #[test]
    fn what_cannot_be_stored_is_refused() {
        let nested = |levels| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse(None, nested(32).as_bytes()).is_ok());
        assert!(matches!(parse(None, nested(33).as_bytes()), Err(Unreadable::Depth)));
        assert!(matches!(parse(None, nested(5_000).as_bytes()), Err(Unreadable::Syntax(_))));
        assert!(matches!(parse(None, br#"{"a":["\u0000"]}"#), Err(Unreadable::Nul)));
        assert!(matches!(parse(None, br#"{"\u0000":1}"#), Err(Unreadable::Nul)));
        assert!(matches!(parse(FORM, b"a=%00"), Err(Unreadable::Nul)));
        assert!(matches!(parse(None, b""), Err(Unreadable::Syntax(_))));
        assert!(matches!(parse(None, b"\"\xFF\""), Err(Unreadable::Syntax(_))));
    }
}
