//! The names of a query looked up in the declaration, and its values cast: every mistake becomes a problem that names
//! its parameter, and all of them are reported at once. No database is touched.

use pulse_jsonapi::query::{Page, Path, Query};
use pulse_jsonapi::ransack::{Kind, Names, Strictness, resolve, resolve_sort};
use pulse_jsonapi::{Code, Problem};

use crate::condition::{Filter, Filterable, column};
use crate::cursor::Range;
use crate::declare::{Hop, Resource};

/// A query that can be run.
#[derive(Debug)]
pub struct Plan {
    pub(crate) resource: &'static Resource,
    pub(crate) filter: Filter,
    /// Total: the last key is the id.
    pub(crate) order: Vec<Order>,
    pub(crate) page: Page,
    pub(crate) range: Option<Range>,
    pub(crate) count: bool,
    pub(crate) include: Option<Vec<Include>>,
    pub(crate) fields: Fields,
}

/// What a list is sorted by.
#[derive(Debug)]
pub(crate) struct Order {
    /// To-one relationships on the way.
    pub(crate) path: Vec<Hop>,
    pub(crate) column: &'static str,
    pub(crate) kind: Kind,
    /// Whether it is null for some records.
    pub(crate) nullable: bool,
    pub(crate) descending: bool,
}

/// A relationship to be included, and those beyond it. A polymorphic one stands once for each resource it may lead to.
#[derive(Debug)]
pub(crate) struct Include {
    pub(crate) hop: Hop,
    pub(crate) beyond: Vec<Include>,
}

/// The fields wanted, by type; all fields of types not named.
#[derive(Clone, Debug, Default)]
pub struct Fields(Vec<(String, Vec<String>)>);

impl Fields {
    /// Whether a field of a type is wanted.
    #[must_use]
    pub fn wants(&self, resource: &Resource, field: &str) -> bool {
        self.0
            .iter()
            .find(|(name, _)| name == resource.name)
            .is_none_or(|(_, fields)| fields.iter().any(|wanted| wanted == field))
    }
}

impl Plan {
    /// Looks everything up.
    ///
    /// # Errors
    /// One problem for each name that does not exist or may not be used, and for each value that cannot be read.
    pub fn new(
        resources: &[&'static Resource],
        resource: &'static Resource,
        query: &Query,
    ) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let filter = match resolve(&query.filter, &Filterable(resource), query.unknown_filters) {
            Ok(group) => Filter::plan(resource, &group, query.unknown_filters, &mut problems),
            Err(unknown) => {
                problems.extend(unknown);
                Filter::default()
            }
        };
        let order = query.sort.iter().filter_map(|key| match order(resource, key) {
            Ok(order) => Some(order),
            // What the gem does with a sort of its own that it does not know; `sort` is JSON:API's.
            Err(_) if query.unknown_filters == Strictness::Lenient && !key.parameter.starts_with("sort") => {
                None
            }
            Err(problem) => {
                problems.push(problem);
                None
            }
        });
        let order = total_order(resource, order.collect());
        let range = Range::plan(resource.name, &order, &query.page, &mut problems);
        let include = query.include.as_ref().map(|paths| include(resource, paths, &mut problems));
        let fields = fields(resources, &query.fields, &mut problems);
        let (page, count) = (query.page.clone(), query.count);
        let plan = Self { resource, filter, order, page, range, count, include, fields };
        if problems.is_empty() { Ok(plan) } else { Err(problems) }
    }

    /// The same without a total.
    #[must_use]
    pub fn uncounted(mut self) -> Self {
        self.count = false;
        self
    }

    /// The page that is asked for.
    #[must_use]
    pub fn page(&self) -> &Page {
        &self.page
    }

    /// The fields wanted.
    #[must_use]
    pub fn fields(&self) -> &Fields {
        &self.fields
    }
}

