//! Conditions that keep their joins: those of which several need the same record but not that alone, as in "a deal is
//! in euros and is won or has no stage, or the company is Acme".

use super::clause::{Node, list, same_path};
use super::comparison::Reach;
use super::hop::{Place, Step};
use crate::declare::Hop;
use crate::statement::Statement;

/// The paths that are joined to a row, each once.
pub(super) struct Joins<'a> {
    start: Place<'a>,
    steps: Vec<(Vec<Hop>, Step)>,
}

impl<'a> Joins<'a> {
    /// Begins with the row alone.
    pub(super) fn to(start: Place<'a>) -> Self {
        Self { start, steps: Vec::new() }
    }

    /// Joins a path and those that lead to it.
    pub(super) fn add(&mut self, path: &[Hop], sql: &mut Statement) {
        for length in 1..=path.len() {
            let path = &path[..length];
            if self.step(path).is_none() {
                let step = Step::new(path[length - 1], sql);
                self.steps.push((path.to_vec(), step));
            }
        }
    }

    fn step(&self, path: &[Hop]) -> Option<&Step> {
        self.steps.iter().find(|(known, _)| same_path(known, path)).map(|(_, step)| step)
    }

    /// The row at the end of a path; the first one where the path is empty.
    pub(super) fn place(&self, path: &[Hop]) -> Place<'_> {
        self.step(path).map_or(self.start, |step| step.place(self.start.act))
    }

    /// Joins the paths of a condition.
    pub(super) fn add_paths_of(&mut self, node: &Node, sql: &mut Statement) {
        for comparison in node.comparisons() {
            if comparison.reach() == Reach::Shared {
                self.add(&comparison.path, sql);
            }
        }
    }

    /// Writes `FROM` and the joins, all of them left: where a path leads to nothing, its columns are null.
    pub(super) fn write(&self, sql: &mut Statement) {
        let nothing = sql.alias();
        sql.sql(" FROM (SELECT) ").sql(&nothing);
        for (path, step) in &self.steps {
            sql.sql(" LEFT JOIN ").sql(&step.tables()).sql(" ON ");
            step.write_keys(self.place(&path[..path.len() - 1]), sql);
        }
    }

    /// Writes a condition on the joined rows.
    pub(super) fn write_condition(&self, node: &Node, sql: &mut Statement) {
        let write = |node: &Node, sql: &mut Statement| self.write_condition(node, sql);
        match node {
            Node::All(nodes) => list(nodes, " AND ", "TRUE", sql, write),
            Node::Any(nodes) => list(nodes, " OR ", "FALSE", sql, write),
            Node::Compare(comparison) if comparison.reach() == Reach::Shared => {
                comparison.write(self.place(&comparison.path).alias, sql);
            }
            Node::Compare(_) => node.clone().split().write(self.start, sql),
        }
    }
}

/// Writes that one of the joined rows fulfils it.
pub(super) fn exists(node: &Node, place: Place<'_>, sql: &mut Statement) {
    let mut joins = Joins::to(place);
    joins.add_paths_of(node, sql);
    sql.sql("EXISTS (SELECT 1");
    joins.write(sql);
    sql.sql(" WHERE ");
    joins.write_condition(node, sql);
    sql.sql(")");
}
