//! One SQL statement: its text in pieces, with values between them that are only ever bound.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex};

use bigdecimal::BigDecimal;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{
    Array, BigInt, Binary, Bool, Date, Double, Jsonb, Numeric, Text, Timestamptz, Untyped, Uuid as SqlUuid,
};
use diesel_async::AsyncPgConnection;
use pulse_jsonapi::ransack::Value;
use pulse_store::JsonText;
use uuid::Uuid;

use crate::row::Row;

/// Shapes of statements that are prepared once per connection; shapes beyond are prepared each time, so that filters,
/// of which clients can invent any number, do not fill the memory of server and client.
const SHAPES: usize = 1_000;

/// A value in a statement.
#[derive(Clone, Debug)]
pub enum Bind {
    /// Null of any type.
    Null,
    /// A text.
    Text(String),
    /// An integer of any width.
    Integer(i64),
    /// A decimal number.
    Decimal(BigDecimal),
    /// A floating point number.
    Float(f64),
    /// True or false.
    Boolean(bool),
    /// A date.
    Date(NaiveDate),
    /// An instant.
    Instant(DateTime<Utc>),
    /// An id.
    Id(Uuid),
    /// JSON.
    Json(JsonText),
    /// Members of a JSON object, which are set in what the column holds; null takes one away.
    Members(JsonText),
    /// Bytes, such as a sealed secret.
    Bytes(Vec<u8>),
    /// Values of one kind, as one array, so that a list of any length has the same shape.
    List(List),
}

/// Values of one kind.
#[derive(Clone, Debug)]
pub enum List {
    /// Texts.
    Texts(Vec<String>),
    /// Integers.
    Integers(Vec<i64>),
    /// Decimal numbers.
    Decimals(Vec<BigDecimal>),
    /// Floating point numbers.
    Floats(Vec<f64>),
    /// True and false.
    Booleans(Vec<bool>),
    /// Dates.
    Dates(Vec<NaiveDate>),
    /// Instants.
    Instants(Vec<DateTime<Utc>>),
    /// Ids.
    Ids(Vec<Uuid>),
}

impl Bind {
    /// JSON.
    #[must_use]
    pub fn json(value: &serde_json::Value) -> Self {
        Self::Json(JsonText(json_text(value)))
    }

    /// A decimal number as it is written; null where the text is none.
    #[must_use]
    pub fn decimal(text: &str) -> Self {
        text.parse().map_or(Self::Null, Self::Decimal)
    }
}

impl From<Vec<Uuid>> for Bind {
    fn from(ids: Vec<Uuid>) -> Self {
        Self::List(List::Ids(ids))
    }
}

impl List {
    /// A list of values of one kind; `None` where there is none, or they are JSON, which is not compared.
    pub(crate) fn of(values: Vec<Value>) -> Option<Self> {
        macro_rules! collect {
            ($list:ident, $value:ident) => {
                Self::$list(
                    values
                        .into_iter()
                        .filter_map(|value| match value {
                            Value::$value(value) => Some(value),
                            _ => None,
                        })
                        .collect(),
                )
            };
        }
        Some(match values.first()? {
            Value::Text(_) => collect!(Texts, Text),
            Value::Integer(_) => collect!(Integers, Integer),
            Value::Decimal(_) => collect!(Decimals, Decimal),
            Value::Float(_) => collect!(Floats, Float),
            Value::Boolean(_) => collect!(Booleans, Boolean),
            Value::Date(_) => collect!(Dates, Date),
            Value::DateTime(_) => collect!(Instants, DateTime),
            Value::Uuid(_) => collect!(Ids, Uuid),
            Value::Null | Value::Json(_) => return None,
        })
    }
}

impl From<&str> for Bind {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Uuid> for Bind {
    fn from(id: Uuid) -> Self {
        Self::Id(id)
    }
}

impl From<i64> for Bind {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<Value> for Bind {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Text(text) => Self::Text(text),
            Value::Integer(number) => Self::Integer(number),
            Value::Decimal(number) => Self::Decimal(number),
            Value::Float(number) => Self::Float(number),
            Value::Boolean(value) => Self::Boolean(value),
            Value::Date(date) => Self::Date(date),
            Value::DateTime(instant) => Self::Instant(instant),
            Value::Uuid(id) => Self::Id(id),
            Value::Json(json) => Self::Json(JsonText(json_text(&json))),
        }
    }
}

/// JSON as text.
pub(crate) fn json_text(json: &serde_json::Value) -> Box<serde_json::value::RawValue> {
    serde_json::value::to_raw_value(json).expect("a JSON value is always JSON text")
}

#[derive(Clone, Debug)]
enum Piece {
    Sql(String),
    Bind(Bind),
}

/// A statement that is being put together.
#[derive(Clone, Debug, Default)]
pub struct Statement {
    pieces: Vec<Piece>,
    aliases: usize,
    prepare_once: bool,
}

impl Statement {
    /// Appends SQL text. Never a value.
    pub(crate) fn sql(&mut self, text: &str) -> &mut Self {
        match self.pieces.last_mut() {
            Some(Piece::Sql(sql)) => sql.push_str(text),
            _ => self.pieces.push(Piece::Sql(text.to_owned())),
        }
        self
    }

