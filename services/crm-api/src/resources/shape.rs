//! Shapes of attributes that hold JSON, for those of which the shape is promised.

use pulse_jsonapi::Problem;
use pulse_jsonapi::problem::pointer;
use pulse_resource::Changes;
use serde_json::Value;

/// What a member holds. It may be missing, and it may be null.
#[derive(Clone, Copy, Debug)]
pub(super) enum Member {
    /// A text.
    Text,
    /// True or false.
    Flag,
    /// A country as ISO 3166-1 has it: two capital letters.
    Country,
    /// An instant as RFC 3339 has it.
    Instant,
    /// A decimal number, written as a number or as a text.
    Amount,
}

impl Member {
    fn holds(self, value: &Value) -> bool {
        match (self, value) {
            (_, Value::Null) | (Self::Text, Value::String(_)) | (Self::Flag, Value::Bool(_)) => true,
            (Self::Country, Value::String(code)) => {
                code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase())
            }
            (Self::Amount, Value::Number(_)) => true,
            (Self::Amount, Value::String(text)) => text.parse().is_ok_and(f64::is_finite),
            (Self::Instant, Value::String(text)) => chrono::DateTime::parse_from_rfc3339(text).is_ok(),
            _ => false,
        }
    }

    const fn noun(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Flag => "true or false",
            Self::Country => "a country code of two capital letters",
            Self::Instant => "an instant",
            Self::Amount => "a decimal number",
        }
    }
}

/// The members of an object, by their names.
pub(super) type Shape = &'static [(&'static str, Member)];

/// A postal address.
pub(super) const ADDRESS: Shape = &[
    ("street", Member::Text),
    ("city", Member::Text),
    ("region", Member::Text),
    ("postal_code", Member::Text),
    ("country", Member::Country),
];

/// What is wrong with an attribute that is an object.
pub(super) fn object(changes: &Changes, attribute: &str, shape: Shape) -> Vec<Problem> {
    match changes.value(attribute) {
        None | Some(Value::Null) => Vec::new(),
        Some(value) => faults(value, shape, &[attribute]),
    }
}

/// What is wrong with an attribute that is an array of objects.
pub(super) fn objects(changes: &Changes, attribute: &str, shape: Shape) -> Vec<Problem> {
    elements(changes, attribute, |element, at| faults(element, shape, at))
}

/// What is wrong with an attribute that is an array of texts.
pub(super) fn texts(changes: &Changes, attribute: &str) -> Vec<Problem> {
    elements(changes, attribute, |element, at| {
        if element.is_string() { Vec::new() } else { vec![fault(at, "It is an array of texts.".into())] }
    })
}

fn elements(
    changes: &Changes,
    attribute: &str,
    check: impl Fn(&Value, &[&str]) -> Vec<Problem>,
) -> Vec<Problem> {
    match changes.value(attribute) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(elements)) => {
            let check = |(index, element): (usize, _)| check(element, &[attribute, &index.to_string()]);
            elements.iter().enumerate().flat_map(check).collect()
        }
        Some(_) => vec![fault(&[attribute], format!("{attribute} is an array."))],
    }
}

fn faults(value: &Value, shape: Shape, at: &[&str]) -> Vec<Problem> {
    let names = || shape.iter().map(|(name, _)| *name);
    let Some(members) = value.as_object() else {
        return vec![fault(at, "It is an object".into()).allowing(names())];
    };
    let check = |(name, value): (&String, &Value)| {
        let inside: Vec<&str> = at.iter().copied().chain([name.as_str()]).collect();
        match shape.iter().find(|(known, _)| known == name) {
            None => Some(fault(&inside, format!("It has no member {name:?}")).allowing(names())),
            Some((_, member)) if member.holds(value) => None,
            Some((_, member)) => Some(fault(&inside, format!("{name} is {}.", member.noun()))),
        }
    };
    members.iter().filter_map(check).collect()
}

fn fault(at: &[&str], detail: String) -> Problem {
    let segments: Vec<&str> = ["data", "attributes"].into_iter().chain(at.iter().copied()).collect();
    Problem::new(pulse_jsonapi::Code::Invalid, detail).at_pointer(pointer(&segments))
}
