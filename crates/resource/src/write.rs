//! Writing: the row, its links and its event, in the transaction of the caller.
//!
//! The record's row is locked before the event is appended, so the events of one record stand in the journal in the
//! order of its changes.

use std::collections::HashSet;

use diesel_async::{AsyncConnection, AsyncPgConnection, TransactionManager};
use pulse_domain::{EventId, RecordId};
use pulse_jsonapi::{Code, Problem};
use pulse_store::Connection;
use pulse_store::journal::{self, NewEvent};
use pulse_store::notify::Waker;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::changes::related_not_found;
use crate::declare::{Link, Relationship, Resource};
use crate::engine::Act;
use crate::error::not_found;
use crate::render::Record;
use crate::select::{self, Lock};
use crate::statement::{Bind, Shapes, Statement};
use crate::{Changes, Error};

/// A transaction in which records are written. Dropped without [`Transaction::commit`], nothing of it has happened.
pub struct Transaction {
    pub(crate) connection: Connection,
    pub(crate) shapes: Shapes,
    pub(crate) act: Act,
    pub(crate) events: Waker,
}

impl std::fmt::Debug for Transaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Transaction({:?})", self.act)
    }
}

type Manager = <AsyncPgConnection as AsyncConnection>::TransactionManager;

/// How the links of a to-many relationship change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relink {
    /// The given ones are added.
    Add,
    /// The given ones are removed.
    Remove,
    /// The given ones take the place of all.
    Replace,
}

impl Transaction {
    pub(crate) async fn begin(
        mut connection: Connection,
        shapes: Shapes,
        act: Act,
        events: Waker,
    ) -> Result<Self, Error> {
        Manager::begin_transaction(&mut *connection).await?;
        Ok(Self { connection, shapes, act, events })
    }

    /// Makes everything written so visible, and wakes the relay.
    ///
    /// # Errors
    /// When the database refuses; then nothing has happened.
    pub async fn commit(mut self) -> Result<(), Error> {
        Manager::commit_transaction(&mut *self.connection).await?;
        self.events.wake();
        Ok(())
    }

    /// Takes everything back, so that the connection can be used again at once.
    pub async fn roll_back(mut self) {
        if let Err(error) = Manager::rollback_transaction(&mut *self.connection).await {
            // The pool throws a connection with an open transaction away.
            tracing::warn!(%error, "cannot roll back");
        }
    }

    /// The connection, for statements of the caller's own within the transaction.
    pub fn connection(&mut self) -> &mut AsyncPgConnection {
        &mut self.connection
    }

    /// Creates a record.
    ///
    /// # Errors
    /// When a related record does not exist, or a constraint of the table is violated.
    pub async fn create(&mut self, changes: Changes) -> Result<Record, Error> {
        let resource = changes.resource;
        self.require_related(&changes).await?;
        let id = changes.id.unwrap_or_else(|| RecordId::generate().0);
        let mut sql = Statement::default();
        sql.sql(&format!("INSERT INTO {} (workspace_id, id", resource.table));
        for (column, _) in changes.columns() {
            sql.sql(", ").sql(column);
        }
        sql.sql(") VALUES (").bind(self.act.workspace.0).sql(", ").bind(id);
        for (_, value) in changes.columns() {
            sql.sql(", ").bind(value.clone());
        }
        sql.sql(&format!(") RETURNING {}", select::columns(resource).join(", ")));
        let record = self.one(resource, sql).await?.ok_or_else(|| not_found(resource.name, id))?;
        for (relationship, ids) in &changes.to_many {
            self.relink(&record, relationship, Relink::Add, ids).await?;
        }
        self.record(resource.events.map(|events| events.created), &record, None).await?;
        Ok(record)
    }

    /// Changes a record. No event is recorded where nothing differs.
    ///
    /// # Errors
    /// When it does not exist, has another version than `expected`, or a constraint is violated.
    pub async fn update(
        &mut self,
        id: Uuid,
        changes: Changes,
        expected: Option<i64>,
    ) -> Result<Record, Error> {
        let resource = changes.resource;
        let old = self.lock(resource, id, expected).await?;
        self.require_related(&changes).await?;
        let mut relinked = Vec::new();
        for (relationship, ids) in &changes.to_many {
            relinked.extend(self.relink(&old, relationship, Relink::Replace, ids).await?);
        }
        if changes.columns().is_empty() && relinked.is_empty() {
            return Ok(old);
        }
        self.change(&old, changes.columns(), relinked).await
    }

