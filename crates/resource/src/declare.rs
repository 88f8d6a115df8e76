//! What a resource says about itself: plain data, made from `schema.rs` by `const` functions.
//!
//! Everything is closed unless it is opened: an attribute can be filtered and sorted by only where the declaration
//! says so, and a column that is not declared is never shown.

use diesel::Column;
use diesel::expression::Expression;
use diesel::sql_types::{
    BigInt, Bool, Date, Double, Integer, Json, Jsonb, Nullable, Numeric, SmallInt, Text, Timestamptz, Uuid,
};
use pulse_jsonapi::Problem;
use pulse_jsonapi::ransack::Kind;

use crate::Changes;
use crate::scope::Scope;
use crate::write::{Follow, Prepare};

/// Digits after the point of every decimal column.
const SCALE: u32 = 4;

/// A resource of the JSON:API.
#[derive(Debug)]
pub struct Resource {
    /// JSON:API type; also its path, unless `path` says otherwise.
    pub name: &'static str,
    /// Where it is served, below the JSON:API's root; its type where this is empty.
    pub path: &'static str,
    /// The table, with its schema where that is not `public`.
    pub table: &'static str,
    /// The database it is in.
    pub store: Store,
    /// Shown in this order.
    pub attributes: &'static [Attribute],
    /// Shown in this order.
    pub relationships: &'static [Relationship],
    /// Filters that it has a name for.
    pub scopes: &'static [Scope],
    /// What clients may do.
    pub actions: Actions,
    /// What its changes are called in the journal; nothing is recorded without.
    pub events: Option<Events>,
    /// Whether the table has `lock_version` and `updated_at`.
    pub editable: bool,
    /// Whether the table of an editable resource has `deleted_at`: a record that is deleted is moved to the trash. It is
    /// gone otherwise, as a link must be, since relationships read its table without asking whether it is deleted.
    pub trash: bool,
    /// The attribute a list is sorted by when nothing is said, newest first.
    pub newest_by: &'static str,
    /// Checks that concern several attributes or the meaning of one, and need no database.
    pub validate: fn(&Changes) -> Vec<Problem>,
    /// Runs in the transaction before a record is created or changed, whoever asks for it: checks that need the
    /// database, and columns that follow from others.
    pub prepare: Option<Prepare>,
    /// Runs in the transaction after a record was created, changed, deleted or restored, whoever asked for it: what
    /// else is written then, and events that mean more than that something changed.
    pub follow: Option<Follow>,
}

/// Which database a table is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// The CRM's.
    Crm,
    /// The one of ingest.
    Analytics,
}

/// What clients may do with a resource, besides reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actions {
    /// `POST /{type}`
    pub create: bool,
    /// `PATCH /{type}/{id}`
    pub update: bool,
    /// `DELETE /{type}/{id}`
    pub destroy: bool,
}

impl Actions {
    /// Everything.
    pub const ALL: Self = Self { create: true, update: true, destroy: true };
    /// Reading alone.
    pub const NONE: Self = Self { create: false, update: false, destroy: false };
}

/// Names in the event catalogue.
#[derive(Clone, Copy, Debug)]
pub struct Events {
    /// A record was created.
    pub created: &'static str,
    /// A record changed.
    pub updated: Option<&'static str>,
    /// A record was moved to the trash.
    pub deleted: Option<&'static str>,
    /// A record was taken out of the trash.
    pub restored: Option<&'static str>,
}

impl Events {
    /// Of records that are created, changed, deleted and restored.
    #[must_use]
    pub const fn of(
        created: &'static str,
        updated: &'static str,
        deleted: &'static str,
        restored: &'static str,
    ) -> Self {
        Self { created, updated: Some(updated), deleted: Some(deleted), restored: Some(restored) }
    }

    /// Of records that stay as they were created.
    #[must_use]
    pub const fn once(created: &'static str) -> Self {
        Self { created, updated: None, deleted: None, restored: None }
    }

    /// The names of all of them.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        std::iter::once(self.created).chain(self.updated).chain(self.deleted).chain(self.restored)
    }
}

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
    /// Whether its column may be null, which is compared with the database.
    pub(crate) nullable_column: bool,
}

/// A relationship to another resource.
#[derive(Clone, Copy, Debug)]
pub struct Relationship {
    /// Its name.
    pub name: &'static str,
    /// What is at the other end.
    pub target: Target,
    /// How it is stored.
    pub link: Link,
}

