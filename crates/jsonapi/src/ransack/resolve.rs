//! From raw conditions to conditions: keys become attribute paths and predicates, values take the predicate's
//! shape.

use std::collections::HashSet;

use super::key::{self, AttributePath, Names, Unknown};
use super::predicate::{PREDICATES, Predicate, Shape};
use super::search::{Combinator, Family, RawCondition, RawKey, Search};
use super::{Strictness, value};
use crate::nested::Nested;
use crate::query::SortKey;
use crate::{Code, Problem};

/// One level of a filter whose names all exist.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    /// Joins the conditions and the groups of this level.
    pub combinator: Combinator,
    /// In order of appearance; they come before the groups.
    pub conditions: Vec<Condition>,
    /// In order of appearance.
    pub groups: Vec<Group>,
    /// Scopes to apply whatever the combinator; only the outermost level has any.
    pub scopes: Vec<ScopeCall>,
}

/// A comparison of one or more attributes with what was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// What is compared; at least one.
    pub attributes: Vec<AttributePath>,
    /// Joins the attributes.
    pub combinator: Combinator,
    /// How they are compared.
    pub predicate: &'static Predicate,
    /// With what.
    pub given: Given,
    /// The query parameter as the client spelled it, decoded.
    pub parameter: String,
}

/// Values in the shape their predicate asks for, not yet cast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// For [`Shape::Flag`].
    Flag(bool),
    /// For [`Shape::One`]; not empty.
    One(String),
    /// For [`Shape::List`]; at least one, none empty.
    List(Vec<String>),
    /// A list where one value is asked for, which only the gem makes something of.
    Misplaced(Vec<String>),
}

/// A scope to apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeCall {
    /// Its name.
    pub name: String,
    /// Its arguments; none when it was merely switched on.
    pub arguments: Vec<String>,
    /// The query parameter as the client spelled it, decoded.
    pub parameter: String,
}

/// A sort key whose path exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sort {
    /// What is sorted by.
    pub path: AttributePath,
    /// Whether the order is reversed.
    pub descending: bool,
}

/// The most associations a filter may reach altogether, and so many again a sort; what is on the same path shares one.
pub const MAX_JOINS: usize = 16;

/// The most comparisons a filter may ask for, each association on the way to one counted as another.
pub const MAX_COMPARISONS: usize = 1_000;

/// The most keys a list is sorted by.
pub const MAX_SORTS: usize = 16;

/// Looks up every name of a filter.
///
/// Conditions without a usable value and groups without conditions are gone from the result.
///
/// # Errors
///
/// One problem per condition that names something unknown or has a value of the wrong shape (under
/// [`Strictness::Strict`]; a lenient reading drops it), and one for the first condition that asks for too much.
pub fn resolve<N: Names>(search: &Search, root: &N, strictness: Strictness) -> Result<Group, Vec<Problem>> {
    let mut resolver = Resolver { root, strictness, problems: Vec::new() };
    let group = resolver.group(search);
    resolver.problems.extend(Bounds::default().exceeded(&group));
    if resolver.problems.is_empty() { Ok(group) } else { Err(resolver.problems) }
}

/// Looks up the names of sort keys.
///
/// # Errors
///
/// One problem per key that leads to no attribute, and one for the first key that asks for too much. A lenient reading
/// drops unknown keys under `q`, as the gem does.
pub fn resolve_sorts<N: Names>(
    keys: &[SortKey],
    root: &N,
    strictness: Strictness,
) -> Result<Vec<Sort>, Vec<Problem>> {
    let mut sorts = Vec::new();
    let mut problems = Vec::new();
    let mut bounds = Bounds::default();
    for (index, key) in keys.iter().enumerate() {
        match key::path(root, &key.path) {
            Ok(path) => {
                let many =
                    (index == MAX_SORTS).then(|| format!("a list is sorted by {MAX_SORTS} keys at most"));
                if let Some(detail) = many.or_else(|| bounds.joins(&path)) {
                    problems.push(Problem::new(Code::InvalidParameter, detail).at_parameter(&key.parameter));
                    break;
                }
                sorts.push(Sort { path, descending: key.descending });
            }
            // `sort` is JSON:API's own, which refuses what it does not know.
            Err(_) if strictness == Strictness::Lenient && !key.parameter.starts_with("sort") => {}
            Err(unknown) => problems.push(problem(Code::UnknownSort, &key.parameter, &unknown)),
        }
    }
    if problems.is_empty() { Ok(sorts) } else { Err(problems) }
}

struct Resolver<'a, N> {
    root: &'a N,
    strictness: Strictness,
    problems: Vec<Problem>,
}

