//! The names of a query looked up in the declaration, and its values cast: every mistake becomes a problem that names
//! its parameter, and all of them are reported at once. No database is touched.

use pulse_jsonapi::query::{Page, Path, Query};
use pulse_jsonapi::ransack::{Group, resolve, resolve_sorts};
use pulse_jsonapi::{Code, Problem};

use crate::act::Act;
use crate::condition::order::{Key, Order};
use crate::condition::{Column, Filter, Offered};
use crate::cursor::Range;
use crate::custom_fields::Definitions;
use crate::declare::{Hop, Resource};
use crate::rights::Deed;
use crate::scope::{self, Trash};

/// A query that can be run.
#[derive(Debug)]
pub struct Plan {
    pub(crate) resource: &'static Resource,
    pub(crate) filter: Filter,
    pub(crate) scopes: Vec<Filter>,
    pub(crate) trash: Trash,
    /// Total: the last key is the id.
    pub(crate) order: Vec<Order>,
    pub(crate) page: Page,
    pub(crate) range: Option<Range>,
    pub(crate) count: bool,
    pub(crate) include: Option<Vec<Include>>,
    pub(crate) fields: Fields,
}

/// A relationship to be included, and those beyond it. A polymorphic one stands once for each resource it may lead to.
#[derive(Debug)]
pub(crate) struct Include {
    pub(crate) hop: Hop,
    pub(crate) beyond: Vec<Include>,
}

impl Include {
    fn refusals(&self, refused: &impl Fn(&Resource) -> Option<Problem>, problems: &mut Vec<Problem>) {
        problems.extend(refused(self.hop.target).map(|problem| problem.at_parameter("include")));
        for node in &self.beyond {
            node.refusals(refused, problems);
        }
    }
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
    /// Looks everything up, custom fields aside.
    ///
    /// # Errors
    /// As [`Plan::with`].
    pub fn new(
        resources: &[&'static Resource],
        resource: &'static Resource,
        query: &Query,
    ) -> Result<Self, Vec<Problem>> {
        Self::with(resources, resource, query, &Definitions::NONE)
    }

    /// Looks everything up; `definitions` are the custom fields that the query may name.
    ///
    /// # Errors
    /// One problem for each name that does not exist or may not be used, and for each value that cannot be read.
    pub fn with(
        resources: &[&'static Resource],
        resource: &'static Resource,
        query: &Query,
        definitions: &Definitions,
    ) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let offered = Offered::for_filters(resource, definitions);
        let resolved = resolve(&query.filter, &offered, query.unknown_filters);
        let group = resolved.unwrap_or_else(|unknown| {
            problems.extend(unknown);
            Group::default()
        });
        let filter = Filter::plan(offered, &group, query.unknown_filters, &mut problems);
        let (scopes, trash) = scope::plan(resource, &group.scopes, &mut problems);
        let offered = Offered::for_sorts(resource, definitions);
        let sorts = resolve_sorts(&query.sort, &offered, query.unknown_filters);
        let sorts = sorts.unwrap_or_else(|unknown| {
            problems.extend(unknown);
            Vec::new()
        });
        let keys = sorts.iter().filter_map(|sort| {
            let (path, column) = offered.follow(&sort.path)?;
            Some(Key { path, column, descending: sort.descending })
        });
        let order = Order::of(total(resource, keys.collect()), &filter);
        let range = Range::plan(resource.name, &order, &query.page, &mut problems);
        let include = query.include.as_ref().map(|paths| include(resource, paths, &mut problems));
        let fields = fields(resources, &query.fields, &mut problems);
        let (page, count) = (query.page.clone(), query.count);
        let plan = Self { resource, filter, scopes, trash, order, page, range, count, include, fields };
        if problems.is_empty() { Ok(plan) } else { Err(problems) }
    }

    /// Why who acts may not ask for it: what they may read nothing of is neither shown nor filtered or sorted by.
    pub(crate) fn refusals(&self, act: &Act) -> Vec<Problem> {
        let refused = |resource: &Resource| act.require(resource, Deed::Read).err();
        let mut problems: Vec<Problem> = refused(self.resource).into_iter().collect();
        let filters = std::iter::once(&self.filter).chain(&self.scopes).flat_map(Filter::hops);
        for hop in filters.chain(self.order.iter().flat_map(|order| order.path.iter().copied())) {
            problems.extend(refused(hop.target));
        }
        for node in self.include.iter().flatten() {
            node.refusals(&refused, &mut problems);
        }
        problems.dedup_by(|one, other| one.detail == other.detail && one.source == other.source);
        problems
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

/// Adds what makes an order total, so that pages neither overlap nor leave anything out: the id, in the direction of
/// the key before it, which lets an index be read in one direction. The newest come first where nothing is asked for.
fn total(resource: &'static Resource, mut keys: Vec<Key>) -> Vec<Key> {
    let own = |name, descending| Key { path: Vec::new(), column: Column::own(resource, name), descending };
    if keys.is_empty() {
        keys.push(own(resource.newest_by, true));
    }
    let descending = keys.last().is_some_and(|last| last.descending);
    keys.push(own("id", descending));
    keys
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
