//! The definition of a workflow: an ordered list of steps, checked before it is stored and executed by the worker of
//! incoming-trigger.
//!
//! ```json
//! {"steps": [
//!   {"key": "contact", "type": "upsert_record", "resource": "contacts", "match": "email",
//!    "attributes": {"email": "{{trigger.body.customer.email}}"}},
//!   {"key": "tag", "type": "add_tag", "resource": "contacts", "id": "{{steps.contact.id}}", "tag": "Customer"},
//!   {"key": "review", "type": "start_sequence", "contact_id": "{{steps.contact.id}}", "sequence": "Post-Purchase Review"}
//! ]}
//! ```

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::template;

/// Steps at most.
pub const MAX_STEPS: usize = 50;

/// Resources that steps may create, change and tag.
const RESOURCES: [&str; 2] = ["contacts", "companies"];

/// A checked definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// In the order they run.
    pub steps: Vec<Step>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Unique in the workflow; later steps read its output at `steps.<key>`.
    pub key: String,
    /// What it does.
    #[serde(flatten)]
    pub action: Action,
}

/// What a step does. Every text in it may hold variables.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Creates a record.
    CreateRecord {
        /// JSON:API type.
        resource: String,
        /// Attributes by name.
        attributes: Map<String, Value>,
    },
    /// Changes the record with this id.
    UpdateRecord {
        /// JSON:API type.
        resource: String,
        /// The record.
        id: String,
        /// Attributes by name; those not named stay.
        attributes: Map<String, Value>,
    },
    /// Changes the record whose attribute `match` equals the one given, or creates it.
    UpsertRecord {
        /// JSON:API type.
        resource: String,
        /// Name of an attribute that stands in `attributes`.
        r#match: String,
        /// Attributes by name.
        attributes: Map<String, Value>,
    },
    /// Tags a record; makes the tag where the workspace has none of that name.
    AddTag {
        /// JSON:API type of the record.
        resource: String,
        /// The record.
        id: String,
        /// Name of the tag.
        tag: String,
    },
    /// Enrols a contact in a sequence of timed tasks.
    StartSequence {
        /// The contact.
        contact_id: String,
        /// Name of the sequence.
        sequence: String,
    },
}

impl Action {
    /// Its `type` in a definition.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::CreateRecord { .. } => "create_record",
            Self::UpdateRecord { .. } => "update_record",
            Self::UpsertRecord { .. } => "upsert_record",
            Self::AddTag { .. } => "add_tag",
            Self::StartSequence { .. } => "start_sequence",
        }
    }
}

/// Something wrong with a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// JSON pointer within the definition.
    pub pointer: String,
    /// What is wrong there.
    pub reason: String,
}

/// Reads and checks a definition.
///
/// # Errors
/// Everything that is wrong with it.
pub fn check(definition: &Value) -> Result<Definition, Vec<Fault>> {
    let fault = |pointer: String, reason: String| Fault { pointer, reason };
    let Some(steps) = definition.get("steps").and_then(Value::as_array) else {
        return Err(vec![fault(String::new(), "a definition is an object with an array `steps`".into())]);
    };
    let mut faults = Vec::new();
    if steps.len() > MAX_STEPS {
        faults.push(fault("/steps".into(), format!("at most {MAX_STEPS} steps")));
    }
    let mut checked: Vec<Step> = Vec::new();
    for (index, value) in steps.iter().enumerate() {
        let pointer = format!("/steps/{index}");
        match Step::deserialize(value) {
            Ok(step) => {
                faults.extend(
                    step.faults(value, &checked).into_iter().map(|reason| fault(pointer.clone(), reason)),
                );
                checked.push(step);
            }
            Err(error) => faults.push(fault(pointer, error.to_string())),
        }
    }
    if faults.is_empty() { Ok(Definition { steps: checked }) } else { Err(faults) }
}

