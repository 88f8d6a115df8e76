//! What a record leads to: whether it is there, and the rows that link the two.

use std::collections::HashSet;

use pulse_jsonapi::{Code, Problem};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::Transaction;
use crate::changes::{related_not_found, restricted};
use crate::declare::{Hop, Link, Relationship, Resource};
use crate::render::Record;
use crate::rights::{self, Deed, Reach};
use crate::select::{self, Lock};
use crate::statement::Statement;
use crate::{Changes, Error};

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

/// Links that changed.
pub(super) struct Relinked {
    name: &'static str,
    how: Relink,
    ids: Vec<Uuid>,
}

impl Transaction {
    /// Changes the links of a to-many relationship of a record.
    ///
    /// # Errors
    /// When the record or one of the others does not exist.
    pub async fn change_links(
        &mut self,
        (resource, id): (&'static Resource, Uuid),
        hop: Hop,
        how: Relink,
        ids: &[Uuid],
        expected: Option<i64>,
    ) -> Result<Record, Error> {
        let record = self.lock(resource, id, expected).await?;
        if hop.relationship.restricted && self.act.reach(resource, Deed::Change) != Reach::All {
            return Err(restricted(hop.relationship.name).at_pointer("/data").into());
        }
        if how != Relink::Remove {
            let missing = self.missing(hop.target, ids).await?;
            if !missing.is_empty() {
                return Err(not_related(hop.target, ids, &missing, "/data").into());
            }
        }
        match self.relink(&record, hop.relationship, how, ids).await? {
            Some(changed) => self.change(&record, &[], vec![changed]).await,
            None => Ok(record),
        }
    }

    /// Counts a change of a record whose links were written as records of their own, and records it as if they had been
    /// changed from here.
    ///
    /// # Errors
    /// When the record does not exist.
    pub async fn linked(
        &mut self,
        resource: &'static Resource,
        id: Uuid,
        relationship: &'static str,
        how: Relink,
        ids: Vec<Uuid>,
    ) -> Result<Record, Error> {
        let record = self.lock(resource, id, None).await?;
        self.change(&record, &[], vec![Relinked { name: relationship, how, ids }]).await
    }

    pub(super) async fn require_related(&mut self, changes: &Changes) -> Result<(), Error> {
        let mut problems = Vec::new();
        // A new record may lead to itself.
        let own = |hop: &Hop, id: &Uuid| hop.target.name == changes.resource.name && changes.id == Some(*id);
        for (hop, id) in changes.to_one.iter().filter(|(hop, id)| !own(hop, id)) {
            if let Some(missing) = self.missing(hop.target, &[*id]).await?.first() {
                let at = format!("/data/relationships/{}/data/id", hop.relationship.name);
                problems.push(related_not_found(hop.target.name, missing).at_pointer(at));
            }
        }
        for (hop, ids) in &changes.to_many {
            let missing = self.missing(hop.target, ids).await?;
            let at = format!("/data/relationships/{}/data", hop.relationship.name);
            problems.extend(not_related(hop.target, ids, &missing, &at));
        }
        if problems.is_empty() { Ok(()) } else { Err(problems.into()) }
    }

    /// Those of some ids of live records that are within the sight of who writes.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn seen(&mut self, resource: &'static Resource, ids: &[Uuid]) -> Result<Vec<Uuid>, Error> {
        if self.act.reach(resource, Deed::Read) == Reach::All {
            return Ok(ids.to_vec());
        }
        let missing = self.missing(resource, ids).await?;
        Ok(ids.iter().filter(|id| !missing.contains(id)).copied().collect())
    }

    /// Which of some ids lead to no live record of the workspace; the others are held until the transaction ends.
    pub(super) async fn missing(
        &mut self,
        target: &'static Resource,
        ids: &[Uuid],
    ) -> Result<Vec<Uuid>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let sql = select::all_held(target, &self.act, ids.to_vec(), Lock::Existence);
        let rows = self.rows(sql).await?;
        let found: HashSet<Uuid> = rows.into_iter().map(|row| Record::new(target, row).id()).collect();
        Ok(ids.iter().filter(|id| !found.contains(id)).copied().collect())
    }

    /// Changes links to records that are known to exist; returns what changed, if anything did.
    pub(super) async fn relink(
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
            if let Some(own_type) = own_type {
                sql.sql(&format!(" AND {own_type} = '{owner}'"));
            }
            sql.sql(&format!(" AND {own_id} = ")).bind(record.id()).sql(&format!(" AND {other_id} "));
            sql.sql(if how == Relink::Remove { "= ANY (" } else { "<> ALL (" }).bind(ids.to_vec()).sql(")");
            self.and_seen(relationship, other_id, &mut sql);
            changed += sql.run(&self.connection, &self.shapes).await?;
        }
        if how != Relink::Remove && !ids.is_empty() {
            let mut sql = Statement::default();
            let (of_type, its) = own_type.map_or_else(
                || (String::new(), String::new()),
                |column| (format!("{column}, "), format!("'{owner}', ")),
            );
            sql.sql(&format!("INSERT INTO {table} (workspace_id, {of_type}{own_id}, {other_id}) SELECT "));
            sql.bind(workspace).sql(&format!(", {its}")).bind(record.id()).sql(", unnest(");
            sql.bind(ids.to_vec()).sql(") ON CONFLICT DO NOTHING");
            changed += sql.run(&self.connection, &self.shapes).await?;
        }
        Ok((changed > 0).then(|| Relinked { name: relationship.name, how, ids: ids.to_vec() }))
    }

    /// Leaves links alone that lead to what who writes does not see: what they send in their place does not know of it.
    fn and_seen(&self, relationship: &Relationship, other_id: &str, sql: &mut Statement) {
        for target in
            relationship.targets().iter().filter(|target| self.act.reach(target, Deed::Read) != Reach::All)
        {
            let other = sql.alias();
            sql.sql(&format!(" AND {other_id} IN (SELECT {other}.id FROM {} {other} WHERE ", target.table));
            sql.sql(&format!("{other}.workspace_id = ")).bind(self.act.workspace.0);
            rights::and_within(target, &self.act, Deed::Read, &other, sql);
            sql.sql(")");
        }
    }
}

/// One problem for each id in the linkage at `at` that leads to nothing.
fn not_related(target: &Resource, ids: &[Uuid], missing: &[Uuid], at: &str) -> Vec<Problem> {
    let leads_to_nothing = ids.iter().enumerate().filter(|(_, id)| missing.contains(id));
    leads_to_nothing
        .map(|(index, id)| related_not_found(target.name, id).at_pointer(format!("{at}/{index}/id")))
        .collect()
}

/// The changes of the row and of links as one object: a link stands there as `{"added"|"removed"|"replaced":[ids]}`.
pub(super) fn merged(row: Option<Box<RawValue>>, relinked: Vec<Relinked>) -> Option<Box<RawValue>> {
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
