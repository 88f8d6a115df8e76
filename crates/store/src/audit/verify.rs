//! Verifying: the chain of a workspace is walked through in pages, and the first line that is not as it was chained is
//! named.

use diesel::prelude::*;
use diesel::result::QueryResult;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use pulse_domain::WorkspaceId;
use pulse_domain::chain::{Hash, Head, Key};
use uuid::Uuid;

use super::chain::Row;
use crate::schema::{audit_heads, audit_log};

diesel::allow_tables_to_appear_in_same_query!(audit_heads, audit_log);

/// Lines that are in memory at a time.
const PAGE: i64 = 1_000;

/// What is wrong with a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The line is not what its hash was made of.
    Altered,
    /// The line does not name the hash of the one before it.
    Unlinked,
    /// There is no line at this place, and there are lines behind it.
    Missing,
    /// Lines at the end are gone.
    Truncated,
    /// There are lines behind the end.
    Appended,
    /// The head is gone, or is not one of ours.
    Head,
}

impl Reason {
    /// As it is answered.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Altered => "altered",
            Self::Unlinked => "unlinked",
            Self::Missing => "missing",
            Self::Truncated => "truncated",
            Self::Appended => "appended",
            Self::Head => "head",
        }
    }
}

/// Where a chain is broken first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The line, where there is one.
    pub id: Option<Uuid>,
    /// Its place, or the one where it should be.
    pub sequence: i64,
    /// What is wrong.
    pub reason: Reason,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Lines that were found to be good, up to the first that is not.
    pub checked: u64,
    /// Where the chain is broken first.
    pub broken: Option<Broken>,
    /// Lines that have no place in the chain yet.
    pub unchained: u64,
    /// Where the chain ends.
    pub head: Option<Head>,
    /// The place to go on from, where more than was asked for is left.
    pub next: Option<i64>,
}

/// Checks the lines from one place to another, both included, and that the chain ends where its head says. What is
/// chained meanwhile is not looked at.
///
/// # Errors
/// Those of the database.
pub async fn verify(
    connection: &mut AsyncPgConnection,
    workspace: WorkspaceId,
    key: &Key,
    (from, to): (i64, i64),
) -> QueryResult<Verdict> {
    let End { head, proven, last } = end(connection, workspace, key).await?;
    let waiting = audit_log::workspace_id.eq(workspace.0).and(audit_log::sequence.is_null());
    let unchained: i64 = audit_log::table.filter(waiting).count().get_result(connection).await?;
    let mut verdict = Verdict {
        checked: 0,
        broken: None,
        unchained: u64::try_from(unchained).unwrap_or_default(),
        head: head.filter(|_| proven),
        next: None,
    };
    let ends = head.map_or(0, |head| head.sequence);
    let broken = |id, sequence, reason| Some(Broken { id, sequence, reason });
    let to = to.min(ends);
    let mut walk = Walk { workspace, place: from.max(1), previous: Hash::START, checked: 0 };
    verdict.broken = walk.through(connection, to).await?;
    verdict.checked = walk.checked;
    if verdict.broken.is_some() {
        return Ok(verdict);
    }
    if to < ends {
        verdict.next = Some(to + 1);
    } else if last > ends {
        verdict.broken = broken(None, ends + 1, Reason::Appended);
    } else if !proven || head.is_some_and(|head| walk.checked > 0 && head.hash != walk.previous) {
        verdict.broken = broken(None, ends, Reason::Head);
    }
    Ok(verdict)
}

/// How a chain ends.
struct End {
    /// As it is stored.
    head: Option<Head>,
    /// Whether that was written by us; that there is none, where there are no lines either.
    proven: bool,
    /// The highest place that a line has.
    last: i64,
}

/// Both are read by one statement, since lines are chained meanwhile.
async fn end(connection: &mut AsyncPgConnection, workspace: WorkspaceId, key: &Key) -> QueryResult<End> {
    let last = audit_log::table
        .filter(audit_log::workspace_id.eq(workspace.0))
        .filter(audit_log::sequence.is_not_null())
        .order(audit_log::sequence.desc())
        .select(audit_log::sequence)
        .limit(1);
    let stored = audit_heads::table
        .filter(audit_heads::workspace_id.eq(workspace.0))
        .select((audit_heads::sequence, audit_heads::hash, audit_heads::proof, last.single_value()))
        .first::<(i64, String, Vec<u8>, Option<i64>)>(connection)
        .await
        .optional()?;
    match stored {
        Some((sequence, hash, proof, last)) => {
            let head = Hash::from_hex(&hash).map(|hash| Head { sequence, hash });
            let proven = head.is_some_and(|head| head.is_proven(workspace, key, &proof));
            Ok(End { head, proven, last: last.unwrap_or_default() })
        }
        None => {
            let last = last.first::<Option<i64>>(connection).await.optional()?.flatten();
            Ok(End { head: None, proven: last.is_none(), last: last.unwrap_or_default() })
        }
    }
}

/// A walk along the chain.
struct Walk {
    workspace: WorkspaceId,
    /// The place that comes next.
    place: i64,
    /// The hash of the line before it.
    previous: Hash,
    checked: u64,
}

impl Walk {
    /// Goes on to a place, and returns where the chain is broken before.
    async fn through(&mut self, connection: &mut AsyncPgConnection, to: i64) -> QueryResult<Option<Broken>> {
        if self.place > 1 && self.place <= to {
            let before = self.place - 1;
            let found = self.page(connection, before, before).await?;
            match found.as_slice().first().and_then(|row| Hash::from_hex(row.hash.as_deref()?)) {
                Some(hash) => self.previous = hash,
                None => return Ok(Some(Broken { id: None, sequence: before, reason: Reason::Missing })),
            }
        }
        while self.place <= to {
            let end = to.min(self.place + PAGE - 1);
            let rows = self.page(connection, self.place, end).await?;
            for row in &rows {
                if let Some(broken) = self.step(row) {
                    return Ok(Some(broken));
                }
            }
            if self.place <= end {
                let more = self.page(connection, self.place + 1, i64::MAX).await?;
                let reason = if more.is_empty() { Reason::Truncated } else { Reason::Missing };
                return Ok(Some(Broken { id: None, sequence: self.place, reason }));
            }
        }
        Ok(None)
    }

    /// Looks at the line that should be at the next place.
    fn step(&mut self, row: &Row) -> Option<Broken> {
        let sequence = row.sequence.unwrap_or_default();
        let broken = |reason| Some(Broken { id: Some(row.id), sequence, reason });
        if sequence != self.place {
            // Behind it is a place without a line; before it, one that has two.
            let missing = Broken { id: None, sequence: self.place, reason: Reason::Missing };
            return if sequence > self.place { Some(missing) } else { broken(Reason::Unlinked) };
        }
        if row.prev_hash.as_deref() != Some(&self.previous.to_hex()) {
            return broken(Reason::Unlinked);
        }
        let hash = row.at(sequence).hash(self.previous);
        if row.hash.as_deref() != Some(&hash.to_hex()) {
            return broken(Reason::Altered);
        }
        self.previous = hash;
        self.place += 1;
        self.checked += 1;
        None
    }

    async fn page(&self, connection: &mut AsyncPgConnection, from: i64, to: i64) -> QueryResult<Vec<Row>> {
        audit_log::table
            .filter(audit_log::workspace_id.eq(self.workspace.0))
            .filter(audit_log::sequence.between(from, to))
            .order((audit_log::sequence, audit_log::id))
            .limit(PAGE)
            .select(Row::as_select())
            .load(connection)
            .await
    }
}
