//! The normal form of values, in which they are stored, shown and compared: what is equal has one text, and the order of
//! the texts of dates and instants is their order in time.

use chrono::{DateTime, Datelike, NaiveDate, SecondsFormat, Utc};
use pulse_jsonapi::Code;
use pulse_jsonapi::ransack;
use serde_json::Value;
use url::Url;

use super::kind::SCALE;
use super::{Field, FieldKind};
use crate::changes;

/// Characters of a short text.
const TEXT: usize = 255;
/// Characters of a long text.
const LONG_TEXT: usize = 65_535;
/// Characters of an address, as far as browsers agree.
const URL: usize = 2_048;
/// Characters of an e-mail address (RFC 5321, section 4.5.3.1.3).
const EMAIL: usize = 254;
/// Digits of a phone number (E.164).
const PHONE: std::ops::RangeInclusive<usize> = 3..=15;

/// The normal form of a value, which is not null.
///
/// # Errors
/// What is wrong with it.
pub(super) fn normal(field: &Field, value: &Value) -> Result<Value, (Code, String)> {
    let key = &field.key;
    let wrong = |noun: &str| (Code::WrongKind, format!("{key} is {noun}."));
    Ok(match field.kind {
        FieldKind::Text => text(key, value, TEXT)?.into(),
        FieldKind::LongText => text(key, value, LONG_TEXT)?.into(),
        FieldKind::Integer => value.as_i64().ok_or_else(|| wrong("an integer"))?.into(),
        FieldKind::Decimal => plain(&changes::decimal(key, value, SCALE)?).into(),
        FieldKind::Boolean => value.as_bool().ok_or_else(|| wrong("true or false"))?.into(),
        FieldKind::Date => date(value).ok_or_else(|| wrong("a date like 2026-01-31"))?.into(),
        FieldKind::DateTime => {
            instant(value).ok_or_else(|| wrong("a time like 2026-01-31T12:00:00Z"))?.into()
        }
        FieldKind::Choice => choice(field, value)?.into(),
        FieldKind::MultiChoice => {
            let chosen = value.as_array().ok_or_else(|| wrong("an array of choices"))?;
            let chosen: Vec<&str> =
                chosen.iter().map(|choice| self::choice(field, choice)).collect::<Result<_, _>>()?;
            // In the order of the choices and each once, so that equal sets are equal texts.
            let known = field.choices.iter().filter(|choice| chosen.contains(&choice.as_str()));
            known.cloned().collect()
        }
        FieldKind::Url => {
            let url = Url::parse(text(key, value, URL)?).ok();
            let url = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
            String::from(url.ok_or_else(|| wrong("an address that starts with http:// or https://"))?).into()
        }
        FieldKind::Email => {
            let address = text(key, value, EMAIL)?;
            let parts =
                address.split_once('@').filter(|(local, domain)| !local.is_empty() && !domain.is_empty());
            let plain = !address.contains(char::is_whitespace) && address.matches('@').count() == 1;
            parts.filter(|_| plain).ok_or_else(|| wrong("an e-mail address"))?;
            address.to_lowercase().into()
        }
        FieldKind::Phone => phone(text(key, value, TEXT)?).ok_or_else(|| wrong("a phone number"))?.into(),
    })
}

/// The JSON that a field has where it equals what a filter gives; `None` where no value can.
pub(super) fn equal(value: &ransack::Value) -> Option<Value> {
    Some(match value {
        ransack::Value::Text(text) => text.as_str().into(),
        ransack::Value::Integer(number) => (*number).into(),
        ransack::Value::Decimal(number) => plain(number).into(),
        ransack::Value::Boolean(value) => (*value).into(),
        ransack::Value::Json(value) => Value::Array(vec![value.clone()]),
        _ => return None,
    })
}

/// The text that a date is stored as.
pub(super) fn date_text(date: NaiveDate) -> String {
    date.format("%Y-%m-%d").to_string()
}

/// The text that an instant is stored as.
pub(super) fn instant_text(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Micros, true)
}

fn plain(number: &bigdecimal::BigDecimal) -> String {
    number.normalized().to_plain_string()
}

fn text<'a>(key: &str, value: &'a Value, most: usize) -> Result<&'a str, (Code, String)> {
    let text = value.as_str().ok_or_else(|| (Code::WrongKind, format!("{key} is a text.")))?;
    if text.chars().count() > most {
        return Err((Code::TooLong, format!("{key} has at most {most} characters.")));
    }
    Ok(text)
}

fn choice<'a>(field: &Field, value: &'a Value) -> Result<&'a str, (Code, String)> {
    let choice = value.as_str().filter(|choice| field.choices.iter().any(|known| known == choice));
    choice.ok_or_else(|| (Code::Invalid, format!("{} is one of {}.", field.key, field.choices.join(", "))))
}

/// Years of four digits alone: others have texts of another length.
fn four_digits(date: impl Datelike) -> bool {
    (0..=9_999).contains(&date.year())
}

fn date(value: &Value) -> Option<String> {
    let date = NaiveDate::parse_from_str(value.as_str()?, "%Y-%m-%d").ok()?;
    four_digits(date).then(|| date_text(date))
}

fn instant(value: &Value) -> Option<String> {
    let instant = DateTime::parse_from_rfc3339(value.as_str()?).ok()?.with_timezone(&Utc);
    four_digits(instant).then(|| instant_text(instant))
}

/// Digits, behind a plus where there is one; what people put between them is left out.
fn phone(text: &str) -> Option<String> {
    let (plus, rest) = match text.trim().strip_prefix('+') {
        Some(rest) => ("+", rest),
        None => ("", text.trim()),
    };
    if rest.contains(|c: char| !c.is_ascii_digit() && !" -./()".contains(c)) {
        return None;
    }
    let digits: String = rest.chars().filter(char::is_ascii_digit).collect();
    PHONE.contains(&digits.len()).then(|| format!("{plus}{digits}"))
}