/// What is at the other end of a relationship.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// Records of one resource.
    One(&'static Resource),
    /// Records of any of several resources; the relationship is polymorphic.
    Any(&'static [&'static Resource]),
}

/// A relationship, taken towards one of the resources at its other end.
#[derive(Clone, Copy, Debug)]
pub struct Hop {
    /// The relationship.
    pub relationship: &'static Relationship,
    /// Where it is taken to.
    pub target: &'static Resource,
}

impl Hop {
    /// Whether two hops lead the same way to the same resource.
    pub(crate) fn same(&self, other: &Self) -> bool {
        self.relationship.name == other.relationship.name && self.target.name == other.target.name
    }
}

/// How a relationship is stored.
#[derive(Clone, Copy, Debug)]
pub enum Link {
    /// One or none, by a column of this table.
    BelongsTo {
        /// The column with the id.
        column: &'static str,
        /// Whether there may be none.
        nullable: bool,
        /// Whether clients may set it.
        writable: bool,
    },
    /// One or none of any of several resources, by two columns of this table.
    BelongsToAny {
        /// The column with the JSON:API type.
        type_column: &'static str,
        /// The column with the id.
        id_column: &'static str,
        /// Whether there may be none.
        nullable: bool,
        /// Whether clients may set it.
        writable: bool,
    },
    /// Any number, by a column of the other table. Changed from the other end.
    HasMany {
        /// The column with the id of this record.
        column: &'static str,
    },
    /// Any number, by two columns of the other table. Changed from the other end.
    HasManyAs {
        /// The column with the type of this record.
        type_column: &'static str,
        /// The column with the id of this record.
        id_column: &'static str,
    },
    /// Any number, by a table of links.
    Through {
        /// The table of links.
        table: &'static str,
        /// Its column with the type of this record, where it links records of several resources.
        own_type: Option<&'static str>,
        /// Its column with the id of this record.
        own_id: &'static str,
        /// Its column with the id of the other record.
        other_id: &'static str,
    },
}

impl Resource {
    /// What most resources share.
    pub const DEFAULT: Self = Self {
        name: "",
        path: "",
        table: "",
        store: Store::Crm,
        attributes: &[],
        relationships: &[],
        scopes: &[],
        actions: Actions::ALL,
        events: None,
        editable: true,
        trash: true,
        newest_by: "created_at",
        validate: |_| Vec::new(),
        prepare: None,
        follow: None,
    };

    /// Where it is served, below the JSON:API's root.
    #[must_use]
    pub const fn path(&self) -> &'static str {
        if self.path.is_empty() { self.name } else { self.path }
    }

    /// Whether a record that is deleted can be restored.
    #[must_use]
    pub const fn has_trash(&self) -> bool {
        self.editable && self.trash
    }

    /// An attribute by its name.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&'static Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }

    /// A relationship by its name.
    #[must_use]
    pub fn relationship(&self, name: &str) -> Option<&'static Relationship> {
        self.relationships.iter().find(|relationship| relationship.name == name)
    }

    /// What one of its records is called where a name of a class is asked for: `DealStageTransition`.
    #[must_use]
    pub fn class_name(&self) -> String {
        let singular = match self.name.strip_suffix("ies") {
            Some(stem) => format!("{stem}y"),
            None => self.name.strip_suffix('s').unwrap_or(self.name).to_owned(),
        };
        let capital = |word: &str| {
            let mut letters = word.chars();
            letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect::<String>()
        };
        singular.split('_').map(capital).collect()
    }

    /// Whether workspaces can add fields to its records.
    #[must_use]
    pub fn has_custom_fields(&self) -> bool {
        self.attributes.iter().any(|attribute| attribute.custom)
    }

    /// The attributes that have a column, in order.
    pub(crate) fn readable(&self) -> impl Iterator<Item = &'static Attribute> + use<> {
        self.attributes.iter().filter(|attribute| attribute.readable)
    }

    /// The columns that hold ids of other records of one resource, with the relationships they belong to.
    pub(crate) fn foreign_keys(&self) -> impl Iterator<Item = (&'static str, &'static Relationship)> + use<> {
        self.relationships.iter().filter_map(|relationship| match relationship.link {
            Link::BelongsTo { column, .. } => Some((column, relationship)),
            _ => None,
        })
    }
}

impl Attribute {
    /// Clients cannot set it.
    #[must_use]
    pub const fn read_only(mut self) -> Self {
        self.writable = false;
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
        max_len: 0,
        choices: &[],
    }
}

