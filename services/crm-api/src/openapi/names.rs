//! What things are called in the document, and how they are referred to.

use pulse_resource::Resource;
use serde_json::{Value, json};

/// The component of a resource, or what else of it is one: `ContactCollection`.
pub(super) fn component(resource: &Resource, what: &str) -> String {
    resource.class_name() + what
}

/// A reference to a schema.
pub(super) fn schema(name: &str) -> Value {
    reference("schemas", name)
}

/// A reference to a schema of a resource.
pub(super) fn schema_of(resource: &Resource, what: &str) -> Value {
    schema(&component(resource, what))
}

/// A reference to a component.
pub(super) fn reference(section: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{section}/{name}") })
}
