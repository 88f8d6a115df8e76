//! Filters as SQL.
//!
//! A condition on another resource is an `EXISTS` over the keys of the relationship, so rows never repeat and counts
//! come from the same statement. Conditions that are joined by `AND` on one path ask for one record that meets them all
//! ([`shared`]). A negative predicate over a to-many relationship means that no member violates it.

mod shared;

use pulse_jsonapi::ransack::{
    AttributePath, Combinator, Compound, Condition, Group, Kind, Names, Operand, Operator, Strictness, Value,
};
use pulse_jsonapi::{Code, Problem};
use uuid::Uuid;

use crate::declare::{Hop, Link, Resource};
use crate::statement::{Bind, List, Statement};

/// What a resource lets clients name in a filter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filterable(pub &'static Resource);

impl Filterable {
    /// The resource at the other end, which one statement can only reach in the same database.
    fn hop(&self, name: &str, of_type: Option<&str>) -> Option<Self> {
        let hop = self.0.relationship(name)?.hop(of_type)?;
        (hop.target.store == self.0.store).then_some(Self(hop.target))
    }
}

impl Names for Filterable {
    fn resource(&self) -> &str {
        self.0.name
    }

    fn attribute(&self, name: &str) -> bool {
        column(self.0, name, |attribute| attribute.filterable).is_some()
    }

    fn association(&self, name: &str) -> Option<Self> {
        self.hop(name, None)
    }

    fn association_of_type(&self, name: &str, of_type: &str) -> Option<Self> {
        self.hop(name, Some(of_type))
    }

    fn attributes(&self) -> Vec<&str> {
        let filterable = self.0.attributes.iter().filter(|attribute| attribute.filterable);
        std::iter::once("id")
            .chain(filterable.map(|attribute| attribute.name))
            .chain(self.0.foreign_keys().map(|(column, _)| column))
            .collect()
    }

    fn associations(&self) -> Vec<&str> {
        self.0.relationships.iter().map(|relationship| relationship.name).collect()
    }
}

/// The column and kind of a name, if it may be used: the id, a foreign key, or an attribute that `allowed` lets pass.
pub(crate) fn column(
    resource: &'static Resource,
    name: &str,
    allowed: impl Fn(&crate::Attribute) -> bool,
) -> Option<(&'static str, Kind)> {
    if name == "id" {
        return Some(("id", Kind::Uuid));
    }
    if let Some((column, _)) = resource.foreign_keys().find(|(column, _)| *column == name) {
        return Some((column, Kind::Uuid));
    }
    resource.attribute(name).filter(|attribute| allowed(attribute)).map(|found| (found.name, found.kind))
}

/// A checked filter: conditions with their values cast.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    combinator: Combinator,
    terms: Vec<Term>,
    groups: Vec<Filter>,
}

/// Comparisons joined by `combinator`.
#[derive(Clone, Debug)]
struct Term {
    combinator: Combinator,
    comparisons: Vec<Comparison>,
}

#[derive(Clone, Debug)]
struct Comparison {
    /// Where the path starts; none where there is no path.
    source: Option<&'static Resource>,
    path: Vec<Hop>,
    column: &'static str,
    kind: Kind,
    operand: Operand,
    compound: Option<Compound>,
    negative: bool,
}

impl Filter {
    /// Looks up columns and casts values.
    pub(crate) fn plan(
        resource: &'static Resource,
        group: &Group,
        strictness: Strictness,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let terms = group
            .conditions
            .iter()
            .filter_map(|condition| Term::plan(resource, condition, strictness, problems))
            .collect();
        let groups =
            group.groups.iter().map(|group| Self::plan(resource, group, strictness, problems)).collect();
        Self { combinator: group.combinator, terms, groups }
    }

    /// Whether it lets everything pass.
    pub(crate) fn is_empty(&self) -> bool {
        self.terms.is_empty() && self.groups.iter().all(Self::is_empty)
    }

    /// Writes the condition, which must not be empty, over the table alias `alias`.
    pub(crate) fn write(&self, workspace: Uuid, alias: &str, sql: &mut Statement) {
        sql.sql("(");
        let mut first = true;
        let mut separate = |sql: &mut Statement| {
            if !std::mem::take(&mut first) {
                sql.sql(joiner(self.combinator));
            }
        };
        let shares = |term: &&Term| self.combinator == Combinator::And && term.shares();
        for term in self.terms.iter().filter(|term| !shares(term)) {
            separate(sql);
            term.write(workspace, alias, sql);
        }
        let shared = self.terms.iter().filter(shares).flat_map(|term| &term.comparisons);
        for branch in shared::grow(shared) {
            separate(sql);
            branch.write(workspace, alias, sql);
        }
        for group in self.groups.iter().filter(|group| !group.is_empty()) {
            separate(sql);
            group.write(workspace, alias, sql);
        }
        sql.sql(")");
    }
}

