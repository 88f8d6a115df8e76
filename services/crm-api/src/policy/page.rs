//! The page about permissions, as Markdown: the table for people.

use std::fmt::Write;

use pulse_resource::{Deed, Ownership, Reach};

use super::table::{LINES, NOT_BY_TOKENS, PERSONAL, RECORDS, WORDS};
use super::{Need, Party};
use crate::operation::Operation;
use crate::resources::{OPERATIONS, RESOURCES};
use crate::{auth, public};

const HEAD: &str = "\
# Permissions

What each role may do with the records of each resource. This page is written from
`services/crm-api/src/policy/table.rs` and the declarations; a test compares.

A role has all that those to the left of it have; *workflow* is the service that runs workflows. Each word of the table
says with which records something may be done:

";

const RULES: &str = "
**own** are the records that somebody owns, and those that wait for an owner: of nobody, unless they are another team's.
**team** are those and the ones of their teams: of the team, and of everybody in it. Whose a record
is stands [below](#whose-records-are). Records that are nobody's are reached by whoever may do something with any.

- What somebody cannot reach is not there: it is missing from lists, counts, includes and to-many linkage, no filter or
  sort finds anything through it, nothing can be linked to it, and its address is `404 not_found`. A to-one linkage
  shows the id of what the record leads to all the same: a client that sends the record back does not take it off by that.
- Who may read a record and not write it is answered `403 forbidden`. What a role may do with no record of a resource, or
  a token's scopes do not cover, is `403` before anything is looked up, also in `include`, `q` and `sort`.
- A new record of somebody who does not read all is theirs, unless it says whose it is.
- A record is handed over to whom its writer sees the records of: nobody writes a record out of their own sight. Members
  of a deal or company, notes, activities, messages and recipients are parts of what they are about, and are
  written by who may change that.
- A write brings about what it brings about: the history of a deal, events, links and numbers that follow from an allowed
  change need no right of their own.
- Only an owner creates, changes, deletes or restores an owner, or makes somebody one; the last active owner stays.
- *profile*: users change themselves, and of that not what decides about rights: `role`, `active`, `email`, teams.
- Saved views that are `shared` are read by everybody. Only their makers, and admins, write them.

## Tokens

An API token (`Authorization: Bearer pat_…`) may do what its user may, as far as its `role_cap` and its scopes allow:
`<type>:read`, `<type>:write`, `*:read`, `*:write`, of which writing includes reading. A scope never adds to a role. What
is missing is told as `403 insufficient_scope`, and in `WWW-Authenticate`.
";

/// The page.
#[must_use]
pub fn page() -> String {
    let mut page = String::from(HEAD);
    page.push_str(
        "| word | read | create | change | delete | purge |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    for word in &WORDS {
        let reaches = Deed::ALL.map(|deed| reach(word.reach(deed)));
        let _ = writeln!(page, "| {} | {} |", word.name, reaches.join(" | "));
    }
    let _ = writeln!(page, "\n| resource | {} |", Party::ALL.map(Party::name).join(" | "));
    page.push_str("| --- | --- | --- | --- | --- | --- | --- |\n");
    let rows = std::iter::once(("every other".to_owned(), &RECORDS))
        .chain(LINES.iter().map(|line| (names(line.resources), &line.grants)));
    for (resources, grants) in rows {
        let words: Vec<_> = grants.iter().map(|grant| grant.name).collect();
        let _ = writeln!(page, "| {} | {} |", resources, words.join(" | "));
    }
    page.push_str(RULES);
    let _ = writeln!(page, "No token writes {}.", names(&NOT_BY_TOKENS));
    let _ =
        writeln!(page, "\nA viewer writes nothing but what is personal: of {}, their own.", names(&PERSONAL));
    page.push_str("\n## Whose records are\n\n| resource | its records are |\n| --- | --- |\n");
    for resource in RESOURCES {
        let whose = match resource.ownership {
            Ownership::Nobody => continue,
            Ownership::Itself => "their own: the user's".to_owned(),
            Ownership::Columns { owner, team, open } => {
                let team = team.map(|team| format!(" and `{team}`")).unwrap_or_default();
                let open = open.map(|open| format!("; everybody reads it where it is `{open}`"));
                format!("of `{owner}`{team}{}", open.unwrap_or_default())
            }
            Ownership::Part(name) => format!("a part of `{name}`"),
        };
        let _ = writeln!(page, "| `{}` | {whose} |", resource.name);
    }
    page.push_str(
        "\n## Operations\n\nWhat is done besides reading and writing records takes these rights.\n\n",
    );
    page.push_str("| operation | takes |\n| --- | --- |\n");
    let declared = OPERATIONS.iter().copied().flatten();
    let operations = std::iter::once(auth::OPERATIONS).flatten().chain(declared);
    for operation in operations.chain(public::OPERATIONS.iter().copied().flatten()) {
        let _ = writeln!(page, "| `{}` | {} |", operation.id, takes(operation));
    }
    page
}

fn takes(operation: &Operation) -> String {
    match operation.need() {
        Need::Nothing => "nothing: it is public".to_owned(),
        Need::Session => "a session".to_owned(),
        Need::Right(resource, deed) => format!("{} `{}`", deed.verb(), resource.name),
    }
}

const fn reach(reach: Reach) -> &'static str {
    match reach {
        Reach::Nothing => "–",
        Reach::Own => "own",
        Reach::Team => "team",
        Reach::All => "all",
    }
}

fn names(resources: &[&str]) -> String {
    resources.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
