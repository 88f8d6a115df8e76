//! The JSON Schema of a webhook's body, by event type and payload version.

use pulse_domain::catalogue::Kind;
use pulse_resource::{Link, Relationship, Resource};
use serde_json::{Map, Value, json};

use crate::openapi;
use crate::resources::RESOURCES;

const SUBSCRIPTIONS: &str = "webhook_subscriptions";

/// What is sent of an event.
pub(super) fn of(kind: &Kind, version: i32) -> Value {
    // What is told of subscriptions is told by webhook-dispatcher, which shows what concerns it.
    let known = |resource: &&Resource| resource.name == kind.resource && resource.name != SUBSCRIPTIONS;
    let resource = RESOURCES.iter().copied().find(known);
    let mut properties = json!({
        "event_id": { "type": "string", "format": "uuid" },
        "event_type": { "const": kind.name },
        "timestamp": { "type": "string", "format": "date-time" },
        "data": match (version, resource) {
            (1, None) => complete(Map::from_iter([("id".into(), id())])),
            (_, None) => shown(kind.resource, json!({ "type": "object" }), json!({ "type": "object" })),
            (1, Some(resource)) => flat(resource),
            (_, Some(resource)) => object(resource),
        },
    });
    if version > 1 {
        properties["changes"] = json!({
            "description": "What changed, as `[old, new]`; null where nothing is known of the state before.",
            "type": ["object", "null"],
            "additionalProperties": { "type": "array", "minItems": 2, "maxItems": 2 },
        });
        properties["correlation_id"] = json!({ "type": "string", "format": "uuid" });
    }
    let required: Vec<String> = properties.as_object().into_iter().flat_map(Map::keys).cloned().collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("{}, payload version {version}", kind.name),
        "type": "object",
        "required": required,
        "properties": properties,
    })
}

/// The record with the ids of related ones among its attributes.
fn flat(resource: &Resource) -> Value {
    let mut properties = attributes(resource);
    properties.insert("id".into(), id());
    for relationship in resource.relationships {
        if let Link::BelongsTo { column, nullable, .. } = relationship.link {
            let kind = if nullable { json!(["string", "null"]) } else { json!("string") };
            properties.insert(column.into(), json!({ "type": kind, "format": "uuid" }));
        }
    }
    complete(properties)
}

/// The record as a JSON:API resource object.
fn object(resource: &Resource) -> Value {
    let to_one = resource.relationships.iter().filter(|relationship| relationship.to_one());
    let relationships: Map<String, Value> =
        to_one.map(|relationship| (relationship.name.to_owned(), linkage(relationship))).collect();
    shown(resource.name, complete(attributes(resource)), complete(relationships))
}

fn shown(name: &str, attributes: Value, relationships: Value) -> Value {
    let members = [
        ("type", json!({ "const": name })),
        ("id", id()),
        ("attributes", attributes),
        ("relationships", relationships),
    ];
    complete(members.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect())
}

fn linkage(relationship: &Relationship) -> Value {
    let types: Vec<&str> = relationship.targets().iter().map(|target| target.name).collect();
    let data = complete(Map::from_iter([("type".into(), json!({ "enum": types })), ("id".into(), id())]));
    complete(Map::from_iter([("data".into(), json!({ "anyOf": [data, { "type": "null" }] }))]))
}

fn attributes(resource: &Resource) -> Map<String, Value> {
    let readable: Vec<_> =
        resource.attributes.iter().copied().filter(|attribute| attribute.readable).collect();
    match openapi::properties(&readable) {
        Value::Object(properties) => properties,
        _ => Map::new(),
    }
}

fn id() -> Value {
    json!({ "type": "string", "format": "uuid" })
}

/// An object that has all of these, and may have more: members are added and never taken away.
fn complete(properties: Map<String, Value>) -> Value {
    let required: Vec<String> = properties.keys().cloned().collect();
    json!({ "type": "object", "required": required, "properties": properties })
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use pulse_domain::catalogue::KINDS;

    use super::*;

    /// `crates/domain/src/linkage/table.rs`, as it must be.
    fn table() -> String {
        let mut names: Vec<&str> = KINDS.iter().map(|kind| kind.resource).collect();
        names.sort_unstable();
        names.dedup();
        let mut rows = String::new();
        for name in names {
            let Some(resource) = RESOURCES.iter().find(|resource| resource.name == name) else { continue };
            let linkages: Vec<String> = resource.relationships.iter().filter_map(linkage).collect();
            if !linkages.is_empty() {
                writeln!(rows, "    (\"{name}\", &[\n{}    ]),", linkages.concat()).expect("a text");
            }
        }
        format!(
            "//! Written from the declarations of crm-api by a test of it (`make bless`). Receivers pin what follows from \
             this: rows\n//! are added and never change.\n\nuse super::Linkage;\nuse super::Target::{{Any, One}};\n\n\
             #[rustfmt::skip]\npub(super) const LINKAGES: &[(&str, &[Linkage])] = &[\n{rows}];\n"
        )
    }

    fn linkage(relationship: &Relationship) -> Option<String> {
        let (column, target) = match relationship.link {
            Link::BelongsTo { column, .. } => (column, format!("One({:?})", relationship.targets()[0].name)),
            Link::BelongsToAny { type_column, id_column, .. } => (id_column, format!("Any({type_column:?})")),
            _ => return None,
        };
        let name = relationship.name;
        Some(format!("        Linkage {{ name: {name:?}, column: {column:?}, target: {target} }},\n"))
    }

    #[test]
    fn payloads_know_the_relationships_that_are_declared() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../crates/domain/src/linkage/table.rs");
        #[expect(clippy::disallowed_methods, reason = "a switch of this test, not a setting")]
        if std::env::var("BLESS").is_ok() {
            std::fs::write(file, table()).expect("writes the table");
        }
        let committed = std::fs::read_to_string(file).expect("the table exists");
        assert!(committed == table(), "run `make bless` to write it again");
    }
}
