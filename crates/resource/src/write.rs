//! Writing: the row, its links, its event and its line in the audit log, in the transaction of the caller.
//!
//! The record's row is locked before the event is appended, so the events of one record stand in the journal in the
//! order of its changes.

mod links;
mod number;
mod trace;
mod trash;

use std::mem::replace;
use std::pin::Pin;
use std::sync::Arc;

use diesel_async::{AsyncConnection, AsyncPgConnection, TransactionManager};
use futures_util::future::join;
use pulse_domain::{RecordId, Role, WorkspaceId};
use pulse_jsonapi::{Code, Problem};
use pulse_store::Connection;
use pulse_store::audit::Action;
use pulse_store::notify::Waker;
use serde_json::value::RawValue;
use uuid::Uuid;

use links::{Relinked, merged};
use trace::masked;

pub use links::Relink;

use crate::act::{Act, Actor};
use crate::custom_fields::unique;
use crate::declare::{Ownership, Resource};
use crate::error::not_found;
use crate::render::Record;
use crate::rights::{self, Deed, Everything, Reach};
use crate::row::Row;
use crate::select::{self, Lock};
use crate::statement::{Bind, Shapes, Statement};
use crate::{Changes, Error};

/// A transaction in which records are written. Dropped without [`Transaction::commit`], nothing of it has happened.
pub struct Transaction {
    pub(crate) connection: Connection,
    pub(crate) shapes: Shapes,
    pub(crate) act: Act,
    pub(crate) events: Waker,
    /// Whether what must hold for who acts is known to hold.
    allowed: bool,
    role: Option<Role>,
    /// The first record that was made.
    created: Option<(&'static Resource, Uuid)>,
}

impl std::fmt::Debug for Transaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Transaction({:?})", self.act)
    }
}

/// What runs before a record is written: the record as it is, where there is one, and what shall change.
pub type Prepare = for<'a> fn(&'a mut Transaction, Option<&'a Record>, &'a mut Changes) -> Work<'a>;

/// What runs after a record was written: as it was, where it was there, and as it is, where it still is.
pub type Follow = for<'a> fn(&'a mut Transaction, Option<&'a Record>, Option<&'a Record>) -> Work<'a>;

/// What a hook does; an error takes the whole transaction back.
pub type Work<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>;

type Manager = <AsyncPgConnection as AsyncConnection>::TransactionManager;

impl Transaction {
    pub(crate) async fn begin(
        mut connection: Connection,
        shapes: Shapes,
        act: Act,
        events: Waker,
    ) -> Result<Self, Error> {
        Manager::begin_transaction(&mut *connection).await?;
        let role = act.role();
        Ok(Self { connection, shapes, act, events, allowed: false, role, created: None })
    }

