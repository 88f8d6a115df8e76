//! One value and one operator. The kind of a value is seen from the value: a number, true or false, or a text, which may
//! be a decimal number, a date or an instant in the one form that the JSON:API renders.

use std::cmp::Ordering;

use serde_json::Value;

use crate::ransack::predicate::Operator;
use crate::ransack::value::{self, Kind, cast};

/// Digits after the point that numbers are compared by; no column has more.
const SCALE: u32 = 12;

/// Whether a value, which is no list, fulfils a comparison with what was given.
pub(super) fn holds(operator: Operator, given: &[String], value: &Value) -> bool {
    let one = given.first().map_or("", String::as_str);
    let order = |fits: fn(Ordering) -> bool| order(value, one).is_some_and(fits);
    match operator {
        Operator::Eq => equal(value, one) == Some(true),
        Operator::NotEq => equal(value, one) == Some(false),
        Operator::In => given.iter().any(|one| equal(value, one) == Some(true)),
        Operator::NotIn => given.iter().all(|one| equal(value, one) == Some(false)),
        Operator::Lt => order(Ordering::is_lt),
        Operator::Lteq => order(Ordering::is_le),
        Operator::Gt => order(Ordering::is_gt),
        Operator::Gteq => order(Ordering::is_ge),
        Operator::Like => value.as_str().is_some_and(|text| like(text, one)),
        Operator::NotLike => value.as_str().is_some_and(|text| !like(text, one)),
        Operator::True | Operator::NotFalse => *value == Value::Bool(true),
        Operator::False | Operator::NotTrue => *value == Value::Bool(false),
        Operator::Null => value.is_null(),
        Operator::NotNull => !value.is_null(),
        Operator::Blank => is_blank(value),
        Operator::Present => !is_blank(value),
    }
}

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

/// Nothing for null; what cannot be compared is not equal.
fn equal(value: &Value, given: &str) -> Option<bool> {
    match value {
        Value::Null => None,
        Value::String(text) if text == given => Some(true),
        _ => Some(order(value, given) == Some(Ordering::Equal)),
    }
}

/// Nothing where the two cannot be compared.
fn order(value: &Value, given: &str) -> Option<Ordering> {
    let as_a = |kind| cast(given, kind).ok();
    match value {
        Value::Bool(value) => match as_a(Kind::Boolean)? {
            value::Value::Boolean(given) => Some(value.cmp(&given)),
            _ => None,
        },
        Value::Number(number) => decimals(&number.to_string(), given),
        Value::String(text) => match kind(text) {
            Kind::Text => Some(text.as_str().cmp(given)),
            Kind::Decimal { .. } => decimals(text, given),
            kind => match (cast(text, kind).ok()?, as_a(kind)?) {
                (value::Value::Date(value), value::Value::Date(given)) => Some(value.cmp(&given)),
                (value::Value::DateTime(value), value::Value::DateTime(given)) => Some(value.cmp(&given)),
                _ => None,
            },
        },
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn decimals(value: &str, given: &str) -> Option<Ordering> {
    let kind = Kind::Decimal { scale: SCALE };
    match (cast(value, kind).ok()?, cast(given, kind).ok()?) {
        (value::Value::Decimal(value), value::Value::Decimal(given)) => Some(value.cmp(&given)),
        _ => None,
    }
}

/// What a text is in the form that the JSON:API renders it: `75.10`, `2026-01-31`, `2026-01-31T12:00:00.000Z`. A code
/// such as `007` stays a text.
fn kind(text: &str) -> Kind {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let like_a_date = |text: &str| {
        let bytes = text.as_bytes();
        bytes.len() == 10
            && bytes.iter().enumerate().all(|(at, byte)| match at {
                4 | 7 => *byte == b'-',
                _ => byte.is_ascii_digit(),
            })
    };
    if like_a_date(text) {
        return Kind::Date;
    }
    if let Some((date, time)) = text.split_once('T')
        && like_a_date(date)
        && time.ends_with('Z')
    {
        return Kind::DateTime;
    }
    match text.strip_prefix('-').unwrap_or(text).split_once('.') {
        Some((whole, part)) if digits(whole) && digits(part) => Kind::Decimal { scale: SCALE },
        _ => Kind::Text,
    }
}

/// SQL's `ILIKE`: `%` is any text, `_` any character, and a backslash takes their meaning from them.
fn like(text: &str, pattern: &str) -> bool {
    let lower = |text: &str| text.chars().flat_map(char::to_lowercase).collect::<Vec<_>>();
    let (text, pattern) = (lower(text), pieces(&lower(pattern)));
    let (mut at, mut piece) = (0, 0);
    // Where to go on when the text behind the last `%` does not fit: one character later.
    let mut retry: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(piece) {
            Some(Piece::Any) => {
                retry = Some((at, piece));
                piece += 1;
                continue;
            }
            Some(Piece::One) => {}
            Some(Piece::Only(wanted)) if *wanted == text[at] => {}
            _ => match retry {
                Some((from, any)) => {
                    (at, piece) = (from + 1, any + 1);
                    retry = Some((at, any));
                    continue;
                }
                None => return false,
            },
        }
        (at, piece) = (at + 1, piece + 1);
    }
    pattern[piece..].iter().all(|rest| matches!(rest, Piece::Any))
}

enum Piece {
    Any,
    One,
    Only(char),
}

fn pieces(pattern: &[char]) -> Vec<Piece> {
    let mut pieces = Vec::with_capacity(pattern.len());
    let mut characters = pattern.iter();
    while let Some(character) = characters.next() {
        pieces.push(match character {
            '%' => Piece::Any,
            '_' => Piece::One,
            '\\' => Piece::Only(characters.next().copied().unwrap_or('\\')),
            other => Piece::Only(*other),
        });
    }
    pieces
}
