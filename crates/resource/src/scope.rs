//! Scopes: filters that a resource has a name for, as in `q[overdue]=true`.
//!
//! Every resource whose records can be deleted has two more: `trashed` finds those in the trash alone, `with_trashed`
//! those too.

use chrono::{SecondsFormat, Utc};
use pulse_jsonapi::nested::Nested;
use pulse_jsonapi::ransack::search::{Family, RawCondition, RawKey};
use pulse_jsonapi::ransack::{ScopeCall, Search, Strictness, resolve};
use pulse_jsonapi::{Code, Problem};

use crate::condition::{Filter, Offered};
use crate::custom_fields::Definitions;
use crate::declare::Resource;

/// A filter with a name.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// Its name, which is neither an attribute nor a relationship and ends in no predicate.
    pub name: &'static str,
    /// What holds, all of it: keys as under `q`, each with its values. The value [`NOW`] stands for the time of the
    /// request.
    pub conditions: &'static [(&'static str, &'static [&'static str])],
}

/// The time of the request, as a value of a scope.
pub const NOW: &str = "now";

/// Which records a list holds by whether they were deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Trash {
    /// Those that were not.
    #[default]
    Without,
    /// Those and the others.
    With,
    /// The others.
    Only,
}

const TRASHED: &str = "trashed";
const WITH_TRASHED: &str = "with_trashed";

impl Resource {
    /// The names of all scopes.
    pub fn scope_names(&self) -> impl Iterator<Item = &'static str> + use<> {
        let trash = if self.has_trash() && self.actions.destroy { &[TRASHED, WITH_TRASHED][..] } else { &[] };
        self.scopes.iter().map(|scope| scope.name).chain(trash.iter().copied())
    }
}

/// Looks up the scopes that are called.
pub(crate) fn plan(
    resource: &'static Resource,
    calls: &[ScopeCall],
    problems: &mut Vec<Problem>,
) -> (Vec<Filter>, Trash) {
    let mut filters = Vec::new();
    let mut trash = Trash::default();
    for call in calls {
        if !call.arguments.is_empty() {
            let detail = format!("{} takes true or false", call.name);
            problems.push(Problem::new(Code::InvalidFilter, detail).at_parameter(&call.parameter));
        }
        match resource.scopes.iter().find(|scope| scope.name == call.name) {
            Some(scope) => filters.push(scope.plan(resource, &call.parameter, problems)),
            None if call.name == TRASHED => trash = Trash::Only,
            None if trash == Trash::Without => trash = Trash::With,
            None => {}
        }
    }
    (filters, trash)
}

impl Scope {
    fn plan(&self, resource: &'static Resource, parameter: &str, problems: &mut Vec<Problem>) -> Filter {
        let now = || Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true);
        let text = |value: &&str| Nested::Text(if *value == NOW { now() } else { (*value).to_owned() });
        let condition = |(key, values): &(&str, &[&str])| RawCondition {
            key: RawKey::Shorthand((*key).to_owned()),
            values: match values {
                [value] => text(value),
                values => Nested::List(values.iter().map(text).collect()),
            },
            parameter: parameter.to_owned(),
            top: false,
            family: Family::Q,
        };
        let conditions = self.conditions.iter().map(condition).collect();
        let search = Search { conditions, ..Search::default() };
        let none = Definitions::NONE;
        let offered = Offered::for_filters(resource, &none);
        match resolve(&search, &offered, Strictness::Strict) {
            Ok(group) => Filter::plan(offered, &group, Strictness::Strict, problems),
            Err(unknown) => {
                problems.extend(unknown);
                Filter::none()
            }
        }
    }
}
