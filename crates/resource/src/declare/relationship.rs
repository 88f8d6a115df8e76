//! Relationships: where records lead to, and how that is stored.

use diesel::Column;
use diesel::expression::Expression;

use super::Resource;
use super::attribute::ColumnType;

/// A relationship to another resource.
#[derive(Clone, Copy, Debug)]
pub struct Relationship {
    /// Its name.
    pub name: &'static str,
    /// What is at the other end.
    pub target: Target,
    /// How it is stored.
    pub link: Link,
    /// Whether only those may set it who may change every record of the resource.
    pub restricted: bool,
}

/// What is at the other end of a relationship.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// Records of one resource.
    One(&'static Resource),
    /// Records of any of several resources; the relationship is polymorphic.
    Any(&'static [&'static Resource]),
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

/// One or none, by a column of this resource's table. Clients may set it.
#[must_use]
pub const fn belongs_to<C>(name: &'static str, target: &'static Resource) -> Relationship
where
    C: Column,
    <C as Expression>::SqlType: ColumnType,
{
    let nullable = <<C as Expression>::SqlType as ColumnType>::NULLABLE;
    let link = Link::BelongsTo { column: C::NAME, nullable, writable: true };
    Relationship { name, target: Target::One(target), link, restricted: false }
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
    Relationship { name, target: Target::Any(targets), link, restricted: false }
}

/// Any number, by a column of the target's table.
#[must_use]
pub const fn has_many<C: Column>(name: &'static str, target: &'static Resource) -> Relationship {
    let link = Link::HasMany { column: C::NAME };
    Relationship { name, target: Target::One(target), link, restricted: false }
}

/// Any number, by the columns of the target's table for this record's type and id.
#[must_use]
pub const fn has_many_as<T: Column, I: Column>(
    name: &'static str,
    target: &'static Resource,
) -> Relationship {
    let link = Link::HasManyAs { type_column: T::NAME, id_column: I::NAME };
    Relationship { name, target: Target::One(target), link, restricted: false }
}

/// Any number, by a table of links with the columns for this record's id and the target's id.
#[must_use]
pub const fn many_through<O: Column, R: Column>(
    name: &'static str,
    table: &'static str,
    target: &'static Resource,
) -> Relationship {
    let link = Link::Through { table, own_type: None, own_id: O::NAME, other_id: R::NAME };
    Relationship { name, target: Target::One(target), link, restricted: false }
}

/// Any number, by a table of links with the columns for this record's type, this record's id and the target's id.
#[must_use]
pub const fn many_through_as<T: Column, O: Column, R: Column>(
    name: &'static str,
    table: &'static str,
    target: &'static Resource,
) -> Relationship {
    let link = Link::Through { table, own_type: Some(T::NAME), own_id: O::NAME, other_id: R::NAME };
    Relationship { name, target: Target::One(target), link, restricted: false }
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

    /// Only those may set it who may change every record of the resource, and not those who may change their own.
    #[must_use]
    pub const fn restricted(mut self) -> Self {
        self.restricted = true;
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
