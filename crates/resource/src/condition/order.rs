//! Sorting by a column, also of related records.

use super::Filter;
use super::clause::{Node, same_path, way};
use super::hop::{Place, Step};
use super::joined::Joins;
use super::name::Column;
use crate::declare::Hop;
use crate::statement::Statement;

/// What a list is sorted by, first of all, then, and so on.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    /// The way to the record that has the column.
    pub(crate) path: Vec<Hop>,
    pub(crate) column: Column,
    pub(crate) descending: bool,
}

/// A key among the others: nulls come last, or first where the order is reversed, as PostgreSQL has it.
#[derive(Debug)]
pub(crate) struct Order {
    /// The way to the record that has the column.
    pub(crate) path: Vec<Hop>,
    pub(crate) column: Column,
    pub(crate) descending: bool,
    /// Of several records the one that comes first, where the path may lead to several.
    first: Option<First>,
}

/// The first of several records: by all that the list is sorted by, among those that the filter asks for.
#[derive(Clone, Debug)]
struct First {
    keys: Vec<Key>,
    filter: Option<Node>,
}

impl Order {
    /// Makes the order of a list of all that it is sorted by.
    pub(crate) fn of(keys: Vec<Key>, filter: &Filter) -> Vec<Self> {
        let ways: Vec<&[Hop]> = keys.iter().filter_map(|key| way(&key.path)).collect();
        let filtered = filter.0.ways();
        let shared = ways.iter().any(|way| filtered.iter().any(|other| same_path(way, other)));
        let first = First { keys: keys.clone(), filter: shared.then(|| filter.0.clone()) };
        let order = |Key { path, column, descending }: Key| Self {
            first: way(&path).map(|_| first.clone()),
            path,
            column,
            descending,
        };
        keys.iter().cloned().map(order).collect()
    }

    /// Whether the value is null for some records.
    pub(crate) fn nullable(&self) -> bool {
        !self.path.is_empty() || self.column.nullable()
    }

    /// Writes the value for a record, without the direction.
    pub(crate) fn write(&self, place: Place<'_>, sql: &mut Statement) {
        match &self.first {
            None => value(&self.path, self.column, place, sql),
            Some(first) => first.write(self, place, sql),
        }
    }
}

impl First {
    fn write(&self, wanted: &Order, place: Place<'_>, sql: &mut Statement) {
        let mut joins = Joins::to(place);
        for key in &self.keys {
            joins.add(&key.path, sql);
        }
        if let Some(filter) = &self.filter {
            joins.add_paths_of(filter, sql);
        }
        sql.sql("(SELECT ");
        wanted.column.write(joins.place(&wanted.path).alias, sql);
        joins.write(sql);
        if let Some(filter) = &self.filter {
            sql.sql(" WHERE ");
            joins.write_condition(filter, sql);
        }
        // What lies on the record itself is the same for all of them.
        for (index, key) in self.keys.iter().filter(|key| !key.path.is_empty()).enumerate() {
            sql.sql(if index == 0 { " ORDER BY " } else { ", " });
            key.column.write(joins.place(&key.path).alias, sql);
            sql.sql(if key.descending { " DESC" } else { "" });
        }
        sql.sql(" LIMIT 1)");
    }
}

/// A column of a row, or of the one that to-one relationships lead to: a subquery of one value.
fn value(path: &[Hop], column: Column, place: Place<'_>, sql: &mut Statement) {
    let Some((hop, rest)) = path.split_first() else { return column.write(place.alias, sql) };
    let step = Step::new(*hop, sql);
    sql.sql("(SELECT ");
    value(rest, column, step.place(place.act), sql);
    sql.sql(" FROM ").sql(&step.tables()).sql(" WHERE ");
    step.write_keys(place, sql);
    sql.sql(")");
}
