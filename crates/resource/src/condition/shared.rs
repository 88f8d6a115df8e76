//! Comparisons on related records that one and the same record has to meet: `q[deals_status_eq]=won` and
//! `q[deals_currency_eq]=EUR` ask for a deal that is both. Paths that begin alike share their beginning.

use uuid::Uuid;

use super::{Comparison, exists_one};
use crate::declare::{Hop, Resource};
use crate::statement::Statement;

/// A relationship, what records at its end have to meet, and where it goes on from there.
pub(super) struct Branch<'a> {
    source: &'static Resource,
    hop: Hop,
    comparisons: Vec<&'a Comparison>,
    branches: Vec<Branch<'a>>,
}

/// Puts comparisons together by their paths, none of which is empty.
pub(super) fn grow<'a>(comparisons: impl Iterator<Item = &'a Comparison>) -> Vec<Branch<'a>> {
    let mut branches = Vec::new();
    for comparison in comparisons {
        if let Some(source) = comparison.source {
            add(&mut branches, source, &comparison.path, comparison);
        }
    }
    branches
}

fn add<'a>(
    branches: &mut Vec<Branch<'a>>,
    source: &'static Resource,
    path: &[Hop],
    comparison: &'a Comparison,
) {
    let Some((hop, rest)) = path.split_first() else { return };
    let known = branches.iter().position(|branch| branch.hop.same(hop));
    let position = known.unwrap_or_else(|| {
        branches.push(Branch { source, hop: *hop, comparisons: Vec::new(), branches: Vec::new() });
        branches.len() - 1
    });
    let branch = &mut branches[position];
    if rest.is_empty() {
        branch.comparisons.push(comparison);
    } else {
        add(&mut branch.branches, hop.target, rest, comparison);
    }
}

impl Branch<'_> {
    pub(super) fn write(&self, workspace: Uuid, alias: &str, sql: &mut Statement) {
        exists_one(self.source, self.hop, workspace, alias, sql, &mut |next, sql| {
            for (index, comparison) in self.comparisons.iter().enumerate() {
                if index > 0 {
                    sql.sql(" AND ");
                }
                comparison.compare(next, comparison.operand.operator, comparison.compound, sql);
            }
            for (index, branch) in self.branches.iter().enumerate() {
                if index > 0 || !self.comparisons.is_empty() {
                    sql.sql(" AND ");
                }
                branch.write(workspace, next, sql);
            }
        });
    }
}
