//! Ownership: whose a record is, which decides who reaches it ([`crate::rights`]).

use diesel::Column;

/// Whose a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// Nobody's: whoever may do something with one may do it with all.
    Nobody,
    /// Its own: the record is a user.
    Itself,
    /// Of the user in a column, and of the team in another one.
    Columns {
        /// The column with the id of the user.
        owner: &'static str,
        /// The column with the id of the team.
        team: Option<&'static str>,
        /// The column that says whether everybody may read it all the same.
        open: Option<&'static str>,
    },
    /// That of what this relationship leads to, which it is a part of: a note, a member of a deal.
    Part(&'static str),
}

impl Ownership {
    /// Of the user in a column.
    #[must_use]
    pub const fn user<O: Column>() -> Self {
        Self::Columns { owner: O::NAME, team: None, open: None }
    }

    /// Of the user in a column, and of the team in another one.
    #[must_use]
    pub const fn user_and_team<O: Column, T: Column>() -> Self {
        Self::Columns { owner: O::NAME, team: Some(T::NAME), open: None }
    }

    /// The same, and where a column says so everybody may read it.
    ///
    /// # Panics
    /// While compiling, when no column says whose it is.
    #[must_use]
    pub const fn unless_open<C: Column>(self) -> Self {
        match self {
            Self::Columns { owner, team, .. } => Self::Columns { owner, team, open: Some(C::NAME) },
            _ => panic!("only what a column says the owner of is open to others"),
        }
    }
}
