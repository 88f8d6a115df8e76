//! What a client wants custom fields to be. The attribute is one object; a key that is given is set, one that is null is
//! cleared, and one that is not given stays as it is.

use pulse_jsonapi::problem::pointer;
use pulse_jsonapi::{Code, Problem};
use pulse_store::JsonText;
use serde_json::{Map, Value};

use super::{ATTRIBUTE, Definitions, Field, value};
use crate::declare::Resource;
use crate::statement::{Bind, json_text};

/// Values in their normal form, null for those that are cleared.
#[derive(Clone, Debug, Default)]
pub(crate) struct Given(Vec<(Field, Value)>);

impl Given {
    /// Checks the attribute of a record, which is `new` or not, and adds everything that is wrong with it to `problems`.
    pub(crate) fn read(
        definitions: &Definitions,
        resource: &Resource,
        attribute: Option<&Value>,
        new: bool,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let none = Map::new();
        let members = match attribute {
            None => &none,
            Some(Value::Object(members)) => members,
            Some(other) => {
                let code = if other.is_null() { Code::Required } else { Code::WrongKind };
                let detail = format!("{ATTRIBUTE} is an object.");
                problems.push(Problem::new(code, detail).at_pointer(at(&[])));
                return Self::default();
            }
        };
        let mut given = Self::default();
        for (key, value) in members {
            let Some(field) = definitions.named(resource, key) else {
                let detail = format!("{} has no custom field {key:?}.", resource.name);
                let known = definitions.of(resource).map(|field| field.key.as_str());
                problems.push(
                    Problem::new(Code::UnknownAttribute, detail).at_pointer(at(&[key])).allowing(known),
                );
                continue;
            };
            let normal = match value {
                Value::Null if field.required => Err((Code::Required, format!("{key} cannot be null."))),
                Value::Null => Ok(Value::Null),
                value => value::normal(field, value),
            };
            match normal {
                Ok(value) => given.0.push((field.clone(), value)),
                Err((code, detail)) => problems.push(Problem::new(code, detail).at_pointer(at(&[key]))),
            }
        }
        if new {
            // What is not there cannot be pointed at.
            let place = if attribute.is_some() { at(&[]) } else { "/data".to_owned() };
            let required = definitions.of(resource).filter(|field| field.required);
            let missing = required.filter(|field| !members.contains_key(&field.key));
            problems.extend(missing.map(|field| {
                let detail = format!("The custom field {} is required.", field.key);
                Problem::new(Code::Required, detail).at_pointer(&place)
            }));
        }
        given
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether another record may have a value already that must be unique.
    pub(crate) fn may_collide(&self) -> bool {
        self.0.iter().any(|(field, value)| field.unique && !value.is_null())
    }

    /// The values by the ids of their fields, as they are stored.
    pub(crate) fn by_id(&self) -> Bind {
        let members = self.0.iter().map(|(field, value)| (field.id.to_string(), value.clone()));
        Bind::Members(JsonText(json_text(&Value::Object(members.collect()))))
    }
}

/// The pointer of a member of the attribute.
pub(super) fn at(member: &[&str]) -> String {
    pointer(&[&["data", "attributes", ATTRIBUTE], member].concat())
}
