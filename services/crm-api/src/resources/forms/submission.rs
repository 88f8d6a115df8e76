//! What a page sends: answers by the keys of fields, and what it says of itself by names that begin with `_`.

use std::collections::HashSet;

use pulse_jsonapi::document::ResourceInput;
use pulse_jsonapi::problem::{Source, pointer};
use pulse_jsonapi::{Code, Problem};
use pulse_resource::{Changes, Resource};
use serde_json::{Map, Value, json};
use url::{Url, form_urlencoded};

use super::Spam;
use super::field::Field;
use crate::collection;

/// Characters of an address that is kept.
const ADDRESS: usize = 2_048;
/// Characters of any other text that a page says of itself.
const TEXT: usize = 255;

/// What a page may say of itself.
const ASIDE: [&str; 7] = [
    "_page_url",
    "_referrer",
    "_session_id",
    "_visitor_fingerprint",
    "_consent",
    "_idempotency_key",
    "_elapsed_seconds",
];

/// What came, by name.
#[derive(Debug)]
pub(super) struct Received(Map<String, Value>);

/// What is kept of it.
#[derive(Debug)]
pub(super) struct Submission {
    pub(super) answers: Value,
    pub(super) page_url: Option<String>,
    pub(super) referrer: Option<String>,
    pub(super) utm: Value,
    pub(super) session_id: Option<String>,
    pub(super) visitor: Value,
    pub(super) consent: Value,
    pub(super) idempotency_key: Option<String>,
    /// Attributes of the contact or whatever else it makes; nothing for spam.
    pub(super) attributes: Option<Map<String, Value>>,
}

impl Received {
    /// Reads a body: JSON, or a form as browsers send it.
    ///
    /// # Errors
    /// When it is neither.
    pub(super) fn read(body: &[u8], is_form: bool) -> Result<Self, Problem> {
        if is_form {
            let mut names: Map<String, Value> = Map::new();
            for (name, value) in form_urlencoded::parse(body) {
                let value = Value::String(value.into_owned());
                match names.get_mut(&*name) {
                    None => {
                        names.insert(name.into_owned(), value);
                    }
                    Some(Value::Array(values)) => values.push(value),
                    Some(first) => *first = json!([first.take(), value]),
                }
            }
            collection::storable(&Value::Object(names.clone()))?;
            return Ok(Self(names));
        }
        let body: Value = serde_json::from_slice(body)
            .map_err(|fault| Problem::new(Code::MalformedJson, format!("The body is not JSON: {fault}.")))?;
        collection::storable(&body)?;
        match body {
            Value::Object(names) => Ok(Self(names)),
            _ => {
                Err(Problem::new(Code::MalformedDocument, "The body is an object of answers.").at_pointer(""))
            }
        }
    }