/// What a resource lets clients sort by: through to-one relationships alone, since a record has one place in a list.
#[derive(Clone, Copy, Debug)]
struct Sortable(&'static Resource);

impl Sortable {
    fn hop(&self, name: &str, of_type: Option<&str>) -> Option<Self> {
        let relationship = self.0.relationship(name).filter(|relationship| relationship.to_one())?;
        Some(Self(relationship.hop(of_type)?.target))
    }
}

impl Names for Sortable {
    fn resource(&self) -> &str {
        self.0.name
    }

    fn attribute(&self, name: &str) -> bool {
        column(self.0, name, |attribute| attribute.sortable).is_some()
    }

    fn association(&self, name: &str) -> Option<Self> {
        self.hop(name, None)
    }

    fn association_of_type(&self, name: &str, of_type: &str) -> Option<Self> {
        self.hop(name, Some(of_type))
    }

    fn attributes(&self) -> Vec<&str> {
        let sortable = self.0.attributes.iter().filter(|attribute| attribute.sortable);
        std::iter::once("id").chain(sortable.map(|attribute| attribute.name)).collect()
    }

    fn associations(&self) -> Vec<&str> {
        let to_one = self.0.relationships.iter().filter(|relationship| relationship.to_one());
        to_one.map(|relationship| relationship.name).collect()
    }
}

fn order(resource: &'static Resource, key: &pulse_jsonapi::query::SortKey) -> Result<Order, Problem> {
    let sort = resolve_sort(key, &Sortable(resource))?;
    let unknown = || {
        Problem::new(Code::UnknownSort, format!("{} cannot be sorted by", key.path))
            .at_parameter(&key.parameter)
    };
    let mut at = resource;
    let mut path = Vec::new();
    for step in &sort.path.associations {
        let relationship = at.relationship(&step.association).ok_or_else(unknown)?;
        let hop = relationship.hop(step.of_type.as_deref()).ok_or_else(unknown)?;
        at = hop.target;
        path.push(hop);
    }
    let (column, kind) =
        column(at, &sort.path.attribute, |attribute| attribute.sortable).ok_or_else(unknown)?;
    let nullable = !path.is_empty() || nullable(at, column);
    Ok(Order { path, column, kind, nullable, descending: sort.descending })
}

fn nullable(resource: &'static Resource, column: &str) -> bool {
    column != "id" && resource.attribute(column).is_none_or(|attribute| attribute.nullable_column)
}

/// Adds what makes an order total, so that pages neither overlap nor leave anything out: the id, in the direction of
/// the key before it, which lets an index be read in one direction. The newest come first where nothing is asked for.
fn total_order(resource: &'static Resource, mut order: Vec<Order>) -> Vec<Order> {
    if order.is_empty() {
        let column = resource.newest_by;
        let kind = resource.attribute(column).map_or(Kind::DateTime, |attribute| attribute.kind);
        let nullable = nullable(resource, column);
        order.push(Order { path: Vec::new(), column, kind, nullable, descending: true });
    }
    let descending = order.last().is_some_and(|last| last.descending);
    order.push(Order { path: Vec::new(), column: "id", kind: Kind::Uuid, nullable: false, descending });
    order
}

fn include(resource: &'static Resource, paths: &[Path], problems: &mut Vec<Problem>) -> Vec<Include> {
    let mut tree = Vec::new();
    for path in paths {
        if let Err(problem) = add(resource, &mut tree, &path.0, path) {
            problems.push(problem);
        }
    }
    tree
}

fn add(
    resource: &'static Resource,
    tree: &mut Vec<Include>,
    names: &[String],
    whole: &Path,
) -> Result<(), Problem> {
    let Some((name, beyond)) = names.split_first() else { return Ok(()) };
    let relationship = resource.relationship(name).ok_or_else(|| {
        let detail = format!("{} has no relationship {name:?}, which the path {whole} needs", resource.name);
        let known = resource.relationships.iter().map(|relationship| relationship.name);
        Problem::new(Code::UnknownInclude, detail).at_parameter("include").allowing(known)
    })?;
    let mut unknown = None;
    let mut known = false;
    for target in relationship.targets().iter().copied() {
        let hop = Hop { relationship, target };
        let position = tree.iter().position(|node| node.hop.same(&hop)).unwrap_or_else(|| {
            tree.push(Include { hop, beyond: Vec::new() });
            tree.len() - 1
        });
        match add(target, &mut tree[position].beyond, beyond, whole) {
            Ok(()) => known = true,
            Err(problem) => unknown = Some(problem),
        }
    }
    // A path that goes on behind a polymorphic relationship is followed on those resources that have it.
    if known { Ok(()) } else { unknown.map_or(Ok(()), Err) }
}

fn fields(
    resources: &[&'static Resource],
    wanted: &[(String, Vec<String>)],
    problems: &mut Vec<Problem>,
) -> Fields {
    for (name, fields) in wanted {
        let parameter = format!("fields[{name}]");
        let Some(resource) = resources.iter().find(|resource| resource.name == name) else {
            let known = resources.iter().map(|resource| resource.name);
            let detail = format!("there is no type {name:?}");
            problems.push(Problem::new(Code::UnknownField, detail).at_parameter(parameter).allowing(known));
            continue;
        };
        for field in fields {
            if resource.attribute(field).is_none() && resource.relationship(field).is_none() {
                let detail = format!("{name} has no field {field:?}");
                let attributes = resource.attributes.iter().map(|attribute| attribute.name);
                let relationships = resource.relationships.iter().map(|relationship| relationship.name);
                let known = attributes.chain(relationships);
                problems
                    .push(Problem::new(Code::UnknownField, detail).at_parameter(&parameter).allowing(known));
            }
        }
    }
    Fields(wanted.to_vec())
}