impl Step {
    fn faults(&self, value: &Value, before: &[Self]) -> Vec<String> {
        let mut faults = Vec::new();
        let valid_key = self.key.len() <= 40
            && self.key.starts_with(|c: char| c.is_ascii_lowercase())
            && self.key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if !valid_key {
            faults.push(format!("the key `{}` is not [a-z][a-z0-9_]{{0,39}}", self.key));
        }
        if before.iter().any(|step| step.key == self.key) {
            faults.push(format!("the key `{}` stands twice", self.key));
        }
        match &self.action {
            Action::CreateRecord { resource, .. }
            | Action::UpdateRecord { resource, .. }
            | Action::UpsertRecord { resource, .. }
            | Action::AddTag { resource, .. }
                if !RESOURCES.contains(&resource.as_str()) =>
            {
                faults.push(format!("`resource` is one of {}", RESOURCES.join(", ")));
            }
            _ => {}
        }
        if let Action::UpsertRecord { r#match, attributes, .. } = &self.action
            && !attributes.contains_key(r#match)
        {
            faults.push(format!("`match` names `{match}`, which is not among `attributes`"));
        }
        match template::expressions(value) {
            Err(error) => faults.push(error.to_string()),
            Ok(expressions) => {
                for expression in expressions {
                    match (expression.root(), expression.name(1)) {
                        ("trigger", Some("body" | "headers" | "query")) => {}
                        ("trigger", _) => faults.push("`trigger` has `body`, `headers` and `query`".into()),
                        ("steps", Some(key)) if before.iter().any(|step| step.key == key) => {}
                        ("steps", key) => {
                            faults.push(format!("no step before this one is `{}`", key.unwrap_or_default()));
                        }
                        (root, _) => {
                            faults
                                .push(format!("`{root}` is not a variable; there are `trigger` and `steps`"));
                        }
                    }
                }
            }
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reasons(definition: &Value) -> Vec<(String, String)> {
        check(definition)
            .expect_err("faulty")
            .into_iter()
            .map(|fault| (fault.pointer, fault.reason))
            .collect()
    }

    #[test]
    fn the_documented_example_is_valid() {
        let definition = json!({"steps": [
            {"key": "contact", "type": "upsert_record", "resource": "contacts", "match": "email",
             "attributes": {"email": "{{trigger.body.customer.email}}"}},
            {"key": "tag", "type": "add_tag", "resource": "contacts", "id": "{{steps.contact.id}}", "tag": "Customer"},
            {"key": "review", "type": "start_sequence", "contact_id": "{{steps.contact.id}}",
             "sequence": "Post-Purchase Review"}
        ]});
        let checked = check(&definition).expect("valid");
        assert_eq!(checked.steps.len(), 3);
        assert_eq!(serde_json::to_value(&checked).expect("JSON"), definition);
        for (step, written) in checked.steps.iter().zip(definition["steps"].as_array().expect("steps")) {
            assert_eq!(written["type"], step.action.kind());
        }
    }

    #[test]
    fn every_fault_is_reported_with_its_step() {
        let found = reasons(&json!({"steps": [
            {"key": "A", "type": "add_tag", "resource": "users", "id": "{{steps.later.id}}", "tag": "{{"},
            {"key": "b", "type": "explode"},
            {"key": "c", "type": "upsert_record", "resource": "contacts", "match": "email", "attributes": {}},
            {"key": "c", "type": "start_sequence", "contact_id": "{{moon}}", "sequence": "{{trigger.x}}"},
        ]}));
        let pointers: Vec<&str> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
        assert_eq!(
            pointers,
            ["/steps/0", "/steps/0", "/steps/0", "/steps/1", "/steps/2", "/steps/3", "/steps/3", "/steps/3"]
        );
        assert!(found[3].1.contains("explode"));
    }

    #[test]
    fn a_definition_has_steps() {
        assert_eq!(reasons(&json!([]))[0].0, "");
        assert_eq!(reasons(&json!({"steps": 1}))[0].0, "");
        assert!(check(&json!({"steps": []})).is_ok());
    }
}
