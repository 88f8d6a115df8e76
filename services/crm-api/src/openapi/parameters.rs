//! Query parameters, path parameters and request headers.

use pulse_jsonapi::query::Limits;
use pulse_jsonapi::ransack::PREDICATES;
use pulse_resource::Resource;
use pulse_resource::custom_fields::ATTRIBUTE;
use serde_json::{Map, Value, json};

use super::names::{component, reference, schema, schema_of};
use crate::related::LINKAGE;

const RELATED: &str = "Related records to add to the answer.";

/// Which parameters a `GET` has.
#[derive(Clone, Copy)]
pub(super) enum Reads<'a> {
    /// One record of any of these resources.
    One(&'a [&'static Resource]),
    /// A collection of records of a resource.
    Many(&'static Resource),
    /// The identifier that a to-one relationship leads to.
    Link,
    /// The identifiers that a to-many relationship leads to.
    Linkage,
}

/// References to the parameters of a request.
pub(super) fn of(reads: Reads) -> Vec<Value> {
    let names = match reads {
        Reads::One([resource]) => include_of(resource).into_iter().chain(["Fields".to_owned()]).collect(),
        Reads::One(_) => vec!["Include".to_owned(), "Fields".to_owned()],
        Reads::Many(resource) => {
            let own = ["Q", "Filter", "Sort"].map(|what| component(resource, what));
            let shared = ["Fields", "Page"].map(str::to_owned);
            own.into_iter().chain(include_of(resource)).chain(shared).collect()
        }
        Reads::Link => vec!["Include".to_owned(), "Fields".to_owned()],
        Reads::Linkage => ["Include", "Fields", "LinkagePage"].map(str::to_owned).into(),
    };
    names.iter().map(|name| reference("parameters", name)).collect()
}

/// A resource that leads nowhere has nothing to include.
fn include_of(resource: &Resource) -> Option<String> {
    (!resource.relationships.is_empty()).then(|| component(resource, "Include"))
}

/// Adds the parameters of a resource, and the schema of its filters.
pub(super) fn add(
    resource: &'static Resource,
    parameters: &mut Map<String, Value>,
    schemas: &mut Map<String, Value>,
) {
    let mut add = |what: &str, parameter: Value| parameters.insert(component(resource, what), parameter);
    add("Q", deep_object("q", "Filters, by Ransack's predicates.", schema_of(resource, "Filter")));
    add("Filter", deep_object("filter", "Another name for `q`.", schema_of(resource, "Filter")));
    add("Sort", list("sort", "Fields to sort by, `-` for descending.", sort(resource)));
    if !resource.relationships.is_empty() {
        add("Include", list("include", RELATED, include(resource)));
    }
    schemas.insert(component(resource, "Filter"), filter(resource));
}

