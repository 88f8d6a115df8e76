//! The table of who may do what: the one place to read it from, and to change it. `docs/permissions.md` is written from
//! it.
//!
//! A word says which records of a resource somebody may read, create, change, delete and purge: none, their own, those of
//! their teams, or all. Whose a record is stands in its declaration; what each reach means, in [`Reach`]. What nobody
//! can do with a resource, such as changing an event, nobody can do whatever stands here.

use pulse_resource::Reach::{self, All, Nothing, Own, Team};
use pulse_resource::{Deed, Resource};

use super::Party;

/// Which records of a resource somebody may do what with.
#[derive(Debug)]
pub(crate) struct Grant {
    /// What it is called in the table.
    pub(super) name: &'static str,
    read: Reach,
    create: Reach,
    change: Reach,
    delete: Reach,
    purge: Reach,
}

impl Grant {
    const NONE: Self = Self {
        name: "nothing",
        read: Nothing,
        create: Nothing,
        change: Nothing,
        delete: Nothing,
        purge: Nothing,
    };

    /// The records that something may be done with.
    pub(super) const fn reach(&self, deed: Deed) -> Reach {
        match deed {
            Deed::Read => self.read,
            Deed::Create => self.create,
            Deed::Change => self.change,
            Deed::Delete => self.delete,
            Deed::Purge => self.purge,
        }
    }
}

/// What some resources have in common: who may do what with them.
#[derive(Debug)]
pub(super) struct Line {
    /// Their names.
    pub(super) resources: &'static [&'static str],
    /// By party, in the order of [`Party::ALL`].
    pub(super) grants: [Grant; 6],
}

const NOTHING: Grant = Grant::NONE;
const READS: Grant = Grant { name: "reads", read: All, ..NOTHING };
const LOOKS_ON: Grant = Grant { name: "looks on", read: Team, ..NOTHING };
const WORKS: Grant = Grant { name: "works", read: Team, create: Own, change: Own, delete: Own, ..NOTHING };
const KEEPS: Grant = Grant { name: "keeps own", read: Own, ..WORKS };
const PROFILE: Grant = Grant { name: "profile", change: Own, ..READS };
const ADDS: Grant = Grant { name: "adds", create: All, ..READS };
const EDITS: Grant = Grant { name: "edits", change: All, ..ADDS };
const MANAGES: Grant = Grant { name: "manages", delete: All, ..EDITS };
const RUNS: Grant = Grant { name: "runs", purge: All, ..MANAGES };

/// The words of the table, from the one that allows the least.
pub(super) const WORDS: [Grant; 10] =
    [NOTHING, READS, LOOKS_ON, WORKS, KEEPS, PROFILE, ADDS, EDITS, MANAGES, RUNS];

/// Records with an owner, and their parts: customers, deals, and what is done about them. What is in no other line is in
/// this one.
#[rustfmt::skip]
pub(super) static RECORDS: [Grant; 6] =
                   // viewer    rep       manager   admin     owner     workflow
                   [  LOOKS_ON, WORKS,    MANAGES,  RUNS,     RUNS,     NOTHING ];

/// The lines that differ.
#[rustfmt::skip]
pub(super) static LINES: &[Line] = &[
    // Records that workflows write too.
    Line { resources: &["contacts", "companies"],
           grants: [  LOOKS_ON, WORKS,    MANAGES,  RUNS,     RUNS,     EDITS   ] },
    Line { resources: &["tasks", "sequence_enrollments"],
           grants: [  LOOKS_ON, WORKS,    MANAGES,  RUNS,     RUNS,     ADDS    ] },

    // What everybody works with and nobody owns.
    Line { resources: &["tags"],
           grants: [  READS,    READS,    MANAGES,  RUNS,     RUNS,     ADDS    ] },
    Line { resources: &["sequences"],
           grants: [  READS,    READS,    MANAGES,  RUNS,     RUNS,     READS   ] },
    Line { resources: &["booking_pages", "forms", "pipelines", "stages"],
           grants: [  READS,    READS,    MANAGES,  RUNS,     RUNS,     NOTHING ] },
    Line { resources: &["custom_fields", "teams"],
           grants: [  READS,    READS,    READS,    RUNS,     RUNS,     NOTHING ] },
    // Only an owner writes an owner besides, and there is always one (`resources/users.rs`).
    Line { resources: &["users"],
           grants: [  PROFILE,  PROFILE,  PROFILE,  RUNS,     RUNS,     NOTHING ] },

    // What is personal.
    Line { resources: &["api_tokens", "saved_views", "user_sessions"],
           grants: [  KEEPS,    KEEPS,    KEEPS,    RUNS,     RUNS,     NOTHING ] },

    // What came in, and what runs by itself.
    Line { resources: &["form_submissions"],
           grants: [  NOTHING,  NOTHING,  MANAGES,  RUNS,     RUNS,     NOTHING ] },
    Line { resources: &["analytics_events", "ingest_sites", "workflow_runs", "workflow_step_runs", "workflows"],
           grants: [  NOTHING,  NOTHING,  READS,    RUNS,     RUNS,     NOTHING ] },

    // What opens doors, or shows everything there is.
    Line { resources: &["audit_log", "events", "ingest_tokens", "integrations", "trigger_requests",
                        "webhook_attempts", "webhook_deliveries", "webhook_recoveries",
                        "webhook_signing_keys", "webhook_subscriptions"],
           grants: [  NOTHING,  NOTHING,  NOTHING,  RUNS,     RUNS,     NOTHING ] },
];

/// What a viewer may write, who writes nothing else: what is personal.
pub(super) const PERSONAL: [&str; 4] = ["api_tokens", "saved_views", "user_sessions", "users"];

/// What no token writes, whatever its scopes: what would outlive it.
pub(super) const NOT_BY_TOKENS: [&str; 2] = ["api_tokens", "user_sessions"];

/// What somebody may do with the records of a resource.
pub(super) fn grant(party: Party, resource: &Resource) -> &'static Grant {
    let line = LINES.iter().find(|line| line.resources.contains(&resource.name));
    &line.map_or(&RECORDS, |line| &line.grants)[party.column()]
}
