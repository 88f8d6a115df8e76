//! A row as the database sent it, and its values as JSON, without a detour over Rust types of their own.

use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};
use diesel::deserialize::{self, QueryableByName};
use diesel::pg::Pg;
use diesel::row::{Field, NamedRow, Row as DieselRow};
use pulse_jsonapi::ransack::Kind;
use pulse_jsonapi::write_json_string;
use uuid::Uuid;

use crate::statement::Bind;

/// Microseconds from 1970-01-01 to 2000-01-01, where PostgreSQL counts time from.
const EPOCH_US: i64 = 946_684_800_000_000;

/// The first whole year of PostgreSQL's calendar.
const FIRST_YEAR: i32 = -4_712;

/// More digits than any decimal column has.
const DIGITS: usize = 64;

/// A row in PostgreSQL's binary format: all cells in one buffer.
#[derive(Clone, Debug)]
pub struct Row {
    bytes: Vec<u8>,
    /// Where each cell starts and ends; none is null.
    cells: Vec<Option<(u32, u32)>>,
}

impl QueryableByName<Pg> for Row {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        let count = DieselRow::field_count(row);
        let (mut bytes, mut cells) = (Vec::with_capacity(256), Vec::with_capacity(count));
        for index in 0..count {
            let field = DieselRow::get(row, index).ok_or("a row has as many fields as it says")?;
            cells.push(match field.value() {
                Some(value) => {
                    let start = u32::try_from(bytes.len())?;
                    bytes.extend_from_slice(value.as_bytes());
                    Some((start, u32::try_from(bytes.len())?))
                }
                None => None,
            });
        }
        Ok(Self { bytes, cells })
    }
}

impl Row {
    /// The bytes of a cell.
    pub(crate) fn cell(&self, index: usize) -> Option<&[u8]> {
        let (start, end) = (*self.cells.get(index)?)?;
        self.bytes.get(start as usize..end as usize)
    }

    /// A cell with an id.
    pub(crate) fn id(&self, index: usize) -> Option<Uuid> {
        Uuid::from_slice(self.cell(index)?).ok()
    }

    /// A cell with a text.
    pub(crate) fn text(&self, index: usize) -> Option<&str> {
        std::str::from_utf8(self.cell(index)?).ok()
    }

    /// A cell with an integer of any width.
    pub(crate) fn integer(&self, index: usize) -> Option<i64> {
        integer(self.cell(index)?)
    }

    /// Whether a cell has the same value in another row.
    pub(crate) fn same(&self, other: &Self, index: usize) -> bool {
        self.cell(index) == other.cell(index)
    }

    /// Writes a cell as a JSON value.
    pub(crate) fn write_json(&self, index: usize, kind: Kind, out: &mut Vec<u8>) {
        match self.cell(index) {
            Some(cell) if write(cell, kind, out).is_some() => {}
            // Null, or infinity, which neither JSON nor a calendar has.
            _ => out.extend_from_slice(b"null"),
        }
    }
}

impl Bind {
    /// The value in a cell, to be bound; `None` where it is none of that kind, or none that the database could have
    /// sent: it would refuse to take it.
    pub(crate) fn of_cell(kind: Kind, cell: &[u8]) -> Option<Self> {
        Some(match kind {
            Kind::Text => {
                Self::Text(str::from_utf8(cell).ok().filter(|text| !text.contains('\0'))?.to_owned())
            }
            Kind::Integer | Kind::BigInteger => Self::Integer(integer(cell)?),
            Kind::Boolean => Self::Boolean(cell == [1]),
            Kind::Uuid => Self::Id(Uuid::from_slice(cell).ok()?),
            Kind::Float => Self::Float(f64::from_be_bytes(cell.try_into().ok()?)),
            Kind::Decimal { .. } => {
                Self::Decimal(decimal(cell).filter(|text| text.len() <= DIGITS)?.parse().ok()?)
            }
            Kind::Date => Self::Date(date(cell).filter(|date| date.year() >= FIRST_YEAR)?),
            Kind::DateTime => Self::Instant(instant(cell).filter(|instant| instant.year() >= FIRST_YEAR)?),
            Kind::Json => return None,
        })
    }
}

fn integer(cell: &[u8]) -> Option<i64> {
    Some(match cell.len() {
        2 => i64::from(i16::from_be_bytes(cell.try_into().ok()?)),
        4 => i64::from(i32::from_be_bytes(cell.try_into().ok()?)),
        _ => i64::from_be_bytes(cell.try_into().ok()?),
    })
}

fn write(cell: &[u8], kind: Kind, out: &mut Vec<u8>) -> Option<()> {
    match kind {
        Kind::Text => write_json_string(out, std::str::from_utf8(cell).ok()?),
        Kind::Integer | Kind::BigInteger => out.extend_from_slice(integer(cell)?.to_string().as_bytes()),
        Kind::Boolean => out.extend_from_slice(if cell == [1] { b"true" } else { b"false" }),
        Kind::Uuid => {
            let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
            let id = Uuid::from_slice(cell).ok()?.hyphenated();
            quoted(out, id.encode_lower(&mut text));
        }
        Kind::Float => {
            let number = f64::from_be_bytes(cell.try_into().ok()?);
            out.extend_from_slice(serde_json::Number::from_f64(number)?.to_string().as_bytes());
        }
        Kind::Decimal { .. } => quoted(out, &decimal(cell)?),
        Kind::Date => quoted(out, &date(cell)?.format("%Y-%m-%d").to_string()),
        Kind::DateTime => {
            quoted(out, &pulse_domain::event::timestamp(instant(cell)?));
        }
        Kind::Json => out.extend_from_slice(match cell {
            // jsonb travels with a version number before its text, json without.
            [1, text @ ..] => text,
            text => text,
        }),
    }
    Some(())
}

