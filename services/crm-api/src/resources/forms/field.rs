//! Fields of forms: what can be asked, and what an answer to it is.

use chrono::NaiveDate;
use pulse_jsonapi::{Code, Problem};
use pulse_resource::Resource;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

/// Characters of an answer at most.
const LONGEST: usize = 10_000;
/// Characters of an address at most (RFC 5321, 4.5.3.1.3).
const LONGEST_EMAIL: usize = 254;

/// A field.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Field {
    pub(super) key: String,
    #[serde(rename = "type")]
    pub(super) kind: Kind,
    #[serde(default)]
    pub(super) label: Option<String>,
    #[serde(default)]
    pub(super) required: bool,
    /// What can be chosen from.
    #[serde(default)]
    pub(super) options: Vec<String>,
    /// The attribute that an answer becomes.
    #[serde(default, skip_serializing)]
    pub(super) maps_to: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Text,
    Textarea,
    Email,
    Phone,
    Number,
    Url,
    Date,
    Select,
    Multiselect,
    Checkbox,
    Hidden,
}

/// Whether a text can name a field. Names that begin with `_` are what a page says of itself.
pub(super) fn is_key(text: &str) -> bool {
    text.len() <= 100
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

impl Field {
    /// What is wrong with the field by itself.
    pub(super) fn faults(&self) -> Vec<Problem> {
        let mut faults = Vec::new();
        if !is_key(&self.key) {
            let detail = "A key begins with a letter and has letters, digits, - and _ alone, at most 100.";
            faults.push(Problem::new(Code::Invalid, detail));
        }
        let chooses = matches!(self.kind, Kind::Select | Kind::Multiselect);
        if chooses == self.options.is_empty() {
            let detail = "A field of type select or multiselect has options, and no other has.";
            faults.push(Problem::new(Code::Invalid, detail));
        }
        faults
    }

    /// Why an answer cannot become an attribute of a record, if it cannot.
    pub(super) fn leads_nowhere(&self, target: &Resource) -> Option<String> {
        let name = self.maps_to.as_deref()?;
        let known = target.attribute(name).is_some_and(|attribute| attribute.writable);
        (!known).then(|| format!("{} has no attribute {name:?} that can be set.", target.name))
    }

    /// An answer as it is kept; nothing where it is blank.
    ///
    /// # Errors
    /// Why it is not one.
    pub(super) fn answer(&self, given: Option<&Value>) -> Result<Option<Value>, (Code, String)> {
        let answer = match given {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) if text.trim().is_empty() => None,
            Some(given) => self.read(given)?,
        };
        match answer {
            None if self.required => Err((Code::Required, format!("{} is required.", self.key))),
            answer => Ok(answer),
        }
    }

    fn read(&self, given: &Value) -> Result<Option<Value>, (Code, String)> {
        let key = &self.key;
        let wrong = |what: &str| (Code::Invalid, format!("{key} is {what}."));
        let text = || match given {
            Value::String(text) if text.chars().count() > LONGEST => {
                Err((Code::TooLong, format!("{key} has at most {LONGEST} characters.")))
            }
            Value::String(text) => Ok(text.trim()),
            _ => Err((Code::WrongKind, format!("{key} is a text."))),
        };
        Ok(Some(match self.kind {
            Kind::Text | Kind::Textarea | Kind::Hidden => json!(text()?),
            Kind::Email if is_email(text()?) => json!(text()?),
            Kind::Email => return Err(wrong("an e-mail address")),
            Kind::Phone if is_phone(text()?) => json!(text()?),
            Kind::Phone => return Err(wrong("a phone number")),
            Kind::Url if Url::parse(text()?).is_ok_and(|url| url.has_host()) => json!(text()?),
            Kind::Url => return Err(wrong("an address, such as https://example.com")),
            Kind::Date if NaiveDate::parse_from_str(text()?, "%Y-%m-%d").is_ok() => json!(text()?),
            Kind::Date => return Err(wrong("a date, such as 2026-01-31")),
            Kind::Number => match given {
                Value::Number(number) => json!(number),
                _ => serde_json::from_str(text()?)
                    .ok()
                    .filter(Value::is_number)
                    .ok_or_else(|| wrong("a number"))?,
            },
            Kind::Select => self.option(text()?)?,
            Kind::Multiselect => {
                let one = [given.clone()];
                let given = given.as_array().map_or(one.as_slice(), Vec::as_slice);
                let chosen = given.iter().map(|option| self.option(option.as_str().unwrap_or_default()));
                Value::Array(chosen.collect::<Result<_, _>>()?)
            }
            Kind::Checkbox => match given {
                Value::Bool(true) => json!(true),
                // One that is not ticked is no answer; browsers do not even send it.
                Value::Bool(false) => return Ok(None),
                _ if matches!(text()?, "on" | "true" | "1" | "yes") => json!(true),
                _ if matches!(text()?, "off" | "false" | "0" | "no") => return Ok(None),
                _ => return Err(wrong("ticked or not: true or false")),
            },
        }))
    }

    fn option(&self, chosen: &str) -> Result<Value, (Code, String)> {
        if self.options.iter().any(|option| option == chosen) {
            return Ok(json!(chosen));
        }
        Err((Code::Invalid, format!("{} is one of {}.", self.key, self.options.join(", "))))
    }
}

