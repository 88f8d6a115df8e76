//! The JSON:API parameters of a request: syntax only, all mistakes at once.
//!
//! Outside `q`, a list may be written `k=a,b`, `k[]=a&k[]=b` or `k=a&k=b`. Names are looked up later, by
//! whoever knows the resource.

mod page;

pub use page::{Neighbour, Page, cursor_links, page_links};

use std::collections::HashSet;
use std::fmt;

use crate::nested::{self, Caps, Nested, Pair};
use crate::ransack::Strictness;
use crate::ransack::search::{self, Family, Search};
use crate::{Code, Problem};

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The conditions under `q` and `filter`, joined by and if both are there.
    pub filter: Search,
    /// What becomes of a filter that names what does not exist.
    pub unknown_filters: Strictness,
    /// The fields under `sort`, then those under `q[s]`.
    pub sort: Vec<SortKey>,
    /// Which part of the collection.
    pub page: Page,
    /// The relationship paths under `include`; nothing if it was not given, empty if it was given empty.
    pub include: Option<Vec<Path>>,
    /// The fields wanted per type, in order of appearance.
    pub fields: Vec<(String, Vec<String>)>,
    /// Whether the total is wanted: `page[total]=false` saves the count.
    pub count: bool,
    /// The parameters only this endpoint has, each with its values as they came.
    pub extra: Vec<(&'static str, Vec<String>)>,
}

/// A field to sort by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortKey {
    /// The path as given: `company.name` or `company_name`.
    pub path: String,
    /// Whether the order is reversed.
    pub descending: bool,
    /// The query parameter as the client spelled it, decoded.
    pub parameter: String,
}

/// A relationship path: `deals.stage`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Path(pub Vec<String>);

/// Which parameters an endpoint understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepts {
    /// `filter[...]`, and `q[...]` where [`Limits::q`] allows it.
    pub filter: bool,
    /// `sort`
    pub sort: bool,
    /// `page[...]`
    pub page: bool,
    /// Whether the cursor pagination profile was asked for: a page without a number is then told by cursors.
    pub by_cursor: bool,
    /// `include`
    pub include: bool,
    /// `fields[...]`
    pub fields: bool,
    /// Parameters of the endpoint's own.
    pub extra: &'static [&'static str],
    /// What is read at most.
    pub limits: Limits,
}

/// What is read at most, and what holds when nothing is said; the same for all endpoints of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The page size when none is asked for.
    pub default_size: u64,
    /// The largest page size.
    pub max_size: u64,
    /// The longest relationship path under `include`.
    pub include_depth: usize,
    /// Whether `q` is read beside `filter`; the letter of JSON:API reserves such names.
    pub q: bool,
    /// What becomes of a filter that names what does not exist.
    pub unknown_filters: Strictness,
    /// Bounds of the query string as a whole.
    pub caps: Caps,
}

impl Limits {
    /// 25 per page, at most 100, three levels of include.
    pub const DEFAULT: Self = Self {
        default_size: 25,
        max_size: 100,
        include_depth: 3,
        q: true,
        unknown_filters: Strictness::Strict,
        caps: Caps::DEFAULT,
    };
}

impl Accepts {
    /// No parameter at all.
    pub const NOTHING: Self = Self {
        filter: false,
        sort: false,
        page: false,
        by_cursor: false,
        include: false,
        fields: false,
        extra: &[],
        limits: Limits::DEFAULT,
    };
    /// What shapes the answer that is one resource: `include` and `fields`.
    pub const RESOURCE: Self = Self { include: true, fields: true, ..Self::NOTHING };
    /// What shapes the answer that is a collection: everything.
    pub const COLLECTION: Self = Self { filter: true, sort: true, page: true, ..Self::RESOURCE };

    /// Adds parameters of the endpoint's own.
    #[must_use]
    pub const fn with(self, extra: &'static [&'static str]) -> Self {
        Self { extra, ..self }
    }

    /// Replaces the limits.
    #[must_use]
    pub const fn within(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }
}

impl Query {
    /// Whether a name in a filter or a sort has a text in it.
    #[must_use]
    pub fn mentions(&self, text: &str) -> bool {
        self.filter.mentions(text) || self.sort.iter().any(|key| key.path.contains(text))
    }