const fn joiner(combinator: Combinator) -> &'static str {
    match combinator {
        Combinator::And => " AND ",
        Combinator::Or => " OR ",
    }
}

impl Term {
    fn plan(
        resource: &'static Resource,
        condition: &Condition,
        strictness: Strictness,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let resolved: Option<Vec<_>> =
            condition.attributes.iter().map(|path| follow(resource, path)).collect();
        let Some(resolved) = resolved else {
            let detail = "the filter names something that cannot be filtered by";
            problems.push(Problem::new(Code::UnknownFilter, detail).at_parameter(&condition.parameter));
            return None;
        };
        let kinds: Vec<Kind> = resolved.iter().map(|(_, _, kind)| *kind).collect();
        let operands = match condition.operands(&kinds, strictness) {
            Ok(operands) => operands?,
            Err(problem) => {
                problems.push(problem);
                return None;
            }
        };
        let comparisons = resolved
            .into_iter()
            .zip(operands)
            .map(|((path, column, kind), operand)| Comparison {
                source: (!path.is_empty()).then_some(resource),
                path,
                column,
                kind,
                operand,
                compound: condition.predicate.compound,
                negative: condition.predicate.negative,
            })
            .collect();
        Some(Self { combinator: condition.combinator, comparisons })
    }

    /// Whether records that fulfil it must be the same ones that fulfil others on their path.
    fn shares(&self) -> bool {
        (self.combinator == Combinator::And || self.comparisons.len() == 1)
            && self.comparisons.iter().all(Comparison::asks_for_a_record)
    }

    fn write(&self, workspace: Uuid, alias: &str, sql: &mut Statement) {
        sql.sql("(");
        for (index, comparison) in self.comparisons.iter().enumerate() {
            if index > 0 {
                sql.sql(joiner(self.combinator));
            }
            comparison.write(workspace, alias, sql);
        }
        sql.sql(")");
    }
}

/// The hops of a path, and the column and kind at its end.
fn follow(resource: &'static Resource, path: &AttributePath) -> Option<(Vec<Hop>, &'static str, Kind)> {
    let mut at = resource;
    let mut hops = Vec::new();
    for step in &path.associations {
        let hop = at.relationship(&step.association)?.hop(step.of_type.as_deref())?;
        at = hop.target;
        hops.push(hop);
    }
    let (column, kind) = column(at, &path.attribute, |attribute| attribute.filterable)?;
    Some((hops, column, kind))
}

impl Comparison {
    /// Whether a record at the end of a path has to exist for it to hold.
    fn asks_for_a_record(&self) -> bool {
        let nobody_violates_it =
            self.negative && self.path.last().is_some_and(|last| !last.relationship.to_one());
        !self.path.is_empty() && !nobody_violates_it && !self.holds_without_a_record()
    }

    fn holds_without_a_record(&self) -> bool {
        matches!(self.operand.operator, Operator::Null | Operator::Blank)
    }

    fn write(&self, workspace: Uuid, alias: &str, sql: &mut Statement) {
        let Some((source, last)) = self.source.zip(self.path.last()) else {
            return self.compare(alias, self.operand.operator, self.compound, sql);
        };
        if self.negative && !last.relationship.to_one() {
            // Nobody violates it: nobody fulfils the opposite.
            let compound = self.compound.map(|compound| match compound {
                Compound::Any => Compound::All,
                Compound::All => Compound::Any,
            });
            sql.sql("NOT ");
            return exists(source, &self.path, workspace, alias, sql, &mut |alias, sql| {
                self.compare(alias, self.operand.operator.opposite(), compound, sql);
            });
        }
        if self.holds_without_a_record() {
            sql.sql("(NOT ");
            exists(source, &self.path, workspace, alias, sql, &mut |_, sql| {
                sql.sql("TRUE");
            });
            sql.sql(" OR ");
        }
        exists(source, &self.path, workspace, alias, sql, &mut |alias, sql| {
            self.compare(alias, self.operand.operator, self.compound, sql);
        });
        if self.holds_without_a_record() {
            sql.sql(")");
        }
    }

    fn compare(&self, alias: &str, operator: Operator, compound: Option<Compound>, sql: &mut Statement) {
        let values = &self.operand.values;
        match compound {
            None => self.compare_one(alias, operator, values, sql),
            Some(compound) => {
                sql.sql("(");
                for (index, value) in values.iter().enumerate() {
                    if index > 0 {
                        sql.sql(match compound {
                            Compound::Any => " OR ",
                            Compound::All => " AND ",
                        });
                    }
                    self.compare_one(alias, operator, std::slice::from_ref(value), sql);
                }
                sql.sql(")");
            }
        }
    }