impl<N: Names> Resolver<'_, N> {
    fn group(&mut self, search: &Search) -> Group {
        let mut group = Group { combinator: search.combinator, ..Group::default() };
        for raw in &search.conditions {
            if let Some(scope) = self.scope(raw) {
                group.scopes.extend(scope);
                continue;
            }
            match self.condition(raw) {
                Ok(condition) => group.conditions.extend(condition),
                Err(problem) => self.problems.extend(problem),
            }
        }
        for inner in &search.groups {
            let mut inner = self.group(inner);
            group.scopes.append(&mut inner.scopes);
            if !inner.conditions.is_empty() || !inner.groups.is_empty() {
                group.groups.push(inner);
            }
        }
        group
    }

    /// Nothing if the condition is no scope; an empty call if the scope is switched off.
    fn scope(&self, raw: &RawCondition) -> Option<Option<ScopeCall>> {
        let RawKey::Shorthand(name) = &raw.key else { return None };
        if !raw.top || !self.root.scope(name) {
            return None;
        }
        let arguments = match &raw.values {
            Nested::Text(text) => match value::boolean(text) {
                Some(true) => Vec::new(),
                Some(false) => return Some(None),
                None => vec![text.clone()],
            },
            Nested::List(members) => members.iter().filter_map(text).map(str::to_owned).collect(),
            _ => return Some(None),
        };
        Some(Some(ScopeCall { name: name.clone(), arguments, parameter: raw.parameter.clone() }))
    }

    /// A condition, nothing if it has no usable value, or a problem unless the reading is lenient.
    fn condition(&self, raw: &RawCondition) -> Result<Option<Condition>, Option<Problem>> {
        let (attributes, combinator, predicate) = match &raw.key {
            RawKey::Shorthand(key) => self
                .shorthand(key, raw.family)
                .map_err(|unknown| self.strictly(problem(Code::UnknownFilter, &raw.parameter, &unknown)))?,
            RawKey::Explicit { attributes, combinator, predicate } => {
                self.explicit(attributes, *combinator, predicate, &raw.parameter)?
            }
        };
        let given = match (given(predicate, raw), self.strictness) {
            (Ok(Some(given)), _) => given,
            (Ok(None), _) => return Ok(None),
            (Err(_), Strictness::Lenient) => match (&raw.key, &raw.values) {
                (RawKey::Shorthand(_), Nested::List(members)) if predicate.shape == Shape::One => {
                    Given::Misplaced(members.iter().filter_map(text).map(str::to_owned).collect())
                }
                _ => return Ok(None),
            },
            (Err(reason), Strictness::Strict) => {
                return Err(Some(Problem::new(Code::InvalidFilter, reason).at_parameter(&raw.parameter)));
            }
        };
        Ok(Some(Condition { attributes, combinator, predicate, given, parameter: raw.parameter.clone() }))
    }

    fn shorthand(
        &self,
        key: &str,
        family: Family,
    ) -> Result<(Vec<AttributePath>, Combinator, &'static Predicate), Unknown> {
        let unknown = match Predicate::split(key) {
            Some((names, predicate)) => match self.attributes(names) {
                Ok((attributes, combinator)) => return Ok((attributes, combinator, predicate)),
                Err(unknown) => unknown,
            },
            None => Unknown {
                reason: format!("{key:?} does not end in a predicate, as in {key}_eq"),
                allowed: PREDICATES
                    .iter()
                    .filter(|p| p.compound.is_none())
                    .map(|p| p.name.to_owned())
                    .collect(),
            },
        };
        if family == Family::Filter {
            // JSON:API's recommended `filter[company]=id,id` and `filter[id]=a,b`.
            let bare = key::path(self.root, key).or_else(|_| key::path(self.root, &format!("{key}_id")));
            if let (Ok(path), Some(predicate)) = (bare, Predicate::named("in")) {
                return Ok((vec![path], Combinator::And, predicate));
            }
        }
        Err(unknown)
    }

    /// The whole text as one path; only if that leads nowhere, its parts between `_or_` and `_and_`.
    fn attributes(&self, names: &str) -> Result<(Vec<AttributePath>, Combinator), Unknown> {
        let whole = match key::path(self.root, names) {
            Ok(path) => return Ok((vec![path], Combinator::And)),
            Err(unknown) => unknown,
        };
        let (parts, combinator) = split_names(names);
        if parts.len() == 1 {
            return Err(whole);
        }
        let paths = parts.into_iter().map(|part| key::path(self.root, part)).collect::<Result<_, _>>()?;
        Ok((paths, combinator))
    }

    fn explicit(
        &self,
        names: &[String],
        combinator: Option<Combinator>,
        predicate: &str,
        parameter: &str,
    ) -> Result<(Vec<AttributePath>, Combinator, &'static Predicate), Option<Problem>> {
        let Some(predicate) = Predicate::named(predicate) else {
            // The gem crashes on this, so there is nothing lenient to imitate.
            let unknown = Unknown {
                reason: format!("{predicate:?} is not a predicate"),
                allowed: PREDICATES
                    .iter()
                    .filter(|p| p.compound.is_none())
                    .map(|p| p.name.to_owned())
                    .collect(),
            };
            return Err(Some(problem(Code::UnknownFilter, parameter, &unknown)));
        };
        if names.len() > 1 && combinator.is_none() {
            let detail = "a condition on several attributes needs m=or or m=and";
            return Err(self.strictly(Problem::new(Code::InvalidFilter, detail).at_parameter(parameter)));
        }
        let mut attributes = Vec::new();
        let mut unknown = None;
        for name in names {
            match key::path(self.root, name) {
                Ok(path) => attributes.push(path),
                Err(reason) => unknown = unknown.or(Some(reason)),
            }
        }
        match unknown {
            Some(unknown) if self.strictness == Strictness::Strict || attributes.is_empty() => {
                Err(self.strictly(problem(Code::UnknownFilter, parameter, &unknown)))
            }
            _ => Ok((attributes, combinator.unwrap_or_default(), predicate)),
        }
    }

    fn strictly(&self, problem: Problem) -> Option<Problem> {
        (self.strictness == Strictness::Strict).then_some(problem)
    }
}

