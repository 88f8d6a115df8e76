//! From conditions as clients put them together to statements about one record after the other.
//!
//! What clients mean is one row of a chain of left joins (there is always one: where a relationship leads to nothing its
//! columns are null) that fulfils everything: conditions on one path ask for one record. `EXISTS` says the same and
//! never repeats the record that is filtered. It may stand alone for each member of an `OR`; for members of an `AND`
//! only where they do not share a way to several records. The few conditions that can be split up in neither way keep
//! their joins ([`super::joined`]).

use pulse_jsonapi::ransack::Combinator;

use super::comparison::{Comparison, Reach};
use super::hop::{Place, Step};
use super::joined;
use crate::declare::Hop;
use crate::statement::Statement;

/// A condition as the client put it together; all paths start at the same record.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// All hold; there may be none.
    All(Vec<Node>),
    /// One holds; of none, none does.
    Any(Vec<Node>),
    Compare(Comparison),
}

/// A condition on one record.
#[derive(Clone, Debug)]
pub(super) enum Clause {
    All(Vec<Clause>),
    Any(Vec<Clause>),
    /// A column of the record itself.
    Compare(Comparison),
    /// Some record behind the hop fulfils it.
    Some(Hop, Box<Clause>),
    /// No record behind the hop fulfils it.
    None(Hop, Box<Clause>),
    /// What only joins can say.
    Joined(Node),
}

impl Node {
    pub(super) fn of(combinator: Combinator, mut nodes: Vec<Self>) -> Self {
        match (combinator, nodes.len()) {
            (_, 1) => nodes.remove(0),
            (Combinator::And, _) | (_, 0) => Self::All(nodes),
            (Combinator::Or, _) => Self::Any(nodes),
        }
    }

    /// Whether it lets everything pass.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::All(nodes) if nodes.is_empty())
    }

    pub(super) fn comparisons(&self) -> Vec<&Comparison> {
        match self {
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().flat_map(Self::comparisons).collect(),
            Self::Compare(comparison) => vec![comparison],
        }
    }

    /// The ways to several records that rows of its joins depend on; who has one in common asks for the same record.
    pub(super) fn ways(&self) -> Vec<&[Hop]> {
        let shared = self.comparisons().into_iter().filter(|one| one.reach() == Reach::Shared);
        shared.filter_map(|one| way(&one.path)).collect()
    }

    /// The first hop, where all of it lies behind one.
    fn first_hop(&self) -> Option<Hop> {
        let mut first: Option<Hop> = None;
        for comparison in self.comparisons() {
            let hop = comparison.path.first().filter(|_| comparison.reach() == Reach::Shared)?;
            if first.is_some_and(|first| !first.same(hop)) {
                return None;
            }
            first = Some(*hop);
        }
        first
    }

    /// Whether it holds where the hop leads to nothing, if all of it lies behind that.
    fn holds_for_nothing(&self) -> bool {
        match self {
            Self::All(nodes) => nodes.iter().all(Self::holds_for_nothing),
            Self::Any(nodes) => nodes.iter().any(Self::holds_for_nothing),
            Self::Compare(comparison) => comparison.holds_for_nothing(),
        }
    }

    /// The same about the record behind the first hop, where all of it lies behind that.
    fn behind(self) -> Self {
        match self {
            Self::All(nodes) => Self::All(nodes.into_iter().map(Self::behind).collect()),
            Self::Any(nodes) => Self::Any(nodes.into_iter().map(Self::behind).collect()),
            Self::Compare(mut comparison) => {
                comparison.path.remove(0);
                Self::Compare(comparison)
            }
        }
    }

    /// Splits it up into what can be said of one record after the other.
    pub(super) fn split(self) -> Clause {
        match self {
            Self::Compare(comparison) => comparison.split(),
            Self::Any(nodes) => {
                let mut clauses = Vec::new();
                let mut behind: Vec<(Hop, Vec<Self>)> = Vec::new();
                for node in nodes {
                    match node.first_hop() {
                        None => clauses.push(node.split()),
                        Some(hop) => match behind.iter_mut().find(|(known, _)| known.same(&hop)) {
                            Some((_, group)) => group.push(node),
                            None => behind.push((hop, vec![node])),
                        },
                    }
                }
                clauses.extend(behind.into_iter().map(|(hop, mut group)| match group.len() {
                    1 => group.remove(0).split(),
                    _ => Self::Any(group).split_behind(hop),
                }));
                Clause::Any(clauses)
            }
            Self::All(nodes) => {
                let parts = apart(nodes).into_iter();
                Clause::All(parts.map(|nodes| Self::of(Combinator::And, nodes).split_together()).collect())
            }
        }
    }

    /// Splits what cannot be split up into members of an `AND`.
    fn split_together(self) -> Clause {
        match (&self, self.first_hop()) {
            (Self::All(_), Some(hop)) => self.split_behind(hop),
            (Self::All(_), None) => Clause::Joined(self),
            _ => self.split(),
        }
    }

    fn split_behind(self, hop: Hop) -> Clause {
        let or_nothing = self.holds_for_nothing();
        let some = Clause::Some(hop, Box::new(self.behind().split()));
        if or_nothing { Clause::Any(vec![Clause::nothing(hop), some]) } else { some }
    }
}

