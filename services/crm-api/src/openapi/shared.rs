//! Schemas that all resources share: documents, links, errors.

use pulse_jsonapi::Code;
use pulse_resource::Resource;
use serde_json::{Map, Value, json};

use super::names::{schema, schema_of};
use super::{relationships, schemas};

/// Adds the shared schemas.
pub(super) fn add(resources: &[&'static Resource], schemas: &mut Map<String, Value>) {
    let text = json!({ "type": "string" });
    let link = json!({ "type": "string", "format": "uri-reference" });
    let json_api = json!({
        "type": "object",
        "required": ["version"],
        "properties": {
            "version": text,
            "ext": { "type": "array", "items": text },
            "profile": { "type": "array", "items": text },
        },
    });
    let page_links = json!({
        "type": "object",
        "required": ["self"],
        "properties": {
            "self": schema("Link"),
            "first": schema("Link"), "prev": schema("Link"), "next": schema("Link"), "last": schema("Link"),
            "related": schema("Link"), "describedby": schema("Link"),
        },
    });
    let page_meta = json!({
        "type": "object",
        "properties": {
            "total": { "type": "integer", "minimum": 0 },
            "page": { "type": "object", "properties": { "total": { "type": "integer", "minimum": 0 } } },
        },
    });
    let types: Vec<_> = resources.iter().map(|resource| schema_of(resource, "")).collect();
    let mapping = resources.iter().map(|resource| {
        let reference = schema_of(resource, "")["$ref"].take();
        (resource.name.to_owned(), reference)
    });
    let included = json!({
        "description": "A record of any type.",
        "oneOf": types,
        "discriminator": { "propertyName": "type", "mapping": mapping.collect::<Map<_, _>>() },
    });
    let with_data = |links: &str, meta: Value| {
        json!({
            "type": "object",
            "required": ["jsonapi", "links", "data"],
            "properties": {
                "jsonapi": schema("JsonApi"),
                "links": schema(links),
                "data": {},
                "included": { "type": "array", "items": schema("Included") },
                "meta": meta,
            },
        })
    };
    let any = json!({ "type": "object" });
    for (name, schema) in [
        ("Id", json!({ "type": "string", "format": "uuid" })),
        ("Link", schemas::or_null(&json!({ "anyOf": [link, schema("LinkObject")] }))),
        ("LinkObject", json!({ "type": "object", "required": ["href"], "properties": { "href": link } })),
        (
            "SelfLink",
            json!({ "type": "object", "required": ["self"], "properties": { "self": schema("Link") } }),
        ),
        ("Links", page_links),
        ("JsonApi", json_api),
        ("PageMeta", page_meta),
        ("Included", included),
        (
            "Relationship",
            json!({
                "type": "object",
                "required": ["links"],
                "properties": { "links": schema("Links"), "data": {}, "meta": any },
            }),
        ),
        ("Document", with_data("Links", any.clone())),
        ("Collection", with_data("Links", schema("PageMeta"))),
        ("Linkage", relationships::linkage_document()),
        (
            "MetaDocument",
            json!({
                "type": "object",
                "required": ["jsonapi", "meta"],
                "properties": { "jsonapi": schema("JsonApi"), "links": { "type": "object" }, "meta": {} },
                "not": { "required": ["data"] },
            }),
        ),
        ("Error", error()),
        (
            "Errors",
            json!({
                "type": "object",
                "required": ["errors"],
                "properties": {
                    "jsonapi": schema("JsonApi"),
                    "links": { "type": "object" },
                    "errors": { "type": "array", "minItems": 1, "items": schema("Error") },
                },
                "not": { "required": ["data"] },
            }),
        ),
    ] {
        schemas.insert(name.to_owned(), schema);
    }
}

fn error() -> Value {
    let codes: Vec<_> = Code::ALL.iter().map(|code| code.name()).collect();
    json!({
        "type": "object",
        "required": ["status", "code", "title"],
        "properties": {
            "id": { "type": "string", "description": "The request's id, to be told when asking about it." },
            "links": { "type": "object" },
            "status": { "type": "string", "pattern": "^[45][0-9]{2}$" },
            "code": { "type": "string", "enum": codes },
            "title": { "type": "string" },
            "detail": { "type": "string" },
            "source": {
                "type": "object",
                "properties": {
                    "pointer": { "type": "string", "description": "Where in the body." },
                    "parameter": { "type": "string", "description": "Which query parameter." },
                    "header": { "type": "string", "description": "Which header." },
                },
            },
            "meta": { "type": "object" },
        },
        "additionalProperties": false,
    })
}