    /// Moves a record to the trash and returns it as it was.
    ///
    /// # Errors
    /// When it does not exist, or has another version than `expected`.
    pub async fn destroy(
        &mut self,
        resource: &'static Resource,
        id: Uuid,
        expected: Option<i64>,
    ) -> Result<Record, Error> {
        let old = self.lock(resource, id, expected).await?;
        let mut sql = Statement::default();
        sql.sql(&format!(
            "UPDATE {} SET deleted_at = now(), lock_version = lock_version + 1",
            resource.table
        ))
        .sql(" WHERE workspace_id = ")
        .bind(self.act.workspace.0)
        .sql(" AND id = ")
        .bind(id);
        sql.run(&mut self.connection, &self.shapes).await?;
        self.record(resource.events.and_then(|events| events.deleted), &old, None).await?;
        Ok(old)
    }

    /// Changes the links of a to-many relationship of a record.
    ///
    /// # Errors
    /// When the record or one of the others does not exist.
    pub async fn change_links(
        &mut self,
        resource: &'static Resource,
        id: Uuid,
        relationship: &'static Relationship,
        how: Relink,
        ids: &[Uuid],
    ) -> Result<Record, Error> {
        let record = self.lock(resource, id, None).await?;
        if how != Relink::Remove {
            let missing = self.missing(relationship, ids).await?;
            if !missing.is_empty() {
                return Err(not_related(relationship, ids, &missing, "/data").into());
            }
        }
        match self.relink(&record, relationship, how, ids).await? {
            Some(changed) => self.change(&record, &[], vec![changed]).await,
            None => Ok(record),
        }
    }

