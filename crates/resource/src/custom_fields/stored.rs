//! Values as SQL. Ids of fields are bound like values, so that the same question has one shape in all workspaces. A
//! stored value of another kind than its field's is null, and never makes a statement fail.

use pulse_jsonapi::ransack::{Kind, Value};
use serde_json::json;
use uuid::Uuid;

use super::{ATTRIBUTE, Field, FieldKind, value};
use crate::declare::Resource;
use crate::statement::{Bind, Statement};

/// A field as what is compared and sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) id: Uuid,
    kind: FieldKind,
}

impl From<&Field> for Stored {
    fn from(field: &Field) -> Self {
        Self { id: field.id, kind: field.kind }
    }
}

impl Stored {
    /// What clients give to compare it with.
    pub(crate) fn kind(self) -> Kind {
        self.kind.compared_as()
    }

    /// What the database compares: dates and instants are texts there.
    pub(crate) fn kind_in_sql(self) -> Kind {
        match self.kind() {
            Kind::Date | Kind::DateTime => Kind::Text,
            kind => kind,
        }
    }

    /// A value that a client gives, as the database compares it.
    pub(crate) fn adapt(self, given: &mut Value) {
        match given {
            Value::Date(date) => *given = Value::Text(value::date_text(*date)),
            Value::DateTime(instant) => *given = Value::Text(value::instant_text(*instant)),
            _ => {}
        }
    }

    /// Writes the value of the row behind `alias`.
    pub(crate) fn write(self, alias: &str, sql: &mut Statement) {
        let json = |sql: &mut Statement| {
            sql.sql(&format!("({alias}.{ATTRIBUTE} -> ")).bind(self.key()).sql(")");
        };
        let text = |sql: &mut Statement| {
            sql.sql(&format!("({alias}.{ATTRIBUTE} ->> ")).bind(self.key()).sql(")");
        };
        match self.kind {
            FieldKind::Integer => {
                sql.sql("CASE jsonb_typeof(");
                json(sql);
                sql.sql(") WHEN 'number' THEN ");
                text(sql);
                sql.sql("::numeric::bigint END");
            }
            FieldKind::Decimal => {
                sql.sql("CASE WHEN ");
                text(sql);
                sql.sql(" ~ '^-?[0-9]{1,14}([.][0-9]{1,4})?$' THEN ");
                text(sql);
                sql.sql("::numeric END");
            }
            FieldKind::Boolean => {
                sql.sql("CASE ");
                text(sql);
                sql.sql(" WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE END");
            }
            FieldKind::MultiChoice => json(sql),
            _ => text(sql),
        }
    }

    /// Writes that it equals a value, in the form that the index of the column knows; that it is another one, where
    /// `equal` is false, of several choices alone. Returns whether it could be written so.
    pub(crate) fn write_equality(self, alias: &str, value: &Value, equal: bool, sql: &mut Statement) -> bool {
        let several = self.kind == FieldKind::MultiChoice;
        let fits = match self.kind {
            // An integer beyond the range of the kind.
            FieldKind::Integer => matches!(value, Value::Integer(_)),
            _ => true,
        };
        let Some(value) = value::equal(value).filter(|_| fits && (equal || several)) else { return false };
        let member = Bind::json(&json!({ self.id.to_string(): value }));
        if equal {
            // The index has the rows with values alone.
            sql.sql(&format!("({alias}.{ATTRIBUTE} <> '{{}}' AND {alias}.{ATTRIBUTE} @> "))
                .bind(member)
                .sql(")");
        } else {
            sql.sql(&format!("({alias}.{ATTRIBUTE} ? ")).bind(self.key());
            sql.sql(&format!(" AND NOT {alias}.{ATTRIBUTE} @> ")).bind(member).sql(")");
        }
        true
    }

    /// Its name in the column.
    fn key(self) -> Bind {
        Bind::Text(self.id.to_string())
    }
}

/// The values of the row behind `alias` by the keys of their fields, deleted fields left out.
pub(crate) fn shown(resource: &Resource, alias: &str) -> String {
    format!(
        "CASE WHEN {alias}.{ATTRIBUTE} = '{{}}' THEN {alias}.{ATTRIBUTE} ELSE (SELECT \
         coalesce(jsonb_object_agg(f.key, {alias}.{ATTRIBUTE} -> f.id::text), '{{}}') FROM custom_fields f WHERE \
         f.workspace_id = {alias}.workspace_id AND f.resource = '{}' AND f.deleted_at IS NULL AND {alias}.{ATTRIBUTE} ? \
         f.id::text) END",
        resource.name
    )
}
