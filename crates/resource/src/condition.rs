//! Filters as SQL.
//!
//! [`name`] says what clients may name; [`comparison`] is one comparison; [`clause`] says how conditions on related
//! records become `EXISTS` over the keys of relationships ([`hop`]), so that rows never repeat and counts come from the
//! same conditions, and [`joined`] what becomes of the rest; [`order`] sorts by what is related.

mod clause;
mod comparison;
mod hop;
mod joined;
mod name;
pub(crate) mod order;

use pulse_jsonapi::ransack::{Condition, Group, Kind, Operand, Shape, Strictness, Value};
use pulse_jsonapi::{Code, Problem};

use self::clause::Node;
use self::comparison::Comparison;
pub(crate) use self::hop::Place;
pub(crate) use self::name::{Column, Offered};
use crate::declare::Hop;
use crate::statement::Statement;

/// A checked filter: conditions with their values cast.
#[derive(Clone, Debug)]
pub(crate) struct Filter(Node);

impl Filter {
    /// A filter that lets everything pass.
    pub(crate) fn none() -> Self {
        Self(Node::All(Vec::new()))
    }

    /// Looks up columns and casts values.
    pub(crate) fn plan(
        offered: Offered<'_>,
        group: &Group,
        strictness: Strictness,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut planner = Planner { offered, strictness, problems, impossible: false };
        let node = planner.group(group);
        Self(if planner.impossible { Node::Any(Vec::new()) } else { node })
    }

    /// Whether it lets everything pass.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The steps to other records that it takes.
    pub(crate) fn hops(&self) -> impl Iterator<Item = Hop> {
        self.0.comparisons().into_iter().flat_map(|comparison| comparison.path.iter().copied())
    }

    /// Writes the condition, which must not be empty, about a row.
    pub(crate) fn write(&self, place: Place<'_>, sql: &mut Statement) {
        self.0.clone().split().write(place, sql);
    }
}

struct Planner<'a> {
    offered: Offered<'a>,
    strictness: Strictness,
    problems: &'a mut Vec<Problem>,
    /// Whether a condition makes the gem find nothing, whatever the others say.
    impossible: bool,
}

impl Planner<'_> {
    fn group(&mut self, group: &Group) -> Node {
        let conditions: Vec<Node> =
            group.conditions.iter().filter_map(|condition| self.condition(condition)).collect();
        let groups = group.groups.iter().map(|group| self.group(group)).filter(|group| !group.is_empty());
        Node::of(group.combinator, conditions.into_iter().chain(groups).collect())
    }

    fn condition(&mut self, condition: &Condition) -> Option<Node> {
        let paths = condition.attributes.iter();
        let resolved: Option<Vec<_>> = paths.map(|path| self.offered.follow(path)).collect();
        let Some(resolved) = resolved else {
            let detail = "the filter names something that cannot be filtered by";
            self.problems.push(Problem::new(Code::UnknownFilter, detail).at_parameter(&condition.parameter));
            return None;
        };
        let kinds: Vec<Kind> = resolved.iter().map(|(_, column)| column.kind()).collect();
        let operands = match condition.operands(&kinds, self.strictness) {
            Ok(operands) => operands?,
            Err(problem) => {
                self.problems.push(problem);
                return None;
            }
        };
        // A lone integer that is too large compares; among others it makes the gem find nothing at all.
        if condition.predicate.shape == Shape::List || resolved.len() > 1 {
            self.impossible |= kinds.iter().zip(&operands).any(|(kind, operand)| exceeds(*kind, operand));
        }
        let comparisons = resolved.into_iter().zip(operands).map(|((path, column), operand)| {
            let predicate = condition.predicate;
            Node::Compare(Comparison::new(path, column, operand, predicate.compound, predicate.negative))
        });
        Some(Node::of(condition.combinator, comparisons.collect()))
    }
}

fn exceeds(kind: Kind, operand: &Operand) -> bool {
    matches!(kind, Kind::Integer | Kind::BigInteger)
        && operand.values.iter().any(|value| matches!(value, Value::Decimal(_)))
}
