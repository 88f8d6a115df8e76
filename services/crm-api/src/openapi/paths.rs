//! The addresses that every resource has: its collection, its records and its trash.

use pulse_resource::render::BASE;
use pulse_resource::{Deed, Resource};
use serde_json::{Map, Value, json};

use super::names::{component, reference, schema_of};
use super::parameters::{self, Reads};
use super::{responses, schemas};
use crate::policy::{self, Need, scopes};

/// What refuses a request that has a document.
pub(super) const DOCUMENT: [u16; 7] = [403, 404, 409, 412, 413, 415, 422];

/// An operation in the making.
pub(super) struct Draft {
    operation: Map<String, Value>,
    answers: Map<String, Value>,
}

impl Draft {
    pub(super) fn new(id: String, summary: &str, tag: &str) -> Self {
        let mut operation = Map::new();
        operation.insert("operationId".into(), id.into());
        operation.insert("summary".into(), summary.into());
        operation.insert("tags".into(), json!([tag]));
        Self { operation, answers: Map::new() }
    }

    pub(super) fn with(mut self, member: &str, value: Value) -> Self {
        self.operation.insert(member.into(), value);
        self
    }

    pub(super) fn parameters(self, parameters: Vec<Value>) -> Self {
        if parameters.is_empty() { self } else { self.with("parameters", parameters.into()) }
    }

    /// The document that it is sent. `application/json` is read just the same.
    pub(super) fn body(self, schema: &Value) -> Self {
        self.with("requestBody", json!({ "required": true, "content": responses::content(schema) }))
    }

    pub(super) fn answer(mut self, status: u16, response: Value) -> Self {
        self.answers.insert(status.to_string(), response);
        self
    }

    /// The client may have the answer already.
    pub(super) fn unless_known(mut self) -> Self {
        let header = reference("parameters", "IfNoneMatch");
        let parameters = self.operation.entry("parameters").or_insert_with(|| json!([]));
        if let Some(parameters) = parameters.as_array_mut() {
            parameters.push(header);
        }
        self.answer(304, reference("responses", "NotModified"))
    }

    /// What must be shown for it.
    pub(super) fn needs(self, need: Need) -> Self {
        let session = json!({ "session": [] });
        match need {
            Need::Nothing => self.with("security", json!([])),
            Need::Session => self.with("security", json!([session])),
            Need::Right(resource, deed) => {
                let token = json!({ "token": [scopes::needed(resource, deed)] });
                let open = if policy::is_beyond_tokens(resource, deed) { vec![] } else { vec![token] };
                let security: Vec<_> = std::iter::once(session).chain(open).collect();
                self.with("security", security.into())
                    .with("x-right", json!({ "resource": resource.name, "deed": deed.verb() }))
            }
        }
    }

    /// Ends it, with what it is refused with.
    pub(super) fn refused(mut self, statuses: impl IntoIterator<Item = u16>) -> Value {
        responses::refusals(statuses, &mut self.answers);
        self.answered()
    }

    /// Ends it.
    pub(super) fn answered(mut self) -> Value {
        self.operation.insert("responses".into(), std::mem::take(&mut self.answers).into());
        self.operation.into()
    }
}

/// Adds the paths of a resource.
pub(super) fn add(resource: &'static Resource, paths: &mut Map<String, Value>) {
    let path = format!("{BASE}/{}", resource.path());
    paths.insert(path.clone(), collection(resource));
    paths.insert(format!("{path}/{{id}}"), record(resource));
    if resource.has_trash() && resource.actions.destroy {
        paths.insert(format!("{path}/{{id}}/restore"), restore(resource));
        paths.insert(format!("{path}/{{id}}/purge"), purge(resource));
    }
}

/// A path with an id in it.
pub(super) fn of_record(operations: Vec<(&str, Value)>) -> Value {
    let mut item = Map::new();
    item.insert("parameters".into(), json!([reference("parameters", "Id")]));
    item.extend(operations.into_iter().map(|(method, operation)| (method.to_owned(), operation)));
    item.into()
}

/// An operation of a resource: `list_contacts`.
fn draft(resource: &'static Resource, verb: &str, summary: &str, deed: Deed) -> Draft {
    Draft::new(format!("{verb}_{}", resource.name), summary, resource.name).needs(Need::Right(resource, deed))
}

fn collection(resource: &'static Resource) -> Value {
    let list = draft(resource, "list", "List", Deed::Read)
        .parameters(parameters::of(Reads::Many(resource)))
        .answer(200, reference("responses", &component(resource, "Collection")))
        .unless_known()
        .refused([401, 403]);
    let mut item = json!({ "get": list });
    if resource.actions.create {
        item["post"] = draft(resource, "create", "Create", Deed::Create)
            .parameters(parameters::of(Reads::One(&[resource])))
            .body(&schema_of(resource, "Create"))
            .answer(201, created(resource))
            .refused(DOCUMENT.into_iter().filter(|status| *status != 412).chain([401]));
    }
    item
}

fn record(resource: &'static Resource) -> Value {
    let document = reference("responses", &component(resource, "Document"));
    let show = draft(resource, "show", "Show", Deed::Read)
        .parameters(parameters::of(Reads::One(&[resource])))
        .answer(200, document.clone())
        .unless_known()
        .refused([401, 403, 404]);
    let mut operations = vec![("get", show)];
    if resource.actions.update {
        let shown = parameters::of(Reads::One(&[resource])).into_iter();
        let update = draft(resource, "update", "Update", Deed::Change)
            .parameters(shown.chain([reference("parameters", "IfMatch")]).collect())
            .body(&schema_of(resource, "Update"))
            .answer(200, document)
            .refused(DOCUMENT.into_iter().chain([401]));
        operations.push(("patch", update));
    }
    if resource.actions.destroy {
        let destroy = draft(resource, "destroy", "Delete", Deed::Delete)
            .parameters(vec![reference("parameters", "IfMatch")])
            .answer(200, done("Deleted.", "deleted"))
            .refused([401, 403, 404, 409, 412]);
        operations.push(("delete", destroy));
    }
    of_record(operations)
}

fn restore(resource: &'static Resource) -> Value {
    let restore = draft(resource, "restore", "Take out of the trash", Deed::Delete)
        .answer(200, reference("responses", &component(resource, "Document")))
        .refused([401, 403, 404, 409]);
    of_record(vec![("post", restore)])
}

fn purge(resource: &'static Resource) -> Value {
    let purge = draft(resource, "purge", "Remove for good from the trash", Deed::Purge)
        .answer(200, done("Removed.", "purged"))
        .refused([401, 403, 404, 409]);
    of_record(vec![("delete", purge)])
}

/// The answer to a request that made a record.
pub(super) fn created(resource: &Resource) -> Value {
    let mut response = responses::found("Created.", &schema_of(resource, "Document"));
    response["headers"]["Location"] = reference("headers", "Location");
    response
}

fn done(description: &str, member: &str) -> Value {
    let meta = json!({
        "type": "object", "required": [member], "properties": { member: { "const": true } },
    });
    responses::document(description, &schemas::meta_document(&meta))
}
