//! Roles: what a user is in a workspace. What each of them may do stands in crm-api, `policy/table.rs`.

use serde::{Deserialize, Serialize};

/// What a user is in a workspace; each may do all that those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks on.
    Viewer,
    /// Sells: works on records of their own, and sees those of their teams.
    Rep,
    /// Leads those who sell: works on all records.
    Manager,
    /// Runs the workspace: users, integrations, what is automatic.
    Admin,
    /// Runs it and says who else does.
    Owner,
}

impl Role {
    /// From the one that may do least to the one that may do most.
    pub const ALL: [Self; 5] = [Self::Viewer, Self::Rep, Self::Manager, Self::Admin, Self::Owner];

    /// The names of all of them, the one that may do most first.
    pub const NAMES: [&'static str; 5] =
        [Self::Owner.name(), Self::Admin.name(), Self::Manager.name(), Self::Rep.name(), Self::Viewer.name()];

    /// Its name, in documents and in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Rep => "rep",
            Self::Manager => "manager",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// The role of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_has_one_name_everywhere() {
        for role in Role::ALL {
            assert_eq!(Role::named(role.name()), Some(role));
            assert_eq!(serde_json::to_value(role).expect("JSON"), role.name());
        }
        assert_eq!(Role::named("king"), None);
        assert!(Role::ALL.is_sorted(), "from least to most");
    }
}
