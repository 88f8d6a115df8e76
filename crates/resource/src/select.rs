//! Reading: one statement for a page, one for its total, one for a record, one for each relationship included.

use uuid::Uuid;

use crate::act::Act;
use crate::condition::Place;
use crate::cursor::Range;
use crate::custom_fields;
use crate::declare::{Hop, Link, Relationship, Resource};
use crate::plan::Plan;
use crate::rights::{self, Deed};
use crate::row::Row;
use crate::scope::Trash;
use crate::statement::Statement;

/// Records that are related to one record.
#[derive(Clone, Copy, Debug)]
pub struct Parent {
    /// The resource of that record.
    pub resource: &'static Resource,
    /// The record.
    pub id: Uuid,
    /// How they are related to it.
    pub relationship: &'static Relationship,
}

/// The columns that a record is made of, in the order that [`Record`](crate::render::Record) counts on.
pub(crate) fn columns(resource: &'static Resource) -> Vec<&'static str> {
    let version = resource.editable.then_some("lock_version");
    std::iter::once("id")
        .chain(version)
        .chain(resource.readable().map(|attribute| attribute.name))
        .chain(resource.foreign_keys().map(|(column, _)| column))
        .collect()
}

/// A column of the row behind `alias`: the column, or the custom fields by their keys.
fn cell(resource: &'static Resource, column: &'static str, alias: &str) -> String {
    match resource.attribute(column) {
        Some(attribute) if attribute.custom => custom_fields::stored::shown(resource, alias),
        _ => format!("{alias}.{column}"),
    }
}

/// The columns of a record as it is, of the row behind `alias`.
pub(crate) fn cells(resource: &'static Resource, alias: &str) -> String {
    let cells = columns(resource).into_iter().map(|column| cell(resource, column, alias));
    cells.collect::<Vec<_>>().join(", ")
}

/// `SELECT … FROM … t WHERE t.workspace_id = …`, live records alone, with a column more where `more` is given.
fn start(resource: &'static Resource, act: &Act, join: &str, more: Option<&str>) -> Statement {
    let mut sql = shown(resource);
    if let Some(more) = more {
        sql.sql(", ").sql(more);
    }
    scope(&mut sql, resource, act, join, Trash::Without);
    rights::and_within(resource, act, Deed::Read, "t", &mut sql);
    sql
}

/// `SELECT` and the columns of a record as it is shown: what it leads to in the trash is not there.
fn shown(resource: &'static Resource) -> Statement {
    let mut sql = Statement::default();
    for (index, column) in columns(resource).into_iter().enumerate() {
        sql.sql(if index == 0 { "SELECT " } else { ", " });
        let key = resource.foreign_keys().find(|(key, _)| *key == column);
        match key.and_then(|(_, relationship)| relationship.single_target()) {
            Some(target) if target.has_trash() && target.store == resource.store => sql.sql(&format!(
                "(SELECT k.id FROM {} k WHERE k.workspace_id = t.workspace_id AND k.id = t.{column} AND \
                 k.deleted_at IS NULL)",
                target.table
            )),
            _ => sql.sql(&cell(resource, column, "t")),
        };
    }
    sql
}

/// `SELECT` and the columns of a record as it is.
fn stored(resource: &'static Resource) -> Statement {
    let mut sql = Statement::default();
    sql.sql("SELECT ").sql(&cells(resource, "t"));
    sql
}

fn scope(sql: &mut Statement, resource: &'static Resource, act: &Act, join: &str, trash: Trash) {
    sql.sql(&format!(" FROM {} t {join}WHERE t.workspace_id = ", resource.table)).bind(act.workspace.0);
    if resource.has_trash() {
        sql.sql(match trash {
            Trash::Without => " AND t.deleted_at IS NULL",
            Trash::With => "",
            Trash::Only => " AND t.deleted_at IS NOT NULL",
        });
    }
}

/// The record that a list is about, as its statement knows it.
fn place<'a>(plan: &Plan, act: &'a Act) -> Place<'a> {
    Place { resource: plan.resource, alias: "t", act }
}

/// Records that are looked through at most for a page that is counted along.
const COUNTED: i64 = 1_000;