    /// A name for a table that the statement does not use yet. Short, since PostgreSQL cuts long ones off.
    pub(crate) fn alias(&mut self) -> String {
        self.aliases += 1;
        format!("t{}", self.aliases)
    }

    /// Appends a value.
    pub(crate) fn bind(&mut self, value: impl Into<Bind>) -> &mut Self {
        match value.into() {
            // PostgreSQL infers no type for a bound null, and needs none for the keyword.
            Bind::Null => self.sql("NULL"),
            value => {
                self.pieces.push(Piece::Bind(value));
                self
            }
        }
    }

    /// The text, with a question mark for each value.
    #[cfg(test)]
    pub(crate) fn text(&self) -> String {
        let pieces = self.pieces.iter().map(|piece| match piece {
            Piece::Sql(sql) => sql.as_str(),
            Piece::Bind(_) => "?",
        });
        pieces.collect()
    }

    /// Runs it and returns its rows. Statements that are polled together are sent together, in that order.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn rows(
        mut self,
        mut connection: &AsyncPgConnection,
        shapes: &Shapes,
    ) -> QueryResult<Vec<Row>> {
        self.prepare_once = shapes.admit(&self);
        diesel_async::RunQueryDsl::load(self, &mut connection).await
    }

    /// Runs it and returns how many rows it touched.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn run(
        mut self,
        mut connection: &AsyncPgConnection,
        shapes: &Shapes,
    ) -> QueryResult<usize> {
        self.prepare_once = shapes.admit(&self);
        diesel_async::RunQueryDsl::execute(self, &mut connection).await
    }
}

/// The shapes that are prepared once. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Shapes(Arc<Mutex<HashSet<u64>>>);

impl Shapes {
    fn admit(&self, statement: &Statement) -> bool {
        let mut hasher = DefaultHasher::new();
        for piece in &statement.pieces {
            if let Piece::Sql(sql) = piece {
                sql.hash(&mut hasher);
            }
        }
        let shape = hasher.finish();
        let mut known = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        known.contains(&shape) || (known.len() < SHAPES && known.insert(shape))
    }
}

impl QueryId for Statement {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Statement {
    type SqlType = Untyped;
}

impl<C> diesel::RunQueryDsl<C> for Statement {}

impl QueryFragment<Pg> for Statement {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        if !self.prepare_once {
            out.unsafe_to_cache_prepared();
        }
        for piece in &self.pieces {
            match piece {
                Piece::Sql(sql) => out.push_sql(sql),
                Piece::Bind(value) => value.walk_ast(out.reborrow())?,
            }
        }
        Ok(())
    }
}

impl QueryFragment<Pg> for Bind {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        match self {
            Self::Null => {
                out.push_sql("NULL");
                Ok(())
            }
            Self::Text(value) => out.push_bind_param::<Text, _>(value),
            Self::Integer(value) => out.push_bind_param::<BigInt, _>(value),
            Self::Decimal(value) => out.push_bind_param::<Numeric, _>(value),
            Self::Float(value) => out.push_bind_param::<Double, _>(value),
            Self::Boolean(value) => out.push_bind_param::<Bool, _>(value),
            Self::Date(value) => out.push_bind_param::<Date, _>(value),
            Self::Instant(value) => out.push_bind_param::<Timestamptz, _>(value),
            Self::Id(value) => out.push_bind_param::<SqlUuid, _>(value),
            Self::Json(value) | Self::Members(value) => out.push_bind_param::<Jsonb, _>(value),
            Self::Bytes(value) => out.push_bind_param::<Binary, _>(value),
            Self::List(List::Texts(list)) => out.push_bind_param::<Array<Text>, _>(list),
            Self::List(List::Integers(list)) => out.push_bind_param::<Array<BigInt>, _>(list),
            Self::List(List::Decimals(list)) => out.push_bind_param::<Array<Numeric>, _>(list),
            Self::List(List::Floats(list)) => out.push_bind_param::<Array<Double>, _>(list),
            Self::List(List::Booleans(list)) => out.push_bind_param::<Array<Bool>, _>(list),
            Self::List(List::Dates(list)) => out.push_bind_param::<Array<Date>, _>(list),
            Self::List(List::Instants(list)) => out.push_bind_param::<Array<Timestamptz>, _>(list),
            Self::List(List::Ids(list)) => out.push_bind_param::<Array<SqlUuid>, _>(list),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_that_clients_invent_are_prepared_up_to_a_bound() {
        let shapes = Shapes::default();
        let statement = |shape: usize, value: i64| {
            let mut sql = Statement::default();
            sql.sql(&format!("SELECT {shape} = ")).bind(value);
            sql
        };
        for shape in 0..SHAPES {
            assert!(shapes.admit(&statement(shape, 0)));
        }
        assert!(!shapes.admit(&statement(SHAPES, 0)), "one too many");
        assert!(shapes.admit(&statement(0, 1)), "another value is the same shape");
    }
}