    /// Makes everything written so visible, and wakes the relay.
    ///
    /// # Errors
    /// When the database or a witness refuses, or who acts may not; then nothing has happened.
    pub async fn commit(mut self) -> Result<(), Error> {
        if !self.allowed {
            self.act.check().await?;
        }
        if let Some(witness) = self.act.witness.clone()
            && let Err(refused) = witness.committing(&mut self.connection, self.created).await
        {
            self.roll_back().await;
            return Err(refused);
        }
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

    /// The tenant that it writes in.
    #[must_use]
    pub const fn workspace(&self) -> WorkspaceId {
        self.act.workspace
    }

    /// What who writes is, where they are a user; not what the house may do meanwhile.
    #[must_use]
    pub const fn role(&self) -> Option<Role> {
        self.role
    }

    /// Who writes.
    #[must_use]
    pub const fn actor(&self) -> Actor {
        self.act.actor
    }

    /// The connection, for statements of the caller's own within the transaction.
    pub fn connection(&mut self) -> &mut AsyncPgConnection {
        &mut self.connection
    }

    /// Runs a statement; the first of a transaction along with the question whether who acts may.
    async fn rows(&mut self, sql: Statement) -> Result<Vec<Row>, Error> {
        if self.allowed {
            return Ok(sql.rows(&self.connection, &self.shapes).await?);
        }
        let (allowed, rows) = join(self.act.check(), sql.rows(&self.connection, &self.shapes)).await;
        allowed?;
        self.allowed = true;
        Ok(rows?)
    }

    /// The user who writes, where it is one.
    #[must_use]
    pub const fn user(&self) -> Option<Uuid> {
        self.act.actor.id()
    }

    /// Creates a record.
    ///
    /// # Errors
    /// When a related record does not exist, or a constraint of the table is violated.
    pub async fn create(&mut self, mut changes: Changes) -> Result<Record, Error> {
        let resource = changes.resource;
        self.permit(resource, Deed::Create).await?;
        self.require_unrestricted(None, &changes)?;
        let id = *changes.id.get_or_insert_with(|| RecordId::generate().0);
        self.require_related(&changes).await?;
        self.own(&mut changes);
        self.prepare(None, &mut changes).await?;
        let mut sql = Statement::default();
        sql.sql(&format!("INSERT INTO {} (workspace_id, id", resource.table));
        for (column, _) in changes.columns() {
            sql.sql(", ").sql(column);
        }
        sql.sql(") VALUES (").bind(self.act.workspace.0).sql(", ").bind(id);
        for (_, value) in changes.columns() {
            sql.sql(", ");
            write_value(None, value, &mut sql);
        }
        let record = self.written(resource, sql.sql(")"), Deed::Create).await?;
        let record = record.ok_or_else(|| not_found(resource.name, id))?;
        if changes.may_collide {
            self.require_unique(resource, id).await?;
        }
        for (hop, ids) in &changes.to_many {
            self.relink(&record, hop.relationship, Relink::Add, ids).await?;
        }
        self.created.get_or_insert((resource, id));
        self.trace(Action::Create, resource.events.map(|events| events.created), &record, None).await?;
        self.follow(None, Some(&record)).await?;
        Ok(record)
    }

    /// Changes a record. Where nothing would differ, nothing is written, and its version stays.
    ///
    /// # Errors
    /// When it does not exist, has another version than `expected`, or a constraint is violated.
    pub async fn update(
        &mut self,
        id: Uuid,
        mut changes: Changes,
        expected: Option<i64>,
    ) -> Result<Record, Error> {
        let resource = changes.resource;
        let old = self.lock(resource, id, expected).await?;
        self.require_unrestricted(Some(&old), &changes)?;
        self.require_kept(&old, &changes).await?;
        self.require_related(&changes).await?;
        self.prepare(Some(&old), &mut changes).await?;
        let mut relinked = Vec::new();
        for (hop, ids) in &changes.to_many {
            relinked.extend(self.relink(&old, hop.relationship, Relink::Replace, ids).await?);
        }
        if changes.columns().is_empty() && relinked.is_empty() {
            return Ok(old);
        }
        let new = self.change(&old, changes.columns(), relinked).await?;
        if changes.may_collide {
            self.require_unique(resource, id).await?;
        }
        Ok(new)
    }

    /// Appends an event that says more than that a record changed. Call it from a `follow` hook.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn emit(
        &mut self,
        kind: &'static str,
        record: &Record,
        changes: Option<Box<RawValue>>,
    ) -> Result<(), Error> {
        self.append(Some(kind), record, changes).await
    }

    /// Runs what a resource does before one of its records is written, with the rights of the house: what comes with a
    /// write that is allowed is not the doing of who asked for it.
    async fn prepare(&mut self, old: Option<&Record>, changes: &mut Changes) -> Result<(), Error> {
        let Some(prepare) = changes.resource.prepare else { return Ok(()) };
        let rights = replace(&mut self.act.rights, Arc::new(Everything));
        let result = prepare(self, old, changes).await;
        self.act.rights = rights;
        result
    }

