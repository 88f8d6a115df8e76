//! Who may do what.
//!
//! [`table`] says it by role, [`scopes`] what the token of a program takes away from that, [`page`] tells the users. Handlers
//! do not ask. The rights of a request are part of its [`Act`](pulse_resource::Act), and the engine holds every read and
//! write to them; an operation besides CRUD says what it needs ([`Need`]), which is asked for before its handler runs.

mod page;
pub(crate) mod scopes;
mod table;
#[cfg(test)]
mod tests;

pub use page::page;

use std::sync::Arc;

use pulse_domain::Role;
use pulse_jsonapi::{Code, Problem};
use pulse_resource::{Deed, Reach, Resource, Rights};
use serde_json::json;

use scopes::Scopes;
use table::{NOT_BY_TOKENS, grant};

/// What must be shown for an operation to be done.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Need {
    /// Nothing.
    Nothing,
    /// A session of a user: it is about that session or its user.
    Session,
    /// The right to do something with records of a resource.
    Right(&'static Resource, Deed),
}

/// Who acts, as far as the table knows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Party {
    /// A user.
    User(Role),
    /// The service that runs workflows.
    Workflow,
}

impl Party {
    /// In the order of the table.
    pub(crate) const ALL: [Self; 6] = [
        Self::User(Role::Viewer),
        Self::User(Role::Rep),
        Self::User(Role::Manager),
        Self::User(Role::Admin),
        Self::User(Role::Owner),
        Self::Workflow,
    ];

    const fn column(self) -> usize {
        match self {
            Self::User(role) => role as usize,
            Self::Workflow => Role::ALL.len(),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::User(role) => role.name(),
            Self::Workflow => "workflow",
        }
    }
}

/// The records of a resource that a role may do something with.
#[must_use]
pub fn reach(role: Role, resource: &Resource, deed: Deed) -> Reach {
    grant(Party::User(role), resource).reach(deed)
}

/// What the caller of a request may do.
#[derive(Clone, Debug)]
pub(crate) struct Permit {
    party: Party,
    /// Where the caller is a program with a token.
    scopes: Option<Scopes>,
}

impl Permit {
    /// All that a party may do.
    pub(crate) fn of(party: Party) -> Arc<Self> {
        Arc::new(Self { party, scopes: None })
    }

    /// What a token lets a program do for a user.
    pub(crate) fn of_token(role: Role, scopes: Scopes) -> Arc<Self> {
        Arc::new(Self { party: Party::User(role), scopes: Some(scopes) })
    }

    /// Whether the token allows it, where there is one.
    fn is_in_scope(&self, resource: &Resource, deed: Deed) -> bool {
        self.scopes
            .as_ref()
            .is_none_or(|scopes| scopes.allow(resource, deed) && !is_beyond_tokens(resource, deed))
    }
}

impl Rights for Permit {
    fn reach(&self, resource: &Resource, deed: Deed) -> Reach {
        if self.is_in_scope(resource, deed) {
            grant(self.party, resource).reach(deed)
        } else {
            Reach::Nothing
        }
    }

    fn refusal(&self, resource: &Resource, deed: Deed) -> Problem {
        let (verb, name) = (deed.verb(), resource.name);
        if grant(self.party, resource).reach(deed) == Reach::Nothing {
            let able = |role: &Role| grant(Party::User(*role), resource).reach(deed) != Reach::Nothing;
            let detail = format!("The role {} may not {verb} {name}.", self.party.name());
            let problem = Problem::new(Code::Forbidden, detail);
            return match Role::ALL.iter().find(|role| able(role)) {
                Some(role) => problem.with_meta(json!({ "role": role.name() })),
                None => problem,
            };
        }
        if is_beyond_tokens(resource, deed) {
            let detail = format!("No token may {verb} {name}: sign in.");
            return Problem::new(Code::Forbidden, detail);
        }
        let scope = scopes::needed(resource, deed);
        Problem::new(Code::InsufficientScope, format!("The token has not the scope {scope}."))
            .with_meta(json!({ "scope": scope }))
    }

    fn role(&self) -> Option<Role> {
        match self.party {
            Party::User(role) => Some(role),
            Party::Workflow => None,
        }
    }
}

/// Whether no token may do something with records of a resource.
pub(crate) fn is_beyond_tokens(resource: &Resource, deed: Deed) -> bool {
    deed != Deed::Read && NOT_BY_TOKENS.contains(&resource.name)
}
