//! Cursors: places in a sorted list, as opaque text that clients send back (the cursor pagination profile).
//!
//! A cursor holds the values that a record is sorted by, in PostgreSQL's binary format, behind a checksum of them and of
//! the order they belong to: of another collection or in another order it is not ours. It is no secret and grants
//! nothing, since every statement starts from the workspace.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use pulse_domain::token;
use pulse_jsonapi::query::Page;
use pulse_jsonapi::{Code, Problem};

use crate::condition::Place;
use crate::condition::order::Order;
use crate::plan::Plan;
use crate::render::Record;
use crate::select;
use crate::statement::{Bind, Statement};

/// Bytes of the checksum: enough to notice what is not ours.
const CHECK: usize = 9;

/// The part of a list that cursors ask for.
#[derive(Debug)]
pub(crate) struct Range {
    after: Option<Vec<Bind>>,
    before: Option<Vec<Bind>>,
}

impl Range {
    /// Reads the cursors of a page; `None` where it is asked for by its number.
    pub(crate) fn plan(
        resource: &str,
        order: &[Order],
        page: &Page,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let Page::Cursor { after, before, .. } = page else { return None };
        let mut read = |cursor: &Option<String>, parameter: &str| {
            let values = decode(resource, order, cursor.as_deref()?);
            if values.is_none() {
                let detail = "This is not a cursor of this collection in this order.";
                problems.push(Problem::new(Code::InvalidCursor, detail).at_parameter(parameter));
            }
            values
        };
        Some(Self { after: read(after, "page[after]"), before: read(before, "page[before]") })
    }

    /// Whether the page ends at its cursor, so that it is read from there backwards.
    pub(crate) fn backwards(&self) -> bool {
        self.before.is_some() && self.after.is_none()
    }

    /// Writes the conditions, each with `AND` in front.
    pub(crate) fn write(&self, order: &[Order], place: Place<'_>, sql: &mut Statement) {
        for (values, behind) in [(&self.after, true), (&self.before, false)] {
            if let Some(values) = values {
                sql.sql(" AND ");
                beyond(order, values, behind, place, sql);
            }
        }
    }
}

impl Plan {
    /// The cursor that falls on a record of the plan's list; `None` where pages are asked for by number.
    #[must_use]
    pub fn cursor(&self, record: &Record) -> Option<String> {
        self.range.as_ref()?;
        let columns = select::columns(self.resource);
        let mut far = columns.len()..;
        let mut bytes = Vec::new();
        for key in &self.order {
            let index = key.position(&columns).or_else(|| far.next())?;
            match record.cell(index) {
                Some(cell) => {
                    bytes.extend_from_slice(&u16::try_from(cell.len() + 1).ok()?.to_be_bytes());
                    bytes.extend_from_slice(cell);
                }
                None => bytes.extend_from_slice(&0u16.to_be_bytes()),
            }
        }
        let text = BASE64.encode(bytes);
        Some(check(self.resource.name, &self.order, &text) + &text)
    }
}

impl Order {
    /// Where the value stands among the columns of a record; those that do not are read in addition, in this order.
    pub(crate) fn position(&self, columns: &[&str]) -> Option<usize> {
        let own = self.path.is_empty();
        columns.iter().position(|column| own && Some(*column) == self.column.name())
    }
}

fn check(resource: &str, order: &[Order], text: &str) -> String {
    let mut all = format!("{resource} {text}");
    for key in order {
        let hops = key.path.iter().map(|hop| format!(".{}:{}", hop.relationship.name, hop.target.name));
        let direction = if key.descending { "-" } else { "+" };
        all.push_str(&format!(" {direction}{}.{}", hops.collect::<String>(), key.column.identity()));
    }
    BASE64.encode(&token::digest(&all)[..CHECK])
}

fn decode(resource: &str, order: &[Order], cursor: &str) -> Option<Vec<Bind>> {
    let (found, text) = cursor.split_at_checked(CHECK.div_ceil(3) * 4)?;
    if found != check(resource, order, text) {
        return None;
    }
    let bytes = BASE64.decode(text).ok()?;
    let mut rest = bytes.as_slice();
    let mut values = Vec::with_capacity(order.len());
    for key in order {
        let (length, behind) = rest.split_first_chunk::<2>()?;
        values.push(match u16::from_be_bytes(*length).checked_sub(1) {
            None => {
                rest = behind;
                Bind::Null
            }
            Some(length) => {
                let (cell, behind) = behind.split_at_checked(usize::from(length))?;
                rest = behind;
                Bind::of_cell(key.column.cell_kind(), cell)?
            }
        });
    }
    rest.is_empty().then_some(values)
}

/// Writes that a record comes behind a place in the order, or in front of it. Null counts as greater than everything,
/// as `ORDER BY` has it.
fn beyond(order: &[Order], values: &[Bind], behind: bool, place: Place<'_>, sql: &mut Statement) {
    let Some(first) = order.first() else {
        sql.sql("FALSE");
        return;
    };
    let greater = |key: &Order| key.descending != behind;
    if order.iter().all(|key| !key.nullable() && key.descending == first.descending) {
        // As one comparison of rows an index in this order finds the place at once.
        sql.sql("(");
        for (index, key) in order.iter().enumerate() {
            sql.sql(if index > 0 { ", " } else { "" });
            key.write(place, sql);
        }
        sql.sql(if greater(first) { ") > (" } else { ") < (" });
        for (index, value) in values.iter().enumerate() {
            sql.sql(if index > 0 { ", " } else { "" }).bind(value.clone());
        }
        sql.sql(")");
        return;
    }
    // The first key that differs decides. That it is not on the other side of the first value is said in addition,
    // since an index can find that.
    if let (key, Some(value)) = (first, values.first().filter(|value| !matches!(value, Bind::Null)))
        && !(greater(key) && key.nullable())
    {
        key.write(place, sql);
        sql.sql(if greater(key) { " >= " } else { " <= " }).bind(value.clone()).sql(" AND ");
    }
    let mut open = 0;
    for (index, (key, value)) in order.iter().zip(values).enumerate() {
        let column = |sql: &mut Statement| key.write(place, sql);
        let is_null = matches!(value, Bind::Null);
        sql.sql("(");
        match (greater(key), is_null) {
            (true, true) => {
                sql.sql("FALSE");
            }
            (true, false) => {
                column(sql);
                sql.sql(" > ").bind(value.clone());
                if key.nullable() {
                    sql.sql(" OR ");
                    column(sql);
                    sql.sql(" IS NULL");
                }
            }
            (false, true) => {
                column(sql);
                sql.sql(" IS NOT NULL");
            }
            (false, false) => {
                column(sql);
                sql.sql(" < ").bind(value.clone());
            }
        }
        if index + 1 < order.len() {
            sql.sql(" OR (");
            column(sql);
            match value {
                Bind::Null => sql.sql(" IS NULL AND "),
                value => sql.sql(" = ").bind(value.clone()).sql(" AND "),
            };
            open += 1;
        }
    }
    sql.sql(&")".repeat(2 * open + 1));
}

#[cfg(test)]
mod tests;