fn is_email(text: &str) -> bool {
    let parts = text.split_once('@');
    text.len() <= LONGEST_EMAIL
        && !text.contains(char::is_whitespace)
        && parts.is_some_and(|(name, host)| {
            let dotted = host.split('.').count() > 1 && host.split('.').all(|label| !label.is_empty());
            !name.is_empty() && dotted && !host.contains('@')
        })
}

fn is_phone(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    (4..=18).contains(&digits)
        && text
            .chars()
            .all(|sign| sign.is_ascii_digit() || matches!(sign, '+' | '-' | '.' | ' ' | '(' | ')' | '/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(kind: Value, options: &[&str]) -> Field {
        serde_json::from_value(json!({ "key": "x", "type": kind, "options": options })).expect("a field")
    }

    #[test]
    fn answers_are_kept_as_what_they_are() {
        let cases = [
            ("text", json!(" Ada "), json!("Ada")),
            ("email", json!("ada@example.com"), json!("ada@example.com")),
            ("phone", json!("+34 600 00 00 00"), json!("+34 600 00 00 00")),
            ("number", json!("12.5"), json!(12.5)),
            ("number", json!(3), json!(3)),
            ("url", json!("https://example.com/a"), json!("https://example.com/a")),
            ("date", json!("2026-02-28"), json!("2026-02-28")),
            ("checkbox", json!("on"), json!(true)),
            ("select", json!("a"), json!("a")),
            ("multiselect", json!("b"), json!(["b"])),
            ("multiselect", json!(["a", "b"]), json!(["a", "b"])),
        ];
        for (kind, given, kept) in cases {
            let options: &[&str] = if kind.ends_with("select") { &["a", "b"] } else { &[] };
            assert_eq!(field(json!(kind), options).answer(Some(&given)), Ok(Some(kept)), "{kind} {given}");
        }
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        let cases = [
            ("text", json!(7)),
            ("email", json!("ada@")),
            ("email", json!("ada@localhost")),
            ("phone", json!("call me")),
            ("number", json!("a lot")),
            ("url", json!("example.com")),
            ("date", json!("2026-02-30")),
            ("checkbox", json!("perhaps")),
            ("select", json!("c")),
            ("multiselect", json!(["a", "c"])),
        ];
        for (kind, given) in cases {
            let options: &[&str] = if kind.ends_with("select") { &["a", "b"] } else { &[] };
            assert!(field(json!(kind), options).answer(Some(&given)).is_err(), "{kind} {given}");
        }
    }

    #[test]
    fn blanks_and_boxes_that_are_not_ticked_are_no_answer() {
        let mut required = field(json!("checkbox"), &[]);
        assert_eq!(required.answer(Some(&json!(false))), Ok(None));
        required.required = true;
        assert!(required.answer(Some(&json!(false))).is_err());
        assert_eq!(field(json!("text"), &[]).answer(Some(&json!("  "))), Ok(None));
    }
}