    /// Whether a program has filled it in: a field that people do not see, or faster than anybody can.
    pub(super) fn is_spam(&self, spam: &Spam) -> bool {
        let blank =
            |value: &Value| value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty());
        let trapped =
            spam.honeypot.as_ref().and_then(|name| self.0.get(name)).is_some_and(|value| !blank(value));
        let seconds = self.0.get("_elapsed_seconds").and_then(|value| {
            value.as_f64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()))
        });
        let hasty =
            spam.min_seconds.is_some_and(|least| seconds.is_none_or(|taken| taken < f64::from(least)));
        trapped || hasty
    }

    /// What came as it is kept of spam: without a look at it.
    pub(super) fn unchecked(self) -> Submission {
        Submission {
            answers: self.0.into(),
            page_url: None,
            referrer: None,
            utm: Value::Null,
            session_id: None,
            visitor: Value::Null,
            consent: Value::Null,
            idempotency_key: None,
            attributes: None,
        }
    }

    /// What came, checked against the fields.
    ///
    /// # Errors
    /// Everything that is wrong with it, each at the name it came under.
    pub(super) fn checked(
        mut self,
        fields: &[Field],
        honeypot: Option<&str>,
        target: Option<&'static Resource>,
        key: Option<String>,
    ) -> Result<Submission, Vec<Problem>> {
        let mut problems = Vec::new();
        let known: HashSet<&str> =
            fields.iter().map(|field| field.key.as_str()).chain(honeypot).chain(ASIDE).collect();
        for name in self.0.keys().filter(|name| !known.contains(name.as_str())) {
            let detail = format!("The form has no field {name:?}.");
            problems.push(Problem::new(Code::UnknownAttribute, detail).at_pointer(pointer(&[name])));
        }
        let (mut answers, mut attributes) = (Map::new(), Map::new());
        for field in fields {
            let given = self.0.get(&field.key);
            match field.answer(given) {
                Ok(Some(answer)) => {
                    if let Some(name) = &field.maps_to {
                        attributes.insert(name.clone(), answer.clone());
                    }
                    answers.insert(field.key.clone(), answer);
                }
                Ok(None) => {}
                Err((code, detail)) => {
                    let at = if given.is_some() { pointer(&[&field.key]) } else { String::new() };
                    problems.push(Problem::new(code, detail).at_pointer(at));
                }
            }
        }
        if let Some(target) = target {
            let input = ResourceInput { attributes: attributes.clone(), ..ResourceInput::default() };
            let wrong = Changes::creating(target, input).err().unwrap_or_default();
            problems.extend(wrong.into_iter().map(|problem| at_field(problem, fields)));
        }
        let page_url = self.aside("_page_url", ADDRESS, &mut problems);
        let submission = Submission {
            utm: page_url.as_deref().map_or(Value::Null, utm),
            page_url,
            referrer: self.aside("_referrer", ADDRESS, &mut problems),
            session_id: self.aside("_session_id", TEXT, &mut problems),
            visitor: self
                .aside("_visitor_fingerprint", TEXT, &mut problems)
                .map_or(Value::Null, |fingerprint| json!({ "fingerprint": fingerprint })),
            consent: self
                .aside("_consent", TEXT, &mut problems)
                .map_or(Value::Null, |given| json!({ "given": given })),
            idempotency_key: key.or(self.aside("_idempotency_key", TEXT, &mut problems)),
            answers: Value::Object(answers),
            attributes: Some(attributes),
        };
        if problems.is_empty() { Ok(submission) } else { Err(problems) }
    }

    /// A text that the page says of itself.
    fn aside(&mut self, name: &str, longest: usize, problems: &mut Vec<Problem>) -> Option<String> {
        let refuse = |code, detail| Problem::new(code, detail).at_pointer(pointer(&[name]));
        match self.0.remove(name)? {
            Value::Null => None,
            Value::String(text) if text.is_empty() => None,
            Value::String(text) if text.chars().count() <= longest => Some(text),
            Value::String(_) => {
                problems.push(refuse(Code::TooLong, format!("{name} has at most {longest} characters.")));
                None
            }
            Value::Bool(said) => Some(said.to_string()),
            _ => {
                problems.push(refuse(Code::WrongKind, format!("{name} is a text.")));
                None
            }
        }
    }
}

/// A problem of an attribute, at the field that leads to it.
fn at_field(mut problem: Problem, fields: &[Field]) -> Problem {
    let attribute = match &problem.source {
        Some(Source::Pointer(at)) => at.strip_prefix("/data/attributes/"),
        _ => None,
    };
    let field = attribute.and_then(|attribute| {
        let name = attribute.split('/').next();
        fields.iter().find(|field| field.maps_to.as_deref() == name)
    });
    let at = field.map_or_else(String::new, |field| pointer(&[&field.key]));
    problem.source = Some(Source::Pointer(at));
    problem
}

/// The campaign that led to a page, as its address says.
fn utm(page_url: &str) -> Value {
    let Ok(url) = Url::parse(page_url) else { return Value::Null };
    let said = url.query_pairs().filter_map(|(name, value)| {
        let name = name.strip_prefix("utm_")?;
        let known = ["source", "medium", "campaign", "term", "content"].contains(&name);
        (known && !value.contains('\0')).then(|| (name.to_owned(), json!(value)))
    });
    let said: Map<String, Value> = said.collect();
    if said.is_empty() { Value::Null } else { said.into() }
}
