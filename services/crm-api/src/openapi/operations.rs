//! Operations besides CRUD, as they are declared beside their handlers.

use serde_json::{Map, Value, json};

use super::names::{reference, schema_of};
use super::parameters::{self, Reads};
use super::paths::{Draft, created};
use super::{responses, schemas};
use crate::operation::{Answer, Body, Operation, Verb};

/// Adds operations that are mounted at a root.
pub(super) fn add(operations: &'static [Operation], root: &str, paths: &mut Map<String, Value>) {
    for operation in operations {
        let path = format!("{root}{}", operation.path);
        let item = paths.entry(path).or_insert_with(|| match path_parameters(operation.path) {
            none if none.is_empty() => json!({}),
            parameters => json!({ "parameters": parameters }),
        });
        item[method(operation.verb)] = described(operation, root);
    }
}

fn path_parameters(path: &str) -> Vec<Value> {
    let names = path.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
    let parameters = names.map(|(name, _)| match name {
        "id" => reference("parameters", "Id"),
        _ => json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }),
    });
    parameters.collect()
}

fn method(verb: Verb) -> &'static str {
    match verb {
        Verb::Get => "get",
        Verb::Post => "post",
        Verb::Delete => "delete",
        Verb::Options => "options",
    }
}

fn described(operation: &'static Operation, root: &str) -> Value {
    let mut draft = Draft::new(operation.id.to_owned(), operation.summary, tag(operation, root));
    let mut refusals: Vec<u16> = operation.refusals.iter().map(|code| code.status()).collect();
    if !operation.description.is_empty() {
        draft = draft.with("description", operation.description.into());
    }
    draft = draft.needs(operation.need());
    if !operation.public {
        refusals.extend([401, 403]);
    }
    if operation.path.contains('{') {
        refusals.push(404);
    }
    draft = match operation.body {
        Body::Nothing => draft,
        Body::NewRecord(resource) => {
            refusals.extend([403, 404, 409, 413, 415, 422]);
            draft.parameters(parameters::of(Reads::One(&[resource]))).body(&schema_of(resource, "Create"))
        }
        Body::Form(form) => {
            refusals.extend([413, 415, 422]);
            let content = json!({ "application/json": { "schema": schemas::form(form) } });
            let required = !form.required.is_empty();
            draft.with("requestBody", json!({ "required": required, "content": content }))
        }
        Body::Json(schema) => {
            refusals.extend([413, 415, 422]);
            let content = json!({ "application/json": { "schema": schema() } });
            draft.with("requestBody", json!({ "required": true, "content": content }))
        }
    };
    for answer in operation.answers {
        let (status, mut response) = match *answer {
            Answer::Record(201, resource) => (201, created(resource)),
            Answer::Record(status, resource) => {
                let document = schema_of(resource, "Document");
                (status, responses::found("Done.", &document))
            }
            Answer::Data(status, data) => {
                (status, responses::found("Done.", &schemas::document("Document", &data())))
            }
            Answer::Plain(status, schema) => {
                let content = json!({ "application/json": { "schema": schema() } });
                (status, json!({ "description": "Done.", "content": content }))
            }
            Answer::Empty(status) => (status, json!({ "description": "Done." })),
            Answer::Meta(status, meta) => {
                (status, responses::document("Done.", &schemas::meta_document(&meta())))
            }
        };
        for (name, description) in operation.headers {
            response["headers"][name] = json!({ "description": description, "schema": { "type": "string" } });
        }
        draft = draft.answer(status, response);
    }
    if operation.verb == Verb::Get {
        draft = draft.unless_known();
    }
    draft.refused(refusals)
}

/// What an operation belongs to, by its address: a resource, signing in, or the API itself.
fn tag(operation: &Operation, root: &str) -> &'static str {
    let other = if root.ends_with("/auth") { "auth" } else { "meta" };
    operation.resource().map_or(other, |resource| resource.name)
}
