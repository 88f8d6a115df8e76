//! What things are called in the document.

use pulse_resource::Resource;
use serde_json::{Value, json};

/// The component of a resource: `sequence_enrollments` is `SequenceEnrollments`, with what follows behind it.
pub(super) fn component(resource: &Resource, what: &str) -> String {
    let words = resource.name.split('_').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_uppercase() + rest
    });
    words.collect::<String>() + what
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