    /// The last value of a parameter of the endpoint's own.
    #[must_use]
    pub fn extra(&self, name: &str) -> Option<&str> {
        let (_, values) = self.extra.iter().find(|(known, _)| *known == name)?;
        values.last().map(String::as_str)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

/// Reads a query string (without its `?`).
///
/// # Errors
///
/// One problem per parameter that the endpoint does not have or whose value cannot be read.
pub fn parse(raw: &str, accepts: &Accepts) -> Result<Query, Vec<Problem>> {
    let pairs = nested::pairs(raw, &accepts.limits.caps)?;
    let mut reader = Reader { accepts, pairs: &pairs, problems: Vec::new() };
    let query = reader.query();
    if reader.problems.is_empty() { Ok(query) } else { Err(reader.problems) }
}

struct Reader<'a> {
    accepts: &'a Accepts,
    pairs: &'a [Pair<'a>],
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    fn query(&mut self) -> Query {
        self.refuse_unknown();
        let sort = self.sort();
        let include = self.include();
        let fields = self.fields();
        let (page, count) = self.page();
        let extra = self.extra();
        let (filter, sorts) = self.filter();
        let unknown_filters = self.accepts.limits.unknown_filters;
        Query { filter, unknown_filters, sort: [sort, sorts].concat(), page, include, fields, count, extra }
    }

