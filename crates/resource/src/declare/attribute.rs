//! Attributes: columns that clients see, and what they may do with them.

use diesel::Column;
use diesel::expression::Expression;
use diesel::sql_types::{
    BigInt, Bool, Date, Double, Integer, Json, Jsonb, Nullable, Numeric, SmallInt, Text, Timestamptz, Uuid,
};
use pulse_jsonapi::ransack::Kind;

/// Digits after the point of every decimal column.
const SCALE: u32 = 4;

/// A column that clients see.
#[derive(Clone, Copy, Debug)]
pub struct Attribute {
    /// Its name, in documents and in the table.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it may be null.
    pub nullable: bool,
    /// Whether clients may set it.
    pub writable: bool,
    /// Whether clients may see it. What they may not has no column: the resource's handlers keep it elsewhere, sealed.
    pub readable: bool,
    /// Whether a new record needs it.
    pub required: bool,
    /// Whether it can be filtered by.
    pub filterable: bool,
    /// Whether it can be sorted by.
    pub sortable: bool,
    /// Characters at most, of a text.
    pub max_len: usize,
    /// The values it may have; any where there are none.
    pub choices: &'static [&'static str],
    /// Whether its members are the fields that a workspace adds ([`crate::custom_fields`]).
    pub custom: bool,
    /// Whether only those may set it who may change every record of the resource.
    pub restricted: bool,
    /// Whether its column may be null, which is compared with the database.
    pub(crate) nullable_column: bool,
}

impl Attribute {
    /// Clients cannot set it.
    #[must_use]
    pub const fn read_only(mut self) -> Self {
        self.writable = false;
        self
    }

    /// Only those may set it who may change every record of the resource, and not those who may change their own.
    #[must_use]
    pub const fn restricted(mut self) -> Self {
        self.restricted = true;
        self
    }

    /// A new record needs it.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.required = true;
        self.nullable = false;
        self
    }

    /// Clients cannot see it, and it has no column; [`Changes::value`] has what they sent.
    #[must_use]
    pub const fn write_only(mut self) -> Self {
        self.readable = false;
        self
    }

    /// Digits after the point.
    ///
    /// # Panics
    /// While compiling, when it is not a decimal number.
    #[must_use]
    pub const fn scale(mut self, digits: u32) -> Self {
        assert!(matches!(self.kind, Kind::Decimal { .. }), "only a decimal number has a scale");
        self.kind = Kind::Decimal { scale: digits };
        self
    }

    /// It can be filtered by.
    #[must_use]
    pub const fn filter(mut self) -> Self {
        self.filterable = true;
        self
    }

    /// It can be sorted by.
    ///
    /// # Panics
    /// While compiling, when it is JSON, which has no order.
    #[must_use]
    pub const fn sort(mut self) -> Self {
        assert!(!matches!(self.kind, Kind::Json), "JSON has no order");
        self.sortable = true;
        self
    }

    /// Its members are the fields that a workspace adds: the column is `custom_fields`.
    ///
    /// # Panics
    /// While compiling, when it is not JSON.
    #[must_use]
    pub const fn custom(mut self) -> Self {
        assert!(matches!(self.kind, Kind::Json), "custom fields are JSON");
        self.custom = true;
        self
    }

    /// Characters at most.
    ///
    /// # Panics
    /// While compiling, when it is not a text.
    #[must_use]
    pub const fn max_len(mut self, characters: usize) -> Self {
        assert!(matches!(self.kind, Kind::Text), "only a text has a length");
        self.max_len = characters;
        self
    }

    /// The values it may have.
    ///
    /// # Panics
    /// While compiling, when it is not a text.
    #[must_use]
    pub const fn choices(mut self, choices: &'static [&'static str]) -> Self {
        assert!(matches!(self.kind, Kind::Text), "only a text has choices");
        self.choices = choices;
        self
    }
}

/// A column as an attribute: writable, neither filterable nor sortable, a text of at most 255 characters.
#[must_use]
pub const fn attribute<C>() -> Attribute
where
    C: Column,
    <C as Expression>::SqlType: ColumnType,
{
    let nullable = <<C as Expression>::SqlType as ColumnType>::NULLABLE;
    Attribute {
        name: C::NAME,
        kind: <<C as Expression>::SqlType as ColumnType>::KIND,
        nullable,
        nullable_column: nullable,
        writable: true,
        readable: true,
        required: false,
        filterable: false,
        sortable: false,
        custom: false,
        restricted: false,
        max_len: 255,
        choices: &[],
    }
}

/// A JSON value without a column: clients may set it and never see it, and the service keeps it elsewhere, sealed.
#[must_use]
pub const fn secret(name: &'static str) -> Attribute {
    Attribute {
        name,
        kind: Kind::Json,
        nullable: true,
        nullable_column: true,
        writable: true,
        readable: false,
        required: false,
        filterable: false,
        sortable: false,
        custom: false,
        restricted: false,
        max_len: 0,
        choices: &[],
    }
}

/// The SQL types that an attribute may have.
pub trait ColumnType {
    /// What it holds.
    const KIND: Kind;
    /// Whether it may be null.
    const NULLABLE: bool = false;
}

impl<T: ColumnType + diesel::sql_types::SqlType<IsNull = diesel::sql_types::is_nullable::NotNull>> ColumnType
    for Nullable<T>
{
    const KIND: Kind = T::KIND;
    const NULLABLE: bool = true;
}

macro_rules! column_type {
    ($($sql_type:ident => $kind:expr),* $(,)?) => {
        $(impl ColumnType for $sql_type {
            const KIND: Kind = $kind;
        })*
    };
}

column_type! {
    Text => Kind::Text,
    SmallInt => Kind::Integer,
    Integer => Kind::Integer,
    BigInt => Kind::BigInteger,
    Numeric => Kind::Decimal { scale: SCALE },
    Double => Kind::Float,
    Bool => Kind::Boolean,
    Date => Kind::Date,
    Timestamptz => Kind::DateTime,
    Uuid => Kind::Uuid,
    Json => Kind::Json,
    Jsonb => Kind::Json,
}
