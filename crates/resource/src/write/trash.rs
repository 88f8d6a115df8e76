//! Into the trash, out of it, and out of it for good.

use pulse_jsonapi::{Code, Problem};
use pulse_store::audit::Action;
use uuid::Uuid;

use super::{Transaction, not_yours};
use crate::Error;
use crate::declare::{Link, Resource};
use crate::render::Record;
use crate::rights::{self, Deed};
use crate::select::{self, Lock};
use crate::statement::Statement;

impl Transaction {
    /// Moves a record to the trash and returns it as it was. A record of a resource without a trash is gone.
    ///
    /// # Errors
    /// When it does not exist, has another version than `expected`, or who writes may not delete it.
    pub async fn destroy(
        &mut self,
        resource: &'static Resource,
        id: Uuid,
        expected: Option<i64>,
    ) -> Result<Record, Error> {
        let old = self.held(resource, id, expected, Lock::Removal, Deed::Delete).await?;
        let how = if resource.has_trash() {
            format!("UPDATE {} SET deleted_at = now(), lock_version = lock_version + 1", resource.table)
        } else {
            format!("DELETE FROM {}", resource.table)
        };
        let mut sql = Statement::default();
        sql.sql(&how).sql(" WHERE workspace_id = ").bind(self.act.workspace.0).sql(" AND id = ").bind(id);
        sql.run(&self.connection, &self.shapes).await?;
        let kind = resource.events.and_then(|events| events.deleted);
        self.trace(Action::Destroy, kind, &old, None).await?;
        self.follow(Some(&old), None).await?;
        Ok(old)
    }

    /// Takes a record out of the trash. One that is not in it stays as it is.
    ///
    /// # Errors
    /// When it does not exist, its unique values were given to another record meanwhile, or who writes may not delete it.
    pub async fn restore(&mut self, resource: &'static Resource, id: Uuid) -> Result<Record, Error> {
        self.permit(resource, Deed::Delete).await?;
        let mut sql = Statement::default();
        sql.sql(&format!(
            "UPDATE {} SET deleted_at = NULL, updated_at = now(), lock_version = lock_version + 1 WHERE workspace_id = ",
            resource.table
        ))
        .bind(self.act.workspace.0)
        .sql(" AND id = ")
        .bind(id)
        .sql(" AND deleted_at IS NOT NULL");
        rights::and_within(resource, &self.act, Deed::Read, resource.table, &mut sql);
        sql.sql(" RETURNING ").sql(&select::cells(resource, resource.table));
        rights::and_whether_within(resource, &self.act, Deed::Delete, resource.table, &mut sql);
        let Some(row) = self.rows(sql).await?.into_iter().next() else {
            return self.held(resource, id, None, Lock::Change, Deed::Delete).await;
        };
        if !rights::is_within(resource, &self.act, Deed::Delete, &row) {
            return Err(not_yours(resource, Deed::Delete).into());
        }
        let record = Record::new(resource, row);
        if resource.has_custom_fields() {
            self.require_unique(resource, id).await?;
        }
        let kind = resource.events.and_then(|events| events.restored);
        self.trace(Action::Restore, kind, &record, None).await?;
        self.follow(None, Some(&record)).await?;
        Ok(record)
    }

    /// Removes a record that is in the trash for good, with its links and the records that are about it alone
    /// (polymorphic ones, such as notes). What else leads to it is set to null or removed as the foreign keys say.
    ///
    /// # Errors
    /// When it does not exist, or is not in the trash.
    pub async fn purge(&mut self, resource: &'static Resource, id: Uuid) -> Result<(), Error> {
        self.permit(resource, Deed::Purge).await?;
        let workspace = self.act.workspace.0;
        let mut sql = Statement::default();
        sql.sql(&format!("DELETE FROM {} WHERE workspace_id = ", resource.table)).bind(workspace);
        sql.sql(" AND id = ").bind(id).sql(" AND deleted_at IS NOT NULL");
        if sql.run(&self.connection, &self.shapes).await? == 0 {
            self.held(resource, id, None, Lock::Change, Deed::Purge).await?;
            let detail = "Only a record in the trash can be purged: delete it first.";
            return Err(Problem::new(Code::StateConflict, detail).into());
        }
        for relationship in resource.relationships {
            let (table, type_column, id_column) = match (relationship.link, relationship.single_target()) {
                (Link::HasManyAs { type_column, id_column }, Some(target)) => {
                    (target.table, type_column, id_column)
                }
                (Link::Through { table, own_type: Some(own_type), own_id, .. }, _) => {
                    (table, own_type, own_id)
                }
                _ => continue,
            };
            let mut sql = Statement::default();
            sql.sql(&format!("DELETE FROM {table} WHERE workspace_id = ")).bind(workspace);
            sql.sql(&format!(" AND {type_column} = '{}' AND {id_column} = ", resource.name)).bind(id);
            sql.run(&self.connection, &self.shapes).await?;
        }
        self.log(Action::Purge, resource, id, None).await
    }
}
