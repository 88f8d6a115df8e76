//! What somebody may do with the records of a resource, and with which of them.
//!
//! Two questions, asked in this order: whether they may do it at all ([`Act::require`]; 403), and whether the record is
//! within their reach ([`within`]): a condition of the statement that reads it, so that what is out of sight is not
//! there, or a column behind the others of the one that writes it. Who reaches everything has no condition, so their
//! statements are the shortest.

use std::fmt::Debug;

use pulse_domain::Role;
use pulse_jsonapi::{Code, Problem};

use crate::act::Act;
use crate::declare::{Link, Ownership, Resource};
use crate::row::Row;
use crate::select;
use crate::statement::Statement;

/// What is done with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Deed {
    /// It is shown, counted, filtered or sorted by, or linked to.
    Read,
    /// It is made.
    Create,
    /// It is changed, or an action of its own is called.
    Change,
    /// It is moved to the trash, or taken out of it.
    Delete,
    /// It is removed for good.
    Purge,
}

impl Deed {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Read, Self::Create, Self::Change, Self::Delete, Self::Purge];

    /// What somebody does who does it.
    #[must_use]
    pub const fn verb(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Create => "create",
            Self::Change => "change",
            Self::Delete => "delete",
            Self::Purge => "purge",
        }
    }
}

/// Which records somebody may do something with; each has all that those before it have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// None.
    Nothing,
    /// Their own, and what waits for an owner: records of nobody, unless they are another team's.
    Own,
    /// Those and the ones of their teams: of the team itself, and of everybody in it.
    Team,
    /// All of the workspace.
    All,
}

/// What somebody may do.
pub trait Rights: Debug + Send + Sync {
    /// Which records of a resource they may do something with.
    fn reach(&self, resource: &Resource, deed: Deed) -> Reach;

    /// What they are told who may not do it with any.
    fn refusal(&self, resource: &Resource, deed: Deed) -> Problem;

    /// What they are, where they are a user.
    fn role(&self) -> Option<Role>;
}

/// The rights of the house itself: all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Everything;

impl Rights for Everything {
    fn reach(&self, _: &Resource, _: Deed) -> Reach {
        Reach::All
    }

    fn refusal(&self, resource: &Resource, deed: Deed) -> Problem {
        Nothing.refusal(resource, deed)
    }

    fn role(&self) -> Option<Role> {
        None
    }
}

/// The rights of somebody of whom nothing is known: none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nothing;

impl Rights for Nothing {
    fn reach(&self, _: &Resource, _: Deed) -> Reach {
        Reach::Nothing
    }

    fn refusal(&self, resource: &Resource, deed: Deed) -> Problem {
        let detail = format!("You may not {} {}.", deed.verb(), resource.name);
        Problem::new(Code::Forbidden, detail)
    }

    fn role(&self) -> Option<Role> {
        None
    }
}

impl Act {
    /// Which records of a resource who acts may do something with. Records that are nobody's are everybody's who may do
    /// it at all.
    #[must_use]
    pub fn reach(&self, resource: &Resource, deed: Deed) -> Reach {
        match (self.rights.reach(resource, deed), resource.ownership) {
            (Reach::Own | Reach::Team, Ownership::Nobody) => Reach::All,
            (reach, _) => reach,
        }
    }

    /// Refuses what who acts may do with no record of a resource.
    ///
    /// # Errors
    /// 403, saying what is missing.
    pub fn require(&self, resource: &Resource, deed: Deed) -> Result<(), Problem> {
        match self.rights.reach(resource, deed) {
            Reach::Nothing => Err(self.rights.refusal(resource, deed)),
            _ => Ok(()),
        }
    }

    /// What who acts is, where they are a user.
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        self.rights.role()
    }
}

/// Writes, behind an `AND`, that the row behind `alias` is within the reach of who acts.
pub(crate) fn and_within(resource: &Resource, act: &Act, deed: Deed, alias: &str, sql: &mut Statement) {
    let reach = act.reach(resource, deed);
    if reach != Reach::All {
        sql.sql(" AND ");
        within(resource, act, (deed, reach), alias, sql);
    }
}

