//! The addresses of relationships: the records they lead to, and the links themselves.

use pulse_resource::render::BASE;
use pulse_resource::{Deed, Link, Relationship, Resource};
use serde_json::{Map, Value, json};

use super::names::{component, reference, schema, schema_of};
use super::parameters::{self, Reads};
use super::paths::{DOCUMENT, Draft, of_record};
use super::{responses, schemas};
use crate::policy::Need;

/// Adds the paths of a relationship.
pub(super) fn add(
    resource: &'static Resource,
    relationship: &'static Relationship,
    paths: &mut Map<String, Value>,
) {
    let path = format!("{BASE}/{}/{{id}}", resource.path());
    let name = relationship.name;
    paths.insert(format!("{path}/{name}"), of_record(vec![("get", related(resource, relationship))]));
    paths.insert(format!("{path}/relationships/{name}"), links(resource, relationship));
}

/// An operation of a relationship: `add_contacts_tags`.
fn draft(
    resource: &'static Resource,
    relationship: &Relationship,
    (verb, deed): (&str, Deed),
    summary: &str,
) -> Draft {
    Draft::new(format!("{verb}_{}_{}", resource.name, relationship.name), summary, resource.name)
        .needs(Need::Right(resource, deed))
}

fn related(resource: &'static Resource, relationship: &'static Relationship) -> Value {
    let summary = format!("Show {}", relationship.name);
    let draft = draft(resource, relationship, ("related", Deed::Read), &summary);
    match relationship.targets() {
        [target] if !relationship.to_one() => draft
            .parameters(parameters::of(Reads::Many(target)))
            .answer(200, reference("responses", &component(target, "Collection"))),
        targets => {
            let data = schemas::or_null(&schemas::any_of(relationship, |target| schema_of(target, "")));
            draft
                .parameters(parameters::of(Reads::One(targets)))
                .answer(200, responses::found("The record, or null.", &schemas::document("Document", &data)))
        }
    }
    .unless_known()
    .refused([401, 403, 404])
}

fn links(resource: &'static Resource, relationship: &'static Relationship) -> Value {
    let shown = schemas::document("Linkage", &schemas::shown_linkage(relationship));
    let document = responses::found("The linkage.", &shown);
    let data = schemas::linkage(relationship);
    let body = json!({ "type": "object", "required": ["data"], "properties": { "data": data } });
    let reads = if relationship.to_one() { Reads::Link } else { Reads::Linkage };
    let show = draft(
        resource,
        relationship,
        ("linkage", Deed::Read),
        &format!("Show the linkage of {}", relationship.name),
    )
    .parameters(parameters::of(reads))
    .answer(200, document.clone())
    .unless_known()
    .refused([401, 403, 404]);
    let change = |verb: &str, what: &str| {
        draft(resource, relationship, (verb, Deed::Change), &format!("{what} {}", relationship.name))
            .parameters(vec![reference("parameters", "IfMatch")])
            .body(&body)
            .answer(200, document.clone())
            .refused(DOCUMENT.into_iter().chain([401]))
    };
    let mut operations = vec![("get", show)];
    if resource.actions.update && schemas::settable(relationship) {
        operations.push(("patch", change("replace", "Replace")));
    }
    if let Link::Through { .. } = relationship.link {
        operations.push(("post", change("add", "Add to")));
        operations.push(("delete", change("remove", "Remove from")));
    }
    of_record(operations)
}

/// The shape of a document of linkage.
pub(super) fn linkage_document() -> Value {
    json!({
        "type": "object",
        "required": ["jsonapi", "links", "data"],
        "properties": {
            "jsonapi": schema("JsonApi"), "links": schema("Links"), "data": {}, "meta": schema("PageMeta"),
        },
    })
}