    fn compare_one(&self, alias: &str, operator: Operator, values: &[Value], sql: &mut Statement) {
        let column = format!("{alias}.{}", self.column);
        let simple = match operator {
            Operator::Eq => " = ",
            Operator::NotEq => " <> ",
            Operator::Lt => " < ",
            Operator::Lteq => " <= ",
            Operator::Gt => " > ",
            Operator::Gteq => " >= ",
            Operator::Like => " ILIKE ",
            Operator::NotLike => " NOT ILIKE ",
            Operator::In | Operator::NotIn => {
                match List::of(values.to_vec()) {
                    Some(list) if operator == Operator::In => {
                        sql.sql(&column).sql(" = ANY (").bind(Bind::List(list)).sql(")");
                    }
                    Some(list) => {
                        sql.sql(&column).sql(" <> ALL (").bind(Bind::List(list)).sql(")");
                    }
                    None => {
                        sql.sql("FALSE");
                    }
                }
                return;
            }
            _ => {
                sql.sql(&self.test(&column, operator));
                return;
            }
        };
        sql.sql(&column).sql(simple).bind(values.first().cloned().unwrap_or(Value::Null));
    }

    /// Comparisons that need no value.
    fn test(&self, column: &str, operator: Operator) -> String {
        let text = self.kind == Kind::Text;
        match operator {
            Operator::True => format!("{column} = TRUE"),
            Operator::NotTrue => format!("{column} <> TRUE"),
            Operator::False => format!("{column} = FALSE"),
            Operator::NotFalse => format!("{column} <> FALSE"),
            Operator::Present if text => format!("({column} IS NOT NULL AND {column} <> '')"),
            Operator::Blank if text => format!("({column} IS NULL OR {column} = '')"),
            Operator::Present | Operator::NotNull => format!("{column} IS NOT NULL"),
            _ => format!("{column} IS NULL"),
        }
    }
}

/// Writes `EXISTS (…)` over a path, with `condition` on the records at its end.
fn exists(
    source: &'static Resource,
    path: &[Hop],
    workspace: Uuid,
    alias: &str,
    sql: &mut Statement,
    condition: &mut dyn FnMut(&str, &mut Statement),
) {
    match path.split_first() {
        None => condition(alias, sql),
        Some((hop, rest)) => exists_one(source, *hop, workspace, alias, sql, &mut |next, sql| {
            exists(hop.target, rest, workspace, next, sql, condition);
        }),
    }
}

/// Writes `EXISTS (…)` over one relationship, with `condition` on the records it leads to.
fn exists_one(
    source: &'static Resource,
    hop: Hop,
    workspace: Uuid,
    alias: &str,
    sql: &mut Statement,
    condition: &mut dyn FnMut(&str, &mut Statement),
) {
    let target = hop.target;
    let next = format!("{alias}_{}", hop.relationship.name);
    sql.sql(&format!("EXISTS (SELECT 1 FROM {} {next} ", target.table));
    if let Link::Through { table, other_id, .. } = hop.relationship.link {
        let link = format!("{next}_link");
        sql.sql(&format!(
            "JOIN {table} {link} ON {link}.workspace_id = {next}.workspace_id AND {link}.{other_id} = {next}.id "
        ));
    }
    sql.sql(&format!("WHERE {next}.workspace_id = ")).bind(workspace);
    if target.editable {
        sql.sql(&format!(" AND {next}.deleted_at IS NULL"));
    }
    let own = source.name;
    match hop.relationship.link {
        Link::BelongsTo { column, .. } => sql.sql(&format!(" AND {next}.id = {alias}.{column}")),
        Link::BelongsToAny { type_column, id_column, .. } => sql.sql(&format!(
            " AND {next}.id = {alias}.{id_column} AND {alias}.{type_column} = '{}'",
            target.name
        )),
        Link::HasMany { column } => sql.sql(&format!(" AND {next}.{column} = {alias}.id")),
        Link::HasManyAs { type_column, id_column } => {
            sql.sql(&format!(" AND {next}.{id_column} = {alias}.id AND {next}.{type_column} = '{own}'"))
        }
        Link::Through { own_type: None, own_id, .. } => {
            sql.sql(&format!(" AND {next}_link.{own_id} = {alias}.id"))
        }
        Link::Through { own_type: Some(own_type), own_id, .. } => {
            sql.sql(&format!(" AND {next}_link.{own_id} = {alias}.id AND {next}_link.{own_type} = '{own}'"))
        }
    };
    sql.sql(" AND ");
    condition(&next, sql);
    sql.sql(")");
}