/// Writes, behind the columns of a record, whether it is within the reach of who acts; see [`is_within`].
pub(crate) fn and_whether_within(
    resource: &'static Resource,
    act: &Act,
    deed: Deed,
    alias: &str,
    sql: &mut Statement,
) {
    let reach = act.reach(resource, deed);
    if reach != Reach::All {
        sql.sql(", ");
        within(resource, act, (deed, reach), alias, sql);
    }
}

/// Whether a row says that it is within the reach of who acts, or need not say so.
pub(crate) fn is_within(resource: &'static Resource, act: &Act, deed: Deed, row: &Row) -> bool {
    act.reach(resource, deed) == Reach::All || row.cell(select::columns(resource).len()) == Some(&[1])
}

/// Writes that the row behind `alias` is within a reach.
fn within(resource: &Resource, act: &Act, (deed, reach): (Deed, Reach), alias: &str, sql: &mut Statement) {
    let user = match (reach, act.actor.id()) {
        (Reach::All, _) => {
            sql.sql("TRUE");
            return;
        }
        (Reach::Own | Reach::Team, Some(user)) => user,
        (Reach::Nothing, _) | (_, None) => {
            sql.sql("FALSE");
            return;
        }
    };
    match resource.ownership {
        Ownership::Nobody => {
            sql.sql("TRUE");
        }
        Ownership::Itself => {
            sql.sql(alias).sql(".id = ").bind(user);
        }
        Ownership::Columns { owner, team, open } => {
            sql.sql(&format!("({alias}.{owner} = ")).bind(user);
            sql.sql(&format!(" OR {alias}.{owner} IS NULL"));
            if let Some(team) = team {
                sql.sql(&format!(" AND ({alias}.{team} IS NULL OR {alias}.{team} IN ("));
                teams(act, user, sql);
                sql.sql("))");
                if reach == Reach::Team {
                    sql.sql(&format!(" OR {alias}.{team} IN ("));
                    teams(act, user, sql);
                    sql.sql(")");
                }
            }
            if reach == Reach::Team {
                sql.sql(&format!(" OR {alias}.{owner} IN ("));
                colleagues(act, user, sql);
                sql.sql(")");
            }
            if let Some(open) = open.filter(|_| deed == Deed::Read) {
                sql.sql(&format!(" OR {alias}.{open}"));
            }
            sql.sql(")");
        }
        Ownership::Part(name) => part(resource, name, act, (deed, reach), alias, sql),
    }
}

/// Writes that what the row behind `alias` is a part of is within a reach, or that it is a part of nothing.
fn part(resource: &Resource, name: &str, act: &Act, how: (Deed, Reach), alias: &str, sql: &mut Statement) {
    let Some(relationship) = resource.relationship(name) else {
        sql.sql("FALSE");
        return;
    };
    let column = match relationship.link {
        Link::BelongsTo { column, .. } => column,
        Link::BelongsToAny { id_column, .. } => id_column,
        _ => {
            sql.sql("FALSE");
            return;
        }
    };
    sql.sql(&format!("({alias}.{column} IS NULL"));
    for whole in relationship.targets() {
        let its = sql.alias();
        sql.sql(" OR ");
        if let Link::BelongsToAny { type_column, .. } = relationship.link {
            sql.sql(&format!("{alias}.{type_column} = '{}' AND ", whole.name));
        }
        sql.sql(&format!("EXISTS (SELECT 1 FROM {} {its} WHERE {its}.workspace_id = ", whole.table))
            .bind(act.workspace.0)
            .sql(&format!(" AND {its}.id = {alias}.{column} AND "));
        within(whole, act, how, &its, sql);
        sql.sql(")");
    }
    sql.sql(")");
}

/// Writes the ids of a user's teams.
fn teams(act: &Act, user: uuid::Uuid, sql: &mut Statement) {
    let member = sql.alias();
    sql.sql(&format!("SELECT {member}.team_id FROM team_members {member} WHERE {member}.workspace_id = "))
        .bind(act.workspace.0)
        .sql(&format!(" AND {member}.user_id = "))
        .bind(user);
}

/// Writes the ids of everybody in a user's teams.
fn colleagues(act: &Act, user: uuid::Uuid, sql: &mut Statement) {
    let other = sql.alias();
    sql.sql(&format!("SELECT {other}.user_id FROM team_members {other} WHERE {other}.workspace_id = "))
        .bind(act.workspace.0)
        .sql(&format!(" AND {other}.team_id IN ("));
    teams(act, user, sql);
    sql.sql(")");
}