    /// Pairs of a family that the endpoint has, or none.
    fn family(&self, base: &'static str, offered: bool) -> impl Iterator<Item = &'a Pair<'a>> + use<'a> {
        self.pairs.iter().filter(move |pair| offered && pair.base == base)
    }

    fn refuse_unknown(&mut self) {
        let accepts = self.accepts;
        let families = [
            ("filter", accepts.filter),
            ("q", accepts.filter && accepts.limits.q),
            ("sort", accepts.sort),
            ("page", accepts.page),
            ("include", accepts.include),
            ("fields", accepts.fields),
        ];
        let offered: Vec<&str> =
            families.iter().filter(|(_, offered)| *offered).map(|(name, _)| *name).collect();
        let names: Vec<&str> = offered.iter().chain(accepts.extra).copied().collect();
        let mut refused = HashSet::new();
        for pair in self.pairs {
            if !names.contains(&pair.base.as_str()) && refused.insert(&pair.name) {
                let detail = format!("this endpoint has no parameter {:?}", pair.base);
                let problem = Problem::new(Code::UnknownParameter, detail).at_parameter(&pair.name);
                self.problems.push(problem.allowing(names.iter().copied()));
            }
        }
    }

    fn sort(&mut self) -> Vec<SortKey> {
        let mut keys = Vec::new();
        for (text, parameter) in self.list("sort", self.accepts.sort, Code::UnknownSort) {
            let (path, descending) = match text.strip_prefix('-') {
                Some(path) => (path, true),
                None => (text.as_str(), false),
            };
            keys.push(SortKey { path: path.to_owned(), descending, parameter });
        }
        keys
    }

    fn include(&mut self) -> Option<Vec<Path>> {
        if !self.accepts.include || !self.pairs.iter().any(|pair| pair.base == "include") {
            return None;
        }
        let depth = self.accepts.limits.include_depth;
        let mut paths = Vec::new();
        for (text, parameter) in self.list("include", true, Code::UnknownInclude) {
            let path = Path(text.split('.').map(str::to_owned).collect());
            if path.0.iter().any(String::is_empty) {
                self.refuse(Code::UnknownInclude, format!("{text:?} is not a relationship path"), &parameter);
            } else if path.0.len() > depth {
                let detail =
                    format!("{text:?} is {} relationships deep, at most {depth} are followed", path.0.len());
                self.refuse(Code::UnknownInclude, detail, &parameter);
            } else if !paths.contains(&path) {
                paths.push(path);
            }
        }
        Some(paths)
    }

    fn fields(&mut self) -> Vec<(String, Vec<String>)> {
        let mut fields: Vec<(String, Vec<String>)> = Vec::new();
        for pair in self.family("fields", self.accepts.fields) {
            let of_type = match pair.segments.as_slice() {
                [of_type] | [of_type, _] if of_type.is_empty() => None,
                [of_type] => Some(of_type),
                [of_type, push] if push.is_empty() => Some(of_type),
                _ => None,
            };
            let Some(of_type) = of_type else {
                self.refuse(Code::UnknownParameter, "write this as fields[type]=a,b", &pair.name);
                continue;
            };
            let names = split_list(pair.value.as_deref().unwrap_or_default());
            match fields.iter_mut().find(|(known, _)| known == of_type) {
                Some((_, wanted)) => wanted.extend(names),
                None => fields.push((of_type.clone(), names.collect())),
            }
        }
        fields
    }

    fn extra(&mut self) -> Vec<(&'static str, Vec<String>)> {
        let mut extra = Vec::new();
        for name in self.accepts.extra {
            let mut values = Vec::new();
            for pair in self.family(name, true) {
                let value = pair.value.clone().unwrap_or_default();
                if pair.segments.iter().any(|segment| !segment.is_empty()) {
                    self.refuse(Code::InvalidParameter, format!("{name} has no members"), &pair.name);
                } else if value.contains('\0') {
                    self.refuse(
                        Code::InvalidParameter,
                        "a text cannot contain the character U+0000",
                        &pair.name,
                    );
                } else {
                    values.push(value);
                }
            }
            if !values.is_empty() {
                extra.push((*name, values));
            }
        }
        extra
    }

    fn filter(&mut self) -> (Search, Vec<SortKey>) {
        let offered = self.accepts.filter;
        let q = self.family("q", offered && self.accepts.limits.q).cloned().collect();
        let filter = collect_repeated(self.family("filter", offered).cloned().collect());
        let mut searches = Vec::new();
        let mut sorts = Vec::new();
        let all = self.pairs;
        for (family, pairs) in [(Family::Q, q), (Family::Filter, filter)] {
            let caps = &self.accepts.limits.caps;
            let read = nested::tree(&pairs, caps).and_then(|tree| {
                let spelled = |name: &str| all.iter().any(|pair| pair.name == name);
                search::read(family, &tree.unwrap_or(Nested::Nil), &spelled)
            });
            match read {
                Ok((search, more)) => {
                    searches.push(search);
                    sorts.extend(more);
                }
                Err(problems) => self.problems.extend(problems),
            }
        }
        searches.retain(|search| *search != Search { combinator: search.combinator, ..Search::default() });
        let filter = match searches.len() {
            0 | 1 => searches.pop().unwrap_or_default(),
            _ => Search { groups: searches, ..Search::default() },
        };
        (filter, sorts)
    }

    /// The members of a list parameter, each with the name it came under.
    fn list(&mut self, base: &'static str, offered: bool, code: Code) -> Vec<(String, String)> {
        let mut members = Vec::new();
        for pair in self.family(base, offered) {
            let value = pair.value.clone().unwrap_or_default();
            if pair.segments.iter().any(|segment| !segment.is_empty()) || pair.segments.len() > 1 {
                self.refuse(Code::UnknownParameter, format!("{base} has no members"), &pair.name);
            } else if !value.is_empty() && value.split(',').any(str::is_empty) {
                self.refuse(code, "a member of the list is empty", &pair.name);
            } else {
                members.extend(split_list(&value).map(|member| (member, pair.name.clone())));
            }
        }
        let most = self.accepts.limits.caps.list;
        if members.len() > most {
            self.refuse(code, format!("{base} takes at most {most} members"), base);
            members.clear();
        }
        members
    }

    fn refuse(&mut self, code: Code, detail: impl Into<String>, parameter: &str) {
        self.problems.push(Problem::new(code, detail).at_parameter(parameter));
    }
}

fn split_list(value: &str) -> impl Iterator<Item = String> + '_ {
    value.split(',').filter(|member| !member.is_empty()).map(str::to_owned)
}

/// Under `filter`, `k=a&k=b` means what `k[]=a&k[]=b` does.
fn collect_repeated(mut pairs: Vec<Pair<'_>>) -> Vec<Pair<'_>> {
    let repeated = |pair: &Pair<'_>, pairs: &[Pair<'_>]| {
        pair.segments.last().is_some_and(|last| !last.is_empty())
            && pairs.iter().filter(|other| other.name == pair.name).count() > 1
    };
    let repeated: Vec<bool> = pairs.iter().map(|pair| repeated(pair, &pairs)).collect();
    for (pair, repeated) in pairs.iter_mut().zip(repeated) {
        if repeated {
            pair.segments.push(String::new());
        }
    }
    pairs
}

#[cfg(test)]
mod tests;
