//! Values: a text from a query string read as an attribute's kind.
//!
//! There are two readings. The strict one ([`cast`]) takes a text only if all of it is a value of the kind.
//! The lenient one ([`cast_leniently`]) does what the gem does on PostgreSQL: a number is what the text
//! begins with or zero, and a malformed UUID is null. Dates and times have so many spellings in both that
//! there is nothing to be lenient about.

mod number;
mod time;

use bigdecimal::BigDecimal;
use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

/// What an attribute holds, as far as comparing it is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// `int4`
    Integer,
    /// `int8`
    BigInteger,
    /// `numeric` with this many digits after the point, to which values are rounded before they are compared.
    Decimal {
        /// Digits after the point.
        scale: u32,
    },
    /// `float8`
    Float,
    /// `boolean`
    Boolean,
    /// `date`
    Date,
    /// `timestamptz`
    DateTime,
    /// `uuid`
    Uuid,
    /// `jsonb`
    Json,
}

/// A value of some kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// What a lenient reading makes of a value that cannot be compared; it matches as SQL's null does.
    Null,
    /// For [`Kind::Text`], patterns included.
    Text(String),
    /// For [`Kind::Integer`] and [`Kind::BigInteger`], within their range.
    Integer(i64),
    /// For [`Kind::Decimal`]; also for an integer beyond the range of its kind, which compares but equals
    /// nothing.
    Decimal(BigDecimal),
    /// For [`Kind::Float`].
    Float(f64),
    /// For [`Kind::Boolean`].
    Boolean(bool),
    /// For [`Kind::Date`].
    Date(NaiveDate),
    /// For [`Kind::DateTime`].
    DateTime(DateTime<Utc>),
    /// For [`Kind::Uuid`].
    Uuid(Uuid),
    /// For [`Kind::Json`]: always the JSON string of the text.
    Json(serde_json::Value),
}

/// A text that is not a value of the kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {}", kind.noun())]
pub struct Unreadable {
    /// The text.
    pub text: String,
    /// The kind it should have had.
    pub kind: Kind,
}

impl Kind {
    /// What to call a value of this kind in a message.
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Integer | Self::BigInteger => "an integer",
            Self::Decimal { .. } => "a decimal number",
            Self::Float => "a number",
            Self::Boolean => "true or false",
            Self::Date => "a date like 2026-01-31",
            Self::DateTime => "a time like 2026-01-31T12:00:00Z",
            Self::Uuid => "a UUID",
            Self::Json => "a JSON value",
        }
    }
}

/// Reads a text that must be a value of the kind from end to end.
///
/// # Errors
///
/// When it is not.
pub fn cast(text: &str, kind: Kind) -> Result<Value, Unreadable> {
    let value = match kind {
        Kind::Text => Some(Value::Text(text.to_owned())),
        Kind::Integer => {
            number::integer(text).map(|number| fit(number, i64::from(i32::MIN), i64::from(i32::MAX)))
        }
        Kind::BigInteger => number::integer(text).map(|number| fit(number, i64::MIN, i64::MAX)),
        Kind::Decimal { scale } => number::decimal(text, scale).map(Value::Decimal),
        Kind::Float => number::float(text).map(Value::Float),
        Kind::Boolean => boolean(text).map(Value::Boolean),
        Kind::Date => time::date(text).map(Value::Date),
        Kind::DateTime => time::date_time(text).map(Value::DateTime),
        Kind::Uuid => uuid(text).map(Value::Uuid),
        Kind::Json => Some(Value::Json(text.into())),
    };
    value.ok_or_else(|| Unreadable { text: text.to_owned(), kind })
}

/// Reads a text as the gem does; nothing if the gem would drop the condition.
#[must_use]
pub fn cast_leniently(text: &str, kind: Kind) -> Option<Value> {
    match kind {
        Kind::Integer => Some(fit(number::leading_integer(text), i64::from(i32::MIN), i64::from(i32::MAX))),
        Kind::BigInteger => Some(fit(number::leading_integer(text), i64::MIN, i64::MAX)),
        Kind::Decimal { scale } => Some(number::leading_decimal(text, scale)),
        Kind::Float => Some(Value::Float(number::leading_float(text))),
        Kind::Uuid => Some(uuid(text).map_or(Value::Null, Value::Uuid)),
        Kind::Text | Kind::Boolean | Kind::Date | Kind::DateTime | Kind::Json => cast(text, kind).ok(),
    }
}

/// The ten spellings of a boolean; `True` and `yes` are none.
#[must_use]
pub fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" => Some(false),
        _ => None,
    }
}

fn uuid(text: &str) -> Option<Uuid> {
    // The parser also knows `urn:uuid:`, which neither PostgreSQL nor the gem does.
    if text.contains(':') { None } else { Uuid::try_parse(text).ok() }
}

