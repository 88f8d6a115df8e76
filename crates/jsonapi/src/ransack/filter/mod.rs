//! Filters over JSON: the same predicates where there are no columns, such as on the record that an event shows.
//!
//! [`read`](mod@read) turns an object such as `{"status_eq": "won", "amount_gt": 1000}` into a [`Filter`] and
//! reports every mistake; [`compare`] is what one value makes of one predicate. Names are not looked up: a member that
//! the value does not have is null. Nulls are what they are in SQL: they fulfil neither a predicate nor its opposite,
//! but for those that ask for nulls.

mod compare;
mod read;

use serde_json::Value;

use super::predicate::{Compound, Operator, Predicate};
use super::search::Combinator;

/// Conditions on a JSON value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    combinator: Combinator,
    conditions: Vec<Condition>,
    groups: Vec<Filter>,
}

/// A comparison of one or more members with what was given.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Condition {
    paths: Vec<Path>,
    combinator: Combinator,
    operator: Operator,
    compound: Option<Compound>,
    /// Whether of several values, in a list, none may be otherwise.
    negative: bool,
    /// None for a flag; patterns are spelled out.
    given: Vec<String>,
}

/// The names on the way to a member: `custom_fields.tier`.
type Path = Vec<String>;

impl Filter {
    /// Whether a value fulfils it. A filter without conditions takes everything.
    #[must_use]
    pub fn takes(&self, value: &Value) -> bool {
        let conditions = self.conditions.iter().map(|condition| condition.holds(value));
        let groups = self.groups.iter().map(|group| group.takes(value));
        let mut all = conditions.chain(groups);
        match self.combinator {
            Combinator::And => all.all(|holds| holds),
            Combinator::Or if self.conditions.is_empty() && self.groups.is_empty() => true,
            Combinator::Or => all.any(|holds| holds),
        }
    }
}

impl Condition {
    fn new(
        paths: Vec<Path>,
        combinator: Combinator,
        predicate: &Predicate,
        flag: bool,
        given: Vec<String>,
    ) -> Self {
        let given = match predicate.pattern {
            Some(pattern) => given.iter().map(|text| pattern.of(text)).collect(),
            None => given,
        };
        Self {
            paths,
            combinator,
            operator: if flag { predicate.operator } else { predicate.operator.opposite() },
            compound: predicate.compound,
            negative: predicate.negative,
            given,
        }
    }

    fn holds(&self, value: &Value) -> bool {
        let mut paths = self.paths.iter().map(|path| self.holds_at(path, value));
        match self.combinator {
            Combinator::And => paths.all(|holds| holds),
            Combinator::Or => paths.any(|holds| holds),
        }
    }

    /// Follows a path. A list on the way is what a to-many association is to a column: some member has to fulfil the
    /// condition, or under a negative predicate all have to.
    fn holds_at(&self, path: &[String], value: &Value) -> bool {
        match (path, value) {
            (_, Value::Array(members)) if !self.asks_for_nothing() => {
                let mut members = members.iter().map(|member| self.holds_at(path, member));
                if self.negative { members.all(|holds| holds) } else { members.any(|holds| holds) }
            }
            ([], value) => self.compares(value),
            ([name, rest @ ..], Value::Object(members)) => {
                self.holds_at(rest, members.get(name).unwrap_or(&Value::Null))
            }
            (_, _) => self.compares(&Value::Null),
        }
    }

    /// Whether it is about there being something, which a list as a whole can answer.
    const fn asks_for_nothing(&self) -> bool {
        matches!(self.operator, Operator::Null | Operator::NotNull | Operator::Present | Operator::Blank)
    }

    fn compares(&self, value: &Value) -> bool {
        let mut each = self.given.chunks(1).map(|given| compare::holds(self.operator, given, value));
        match self.compound {
            None => compare::holds(self.operator, &self.given, value),
            Some(Compound::Any) => each.any(|holds| holds),
            Some(Compound::All) => each.all(|holds| holds),
        }
    }
}

#[cfg(test)]
mod tests;
