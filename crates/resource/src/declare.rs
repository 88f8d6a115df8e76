//! What a resource says about itself: plain data, made from `schema.rs` by `const` functions.
//!
//! Everything is closed unless it is opened: an attribute can be filtered and sorted by only where the declaration
//! says so, and a column that is not declared is never shown.

mod attribute;
mod ownership;
mod relationship;

use pulse_jsonapi::Problem;

pub use attribute::{Attribute, ColumnType, attribute, secret};
pub use ownership::Ownership;
pub use relationship::{
    Hop, Link, Relationship, Target, belongs_to, belongs_to_any, has_many, has_many_as, many_through,
    many_through_as,
};

use crate::Changes;
use crate::scope::Scope;
use crate::write::{Follow, Prepare};

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
    /// Whose its records are.
    pub ownership: Ownership,
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
        ownership: Ownership::Nobody,
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
