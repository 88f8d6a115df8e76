//! Headers that a subscription adds to every request, such as `Authorization`. Their values are secrets: they are sealed
//! together, and shown as a mask behind each name. A record that is sent back as it was shown keeps them.

use actix_web::http::header::{HeaderName, HeaderValue};
use pulse_jsonapi::problem::pointer;
use pulse_jsonapi::{Code, Problem};
use pulse_resource::render::Record;
use pulse_resource::{Bind, Changes};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::App;

const ATTRIBUTE: &str = "headers";
/// Headers at most.
const COUNT: usize = 20;
/// Bytes of a name at most.
const NAME: usize = 100;
/// Bytes of a value at most: a signed token is long, and most servers take 8 KiB of headers in all.
const VALUE: usize = 4_096;
/// What stands for a value. It is no value of a header itself.
const MASK: &str = "••••••••";

/// What the request itself is made of, and what tells a receiver that it came from here.
const PROTECTED: &[&str] = &[
    "accept-encoding",
    "connection",
    "content-digest",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];
/// Names that begin like this are those of signatures, deliveries and attempts.
const PROTECTED_BEGINNINGS: &[&str] = &["pulse-", "webhook-", "x-pulse-", "x-pulsepost-"];

/// Everything that is wrong with the headers that a client has given.
pub(super) fn faults(changes: &Changes) -> Vec<Problem> {
    let headers = match changes.value(ATTRIBUTE) {
        None | Some(Value::Null) => return Vec::new(),
        Some(Value::Object(headers)) => headers,
        Some(_) => {
            let detail = "headers is an object of names and values.";
            return vec![Problem::new(Code::WrongKind, detail).at_pointer(pointer(&[
                "data",
                "attributes",
                ATTRIBUTE,
            ]))];
        }
    };
    let mut problems = Vec::new();
    if headers.len() > COUNT {
        problems.push(Problem::invalid(ATTRIBUTE, format!("There are at most {COUNT} headers.")));
    }
    let masked = headers.values().filter(|value| *value == MASK).count();
    if masked > 0 && masked < headers.len() {
        let detail = "A mask is no value: send the values of all headers, or leave headers out to keep them.";
        problems.push(Problem::invalid(ATTRIBUTE, detail));
    }
    let mut known: Vec<String> = Vec::new();
    for (name, value) in headers {
        let fault = name_fault(name, &known).or_else(|| value_fault(value));
        if let Some(detail) = fault {
            let at = pointer(&["data", "attributes", ATTRIBUTE, name]);
            problems.push(Problem::new(Code::Invalid, detail).at_pointer(at));
        }
        known.push(name.to_ascii_lowercase());
    }
    problems
}

fn name_fault(name: &str, known: &[String]) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    if name.len() > NAME || HeaderName::try_from(name).is_err() {
        return Some(format!("The name of a header has letters, digits and hyphens, {NAME} at most."));
    }
    if PROTECTED.contains(&lower.as_str())
        || PROTECTED_BEGINNINGS.iter().any(|start| lower.starts_with(start))
    {
        return Some(format!("{name} is set by Pulse."));
    }
    known.contains(&lower).then(|| format!("{name} is there twice; upper and lower case are the same."))
}

fn value_fault(value: &Value) -> Option<String> {
    let Some(text) = value.as_str() else { return Some("The value of a header is a text.".into()) };
    if text == MASK {
        return None;
    }
    if text.len() > VALUE {
        return Some(format!("The value of a header has at most {VALUE} bytes."));
    }
    let readable = text.is_ascii() && HeaderValue::try_from(text).is_ok() && text.trim() == text;
    let detail = "The value of a header is ASCII without control characters, and without blanks around it.";
    (!readable || text.is_empty()).then(|| detail.into())
}

/// Seals values for the subscription they belong to and leaves masks in their place; null and no headers take them away.
pub(super) fn seal(app: &App, changes: &mut Changes, existing: Option<Uuid>) {
    let headers = match changes.value(ATTRIBUTE) {
        None => return,
        Some(Value::Object(headers)) if !headers.is_empty() => headers.clone(),
        Some(_) => {
            changes.set(ATTRIBUTE, Bind::Null);
            changes.set("headers_sealed", Bind::Null);
            return;
        }
    };
    if is_masked(&headers) {
        return;
    }
    let masked: Map<String, Value> = headers.keys().map(|name| (name.clone(), MASK.into())).collect();
    let id = existing.unwrap_or_else(|| *changes.id.get_or_insert_with(Uuid::now_v7));
    let values = Value::from(headers).to_string();
    changes.set("headers_sealed", Bind::Bytes(app.0.master_key.seal(id.as_bytes(), values.as_bytes())));
    changes.set(ATTRIBUTE, Bind::json(&masked.into()));
}

/// Refuses masks unless they stand for exactly the headers that there are.
pub(super) fn require_kept(old: Option<&Record>, changes: &Changes) -> Result<(), Problem> {
    let Some(Value::Object(headers)) = changes.value(ATTRIBUTE) else { return Ok(()) };
    let kept = old.is_some_and(|old| old.get(ATTRIBUTE) == Value::from(headers.clone()));
    if kept || headers.is_empty() || !is_masked(headers) {
        return Ok(());
    }
    Err(Problem::invalid(ATTRIBUTE, "A mask is no value, and these are not the headers that there are."))
}

fn is_masked(headers: &Map<String, Value>) -> bool {
    headers.values().all(|value| value == MASK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_pulse_sets_are_refused_in_any_case() {
        for name in [
            "Host",
            "content-TYPE",
            "X-Pulse-Signature",
            "x-pulsepost-anything",
            "Webhook-Id",
            "pulse-x",
            "traceparent",
        ] {
            assert!(name_fault(name, &[]).is_some(), "{name}");
        }
        for name in ["Authorization", "X-Api-Key", "X-Pulsar", "Cookie", "webhooks"] {
            assert_eq!(name_fault(name, &[]), None, "{name}");
        }
    }

    #[test]
    fn names_are_tokens_and_there_once() {
        for name in ["", "a b", "a:b", "a\r\nb", "é", &"a".repeat(101)] {
            assert!(name_fault(name, &[]).is_some(), "{name:?}");
        }
        assert!(name_fault("X-Key", &["x-key".into()]).is_some());
    }

    #[test]
    fn values_cannot_break_out_of_their_line() {
        for value in ["a\r\nHost: b", "a\nb", "a\0b", " a", "a ", "", "é", &"a".repeat(4_097)] {
            assert!(value_fault(&value.into()).is_some(), "{value:?}");
        }
        for value in ["Bearer a.b-c_d~e+f/g==", "a b\tc", MASK] {
            assert_eq!(value_fault(&value.into()), None, "{value:?}");
        }
        assert!(value_fault(&1.into()).is_some());
    }
}