fn quoted(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

fn instant(cell: &[u8]) -> Option<DateTime<Utc>> {
    let since = i64::from_be_bytes(cell.try_into().ok()?);
    DateTime::from_timestamp_micros(since.checked_add(EPOCH_US)?)
}

fn date(cell: &[u8]) -> Option<NaiveDate> {
    let days = i32::from_be_bytes(cell.try_into().ok()?);
    let epoch = NaiveDate::from_ymd_opt(2000, 1, 1)?;
    let distance = Days::new(u64::from(days.unsigned_abs()));
    if days < 0 { epoch.checked_sub_days(distance) } else { epoch.checked_add_days(distance) }
}

/// `numeric`: number of digits, weight of the first, sign, digits after the point, then digits to the base 10,000.
fn decimal(cell: &[u8]) -> Option<String> {
    let word = |index: usize| Some(u16::from_be_bytes(cell.get(2 * index..2 * index + 2)?.try_into().ok()?));
    let (count, weight, sign, scale) = (word(0)?, word(1)? as i16, word(2)?, usize::from(word(3)?));
    let mut text = match sign {
        0x0000 => String::new(),
        0x4000 => String::from("-"),
        _ => return None,
    };
    let digit = |position: i32| -> Option<u16> {
        match usize::try_from(position) {
            Ok(position) if position < usize::from(count) => word(4 + position),
            _ => Some(0),
        }
    };
    if weight < 0 {
        text.push('0');
    }
    for position in 0..=i32::from(weight) {
        let group = digit(position)?;
        text.push_str(&if position == 0 { group.to_string() } else { format!("{group:04}") });
    }
    if scale > 0 {
        text.push('.');
        let start = text.len();
        let mut position = i32::from(weight) + 1;
        while text.len() - start < scale {
            text.push_str(&format!("{:04}", digit(position)?));
            position += 1;
        }
        text.truncate(start + scale);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(cell: &[u8], kind: Kind) -> String {
        let row =
            Row { bytes: cell.to_vec(), cells: vec![Some((0, u32::try_from(cell.len()).expect("short")))] };
        let mut out = Vec::new();
        row.write_json(0, kind, &mut out);
        String::from_utf8(out).expect("JSON is UTF-8")
    }

    fn numeric(weight: i16, sign: u16, scale: u16, digits: &[u16]) -> String {
        let mut cell = Vec::new();
        for word in
            [u16::try_from(digits.len()).expect("few"), weight as u16, sign, scale].iter().chain(digits)
        {
            cell.extend_from_slice(&word.to_be_bytes());
        }
        json(&cell, Kind::Decimal { scale: 4 })
    }

    #[test]
    fn numbers_are_exact() {
        assert_eq!(json(&(-7i32).to_be_bytes(), Kind::Integer), "-7");
        assert_eq!(json(&i64::MAX.to_be_bytes(), Kind::BigInteger), "9223372036854775807");
        assert_eq!(numeric(0, 0, 2, &[12, 5000]), r#""12.50""#);
        assert_eq!(numeric(1, 0x4000, 4, &[1, 2, 300]), r#""-10002.0300""#);
        assert_eq!(numeric(-1, 0, 4, &[5]), r#""0.0005""#);
        assert_eq!(numeric(-2, 0, 8, &[5]), r#""0.00000005""#);
        assert_eq!(numeric(2, 0, 0, &[1]), r#""100000000""#);
        assert_eq!(numeric(0, 0, 4, &[]), r#""0.0000""#);
        assert_eq!(numeric(0, 0xC000, 0, &[]), "null");
    }

    #[test]
    fn dates_and_instants_count_from_the_year_2000() {
        assert_eq!(json(&0i32.to_be_bytes(), Kind::Date), r#""2000-01-01""#);
        assert_eq!(json(&(-1i32).to_be_bytes(), Kind::Date), r#""1999-12-31""#);
        assert_eq!(json(&i32::MAX.to_be_bytes(), Kind::Date), "null");
        assert_eq!(json(&1_500_000i64.to_be_bytes(), Kind::DateTime), r#""2000-01-01T00:00:01.500Z""#);
        assert_eq!(json(&i64::MAX.to_be_bytes(), Kind::DateTime), "null");
    }

    #[test]
    fn texts_are_escaped_and_json_passes_through() {
        assert_eq!(json("a\"\n".as_bytes(), Kind::Text), r#""a\"\n""#);
        assert_eq!(json(b"\x01{\"a\": 1}", Kind::Json), r#"{"a": 1}"#);
        assert_eq!(json(b"{\"a\":  1}", Kind::Json), r#"{"a":  1}"#);
        assert_eq!(json(&[1], Kind::Boolean), "true");
    }
}
