//! The schema of a single value: what an attribute holds, as JSON Schema says it.

use pulse_jsonapi::ransack::Kind;
use pulse_resource::Attribute;
use pulse_resource::changes::DIGITS;
use serde_json::{Map, Value, json};

/// The schemas of a resource's attributes, by name.
pub(crate) fn properties(attributes: &[Attribute]) -> Value {
    attributes
        .iter()
        .map(|attribute| (attribute.name.to_owned(), schema(attribute)))
        .collect::<Map<_, _>>()
        .into()
}

fn schema(attribute: &Attribute) -> Value {
    if attribute.custom {
        return json!({
            "type": "object",
            "description": "The workspace's custom fields (`custom_fields`) by their keys. In a change, a key that is \
                            given is set, one that is null is cleared, and one that is not given stays as it is.",
        });
    }
    let mut schema = of_kind(attribute.kind, attribute.nullable);
    let Some(members) = schema.as_object_mut() else { return schema };
    if attribute.kind == Kind::Text {
        if attribute.choices.is_empty() {
            if attribute.writable {
                members.insert("maxLength".into(), attribute.max_len.into());
            }
        } else {
            let null = attribute.nullable.then_some(Value::Null);
            let choices = attribute.choices.iter().copied().map(Value::from).chain(null);
            members.insert("enum".into(), choices.collect());
        }
    }
    if !attribute.writable {
        members.insert("readOnly".into(), true.into());
    }
    if !attribute.readable {
        members.insert("writeOnly".into(), true.into());
    }
    if let Some(example) = example(attribute) {
        members.insert("examples".into(), json!([example]));
    }
    schema
}

/// The schema of a kind of value, as it is written and as it is read.
fn of_kind(kind: Kind, nullable: bool) -> Value {
    let (name, more) = match kind {
        Kind::Text => ("string", json!({})),
        Kind::Integer => ("integer", json!({ "format": "int32", "minimum": i32::MIN, "maximum": i32::MAX })),
        Kind::BigInteger => {
            ("integer", json!({ "format": "int64", "minimum": i64::MIN, "maximum": i64::MAX }))
        }
        // A text, since a JSON number loses digits in most clients.
        Kind::Decimal { scale } => ("string", json!({ "format": "decimal", "pattern": decimal(scale) })),
        Kind::Float => ("number", json!({ "format": "double" })),
        Kind::Boolean => ("boolean", json!({})),
        Kind::Date => ("string", json!({ "format": "date" })),
        Kind::DateTime => ("string", json!({ "format": "date-time" })),
        Kind::Uuid => ("string", json!({ "format": "uuid" })),
        Kind::Json if nullable => return json!({}),
        Kind::Json => return json!({ "not": { "type": "null" } }),
    };
    let mut schema = Map::new();
    schema.insert("type".into(), if nullable { json!([name, "null"]) } else { name.into() });
    if let Value::Object(more) = more {
        schema.extend(more);
    }
    schema.into()
}

/// Decimals with so many digits after the point.
fn decimal(scale: u32) -> String {
    let whole = DIGITS - scale;
    let fraction = if scale == 0 { String::new() } else { format!(r"(\.[0-9]{{1,{scale}}})?") };
    format!("^-?[0-9]{{1,{whole}}}{fraction}$")
}

/// What a value looks like, where its kind or its name tells.
fn example(attribute: &Attribute) -> Option<Value> {
    Some(match attribute.kind {
        Kind::Text => match (attribute.choices.first(), attribute.name) {
            (Some(first), _) => json!(first),
            (None, "first_name") => json!("Ada"),
            (None, "last_name") => json!("Lovelace"),
            (None, "phone") => json!("+44 20 7946 0000"),
            (None, "currency") => json!("EUR"),
            (None, name) if name.ends_with("email") => json!("ada@acme.example"),
            (None, name) if name.ends_with("url") || name == "website" => json!("https://acme.example/"),
            _ => return None,
        },
        Kind::Integer | Kind::BigInteger => json!(42),
        Kind::Decimal { scale } => json!(if scale < 2 { "49" } else { "49.90" }),
        Kind::Float => json!(0.5),
        Kind::Date => json!("2026-01-31"),
        Kind::DateTime => json!("2026-01-31T12:00:00Z"),
        Kind::Uuid => json!("01934567-89ab-7def-8123-456789abcdef"),
        Kind::Boolean | Kind::Json => return None,
    })
}