/// One or none, by a column of this resource's table. Clients may set it.
#[must_use]
pub const fn belongs_to<C>(name: &'static str, target: &'static Resource) -> Relationship
where
    C: Column,
    <C as Expression>::SqlType: ColumnType,
{
    let nullable = <<C as Expression>::SqlType as ColumnType>::NULLABLE;
    let link = Link::BelongsTo { column: C::NAME, nullable, writable: true };
    Relationship { name, target: Target::One(target), link }
}

/// One or none of any of several resources, by the columns of this resource's table for its type and its id. Clients may
/// set it.
#[must_use]
pub const fn belongs_to_any<T, I>(name: &'static str, targets: &'static [&'static Resource]) -> Relationship
where
    T: Column,
    I: Column,
    <I as Expression>::SqlType: ColumnType,
{
    let nullable = <<I as Expression>::SqlType as ColumnType>::NULLABLE;
    let link = Link::BelongsToAny { type_column: T::NAME, id_column: I::NAME, nullable, writable: true };
    Relationship { name, target: Target::Any(targets), link }
}

/// Any number, by a column of the target's table.
#[must_use]
pub const fn has_many<C: Column>(name: &'static str, target: &'static Resource) -> Relationship {
    Relationship { name, target: Target::One(target), link: Link::HasMany { column: C::NAME } }
}

/// Any number, by the columns of the target's table for this record's type and id.
#[must_use]
pub const fn has_many_as<T: Column, I: Column>(
    name: &'static str,
    target: &'static Resource,
) -> Relationship {
    let link = Link::HasManyAs { type_column: T::NAME, id_column: I::NAME };
    Relationship { name, target: Target::One(target), link }
}

/// Any number, by a table of links with the columns for this record's id and the target's id.
#[must_use]
pub const fn many_through<O: Column, R: Column>(
    name: &'static str,
    table: &'static str,
    target: &'static Resource,
) -> Relationship {
    let link = Link::Through { table, own_type: None, own_id: O::NAME, other_id: R::NAME };
    Relationship { name, target: Target::One(target), link }
}

/// Any number, by a table of links with the columns for this record's type, this record's id and the target's id.
#[must_use]
pub const fn many_through_as<T: Column, O: Column, R: Column>(
    name: &'static str,
    table: &'static str,
    target: &'static Resource,
) -> Relationship {
    let link = Link::Through { table, own_type: Some(T::NAME), own_id: O::NAME, other_id: R::NAME };
    Relationship { name, target: Target::One(target), link }
}

impl Relationship {
    /// Clients cannot set it.
    #[must_use]
    pub const fn read_only(mut self) -> Self {
        match &mut self.link {
            Link::BelongsTo { writable, .. } | Link::BelongsToAny { writable, .. } => *writable = false,
            _ => {}
        }
        self
    }

    /// Whether it leads to at most one record.
    #[must_use]
    pub const fn to_one(&self) -> bool {
        matches!(self.link, Link::BelongsTo { .. } | Link::BelongsToAny { .. })
    }

    /// The resources at the other end.
    #[must_use]
    pub const fn targets(&self) -> &[&'static Resource] {
        match &self.target {
            Target::One(target) => std::slice::from_ref(target),
            Target::Any(targets) => targets,
        }
    }

    /// The resource at the other end that is of a JSON:API type.
    #[must_use]
    pub fn target_of(&self, r#type: &str) -> Option<&'static Resource> {
        self.targets().iter().find(|target| target.name == r#type).copied()
    }

    /// The resource at the other end, where there is one alone.
    #[must_use]
    pub const fn single_target(&self) -> Option<&'static Resource> {
        match self.target {
            Target::One(target) => Some(target),
            Target::Any(_) => None,
        }
    }

    /// The way to the resource at the other end; where there are several, to the one of a type, which is written as
    /// its JSON:API type or as the name of a class (`Contact`).
    pub(crate) fn hop(&'static self, of_type: Option<&str>) -> Option<Hop> {
        let target = match (self.target, of_type) {
            (Target::One(target), None) => target,
            (Target::Any(targets), Some(wanted)) => {
                targets.iter().find(|target| target.name == wanted || target.class_name() == wanted)?
            }
            _ => return None,
        };
        Some(Hop { relationship: self, target })
    }

    /// The names of the resources at the other end, for messages.
    #[must_use]
    pub fn target_names(&self) -> String {
        self.targets().iter().map(|target| target.name).collect::<Vec<_>>().join(" or ")
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
