//! What every request that changes something has in common: a key that has it executed once, and for browsers the token
//! against cross-site requests.

use pulse_jsonapi::BASE;
use serde_json::{Map, Value, json};

use super::names::reference;
use super::responses;

/// Adds the parameters.
pub(super) fn add_shared(parameters: &mut Map<String, Value>) {
    let key = json!({
        "name": "Idempotency-Key", "in": "header",
        "description": "A name for this request: sent again within a day, it is answered as the first time, with \
            `Idempotency-Replayed: true`, and nothing is done again.",
        "schema": { "type": "string", "pattern": "^[\\x21-\\x7e]{1,255}$" },
    });
    let token = json!({
        "name": "X-CSRF-Token", "in": "header",
        "description": "The token of `/api/v1/auth/csrf`, where the request is signed in by cookie.",
        "schema": { "type": "string" },
    });
    parameters.insert("IdempotencyKey".into(), key);
    parameters.insert("CsrfToken".into(), token);
}

/// Describes them on all operations of signed-in users that change something.
pub(super) fn describe(paths: &mut Map<String, Value>) {
    for (path, item) in paths.iter_mut() {
        let of_sessions = path.starts_with(&format!("{BASE}/auth/"));
        for method in ["post", "patch", "delete"] {
            let Some(operation) = item.get_mut(method).and_then(Value::as_object_mut) else { continue };
            let is_public = operation.get("security").is_some_and(|security| *security == json!([]));
            if is_public {
                continue;
            }
            let mut refusals = vec![403];
            let mut names = vec!["CsrfToken"];
            if !of_sessions {
                refusals.extend([409, 422]);
                names.push("IdempotencyKey");
            }
            let names = names.into_iter().map(|name| reference("parameters", name));
            if let Some(known) = operation.entry("parameters").or_insert_with(|| json!([])).as_array_mut() {
                known.extend(names);
            }
            if let Some(answers) = operation.get_mut("responses").and_then(Value::as_object_mut) {
                responses::refusals(refusals, answers);
            }
        }
    }
}