/// Gives the values the predicate's shape; nothing if none is left, a reason if they cannot have it.
fn given(predicate: &Predicate, raw: &RawCondition) -> Result<Option<Given>, String> {
    let texts: Vec<&str> = match &raw.values {
        Nested::Nil => Vec::new(),
        Nested::Text(text) if predicate.shape == Shape::List && raw.family == Family::Filter => {
            text.split(',').filter(|member| !member.is_empty()).collect()
        }
        value @ Nested::Text(_) => text(value).into_iter().collect(),
        Nested::List(members)
            if members.iter().all(|member| matches!(member, Nested::Nil | Nested::Text(_))) =>
        {
            members.iter().filter_map(text).collect()
        }
        Nested::List(_) | Nested::Map(_) => return Err(format!("{} takes texts, not a map", predicate.name)),
    };
    // An explicit condition always lists its values; a shorthand that does wants several.
    let listed = matches!((&raw.key, &raw.values), (RawKey::Shorthand(_), Nested::List(_)));
    match (predicate.shape, texts.as_slice()) {
        (_, []) => Ok(None),
        (Shape::List, texts) => Ok(Some(Given::List(texts.iter().map(|&text| text.to_owned()).collect()))),
        (Shape::One, [text]) if !listed => Ok(Some(Given::One((*text).to_owned()))),
        (Shape::Flag, [text]) if !listed => value::boolean(text)
            .map(|flag| Some(Given::Flag(flag)))
            .ok_or_else(|| format!("{} takes true or false, not {text:?}", predicate.name)),
        (Shape::One | Shape::Flag, _) => Err(format!("{} takes one value, not a list", predicate.name)),
    }
}

/// A member that counts: neither nil nor empty.
fn text(node: &Nested) -> Option<&str> {
    match node {
        Nested::Text(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}

/// Splits at every `_or_` and `_and_`; the first one found combines all.
pub(super) fn split_names(names: &str) -> (Vec<&str>, Combinator) {
    let mut parts = Vec::new();
    let mut combinator = None;
    let mut rest = names;
    loop {
        let or = rest.find("_or_").map(|at| (at, "_or_".len(), Combinator::Or));
        let and = rest.find("_and_").map(|at| (at, "_and_".len(), Combinator::And));
        let Some((at, length, found)) = or.into_iter().chain(and).min_by_key(|(at, ..)| *at) else {
            parts.push(rest);
            return (parts, combinator.unwrap_or_default());
        };
        combinator = combinator.or(Some(found));
        parts.push(&rest[..at]);
        rest = &rest[at + length..];
    }
}

/// What is asked for so far.
#[derive(Default)]
struct Bounds {
    joins: HashSet<Vec<key::Hop>>,
    comparisons: usize,
}

impl Bounds {
    /// A problem for the first condition that asks for too much.
    fn exceeded(&mut self, group: &Group) -> Option<Problem> {
        let own = group.conditions.iter().find_map(|condition| {
            let detail = condition.attributes.iter().find_map(|path| self.joins(path));
            let detail = detail.or_else(|| self.comparisons(condition))?;
            Some(Problem::new(Code::InvalidFilter, detail).at_parameter(&condition.parameter))
        });
        own.or_else(|| group.groups.iter().find_map(|group| self.exceeded(group)))
    }

    fn joins(&mut self, path: &AttributePath) -> Option<String> {
        let hops = &path.associations;
        self.joins.extend((1..=hops.len()).map(|length| hops[..length].to_vec()));
        let too_many = self.joins.len() > MAX_JOINS;
        too_many.then(|| format!("more than {MAX_JOINS} associations are reached with this one"))
    }

    fn comparisons(&mut self, condition: &Condition) -> Option<String> {
        let values = match &condition.given {
            Given::List(texts) if condition.predicate.compound.is_some() => texts.len(),
            _ => 1,
        };
        let each = condition.attributes.iter().map(|path| path.associations.len() + values);
        self.comparisons += each.sum::<usize>();
        let too_many = self.comparisons > MAX_COMPARISONS;
        too_many.then(|| format!("more than {MAX_COMPARISONS} comparisons are asked for with these"))
    }
}

fn problem(code: Code, parameter: &str, unknown: &Unknown) -> Problem {
    Problem::new(code, &unknown.reason)
        .at_parameter(parameter)
        .allowing(unknown.allowed.iter().map(String::as_str))
}

#[cfg(test)]
mod tests;
