//! One step from a record to those that a relationship leads to, as SQL.

use crate::act::Act;
use crate::declare::{Hop, Link, Resource};
use crate::rights::{self, Deed};
use crate::statement::Statement;

/// A row of a statement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    /// What it is a record of.
    pub(crate) resource: &'static Resource,
    /// What its table is called in the statement.
    pub(crate) alias: &'a str,
    /// Who reads: nobody sees more by way of another record than by asking for it.
    pub(crate) act: &'a Act,
}

/// The table that a hop leads to, and the one of links where there is one, by their names in the statement.
pub(super) struct Step {
    hop: Hop,
    pub(super) alias: String,
    links: Option<String>,
}

impl Step {
    pub(super) fn new(hop: Hop, sql: &mut Statement) -> Self {
        let alias = sql.alias();
        let links = matches!(hop.relationship.link, Link::Through { .. }).then(|| sql.alias());
        Self { hop, alias, links }
    }

    /// The row it leads to.
    pub(super) fn place<'a>(&'a self, act: &'a Act) -> Place<'a> {
        Place { resource: self.hop.target, alias: &self.alias, act }
    }

    /// The tables, to stand behind `FROM` or `JOIN`.
    pub(super) fn tables(&self) -> String {
        let Self { hop, alias, links } = self;
        match (hop.relationship.link, links) {
            (Link::Through { table, other_id, .. }, Some(links)) => format!(
                "({} {alias} JOIN {table} {links} ON {links}.workspace_id = {alias}.workspace_id \
                 AND {links}.{other_id} = {alias}.id)",
                hop.target.table
            ),
            _ => format!("{} {alias}", hop.target.table),
        }
    }

    /// Writes what makes a row one that `from` leads to: it is alive, within sight, and has the right keys.
    pub(super) fn write_keys(&self, from: Place<'_>, sql: &mut Statement) {
        let Self { hop, alias, links } = self;
        let (target, start, own) = (hop.target, from.alias, from.resource.name);
        sql.sql(alias).sql(".workspace_id = ").bind(from.act.workspace.0);
        if target.has_trash() {
            sql.sql(&format!(" AND {alias}.deleted_at IS NULL"));
        }
        rights::and_within(target, from.act, Deed::Read, alias, sql);
        let links = links.as_deref().unwrap_or(alias);
        sql.sql(&match hop.relationship.link {
            Link::BelongsTo { column, .. } => format!(" AND {alias}.id = {start}.{column}"),
            Link::BelongsToAny { type_column, id_column, .. } => {
                format!(" AND {alias}.id = {start}.{id_column} AND {start}.{type_column} = '{}'", target.name)
            }
            Link::HasMany { column } => format!(" AND {alias}.{column} = {start}.id"),
            Link::HasManyAs { type_column, id_column } => {
                format!(" AND {alias}.{id_column} = {start}.id AND {alias}.{type_column} = '{own}'")
            }
            Link::Through { own_type: None, own_id, .. } => format!(" AND {links}.{own_id} = {start}.id"),
            Link::Through { own_type: Some(own_type), own_id, .. } => {
                format!(" AND {links}.{own_id} = {start}.id AND {links}.{own_type} = '{own}'")
            }
        });
    }
}