    /// The same with what it does afterwards.
    async fn follow(&mut self, old: Option<&Record>, new: Option<&Record>) -> Result<(), Error> {
        let Some(follow) = old.or(new).and_then(|record| record.resource.follow) else { return Ok(()) };
        let rights = replace(&mut self.act.rights, Arc::new(Everything));
        let result = follow(self, old, new).await;
        self.act.rights = rights;
        result
    }

    /// Refuses what who writes may do with no record of a resource.
    async fn permit(&self, resource: &Resource, deed: Deed) -> Result<(), Error> {
        match self.act.require(resource, deed) {
            Ok(()) => Ok(()),
            Err(refused) => {
                if !self.allowed {
                    self.act.check().await?;
                }
                Err(refused.into())
            }
        }
    }

    /// Gives a record that is nobody's and no team's to who makes it, unless they reach those of everybody.
    fn own(&self, changes: &mut Changes) {
        let Ownership::Columns { owner, team, .. } = changes.resource.ownership else { return };
        let said = changes.column(owner).is_some() || team.is_some_and(|team| changes.column(team).is_some());
        let reaches_all = self.act.reach(changes.resource, Deed::Read) == Reach::All;
        if let (false, false, Some(user)) = (said, reaches_all, self.user()) {
            changes.set(owner, user);
        }
    }

    /// Refuses to set what only those may set who may change every record of a resource, unless it stays as it was.
    fn require_unrestricted(&self, old: Option<&Record>, changes: &Changes) -> Result<(), Error> {
        if self.act.reach(changes.resource, Deed::Change) == Reach::All {
            return Ok(());
        }
        let problems: Vec<Problem> = changes.restricted(old).collect();
        if problems.is_empty() { Ok(()) } else { Err(problems.into()) }
    }

    /// Runs a statement that writes a row, and returns the row, which must be within reach still.
    async fn written(
        &mut self,
        resource: &'static Resource,
        sql: &mut Statement,
        deed: Deed,
    ) -> Result<Option<Record>, Error> {
        // Whoever may change a record may hand it over to whom they see the records of. A part is not given away by
        // itself.
        let needs = if matches!(resource.ownership, Ownership::Part(_)) { deed } else { Deed::Read };
        sql.sql(" RETURNING ").sql(&select::cells(resource, resource.table));
        rights::and_whether_within(resource, &self.act, needs, resource.table, sql);
        let Some(row) = self.rows(std::mem::take(sql)).await?.into_iter().next() else { return Ok(None) };
        if !rights::is_within(resource, &self.act, needs, &row) {
            let detail =
                format!("Nobody writes a record of {} that would be out of their reach.", resource.name);
            return Err(Problem::new(Code::Forbidden, detail).into());
        }
        Ok(Some(Record::new(resource, row)))
    }

