//! Answers: the documents of each resource, and the refusals that all of them share.

use pulse_jsonapi::{Code, MEDIA_TYPE};
use pulse_resource::Resource;
use serde_json::{Map, Value, json};

use super::names::{component, reference, schema, schema_of};

/// Refusals by status, with the name of their component.
const REFUSALS: [(u16, &str, &str); 17] = [
    (400, "BadRequest", "A parameter or the document cannot be understood."),
    (401, "Unauthenticated", "No usable credential."),
    (403, "Forbidden", "The caller may not do this, or nobody may."),
    (404, "NotFound", "No such record, relationship or related record."),
    (405, "MethodNotAllowed", "The address does not answer this method."),
    (406, "NotAcceptable", "No acceptable media type."),
    (408, "RequestTimeout", "The body was too slow."),
    (409, "Conflict", "In conflict with a record that exists, or with the record's state."),
    (412, "Stale", "The record is not of the version that `If-Match` names."),
    (413, "PayloadTooLarge", "The body is too large."),
    (414, "UriTooLong", "The path with its query is too long."),
    (415, "UnsupportedMediaType", "The body's media type cannot be read."),
    (422, "Unprocessable", "Values are not acceptable; every one of them is named."),
    (429, "RateLimited", "Too many requests."),
    (431, "HeadersTooLarge", "The headers are too many or too long."),
    (500, "Internal", "A defect on the server."),
    (503, "Unavailable", "Something the server depends on does not answer."),
];

/// Adds the refusals, and the answer that there is nothing to add to what the client has.
pub(super) fn add(responses: &mut Map<String, Value>) {
    for (status, name, description) in REFUSALS {
        let codes: Vec<_> = Code::ALL.iter().filter(|code| code.status() == status).collect();
        let codes: Vec<_> = codes.iter().map(|code| format!("`{}`", code.name())).collect();
        let mut response = json!({
            "description": format!("{description} Codes: {}.", codes.join(", ")),
            "content": content(&schema("Errors")),
        });
        if let Some(headers) = headers(status) {
            response["headers"] = headers;
        }
        responses.insert(name.to_owned(), response);
    }
    responses.insert("NotModified".to_owned(), json!({ "description": "It has not changed." }));
}

fn headers(status: u16) -> Option<Value> {
    let (name, description) = match status {
        401 => ("WWW-Authenticate", "`Bearer`, and what is wrong with the token."),
        403 => ("WWW-Authenticate", "Which scope the token lacks, where that is why."),
        405 => ("Allow", "The methods that it answers."),
        429 | 503 => ("Retry-After", "Seconds after which to try again."),
        _ => return None,
    };
    Some(json!({ name: { "description": description, "schema": { "type": "string" } } }))
}

/// The refusals of an operation, by status. The least any request can meet is added, and what any body can.
pub(super) fn refusals(statuses: impl IntoIterator<Item = u16>, responses: &mut Map<String, Value>) {
    let mut statuses: Vec<_> = statuses.into_iter().chain([400, 406, 414, 415, 429, 431, 500, 503]).collect();
    if statuses.contains(&413) {
        statuses.push(408);
    }
    statuses.sort_unstable();
    statuses.dedup();
    for status in statuses {
        if let Some((_, name, _)) = REFUSALS.iter().find(|(known, ..)| *known == status) {
            responses.insert(status.to_string(), reference("responses", name));
        }
    }
}

/// What a JSON:API body of this schema is declared as.
pub(super) fn content(schema: &Value) -> Value {
    json!({ MEDIA_TYPE: { "schema": schema } })
}

/// Adds the answers that show a resource.
pub(super) fn add_of(resource: &Resource, responses: &mut Map<String, Value>) {
    let one = found("The record.", &schema_of(resource, "Document"));
    let many = found("A page of records.", &schema_of(resource, "Collection"));
    responses.insert(component(resource, "Document"), one);
    responses.insert(component(resource, "Collection"), many);
}

/// A document as an answer.
pub(super) fn document(description: &str, schema: &Value) -> Value {
    json!({ "description": description, "content": content(schema) })
}

/// A document that can be found again, with its version in `ETag`.
pub(super) fn found(description: &str, schema: &Value) -> Value {
    let mut response = document(description, schema);
    response["headers"] = json!({ "ETag": reference("headers", "ETag") });
    response
}
