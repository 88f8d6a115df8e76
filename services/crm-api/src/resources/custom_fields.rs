//! Custom fields: what a workspace adds to its records. What they do to those records is the engine's
//! ([`pulse_resource::custom_fields`]).
//!
//! A field that is deleted is neither shown nor filtered by; its values stay where they are and are there again when it
//! is restored. A field that is created under the key of a deleted one starts empty, and while it lives the deleted one
//! cannot be restored. A field that is purged takes its values with it, as far as anybody can see.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use pulse_jsonapi::problem::pointer;
use pulse_jsonapi::ransack::Predicate;
use pulse_jsonapi::{Code, Problem};
use pulse_resource::custom_fields::{ATTRIBUTE, FieldKind};
use pulse_resource::render::Record;
use pulse_resource::write::{Transaction, Work};
use pulse_resource::{Changes, Error, Resource, attribute};
use pulse_store::schema::custom_fields;
use serde_json::Value;

/// Characters of a key.
const KEY: usize = 40;
/// Choices of a field, and characters of each.
const CHOICES: usize = 500;
const CHOICE: usize = 255;
/// Fields of one resource that are not deleted: all of them are read with a record that has values.
const FIELDS: i64 = 200;

/// The declaration.
pub(crate) static CUSTOM_FIELDS: Resource = Resource {
    name: "custom_fields",
    table: "custom_fields",
    attributes: &[
        attribute::<custom_fields::resource>()
            .required()
            .choices(&["contacts", "companies", "leads", "deals", "tickets"])
            .filter()
            .sort(),
        attribute::<custom_fields::key>().required().max_len(KEY).filter().sort(),
        attribute::<custom_fields::label>().required().filter().sort(),
        attribute::<custom_fields::kind>().required().choices(&FieldKind::NAMES).filter().sort(),
        attribute::<custom_fields::choices>(),
        attribute::<custom_fields::required>().filter(),
        attribute::<custom_fields::unique_values>().filter(),
        attribute::<custom_fields::description>().max_len(2_000).filter(),
        attribute::<custom_fields::position>().filter().sort(),
        attribute::<custom_fields::created_at>().read_only().filter().sort(),
        attribute::<custom_fields::updated_at>().read_only().filter().sort(),
    ],
    validate,
    prepare: Some(|_, old, changes| Box::pin(std::future::ready(consistent(old, changes)))),
    follow: Some(follow),
    ..Resource::DEFAULT
};

fn validate(changes: &Changes) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(key) = changes.text("key") {
        problems.extend(key_fault(key).map(|fault| Problem::invalid("key", fault)));
    }
    if let Some(choices) = changes.value("choices") {
        problems.extend(choices_fault(choices).map(|fault| Problem::invalid("choices", fault)));
    }
    problems
}

/// What is wrong with a key; it must leave no doubt what a filter means.
fn key_fault(key: &str) -> Option<String> {
    let plain = key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !plain || !key.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Some("A key is made of a-z, 0-9 and _, and starts with a letter.".to_owned());
    }
    let name = format!("{ATTRIBUTE}_{key}");
    if let Some((_, predicate)) = Predicate::split(&name) {
        return Some(format!("A key does not end in a predicate of filters, as {}.", predicate.name));
    }
    let joins = ["_or_", "_and_"].into_iter().find(|join| format!("{name}_").contains(join));
    joins.map(|join| format!("A key does not contain {join}, which joins names in filters."))
}

fn choices_fault(choices: &Value) -> Option<String> {
    if choices.is_null() {
        return None;
    }
    let texts: Option<Vec<&str>> =
        choices.as_array().and_then(|choices| choices.iter().map(Value::as_str).collect());
    let fits = texts.is_some_and(|texts| {
        let lengths = texts.iter().all(|text| (1..=CHOICE).contains(&text.chars().count()));
        let once = (1..texts.len()).all(|index| !texts[..index].contains(&texts[index]));
        (1..=CHOICES).contains(&texts.len()) && lengths && once
    });
    (!fits)
        .then(|| format!("choices are 1 to {CHOICES} different texts of 1 to {CHOICE} characters, or null."))
}