/// A page of a plan with its total in a column behind the others, in one go: whoever looks for something finds little,
/// and finding it twice would cost twice as much. `None` where the plan asks for no total, for everything, or for a page
/// that lies too far behind.
pub(crate) fn counted(plan: &Plan, act: &Act, parent: Option<Parent>) -> Option<Statement> {
    let asks_for_all = plan.filter.is_empty() && parent.is_none();
    let end = i64::try_from(plan.page.offset() + plan.page.size()).unwrap_or(i64::MAX);
    if !plan.count || asks_for_all || plan.range.is_some() || end > COUNTED {
        return None;
    }
    let mut sql = shown(plan.resource);
    sql.sql(", count(*) OVER () FROM (SELECT *");
    scope(&mut sql, plan.resource, act, "", plan.trash);
    restrict(&mut sql, plan, act, parent);
    // One more tells that there are too many, and that these are not the first.
    sql.sql(" LIMIT ").bind(COUNTED + 1).sql(") t");
    sort(&mut sql, plan, place(plan, act));
    Some(sql)
}

/// The total in a row of [`counted`]; `None` where there are too many to know it.
pub(crate) fn count_of(resource: &'static Resource, row: &Row) -> Option<u64> {
    let total = row.integer(columns(resource).len()).filter(|total| *total <= COUNTED)?;
    u64::try_from(total).ok()
}

/// A page of a plan.
pub(crate) fn page(plan: &Plan, act: &Act, parent: Option<Parent>) -> Statement {
    let place = place(plan, act);
    let mut sql = shown(plan.resource);
    if plan.range.is_some() {
        // What a cursor needs and the record does not have.
        let columns = columns(plan.resource);
        for order in plan.order.iter().filter(|order| order.position(&columns).is_none()) {
            sql.sql(", ");
            order.write(place, &mut sql);
        }
    }
    scope(&mut sql, plan.resource, act, "", plan.trash);
    restrict(&mut sql, plan, act, parent);
    if let Some(range) = &plan.range {
        range.write(&plan.order, place, &mut sql);
    }
    sort(&mut sql, plan, place);
    sql
}

/// The order of a page, and where it begins and ends.
fn sort(sql: &mut Statement, plan: &Plan, place: Place<'_>) {
    let backwards = plan.range.as_ref().is_some_and(Range::backwards);
    for (index, order) in plan.order.iter().enumerate() {
        sql.sql(if index == 0 { " ORDER BY " } else { ", " });
        order.write(place, sql);
        sql.sql(if order.descending == backwards { "" } else { " DESC" });
    }
    // One more than asked for tells whether there is a next page, also where nothing is counted.
    let limit = i64::try_from(plan.page.size() + 1).unwrap_or(i64::MAX);
    let offset = i64::try_from(plan.page.offset()).unwrap_or(i64::MAX);
    sql.sql(" LIMIT ").bind(limit).sql(" OFFSET ").bind(offset);
}

/// How many records a plan finds.
pub(crate) fn total(plan: &Plan, act: &Act, parent: Option<Parent>) -> Statement {
    let mut sql = Statement::default();
    sql.sql("SELECT count(*)");
    scope(&mut sql, plan.resource, act, "", plan.trash);
    restrict(&mut sql, plan, act, parent);
    sql
}

fn restrict(sql: &mut Statement, plan: &Plan, act: &Act, parent: Option<Parent>) {
    rights::and_within(plan.resource, act, Deed::Read, "t", sql);
    if let Some(parent) = parent {
        match parent.relationship.link {
            Link::BelongsTo { column, .. } => {
                sql.sql(&format!(
                    " AND t.id = (SELECT p.{column} FROM {} p WHERE p.workspace_id = t.workspace_id AND p.id = ",
                    parent.resource.table
                ))
                .bind(parent.id)
                .sql(")");
            }
            Link::BelongsToAny { type_column, id_column, .. } => {
                sql.sql(&format!(
                    " AND t.id = (SELECT p.{id_column} FROM {} p WHERE p.workspace_id = t.workspace_id AND \
                     p.{type_column} = '{}' AND p.id = ",
                    parent.resource.table, plan.resource.name
                ))
                .bind(parent.id)
                .sql(")");
            }
            Link::HasMany { column } => {
                sql.sql(&format!(" AND t.{column} = ")).bind(parent.id);
            }
            Link::HasManyAs { type_column, id_column } => {
                sql.sql(&format!(" AND t.{type_column} = '{}' AND t.{id_column} = ", parent.resource.name))
                    .bind(parent.id);
            }
            Link::Through { table, own_type, own_id, other_id } => {
                sql.sql(&format!(
                    " AND t.id IN (SELECT l.{other_id} FROM {table} l WHERE l.workspace_id = t.workspace_id"
                ));
                if let Some(own_type) = own_type {
                    sql.sql(&format!(" AND l.{own_type} = '{}'", parent.resource.name));
                }
                sql.sql(&format!(" AND l.{own_id} = ")).bind(parent.id).sql(")");
            }
        }
    }
    for filter in std::iter::once(&plan.filter).chain(&plan.scopes).filter(|filter| !filter.is_empty()) {
        sql.sql(" AND ");
        filter.write(place(plan, act), sql);
    }
}

