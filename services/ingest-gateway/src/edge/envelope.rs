//! The body of a request, `{type, token, data}`, taken apart: JSON whatever its content type says.
//!
//! The text is scanned once into members that are still text; each member that is asked for is then read as what it
//! has to be. Members nobody asks for cost nothing more and are no error: clients are newer than servers.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::refusal::Refusal;
use crate::accepted::Kind;

/// Characters of an identifier. A longer one is refused: cut short, two could become one.
const IDENTIFIER_CHARS: usize = 255;

/// The members of a JSON object, in order, each still text.
#[derive(Debug)]
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Members<'a> {
    /// A member that is there and not null. Of several with one name the last counts, as in JavaScript.
    fn find(&self, name: &str) -> Option<&'a RawValue> {
        let (_, value) = self.0.iter().rev().find(|(member, _)| member == name)?;
        (value.get() != "null").then_some(*value)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(20);
                while let Some((Name(name), value)) = map.next_entry()? {
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// The body of a request.
#[derive(Debug)]
pub(crate) struct Envelope<'a>(Members<'a>);

impl<'a> Envelope<'a> {
    /// Takes a body apart.
    pub(crate) fn parse(body: &'a [u8]) -> Result<Self, Refusal> {
        serde_json::from_slice(body).map(Self).map_err(|error| {
            Refusal::Malformed(if error.is_data() {
                "The body must be a JSON object.".to_owned()
            } else {
                format!("The body is not valid JSON: {error}.")
            })
        })
    }

    /// The token, where the body carries one.
    pub(crate) fn token(&self) -> Option<String> {
        self.0.find("token").and_then(text).filter(|token| !token.is_empty())
    }

    /// What is sent.
    pub(crate) fn kind(&self) -> Result<Kind, Refusal> {
        let Some(kind) = self.0.find("type") else {
            return Err(Refusal::Malformed("The type field is required.".into()));
        };
        let name = text(kind);
        Kind::ALL.into_iter().find(|kind| Some(kind.name()) == name.as_deref()).ok_or_else(|| {
            let names = Kind::ALL.map(Kind::name).join(", ");
            Refusal::Malformed(format!("The type field must be one of: {names}."))
        })
    }

    /// The facts, still to be checked.
    pub(crate) fn data(&self, kind: Kind) -> Result<Data<'a>, Refusal> {
        let Some(data) = self.0.find("data") else {
            return Err(Refusal::Malformed("The data field is required.".into()));
        };
        match serde_json::from_str(data.get()) {
            Ok(members) => Ok(Data { members, kind }),
            Err(_) => Err(Refusal::Malformed("The data field must be an object.".into())),
        }
    }
}

/// The member `data` of a body.
#[derive(Debug)]
pub(crate) struct Data<'a> {
    members: Members<'a>,
    kind: Kind,
}

impl Data<'_> {
    /// What is sent.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// The answer to a field that is not what it has to be; `complaint` ends the sentence.
    pub(crate) fn refuse(&self, field: &str, complaint: &str) -> Refusal {
        Refusal::Malformed(match self.kind {
            Kind::Revenue => format!("{field} {complaint}"),
            _ => format!("The data.{field} field {complaint}"),
        })
    }

    /// A text that names something. Empty counts as absent.
    pub(crate) fn identifier(&self, field: &str) -> Result<Option<String>, Refusal> {
        match self.text(field)? {
            Some(text) if text.chars().nth(IDENTIFIER_CHARS).is_some() => {
                Err(self.refuse(field, &format!("must not be longer than {IDENTIFIER_CHARS} characters.")))
            }
            text => Ok(text),
        }
    }

    /// An identifier that has to be there.
    pub(crate) fn required(&self, field: &str) -> Result<String, Refusal> {
        self.identifier(field)?.ok_or_else(|| self.refuse(field, "is required."))
    }

    /// The visitor, where the client knows it. The contract has one text for all that is wrong with it.
    pub(crate) fn visitor_fingerprint(&self) -> Result<Option<String>, Refusal> {
        let field = "visitor_fingerprint";
        match self.members.find(field).map(text) {
            None => Ok(None),
            Some(Some(text)) if !text.is_empty() => self.identifier(field),
            Some(_) => Err(self.refuse(field, "is required.")),
        }
    }

    /// A text that describes something. A longer one is cut: a visit must not be lost for a long title.
    pub(crate) fn description(&self, field: &str, chars: usize) -> Result<Option<String>, Refusal> {
        let mut text = self.text(field)?;
        if let Some(text) = &mut text
            && let Some((end, _)) = text.char_indices().nth(chars)
        {
            text.truncate(end);
        }
        Ok(text)
    }

    /// A JSON object, as text. It is read and written again, so that the database is given nothing that it refuses.
    pub(crate) fn object(&self, field: &str) -> Result<Option<Box<RawValue>>, Refusal> {
        let Some(raw) = self.members.find(field) else { return Ok(None) };
        let Ok(mut value) = serde_json::from_str::<Value>(raw.get()) else {
            return Err(self.refuse(field, "cannot be read as JSON."));
        };
        if !value.is_object() {
            return Err(self.refuse(field, "must be an object."));
        }
        if raw.get().contains(r"\u0000") {
            strip_nul(&mut value);
        }
        let text = serde_json::value::to_raw_value(&value).expect("JSON that was read can be written");
        Ok(Some(text))
    }

    /// An integer that is not negative.
    pub(crate) fn integer(&self, field: &str, complaint: &str) -> Result<Option<u64>, Refusal> {
        self.read(field, complaint)
    }

    /// A number.
    pub(crate) fn number(&self, field: &str, complaint: &str) -> Result<Option<f64>, Refusal> {
        self.read(field, complaint)
    }

    /// `true` or `false`.
    pub(crate) fn flag(&self, field: &str) -> Result<Option<bool>, Refusal> {
        self.read(field, "must be a boolean.")
    }

    fn text(&self, field: &str) -> Result<Option<String>, Refusal> {
        let Some(raw) = self.members.find(field) else { return Ok(None) };
        let text = text(raw).ok_or_else(|| self.refuse(field, "must be a string."))?;
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    fn read<T: serde::de::DeserializeOwned>(
        &self,
        field: &str,
        complaint: &str,
    ) -> Result<Option<T>, Refusal> {
        let Some(raw) = self.members.find(field) else { return Ok(None) };
        match serde_json::from_str(raw.get()) {
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(self.refuse(field, complaint)),
        }
    }
}

/// A JSON string without the characters that PostgreSQL cannot store.
fn text(raw: &RawValue) -> Option<String> {
    let mut text: String = serde_json::from_str(raw.get()).ok()?;
    text.retain(|character| character != '\0');
    Some(text)
}

fn strip_nul(value: &mut Value) {
    match value {
        Value::String(text) => text.retain(|character| character != '\0'),
        Value::Array(items) => items.iter_mut().for_each(strip_nul),
        Value::Object(members) => {
            *members = std::mem::take(members)
                .into_iter()
                .map(|(mut name, mut value)| {
                    name.retain(|character| character != '\0');
                    strip_nul(&mut value);
                    (name, value)
                })
                .collect();
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
