//! Headers of answers: those that some have, and those that all have.

use serde_json::{Map, Value, json};

use super::names::reference;

/// Headers that every answer has, with what they say.
const OF_ALL: [(&str, &str, &str); 5] = [
    (
        "RateLimit-Policy",
        "string",
        "The limit that the request counted against: its name, its quota `q` and its window `w` in seconds. \
         A list, where there are several.",
    ),
    (
        "RateLimit",
        "string",
        "How the client stands: `r` requests are left, and in `t` seconds the whole quota is back.",
    ),
    ("X-RateLimit-Limit", "integer", "The quota."),
    ("X-RateLimit-Remaining", "integer", "How many requests are left of it."),
    ("X-RateLimit-Reset", "integer", "Seconds until all of it is back."),
];

/// The components.
pub(super) fn components() -> Map<String, Value> {
    let of_some = [
        (
            "ETag",
            "string",
            "The version of the document for `If-None-Match`, and of its record for `If-Match`.",
        ),
        ("Location", "string", "The address of the record."),
    ];
    let described = |(name, kind, description): (&str, &str, &str)| {
        (name.to_owned(), json!({ "description": description, "schema": { "type": kind } }))
    };
    of_some.into_iter().chain(OF_ALL).map(described).collect()
}

/// Adds to every answer in the document what all answers have.
pub(super) fn add_to_all(document: &mut Value) {
    let of_paths = document["paths"].as_object_mut().into_iter().flat_map(Map::values_mut);
    let operations = of_paths.filter_map(Value::as_object_mut).flat_map(Map::values_mut);
    for operation in operations {
        if let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) {
            add(responses);
        }
    }
    if let Some(responses) = document["components"]["responses"].as_object_mut() {
        add(responses);
    }
}

/// One that is said elsewhere has them there.
fn add(responses: &mut Map<String, Value>) {
    for response in responses.values_mut().filter(|response| response.get("$ref").is_none()) {
        for (name, ..) in OF_ALL {
            response["headers"][name] = reference("headers", name);
        }
    }
}