impl Comparison {
    fn split(self) -> Clause {
        let Some(hop) = self.path.first().copied() else { return Clause::Compare(self) };
        // Where there is one record or none, that it lacks something is best said as: none has it.
        let lacks = self.holds_for_nothing() && self.path.iter().all(|hop| hop.relationship.to_one());
        match self.reach() {
            Reach::Every => self.opposite().exists().negated(),
            Reach::Alone => self.exists(),
            Reach::Shared if lacks => self.opposite().exists().negated(),
            Reach::Shared => Node::Compare(self).split_behind(hop),
        }
    }

    /// A record at the end of the path fulfils it.
    fn exists(mut self) -> Clause {
        if self.path.is_empty() {
            return Clause::Compare(self);
        }
        let hop = self.path.remove(0);
        Clause::Some(hop, Box::new(self.exists()))
    }
}

impl Clause {
    fn nothing(hop: Hop) -> Self {
        Self::None(hop, Box::new(Self::All(Vec::new())))
    }

    fn negated(self) -> Self {
        match self {
            Self::Some(hop, clause) => Self::None(hop, clause),
            other => other,
        }
    }

    /// Writes it about a row.
    pub(super) fn write(&self, place: Place<'_>, sql: &mut Statement) {
        match self {
            Self::All(clauses) => list(clauses, " AND ", "TRUE", sql, |clause, sql| clause.write(place, sql)),
            Self::Any(clauses) => list(clauses, " OR ", "FALSE", sql, |clause, sql| clause.write(place, sql)),
            Self::Compare(comparison) => comparison.write(place.alias, sql),
            Self::Some(hop, clause) => exists(*hop, clause, place, sql),
            Self::None(hop, clause) => {
                sql.sql("NOT ");
                exists(*hop, clause, place, sql);
            }
            Self::Joined(node) => joined::exists(node, place, sql),
        }
    }
}

/// Writes members with `between` between them, or what none means.
pub(super) fn list<T>(
    members: &[T],
    between: &str,
    none: &str,
    sql: &mut Statement,
    mut write: impl FnMut(&T, &mut Statement),
) {
    match members {
        [] => {
            sql.sql(none);
        }
        [member] => write(member, sql),
        _ => {
            for (index, member) in members.iter().enumerate() {
                sql.sql(if index > 0 { between } else { "(" });
                write(member, sql);
            }
            sql.sql(")");
        }
    }
}

fn exists(hop: Hop, clause: &Clause, place: Place<'_>, sql: &mut Statement) {
    let step = Step::new(hop, sql);
    sql.sql("EXISTS (SELECT 1 FROM ").sql(&step.tables()).sql(" WHERE ");
    step.write_keys(place, sql);
    if !matches!(clause, Clause::All(clauses) if clauses.is_empty()) {
        sql.sql(" AND ");
        clause.write(step.place(place.act), sql);
    }
    sql.sql(")");
}

/// The beginning of a path up to where it first leads to several records.
pub(super) fn way(path: &[Hop]) -> Option<&[Hop]> {
    path.iter().position(|hop| !hop.relationship.to_one()).map(|many| &path[..=many])
}

pub(super) fn same_path(one: &[Hop], other: &[Hop]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one.same(other))
}

/// Members of an `AND`, put together where they ask for the same record.
fn apart(nodes: Vec<Node>) -> Vec<Vec<Node>> {
    let mut parts: Vec<Vec<Node>> = Vec::new();
    for node in flat(nodes) {
        let (linked, mut others): (Vec<_>, Vec<_>) =
            parts.into_iter().partition(|part| part.iter().any(|other| belong_together(other, &node)));
        let mut part: Vec<Node> = linked.into_iter().flatten().collect();
        part.push(node);
        others.push(part);
        parts = others;
    }
    parts
}

/// Members of an `AND`, those of inner ones among them.
fn flat(nodes: Vec<Node>) -> Vec<Node> {
    let mut all = Vec::with_capacity(nodes.len());
    for node in nodes {
        match node {
            Node::All(inner) => all.extend(flat(inner)),
            other => all.push(other),
        }
    }
    all
}

/// Whether two conditions share a way to several records, or both need the one record that a hop leads to.
fn belong_together(one: &Node, other: &Node) -> bool {
    let ways = other.ways();
    if one.ways().into_iter().any(|way| ways.iter().any(|other| same_path(way, other))) {
        return true;
    }
    match (one.first_hop(), other.first_hop()) {
        (Some(hop), Some(same)) => hop.same(&same) && !one.holds_for_nothing() && !other.holds_for_nothing(),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
