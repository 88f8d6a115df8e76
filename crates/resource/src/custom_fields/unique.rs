//! Values that no two live records of a workspace may share.
//!
//! After a record was written, its transaction takes a lock for each such value it has, and looks for another record
//! that has it too. Who comes second waits for the first to commit, and then sees it. Deleted fields count: their values
//! are still unique when they are restored.

use pulse_domain::WorkspaceId;
use pulse_jsonapi::{Code, Problem};
use serde_json::json;
use uuid::Uuid;

use super::ATTRIBUTE;
use super::given::at;
use crate::declare::Resource;
use crate::row::Row;
use crate::statement::Statement;

/// Locks the values of a record that must be unique, until the transaction ends.
pub(crate) fn lock(resource: &Resource, workspace: WorkspaceId, id: Uuid) -> Statement {
    let mut sql = Statement::default();
    sql.sql(&format!(
        "SELECT pg_advisory_xact_lock(value) FROM (SELECT hashtextextended(f.id || ' ' || (t.{ATTRIBUTE} ->> f.id::text), \
         0) AS value"
    ));
    values(resource, workspace, id, "", &mut sql);
    // One order for all, so that none waits for another that waits for it.
    sql.sql(" ORDER BY 1) v");
    sql
}

/// Finds the other records that have them.
pub(crate) fn holders(resource: &Resource, workspace: WorkspaceId, id: Uuid) -> Statement {
    let others = format!(
        " JOIN {} o ON o.workspace_id = t.workspace_id AND o.id <> t.id AND o.deleted_at IS NULL AND o.{ATTRIBUTE} <> '{{}}' \
         AND o.{ATTRIBUTE} @> jsonb_build_object(f.id::text, t.{ATTRIBUTE} -> f.id::text)",
        resource.table
    );
    let mut sql = Statement::default();
    sql.sql("SELECT f.key, o.id");
    values(resource, workspace, id, &others, &mut sql);
    sql
}

/// What a row of [`holders`] means to the client.
pub(crate) fn problem(row: &Row) -> Option<Problem> {
    let key = row.text(0)?;
    let problem =
        Problem::new(Code::NotUnique, format!("Another record has this {key}.")).at_pointer(at(&[key]));
    Some(problem.with_meta(json!({ "id": row.id(1)? })))
}

fn values(resource: &Resource, workspace: WorkspaceId, id: Uuid, join: &str, sql: &mut Statement) {
    sql.sql(&format!(
        " FROM {} t JOIN custom_fields f ON f.workspace_id = t.workspace_id AND f.resource = '{}' AND f.unique_values \
         AND t.{ATTRIBUTE} ? f.id::text{join} WHERE t.workspace_id = ",
        resource.table, resource.name
    ))
    .bind(workspace.0)
    .sql(" AND t.id = ")
    .bind(id);
}
