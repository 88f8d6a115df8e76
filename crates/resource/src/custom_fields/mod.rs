//! Fields that a workspace adds to its records. Their definitions are records themselves; their values are filtered and
//! sorted by like columns.
//!
//! The values of a record stand in one `jsonb` column, by the id of the field and in a normal form ([`value`]). So a
//! deleted field keeps its values, unseen, until it is restored, and another field under the same key does not find
//! them. [`given`] checks what a client wants written, [`stored`] says how values are shown and compared, [`unique`] keeps
//! them unique. Definitions are read when a request needs them and not kept, since another replica may have changed
//! them a moment ago.

pub(crate) mod given;
mod kind;
pub(crate) mod stored;
pub(crate) mod unique;
pub(crate) mod value;

pub use kind::FieldKind;
use pulse_domain::WorkspaceId;
use uuid::Uuid;

use crate::declare::Resource;
use crate::row::Row;
use crate::statement::Statement;

/// The attribute with the values, and the column it is stored in.
pub const ATTRIBUTE: &str = "custom_fields";

/// The custom fields of a workspace that are not deleted: of all its resources, or of one.
#[derive(Clone, Debug, Default)]
pub struct Definitions(Vec<Field>);

/// A custom field.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) id: Uuid,
    /// JSON:API type of the records that have it.
    pub(crate) resource: String,
    pub(crate) key: String,
    pub(crate) kind: FieldKind,
    /// The values it may have, where its kind has choices.
    pub(crate) choices: Vec<String>,
    /// Whether a new record needs a value.
    pub(crate) required: bool,
    /// Whether no two records may have the same value.
    pub(crate) unique: bool,
}

impl Definitions {
    /// No fields at all.
    pub const NONE: Self = Self(Vec::new());

    /// Those of a resource, in their order.
    pub(crate) fn of(&self, resource: &Resource) -> impl Iterator<Item = &Field> {
        self.0.iter().filter(|field| field.resource == resource.name)
    }

    /// The field of a resource that has a key.
    pub(crate) fn named(&self, resource: &Resource, key: &str) -> Option<&Field> {
        self.of(resource).find(|field| field.key == key)
    }

    /// Reads the definitions of a workspace; those of one resource, where one is given.
    pub(crate) fn select(workspace: WorkspaceId, resource: Option<&Resource>) -> Statement {
        let mut sql = Statement::default();
        sql.sql(
            "SELECT f.id, f.resource, f.key, f.kind, f.choices::text, f.required::integer, f.unique_values::integer \
             FROM custom_fields f WHERE f.workspace_id = ",
        )
        .bind(workspace.0)
        .sql(" AND f.deleted_at IS NULL");
        if let Some(resource) = resource {
            sql.sql(" AND f.resource = ").bind(resource.name);
        }
        sql.sql(" ORDER BY f.resource, f.position, f.key");
        sql
    }

    /// The rows of [`Definitions::select`].
    pub(crate) fn read(rows: &[Row]) -> Self {
        Self(rows.iter().filter_map(Field::read).collect())
    }
}

impl Field {
    fn read(row: &Row) -> Option<Self> {
        let choices = row.text(4).and_then(|choices| serde_json::from_str(choices).ok());
        Some(Self {
            id: row.id(0)?,
            resource: row.text(1)?.to_owned(),
            key: row.text(2)?.to_owned(),
            kind: FieldKind::named(row.text(3)?)?,
            choices: choices.unwrap_or_default(),
            required: row.integer(5)? != 0,
            unique: row.integer(6)? != 0,
        })
    }
}

#[cfg(test)]
mod tests;