    /// Writes columns of a row that is locked, counts the change, and records it if anything differs.
    async fn change(
        &mut self,
        old: &Record,
        columns: &[(&'static str, Bind)],
        relinked: Vec<Relinked>,
    ) -> Result<Record, Error> {
        let resource = old.resource;
        let mut sql = Statement::default();
        sql.sql(&format!("UPDATE {} SET ", resource.table));
        for (column, value) in columns {
            sql.sql(&format!("{column} = ")).bind(value.clone()).sql(", ");
        }
        sql.sql("updated_at = now(), lock_version = lock_version + 1 WHERE workspace_id = ")
            .bind(self.act.workspace.0)
            .sql(" AND id = ")
            .bind(old.id())
            .sql(&format!(" RETURNING {}", select::columns(resource).join(", ")));
        let new = self.one(resource, sql).await?.ok_or_else(|| not_found(resource.name, old.id()))?;
        let differs = new.changes_since(old);
        if differs.is_some() || !relinked.is_empty() {
            let kind = resource.events.and_then(|events| events.updated);
            self.record(kind, &new, merged(differs, relinked)).await?;
        }
        Ok(new)
    }

    async fn lock(
        &mut self,
        resource: &'static Resource,
        id: Uuid,
        expected: Option<i64>,
    ) -> Result<Record, Error> {
        let sql = select::by_ids(resource, self.act.workspace, vec![id], Some(Lock::Change));
        let record = self.one(resource, sql).await?.ok_or_else(|| not_found(resource.name, id))?;
        match expected {
            Some(expected) if record.version() != Some(expected) => {
                let detail = "The record has changed since it was read.";
                Err(Problem::new(Code::Stale, detail).at_header("If-Match").into())
            }
            _ => Ok(record),
        }
    }

    async fn require_related(&mut self, changes: &Changes) -> Result<(), Error> {
        let mut problems = Vec::new();
        for (relationship, id) in &changes.to_one {
            if let Some(missing) = self.missing(relationship, &[*id]).await?.first() {
                let at = format!("/data/relationships/{}/data/id", relationship.name);
                problems.push(related_not_found(relationship.target.name, missing).at_pointer(at));
            }
        }
        for (relationship, ids) in &changes.to_many {
            let missing = self.missing(relationship, ids).await?;
            let at = format!("/data/relationships/{}/data", relationship.name);
            problems.extend(not_related(relationship, ids, &missing, &at));
        }
        if problems.is_empty() { Ok(()) } else { Err(problems.into()) }
    }

    /// Which of some ids lead to no live record of the workspace; the others are held until the transaction ends.
    async fn missing(&mut self, relationship: &Relationship, ids: &[Uuid]) -> Result<Vec<Uuid>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let target = relationship.target;
        let sql = select::by_ids(target, self.act.workspace, ids.to_vec(), Some(Lock::Existence));
        let rows = sql.rows(&mut self.connection, &self.shapes).await?;
        let found: HashSet<Uuid> = rows.into_iter().map(|row| Record::new(target, row).id()).collect();
        Ok(ids.iter().filter(|id| !found.contains(id)).copied().collect())
    }

    /// Changes links to records that are known to exist; returns what changed, if anything did.
    async fn relink(
        &mut self,
        record: &Record,
        relationship: &'static Relationship,
        how: Relink,
        ids: &[Uuid],
    ) -> Result<Option<Relinked>, Error> {
        let Link::Through { table, own_type, own_id, other_id } = relationship.link else {
            let detail = format!("{} cannot be changed from here.", relationship.name);
            return Err(Problem::new(Code::Forbidden, detail).into());
        };
        let (workspace, owner) = (self.act.workspace.0, record.resource.name);
        let mut changed = 0;
        if how != Relink::Add {
            let mut sql = Statement::default();
            sql.sql(&format!("DELETE FROM {table} WHERE workspace_id = ")).bind(workspace);
            sql.sql(&format!(" AND {own_type} = '{owner}' AND {own_id} = ")).bind(record.id());
            sql.sql(&format!(" AND {other_id} "));
            sql.sql(if how == Relink::Remove { "= ANY (" } else { "<> ALL (" }).bind(ids.to_vec()).sql(")");
            changed += sql.run(&mut self.connection, &self.shapes).await?;
        }
        if how != Relink::Remove && !ids.is_empty() {
            let mut sql = Statement::default();
            sql.sql(&format!("INSERT INTO {table} (workspace_id, {own_type}, {own_id}, {other_id}) SELECT "));
            sql.bind(workspace).sql(&format!(", '{owner}', ")).bind(record.id()).sql(", unnest(");
            sql.bind(ids.to_vec()).sql(") ON CONFLICT DO NOTHING");
            changed += sql.run(&mut self.connection, &self.shapes).await?;
        }
        Ok((changed > 0).then(|| Relinked { name: relationship.name, how, ids: ids.to_vec() }))
    }

    async fn one(&mut self, resource: &'static Resource, sql: Statement) -> Result<Option<Record>, Error> {
        let rows = sql.rows(&mut self.connection, &self.shapes).await?;
        Ok(rows.into_iter().next().map(|row| Record::new(resource, row)))
    }

    async fn record(
        &mut self,
        kind: Option<&'static str>,
        record: &Record,
        changes: Option<Box<RawValue>>,
    ) -> Result<(), Error> {
        let Some(kind) = kind else { return Ok(()) };
        let event = NewEvent {
            id: EventId::generate(),
            workspace_id: self.act.workspace,
            kind,
            resource: record.resource.name,
            record_id: record.record_id(),
            data: record.flat(),
            changes,
            correlation_id: self.act.correlation_id,
        };
        journal::append(&mut self.connection, vec![event]).await?;
        Ok(())
    }
}

/// One problem for each id in the linkage at `at` that leads to nothing.
fn not_related(relationship: &Relationship, ids: &[Uuid], missing: &[Uuid], at: &str) -> Vec<Problem> {
    let leads_to_nothing = ids.iter().enumerate().filter(|(_, id)| missing.contains(id));
    leads_to_nothing
        .map(|(index, id)| {
            related_not_found(relationship.target.name, id).at_pointer(format!("{at}/{index}/id"))
        })
        .collect()
}

/// Links that changed.
struct Relinked {
    name: &'static str,
    how: Relink,
    ids: Vec<Uuid>,
}

/// The changes of the row and of links as one object: a link stands there as `{"added"|"removed"|"replaced":[ids]}`.
fn merged(row: Option<Box<RawValue>>, relinked: Vec<Relinked>) -> Option<Box<RawValue>> {
    if relinked.is_empty() {
        return row;
    }
    let mut all: serde_json::Map<String, serde_json::Value> =
        row.and_then(|row| serde_json::from_str(row.get()).ok()).unwrap_or_default();
    for change in relinked {
        let how = match change.how {
            Relink::Add => "added",
            Relink::Remove => "removed",
            Relink::Replace => "replaced",
        };
        all.insert(change.name.into(), serde_json::json!({ how: change.ids }));
    }
    Some(crate::statement::json_text(&all.into()))
}

/// The record that holds the value which a new or changed one shall have, where a unique index says so.
pub(crate) fn holder(changes: &Changes, workspace: Uuid, attribute: &str) -> Option<Statement> {
    let text = changes.text(attribute)?;
    let mut sql = Statement::default();
    sql.sql(&format!("SELECT t.id FROM {} t WHERE t.workspace_id = ", changes.resource.table))
        .bind(workspace);
    sql.sql(&format!(" AND lower(t.{attribute}) = lower(")).bind(Bind::from(text)).sql(")");
    sql.sql(" AND t.deleted_at IS NULL");
    Some(sql)
}