fn fit(number: BigDecimal, least: i64, greatest: i64) -> Value {
    use bigdecimal::ToPrimitive;
    match number.to_i64() {
        Some(small) if (least..=greatest).contains(&small) => Value::Integer(small),
        _ => Value::Decimal(number),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KINDS: [Kind; 10] = [
        Kind::Text,
        Kind::Integer,
        Kind::BigInteger,
        Kind::Decimal { scale: 2 },
        Kind::Float,
        Kind::Boolean,
        Kind::Date,
        Kind::DateTime,
        Kind::Uuid,
        Kind::Json,
    ];

    fn decimal(text: &str) -> Value {
        Value::Decimal(text.parse().unwrap())
    }

    #[test]
    fn a_strict_reading_takes_whole_values_only() {
        let money = Kind::Decimal { scale: 2 };
        for (text, kind, expected) in [
            (" a ", Kind::Text, Value::Text(" a ".into())),
            ("-42", Kind::Integer, Value::Integer(-42)),
            (" +42 ", Kind::Integer, Value::Integer(42)),
            ("2147483647", Kind::Integer, Value::Integer(2_147_483_647)),
            ("2147483648", Kind::Integer, decimal("2147483648")),
            ("2147483648", Kind::BigInteger, Value::Integer(2_147_483_648)),
            ("99999999999999999999", Kind::BigInteger, decimal("99999999999999999999")),
            ("75.104", money, decimal("75.10")),
            ("75.095", money, decimal("75.10")),
            ("-75.095", money, decimal("-75.10")),
            ("5e4", money, decimal("50000.00")),
            ("+.5", money, decimal("0.50")),
            ("1.5", Kind::Float, Value::Float(1.5)),
            ("1e400", Kind::Float, Value::Float(f64::INFINITY)),
            ("T", Kind::Boolean, Value::Boolean(true)),
            ("FALSE", Kind::Boolean, Value::Boolean(false)),
            ("x", Kind::Json, Value::Json("x".into())),
        ] {
            assert_eq!(cast(text, kind), Ok(expected), "{text} as {kind:?}");
        }
    }

    #[test]
    fn a_strict_reading_says_what_it_expected() {
        for (text, kind) in [
            ("42abc", Kind::Integer),
            ("42.9", Kind::Integer),
            ("", Kind::Integer),
            ("+", Kind::Integer),
            ("1,234.5", Kind::Decimal { scale: 2 }),
            ("1e999999999", Kind::Decimal { scale: 2 }),
            ("NaN", Kind::Decimal { scale: 2 }),
            ("inf", Kind::Float),
            ("yes", Kind::Boolean),
            ("True", Kind::Boolean),
            ("garbage", Kind::Date),
            ("abc", Kind::Uuid),
        ] {
            assert_eq!(cast(text, kind), Err(Unreadable { text: text.into(), kind }), "{text} as {kind:?}");
        }
        assert_eq!(cast("x", Kind::Integer).unwrap_err().to_string(), "\"x\" is not an integer");
    }

    #[test]
    fn a_lenient_reading_takes_the_number_a_text_begins_with() {
        for (text, expected) in [
            ("42abc", 42),
            ("42.9", 42),
            ("-5.9", -5),
            ("1,42", 1),
            ("1e2", 1),
            ("4_2", 42),
            ("4__2", 4),
            ("abc", 0),
            ("true", 0),
            ("0x2A", 0),
            ("   ", 0),
            ("- 5", 0),
        ] {
            assert_eq!(cast_leniently(text, Kind::Integer), Some(Value::Integer(expected)), "{text}");
        }
        let money = Kind::Decimal { scale: 2 };
        for (text, expected) in
            [("abc", "0.00"), ("1,234.5", "1.00"), ("5e4x", "50000.00"), ("75.095", "75.10")]
        {
            assert_eq!(cast_leniently(text, money), Some(decimal(expected)), "{text}");
        }
        assert_eq!(cast_leniently("Infinity", money), Some(Value::Float(f64::INFINITY)));
        assert_eq!(cast_leniently("abc", Kind::Float), Some(Value::Float(0.0)));
        assert_eq!(cast_leniently("1.5kg", Kind::Float), Some(Value::Float(1.5)));
    }

    #[test]
    fn a_lenient_reading_drops_or_nulls_what_it_cannot_use() {
        assert_eq!(cast_leniently("yes", Kind::Boolean), None);
        assert_eq!(cast_leniently("garbage", Kind::Date), None);
        assert_eq!(cast_leniently("25:99", Kind::DateTime), None);
        assert_eq!(cast_leniently("garbage", Kind::Uuid), Some(Value::Null));
    }

    #[test]
    fn uuids_are_read_with_or_without_dashes_braces_and_capitals() {
        let expected = Ok(Value::Uuid(Uuid::from_u128(0x0190_a1b2_c3d4_7e5f_8a9b_0c1d_2e3f_4a5b)));
        for text in [
            "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b",
            "0190A1B2-C3D4-7E5F-8A9B-0C1D2E3F4A5B",
            "0190a1b2c3d47e5f8a9b0c1d2e3f4a5b",
            "{0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b}",
        ] {
            assert_eq!(cast(text, Kind::Uuid), expected, "{text}");
        }
        assert!(cast("urn:uuid:0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b", Kind::Uuid).is_err());
    }

    proptest! {
        #[test]
        fn casting_never_panics(text in ".*", number in "[-+]?[0-9]{0,25}[.,]?[0-9]{0,5}[eE]?[-+]?[0-9]{0,12}x?",
                                time in "[0-9]{1,4}[-/. ][0-9A-Za-z]{1,4}[-/. ][0-9]{1,4}[T ]?[0-9:.]{0,9} ?[-+Zz]?[0-9:]{0,5}") {
            for kind in KINDS {
                for text in [&text, &number, &time] {
                    let strict = cast(text, kind);
                    let lenient = cast_leniently(text, kind);
                    // What the strict reading takes, the lenient one takes too.
                    prop_assert!(strict.is_err() || lenient.is_some());
                }
            }
        }
    }
}
