//! The table `mails`: claimed with a lease by one sender at a time. A claim raises `lease_epoch`, and what became of a
//! try is written by whoever still has that epoch.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::dsl::{IntervalDsl, now};
use diesel::prelude::*;
use diesel::sql_types::{Interval, Timestamptz};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use pulse_domain::WorkspaceId;
use pulse_domain::seal::{self, MasterKey};
use pulse_store::schema::mails;
use uuid::Uuid;

use super::letter::Letter;
use super::transport::Failure;

const QUEUED: &str = "queued";
/// How long a sender may take; longer than any server is waited for.
const LEASE_SECONDS: i64 = 60;
/// Seconds until the next try, after each that failed. Then the mail is given up.
const PAUSES: [i64; 6] = [10, 60, 300, 1_200, 3_600, 7_200];

diesel::define_sql_function! {
    /// A time and a span after it: the function behind `+`.
    #[sql_name = "timestamptz_pl_interval"]
    fn later(time: Timestamptz, span: Interval) -> Timestamptz;
}

/// A mail that belongs to this sender until its lease ends.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = mails)]
pub(super) struct Claimed {
    workspace_id: Uuid,
    pub(super) id: Uuid,
    pub(super) kind: String,
    pub(super) recipient: String,
    sealed: Option<Vec<u8>>,
    /// Tries before this one.
    attempts: i32,
    lease_epoch: i64,
}

pub(super) async fn add(
    connection: &mut AsyncPgConnection,
    key: &MasterKey,
    workspace: WorkspaceId,
    recipient: &str,
    letter: &Letter,
) -> QueryResult<()> {
    let id = Uuid::now_v7();
    // Neither part has the character that parts them.
    let text = format!("{}\n{}", letter.subject, letter.text);
    diesel::insert_into(mails::table)
        .values((
            mails::workspace_id.eq(workspace.0),
            mails::id.eq(id),
            mails::kind.eq(letter.kind),
            mails::recipient.eq(recipient),
            mails::sealed.eq(key.seal(id.as_bytes(), text.as_bytes())),
        ))
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes up to `limit` mails that are due.
pub(super) async fn claim(connection: &mut AsyncPgConnection, limit: i64) -> QueryResult<Vec<Claimed>> {
    connection
        .transaction(async |connection| {
            let due: Vec<Claimed> = mails::table
                .filter(mails::state.eq(QUEUED).and(mails::due_at.le(now)))
                .order(mails::due_at)
                .limit(limit)
                .select(Claimed::as_select())
                .for_update()
                .skip_locked()
                .load(connection)
                .await?;
            let mut claimed = Vec::with_capacity(due.len());
            for mail in due {
                diesel::update(mails::table.find((mail.workspace_id, mail.id)))
                    .set((
                        mails::due_at.eq(later(now, LEASE_SECONDS.seconds())),
                        mails::lease_epoch.eq(mail.lease_epoch + 1),
                    ))
                    .execute(connection)
                    .await?;
                claimed.push(Claimed { lease_epoch: mail.lease_epoch + 1, ..mail });
            }
            Ok(claimed)
        })
        .await
}

impl Claimed {
    /// What it says.
    pub(super) fn open(&self, key: &MasterKey) -> Result<Letter, seal::Error> {
        let sealed = self.sealed.as_deref().unwrap_or_default();
        let text = String::from_utf8(key.open(self.id.as_bytes(), sealed)?).or(Err(seal::Error::Open))?;
        let (subject, text) = text.split_once('\n').ok_or(seal::Error::Open)?;
        Ok(Letter { kind: "", subject: subject.to_owned(), text: text.to_owned() })
    }

    /// Writes what became of a try.
    pub(super) async fn record(
        &self,
        connection: &mut AsyncPgConnection,
        outcome: Result<(), Failure>,
    ) -> QueryResult<()> {
        let change = self.after(outcome, Utc::now());
        let mine = mails::table.find((self.workspace_id, self.id)).filter(mails::state.eq(QUEUED));
        diesel::update(mine.filter(mails::lease_epoch.eq(self.lease_epoch)))
            .set(change)
            .execute(connection)
            .await?;
        Ok(())
    }

    fn after(&self, outcome: Result<(), Failure>, at: DateTime<Utc>) -> After {
        let attempts = self.attempts + 1;
        let done = |state, error, sent_at| After {
            state,
            attempts,
            sealed: Some(None),
            error,
            sent_at,
            due_at: None,
        };
        let pause = usize::try_from(self.attempts).ok().and_then(|tries| PAUSES.get(tries));
        match (outcome, pause) {
            (Ok(()), _) => done("sent", None, Some(at)),
            (Err(Failure { for_good: false, why }), Some(pause)) => After {
                state: QUEUED,
                attempts,
                sealed: None,
                error: Some(why),
                sent_at: None,
                due_at: Some(at + TimeDelta::seconds(*pause)),
            },
            (Err(failure), _) => done("failed", Some(failure.why), None),
        }
    }
}

/// A mail after a try. What it says is forgotten once it is not needed.
#[derive(AsChangeset, Debug, PartialEq, Eq)]
#[diesel(table_name = mails)]
struct After {
    state: &'static str,
    attempts: i32,
    #[expect(clippy::option_option, reason = "unchanged, or null")]
    sealed: Option<Option<Vec<u8>>>,
    error: Option<String>,
    sent_at: Option<DateTime<Utc>>,
    due_at: Option<DateTime<Utc>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(attempts: i32) -> Claimed {
        Claimed {
            workspace_id: Uuid::nil(),
            id: Uuid::nil(),
            kind: String::new(),
            recipient: String::new(),
            sealed: Some(Vec::new()),
            attempts,
            lease_epoch: 1,
        }
    }

    #[test]
    fn a_failure_that_may_pass_is_tried_again_until_there_were_enough() {
        let at = Utc::now();
        let failure = |for_good| Err(Failure { for_good, why: "away".into() });
        let after = tried(0).after(failure(false), at);
        assert_eq!((after.state, after.due_at), (QUEUED, Some(at + TimeDelta::seconds(10))));
        assert_eq!(after.sealed, None);
        for after in [tried(6).after(failure(false), at), tried(0).after(failure(true), at)] {
            assert_eq!((after.state, after.sealed), ("failed", Some(None)));
        }
        let after = tried(3).after(Ok(()), at);
        assert_eq!(
            (after.state, after.attempts, after.sealed, after.sent_at),
            ("sent", 4, Some(None), Some(at))
        );
    }
}