/// A live record by its id.
pub(crate) fn by_id(resource: &'static Resource, act: &Act, id: Uuid) -> Statement {
    let mut sql = start(resource, act, "", None);
    sql.sql(" AND t.id = ").bind(id);
    sql
}

/// Live records by their ids.
pub(crate) fn by_ids(resource: &'static Resource, act: &Act, ids: Vec<Uuid>) -> Statement {
    let mut sql = start(resource, act, "", None);
    sql.sql(" AND t.id = ANY (").bind(ids).sql(")");
    sql
}

/// A live record by its id, held until the transaction ends; as it is and not as it is shown, and whether who acts may do
/// something with it.
pub(crate) fn held(resource: &'static Resource, act: &Act, id: Uuid, lock: Lock, deed: Deed) -> Statement {
    let mut sql = stored(resource);
    rights::and_whether_within(resource, act, deed, "t", &mut sql);
    scope(&mut sql, resource, act, "", Trash::Without);
    rights::and_within(resource, act, Deed::Read, "t", &mut sql);
    sql.sql(" AND t.id = ").bind(id);
    hold(&mut sql, lock);
    sql
}

/// Live records by their ids, held until the transaction ends; as they are and not as they are shown.
pub(crate) fn all_held(resource: &'static Resource, act: &Act, ids: Vec<Uuid>, lock: Lock) -> Statement {
    let mut sql = stored(resource);
    scope(&mut sql, resource, act, "", Trash::Without);
    rights::and_within(resource, act, Deed::Read, "t", &mut sql);
    sql.sql(" AND t.id = ANY (").bind(ids).sql(")");
    hold(&mut sql, lock);
    sql
}

fn hold(sql: &mut Statement, lock: Lock) {
    sql.sql(match lock {
        Lock::Change => " FOR NO KEY UPDATE",
        Lock::Removal => " FOR UPDATE",
        Lock::Existence => " FOR KEY SHARE",
    });
}

/// How a record is held.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lock {
    /// Nobody else changes it. Two transactions that both hold its existence can still take turns at changing it.
    Change,
    /// Nobody else changes it, and nobody counts on its existence.
    Removal,
    /// Nobody takes it away.
    Existence,
}

/// The records at the other end of a relationship of some records, which are `owners` or, where it leads to one, have
/// the ids `owners`. Where it leads to many, each has the id of its owner in a column behind the others. At most
/// `limit`.
pub(crate) fn related(
    resource: &'static Resource,
    hop: Hop,
    act: &Act,
    owners: Vec<Uuid>,
    limit: i64,
) -> Statement {
    let target = hop.target;
    let mut sql = match hop.relationship.link {
        Link::BelongsTo { .. } | Link::BelongsToAny { .. } => by_ids(target, act, owners),
        Link::HasMany { column } => {
            let owner = format!("t.{column}");
            let mut sql = start(target, act, "", Some(&owner));
            sql.sql(&format!(" AND {owner} = ANY (")).bind(owners).sql(")");
            sql
        }
        Link::HasManyAs { type_column, id_column } => {
            let owner = format!("t.{id_column}");
            let mut sql = start(target, act, "", Some(&owner));
            sql.sql(&format!(" AND t.{type_column} = '{}' AND {owner} = ANY (", resource.name));
            sql.bind(owners).sql(")");
            sql
        }
        Link::Through { table, own_type, own_id, other_id } => {
            let join = format!("JOIN {table} l ON l.workspace_id = t.workspace_id AND l.{other_id} = t.id ");
            let mut sql = start(target, act, &join, Some(&format!("l.{own_id}")));
            if let Some(own_type) = own_type {
                sql.sql(&format!(" AND l.{own_type} = '{}'", resource.name));
            }
            sql.sql(&format!(" AND l.{own_id} = ANY (")).bind(owners).sql(")");
            sql
        }
    };
    sql.sql(" ORDER BY t.id LIMIT ").bind(limit);
    sql
}

#[cfg(test)]
mod tests;
