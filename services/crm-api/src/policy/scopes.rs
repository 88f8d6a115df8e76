//! The scopes of API tokens: what a program may do of all that its user may. A scope never adds anything.
//!
//! `contacts:read`, `contacts:write`, `*:read` and `*:write`; who may write may read.

use pulse_resource::{Deed, Resource};

use crate::resources::RESOURCES;

/// What a scope is about, where that is everything.
const EVERYTHING: &str = "*";

/// The scopes of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scopes(Vec<Scope>);

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Scope {
    /// The type of what it is about; `*` stands for every one.
    about: String,
    writes: bool,
}

impl Scopes {
    /// What is written in a token. Scopes that are none open nothing: a resource may be gone since.
    pub(crate) fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        Self(texts.into_iter().filter_map(Scope::read).collect())
    }

    /// Whether something may be done with records of a resource.
    pub(super) fn allow(&self, resource: &Resource, deed: Deed) -> bool {
        self.0.iter().any(|scope| {
            (scope.writes || deed == Deed::Read)
                && (scope.about == EVERYTHING || scope.about == resource.name)
        })
    }
}

impl Scope {
    fn read(text: &str) -> Option<Self> {
        let (about, verb) = text.split_once(':')?;
        let known = about == EVERYTHING || RESOURCES.iter().any(|resource| resource.name == about);
        let writes = match verb {
            "read" => false,
            "write" => true,
            _ => return None,
        };
        known.then(|| Self { about: about.to_owned(), writes })
    }
}

/// Whether a text is a scope.
pub(crate) fn is_scope(text: &str) -> bool {
    Scope::read(text).is_some()
}

/// The least scope that lets something be done with records of a resource.
pub(crate) fn needed(resource: &Resource, deed: Deed) -> String {
    let verb = if deed == Deed::Read { "read" } else { "write" };
    format!("{}:{verb}", resource.name)
}