/// Checks what a field would be after the change: what identifies it does not change, choices stand where they mean
/// something, and what is to be unique can be.
fn consistent(old: Option<&Record>, changes: &Changes) -> Result<(), Error> {
    let mut problems = Vec::new();
    if let Some(old) = old {
        for name in ["resource", "key", "kind"] {
            if changes.value(name).is_some_and(|value| *value != old.get(name)) {
                problems.push(Problem::invalid(name, format!("The {name} of a field does not change.")));
            }
        }
    }
    let value = |name: &str| match (changes.value(name), old) {
        (Some(value), _) => value.clone(),
        (None, Some(old)) => old.get(name),
        (None, None) => Value::Null,
    };
    let kind = value("kind").as_str().and_then(FieldKind::named);
    if let Some(kind) = kind
        && kind.has_choices() == value("choices").is_null()
    {
        let at = if changes.value("choices").is_some() {
            pointer(&["data", "attributes", "choices"])
        } else {
            "/data".into()
        };
        let problem = if kind.has_choices() {
            Problem::new(Code::Required, format!("A field of the kind {} needs choices.", kind.name()))
        } else {
            Problem::new(Code::Invalid, format!("A field of the kind {} has no choices.", kind.name()))
        };
        problems.push(problem.at_pointer(at));
    }
    if changes.value("unique_values") == Some(&Value::Bool(true)) {
        if kind.is_some_and(|kind| !kind.can_be_unique()) {
            problems.push(Problem::invalid("unique_values", "Values of this kind cannot be unique."));
        } else if old.is_some_and(|old| old.get("unique_values") == Value::Bool(false)) {
            let detail = "Values that are there may repeat; a field is unique from the start or not at all.";
            problems.push(Problem::invalid("unique_values", detail));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems.into()) }
}

/// Refuses one field too many, be it created or restored.
fn follow<'a>(
    transaction: &'a mut Transaction,
    old: Option<&'a Record>,
    new: Option<&'a Record>,
) -> Work<'a> {
    Box::pin(async move {
        let (None, Some(field)) = (old, new) else { return Ok(()) };
        let resource = field.get("resource").as_str().unwrap_or_default().to_owned();
        let workspace = transaction.workspace();
        let count: i64 = custom_fields::table
            .filter(custom_fields::workspace_id.eq(workspace.0))
            .filter(custom_fields::resource.eq(&resource))
            .filter(custom_fields::deleted_at.is_null())
            .count()
            .get_result(transaction.connection())
            .await?;
        if count > FIELDS {
            let detail =
                format!("There are {FIELDS} custom fields of {resource} already, which is the most.");
            return Err(Problem::new(Code::StateConflict, detail).into());
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_name_that_filters_can_take_apart() {
        for key in ["tier", "a", "annual_spend_2026", "equal", "order", "brand"] {
            assert_eq!(key_fault(key), None, "{key}");
        }
        for key in [
            "",
            "Tier",
            "2nd",
            "_tier",
            "tier-a",
            "größe",
            "eq",
            "tier_eq",
            "plan_not_in",
            "in",
            "a_or_b",
            "or_b",
            "a_and_b",
            "true",
            "last_present",
            "cont_any",
            "this_or",
        ] {
            assert!(key_fault(key).is_some(), "{key}");
        }
    }

    #[test]
    fn choices_are_different_texts() {
        use serde_json::json;
        for choices in [json!(null), json!(["a"]), json!(["a", "b"])] {
            assert_eq!(choices_fault(&choices), None, "{choices}");
        }
        for choices in [
            json!([]),
            json!("a"),
            json!({}),
            json!([1]),
            json!([""]),
            json!(["a", "a"]),
            json!(["x".repeat(256)]),
        ] {
            assert!(choices_fault(&choices).is_some(), "{choices}");
        }
    }
}