/// Adds the parameters that resources share.
pub(super) fn add_shared(resources: &[&'static Resource], parameters: &mut Map<String, Value>) {
    let types: Vec<_> = resources.iter().map(|resource| resource.name).collect();
    let fields = json!({
        "type": "object", "propertyNames": { "enum": types }, "additionalProperties": { "type": "string" },
    });
    let page = |limits: Limits| {
        let schema = json!({
            "type": "object",
            "properties": {
                "number": { "type": "integer", "minimum": 1, "default": 1 },
                "size": {
                    "type": "integer", "minimum": 1, "maximum": limits.max_size, "default": limits.default_size,
                },
                "after": { "type": "string", "description": "A cursor: what lies behind it." },
                "before": { "type": "string", "description": "A cursor: what lies in front of it." },
                "total": { "type": "boolean", "default": true },
            },
            "additionalProperties": false,
        });
        deep_object(
            "page",
            "Which part of the collection, by number or by cursor; `total` false saves the count.",
            schema,
        )
    };
    let header = |name: &str, description: &str| {
        json!({
            "name": name, "in": "header", "description": description, "schema": { "type": "string" },
        })
    };
    let paths = json!({ "type": "string", "pattern": r"^[a-z_]+(\.[a-z_]+){0,2}$" });
    for (name, parameter) in [
        ("Id", json!({ "name": "id", "in": "path", "required": true, "schema": schema("Id") })),
        ("Include", list("include", RELATED, paths)),
        ("Fields", deep_object("fields", "The fields wanted of a type, joined by commas.", fields)),
        ("Page", page(Limits::DEFAULT)),
        ("LinkagePage", page(LINKAGE.limits)),
        ("IfMatch", header("If-Match", "The `ETag` that the record must still have, or `*`.")),
        ("IfNoneMatch", header("If-None-Match", "The `ETag` of what the client has already.")),
    ] {
        parameters.insert(name.to_owned(), parameter);
    }
}

fn deep_object(name: &str, description: &str, schema: Value) -> Value {
    json!({
        "name": name, "in": "query", "description": description, "style": "deepObject", "explode": true,
        "schema": schema,
    })
}

fn list(name: &str, description: &str, items: Value) -> Value {
    json!({
        "name": name, "in": "query", "description": description, "style": "form", "explode": false,
        "schema": { "type": "array", "items": items },
    })
}

/// Names that can be sorted by: the resource's own, and those of records it leads to.
fn sort(resource: &Resource) -> Value {
    let own = resource.attributes.iter().filter(|attribute| attribute.sortable);
    let own = std::iter::once("id").chain(own.map(|attribute| attribute.name));
    let own: Vec<_> = own.flat_map(|name| [name.to_owned(), format!("-{name}")]).collect();
    let related = resource.relationships.iter().map(|relationship| relationship.name);
    let related: Vec<_> = related.chain(resource.has_custom_fields().then_some(ATTRIBUTE)).collect();
    if related.is_empty() {
        return json!({ "type": "string", "enum": own });
    }
    let beyond = format!(r"^-?({})(\.[a-z0-9_]+)+$", related.join("|"));
    json!({ "type": "string", "anyOf": [{ "enum": own }, { "pattern": beyond }] })
}

/// Paths that can be included.
fn include(resource: &Resource) -> Value {
    let names: Vec<_> = resource.relationships.iter().map(|relationship| relationship.name).collect();
    let deepest = Limits::DEFAULT.include_depth - 1;
    let beyond = format!(r"^({})(\.[a-z_]+){{1,{deepest}}}$", names.join("|"));
    json!({ "type": "string", "anyOf": [{ "enum": names }, { "pattern": beyond }] })
}

/// What can stand in the brackets of `q[…]`: an attribute and a predicate, several joined by `_or_` or `_and_`, the
/// same of a related record, a scope, or a group.
fn filter(resource: &Resource) -> Value {
    let own = resource.attributes.iter().filter(|attribute| attribute.filterable);
    let own: Vec<_> = std::iter::once("id").chain(own.map(|attribute| attribute.name)).collect();
    let related = resource.relationships.iter().map(|relationship| relationship.name);
    let related: Vec<_> = related.chain(resource.has_custom_fields().then_some(ATTRIBUTE)).collect();
    let predicates: Vec<_> = PREDICATES.iter().map(|predicate| predicate.name).collect();
    let mut name = format!("({})", own.join("|"));
    if !related.is_empty() {
        name = format!("({name}|({})_[a-z0-9_]+)", related.join("|"));
    }
    let scopes: String = resource.scope_names().map(|scope| format!("|{scope}")).collect();
    let key = format!("^({name}(_(or|and)_{name})*_({})|[gcms]{scopes})$", predicates.join("|"));
    json!({
        "type": "object",
        "propertyNames": { "pattern": key },
        "additionalProperties": {
            "description": "A value, a list of them (`q[id_in][]=…`), or a group's members (`q[g][0][name_eq]=…`).",
            "anyOf": [
                { "type": ["string", "number", "boolean"] },
                { "type": "array", "items": { "type": ["string", "number", "boolean"] } },
                { "type": "object" },
            ],
        },
    })
}
