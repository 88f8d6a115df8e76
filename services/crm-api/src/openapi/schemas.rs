//! The schemas of a resource: its object, what is sent to create and to update it, its documents and its identifier.

use pulse_resource::{Link, Relationship, Resource};
use serde_json::{Map, Value, json};

use super::attributes;
use super::names::{component, schema, schema_of};
use crate::operation::form::Form;

/// Adds the schemas of a resource.
pub(super) fn add(resource: &'static Resource, schemas: &mut Map<String, Value>) {
    let mut add = |what: &str, schema: Value| schemas.insert(component(resource, what), schema);
    add("", object(resource));
    add(
        "Attributes",
        json!({
            "type": "object",
            "properties": attributes::properties(resource.attributes),
            "additionalProperties": false,
        }),
    );
    add(
        "Identifier",
        json!({
            "type": "object",
            "required": ["type", "id"],
            "properties": { "type": { "const": resource.name }, "id": schema("Id") },
        }),
    );
    add("Document", document("Document", &schema_of(resource, "")));
    add("Collection", document("Collection", &json!({ "type": "array", "items": schema_of(resource, "") })));
    if resource.actions.create {
        add("Create", request(resource, true));
    }
    if resource.actions.update {
        add("Update", request(resource, false));
    }
}

/// The schema of a body that has attributes alone.
pub(super) fn form(form: &Form) -> Value {
    let asked: Vec<_> = form.names().filter_map(|name| form.resource.attribute(name).copied()).collect();
    json!({
        "type": "object",
        "required": form.required,
        "properties": attributes::properties(&asked),
        "additionalProperties": false,
    })
}

/// A document of a shape that all resources share, with this as its data.
pub(super) fn document(shape: &str, data: &Value) -> Value {
    json!({ "allOf": [schema(shape)], "properties": { "data": data } })
}

/// A document without data, whose `meta` has this schema.
pub(super) fn meta_document(meta: &Value) -> Value {
    json!({ "allOf": [schema("MetaDocument")], "properties": { "meta": meta } })
}

/// What a relationship is set to: an identifier, null where it may lead to nothing, or any number of identifiers.
pub(super) fn linkage(relationship: &Relationship) -> Value {
    match relationship.link {
        Link::BelongsTo { nullable: false, .. } | Link::BelongsToAny { nullable: false, .. } => {
            any_of(relationship, |target| schema_of(target, "Identifier"))
        }
        _ => shown_linkage(relationship),
    }
}

/// What a relationship is shown to lead to. Even one that may not be set to null leads to nothing while the record at
/// its other end is in the trash.
pub(super) fn shown_linkage(relationship: &Relationship) -> Value {
    let identifier = any_of(relationship, |target| schema_of(target, "Identifier"));
    if relationship.to_one() { or_null(&identifier) } else { json!({ "type": "array", "items": identifier }) }
}

/// The schema of one of the resources that a relationship leads to.
pub(super) fn any_of(relationship: &Relationship, schema: impl Fn(&Resource) -> Value) -> Value {
    match relationship.targets() {
        [target] => schema(target),
        targets => json!({ "anyOf": targets.iter().map(|target| schema(target)).collect::<Vec<_>>() }),
    }
}

/// This or null.
pub(super) fn or_null(schema: &Value) -> Value {
    json!({ "anyOf": [schema, { "type": "null" }] })
}

fn object(resource: &Resource) -> Value {
    let mut members = json!({
        "type": { "const": resource.name },
        "id": schema("Id"),
        "attributes": schema_of(resource, "Attributes"),
    });
    if !resource.relationships.is_empty() {
        let relationships = resource.relationships.iter().map(|relationship| {
            let data =
                json!({ "allOf": [schema("Relationship")], "properties": { "data": shown_linkage(relationship) } });
            (relationship.name.to_owned(), data)
        });
        members["relationships"] = json!({
            "type": "object",
            "properties": relationships.collect::<Map<_, _>>(),
            "additionalProperties": false,
        });
    }
    members["links"] = schema("SelfLink");
    members["meta"] = json!({ "type": "object" });
    json!({
        "type": "object",
        "required": ["type", "id", "attributes", "links"],
        "properties": members,
        "additionalProperties": false,
    })
}

/// The document that creates or updates a record.
fn request(resource: &'static Resource, new: bool) -> Value {
    let mut required = vec!["type"];
    let (mut attributes, mut needed_relationships) = (schema_of(resource, "Attributes"), Vec::new());
    if new {
        let needed = resource.attributes.iter().filter(|attribute| attribute.required && attribute.writable);
        let needed: Vec<_> = needed.map(|attribute| attribute.name).collect();
        if !needed.is_empty() {
            required.push("attributes");
            attributes = json!({ "allOf": [attributes], "required": needed });
        }
        needed_relationships = needed_links(resource);
        if !needed_relationships.is_empty() {
            required.push("relationships");
        }
    } else {
        required.push("id");
    }
    let mut members = json!({
        "type": { "const": resource.name },
        "id": schema("Id"),
        "attributes": attributes,
    });
    let settable = resource.relationships.iter().filter(|relationship| settable(relationship));
    let settable: Map<_, _> = settable
        .map(|relationship| {
            let data = json!({
                "type": "object", "required": ["data"], "properties": { "data": linkage(relationship) },
            });
            (relationship.name.to_owned(), data)
        })
        .collect();
    if !settable.is_empty() {
        let mut relationships =
            json!({ "type": "object", "properties": settable, "additionalProperties": false });
        if !needed_relationships.is_empty() {
            relationships["required"] = json!(needed_relationships);
        }
        members["relationships"] = relationships;
    }
    json!({
        "type": "object",
        "required": ["data"],
        "properties": { "data": { "type": "object", "required": required, "properties": members } },
    })
}

/// Whether clients may set a relationship.
pub(super) fn settable(relationship: &Relationship) -> bool {
    matches!(
        relationship.link,
        Link::BelongsTo { writable: true, .. }
            | Link::BelongsToAny { writable: true, .. }
            | Link::Through { .. }
    )
}

fn needed_links(resource: &Resource) -> Vec<&'static str> {
    let needed = resource.relationships.iter().filter(|relationship| {
        matches!(
            relationship.link,
            Link::BelongsTo { nullable: false, writable: true, .. }
                | Link::BelongsToAny { nullable: false, writable: true, .. }
        )
    });
    needed.map(|relationship| relationship.name).collect()
}