    /// Writes columns of a row that is locked if anything differs, counts the change and records it.
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
            sql.sql(&format!("{column} = "));
            write_value(Some(column), value, &mut sql);
            sql.sql(", ");
        }
        sql.sql("updated_at = now(), lock_version = lock_version + 1 WHERE workspace_id = ")
            .bind(self.act.workspace.0)
            .sql(" AND id = ")
            .bind(old.id());
        if relinked.is_empty() {
            for (index, (column, value)) in columns.iter().enumerate() {
                sql.sql(if index == 0 { " AND (" } else { " OR " });
                sql.sql(&format!("{column} IS DISTINCT FROM "));
                write_value(Some(column), value, &mut sql);
            }
            sql.sql(")");
        }
        // The row is held, so it is there; that it is not found means that it is as it shall be.
        let Some(new) = self.written(resource, &mut sql, Deed::Change).await? else { return Ok(old.clone()) };
        let changes = masked(merged(new.changes_since(old), relinked), columns);
        if changes.is_some() {
            let kind = resource.events.and_then(|events| events.updated);
            self.trace(Action::Update, kind, &new, changes).await?;
            self.follow(Some(old), Some(&new)).await?;
        }
        Ok(new)
    }

    /// A record to be changed, which nobody else changes until the transaction ends.
    ///
    /// # Errors
    /// When it does not exist, has another version than `expected`, or who writes may not change it.
    pub async fn lock(
        &mut self,
        resource: &'static Resource,
        id: Uuid,
        expected: Option<i64>,
    ) -> Result<Record, Error> {
        self.held(resource, id, expected, Lock::Change, Deed::Change).await
    }

    /// A record that shall be removed: until the transaction ends, nobody changes it, and nobody makes anything that
    /// leads to it.
    ///
    /// # Errors
    /// When it does not exist, has another version than `expected`, or who writes may not delete it.
    pub async fn lock_for_removal(
        &mut self,
        resource: &'static Resource,
        id: Uuid,
        expected: Option<i64>,
    ) -> Result<Record, Error> {
        self.held(resource, id, expected, Lock::Removal, Deed::Delete).await
    }

    async fn held(
        &mut self,
        resource: &'static Resource,
        id: Uuid,
        expected: Option<i64>,
        how: Lock,
        deed: Deed,
    ) -> Result<Record, Error> {
        self.permit(resource, deed).await?;
        let sql = select::held(resource, &self.act, id, how, deed);
        let row = self.rows(sql).await?.into_iter().next().ok_or_else(|| not_found(resource.name, id))?;
        if !rights::is_within(resource, &self.act, deed, &row) {
            return Err(not_yours(resource, deed).into());
        }
        let record = Record::new(resource, row);
        match expected {
            Some(expected) if record.version() != Some(expected) => {
                let detail = "The record has changed since it was read.";
                Err(Problem::new(Code::Stale, detail).at_header("If-Match").into())
            }
            _ => Ok(record),
        }
    }

    /// Refuses values of custom fields that must be unique and are those of another record too.
    async fn require_unique(&mut self, resource: &'static Resource, id: Uuid) -> Result<(), Error> {
        let workspace = self.act.workspace;
        self.rows(unique::lock(resource, workspace, id)).await?;
        let holders = self.rows(unique::holders(resource, workspace, id)).await?;
        let problems: Vec<Problem> = holders.iter().filter_map(unique::problem).collect();
        if problems.is_empty() { Ok(()) } else { Err(problems.into()) }
    }
}

/// A record that who writes may read, and do no more with.
fn not_yours(resource: &Resource, deed: Deed) -> Problem {
    let detail = format!("You may {} {} of your own, and this one is not.", deed.verb(), resource.name);
    Problem::new(Code::Forbidden, detail)
}

/// Writes what a column shall hold; `column` names it where it holds something already.
fn write_value(column: Option<&str>, value: &Bind, sql: &mut Statement) {
    match (value, column) {
        (Bind::Members(_), Some(column)) => {
            sql.sql(&format!("jsonb_strip_nulls({column} || ")).bind(value.clone()).sql(")");
        }
        (Bind::Members(_), None) => {
            sql.sql("jsonb_strip_nulls(").bind(value.clone()).sql(")");
        }
        _ => {
            sql.bind(value.clone());
        }
    }
}

/// The record that holds the value which a new or changed one shall have, where a unique index says so and who acts may
/// see it.
pub(crate) fn holder(changes: &Changes, act: &Act, attribute: &str) -> Option<Statement> {
    let text = changes.text(attribute)?;
    let mut sql = Statement::default();
    sql.sql(&format!("SELECT t.id FROM {} t WHERE t.workspace_id = ", changes.resource.table))
        .bind(act.workspace.0);
    rights::and_within(changes.resource, act, Deed::Read, "t", &mut sql);
    sql.sql(&format!(" AND lower(t.{attribute}) = lower(")).bind(Bind::from(text)).sql(")");
    if changes.resource.has_trash() {
        sql.sql(" AND t.deleted_at IS NULL");
    }
    Some(sql)
}
