//! The row of a key. Whoever inserts it executes the request; what it writes commits only while the row is still its
//! own, and says so in the row, in the same transaction. So a write happens once, whichever process dies when.

use std::sync::OnceLock;
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::dsl::{IntervalDsl, now};
use diesel::prelude::*;
use diesel::result::QueryResult;
use diesel::sql_types::Timestamptz;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use pulse_domain::WorkspaceId;
use pulse_jsonapi::{Code, Problem};
use pulse_resource::act::{Checking, Witness};
use pulse_resource::{Error as EngineError, Resource};
use pulse_store::schema::idempotency_keys as keys;
use uuid::Uuid;

use super::kept::Kept;
use super::key::{HEADER, Key};
use crate::{App, Error};

/// How long a process may take to execute a request before another one may. What it writes later is refused.
const LEASE: Duration = Duration::from_secs(30);

/// One execution of a request.
#[derive(Debug)]
pub(crate) struct Claim {
    workspace: Uuid,
    caller: String,
    key: String,
    id: Uuid,
    written: OnceLock<()>,
}

/// Who holds a key.
pub(super) enum Claimed {
    /// We do.
    Mine(Claim),
    /// Somebody who executes the request.
    Busy,
    /// Another request.
    Other,
    /// The request was executed and answered.
    Done(Kept),
    /// The request was executed, and its answer is not here; the record that it made, where it made one.
    Written(Option<(String, Uuid)>),
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = keys)]
struct Row {
    request_digest: Vec<u8>,
    claim: Uuid,
    written_at: Option<DateTime<Utc>>,
    resource_type: Option<String>,
    record_id: Option<Uuid>,
    answered_at: Option<DateTime<Utc>>,
    answer_sealed: Option<Vec<u8>>,
}

/// Claims a key, or says what became of the request that has it.
pub(super) async fn claim(
    app: &App,
    (workspace, caller): (WorkspaceId, String),
    key: Key,
    digest: [u8; 32],
) -> Result<Claimed, Error> {
    let claim = Claim {
        workspace: workspace.0,
        caller,
        key: key.into_text(),
        id: Uuid::new_v4(),
        written: OnceLock::new(),
    };
    let mut connection = app.0.pool.get().await?;
    if insert(&mut connection, app, &claim, digest).await? {
        return Ok(Claimed::Mine(claim));
    }
    let row: Option<Row> =
        keys::table.find(claim.find()).select(Row::as_select()).first(&mut connection).await.optional()?;
    // Given up between the two statements: whoever asks again finds it free.
    let Some(row) = row else { return Ok(Claimed::Busy) };
    if row.request_digest != digest {
        return Ok(Claimed::Other);
    }
    Ok(match (row.answer_sealed, row.written_at.or(row.answered_at)) {
        (Some(sealed), _) => Claimed::Done(Kept::open(&app.0.master_key, row.claim, &sealed)?),
        (None, Some(_)) => Claimed::Written(row.resource_type.zip(row.record_id)),
        (None, None) => Claimed::Busy,
    })
}

/// Takes a key that is free: one that nobody has, that has expired, or that was held by somebody whose lease has run
/// out before anything was written.
async fn insert(
    connection: &mut AsyncPgConnection,
    app: &App,
    claim: &Claim,
    digest: [u8; 32],
) -> QueryResult<bool> {
    let the_time = || now.into_sql::<Timestamptz>();
    let lease = i32::try_from(LEASE.as_secs()).unwrap_or(i32::MAX);
    let kept = i32::try_from(app.0.settings.idempotency.keep_hours).unwrap_or(i32::MAX);
    let ours = (
        keys::request_digest.eq(digest.to_vec()),
        keys::claim.eq(claim.id),
        keys::lease_until.eq(the_time() + lease.seconds()),
        keys::expires_at.eq(the_time() + kept.hours()),
    );
    let nothing = (
        keys::written_at.eq(None::<DateTime<Utc>>),
        keys::resource_type.eq(None::<String>),
        keys::record_id.eq(None::<Uuid>),
        keys::answered_at.eq(None::<DateTime<Utc>>),
        keys::answer_sealed.eq(None::<Vec<u8>>),
    );
    let (workspace, caller, key) = claim.find();
    let take = diesel::insert_into(keys::table)
        .values((keys::workspace_id.eq(workspace), keys::caller.eq(caller), keys::key.eq(key), ours.clone()))
        .on_conflict((keys::workspace_id, keys::caller, keys::key))
        .do_update()
        .set((ours, nothing));
    let abandoned =
        keys::lease_until.le(the_time()).and(keys::written_at.is_null()).and(keys::answered_at.is_null());
    let is_free = keys::expires_at.le(the_time()).or(abandoned);
    Ok(diesel::query_dsl::methods::FilterDsl::filter(take, is_free).execute(connection).await? > 0)
}

impl Claim {
    fn find(&self) -> (Uuid, &str, &str) {
        (self.workspace, &self.caller, &self.key)
    }

    /// Whether something was written under it.
    pub(super) fn is_written(&self) -> bool {
        self.written.get().is_some()
    }

    /// Gives the key back, unless something was written.
    pub(super) async fn release(&self, app: &App) -> Result<(), Error> {
        let ours = keys::table.find(self.find()).filter(keys::claim.eq(self.id));
        diesel::delete(ours.filter(keys::written_at.is_null())).execute(&mut app.0.pool.get().await?).await?;
        Ok(())
    }

    /// Keeps the answer; without one, that there was one.
    pub(super) async fn answer(&self, app: &App, kept: Option<Kept>) -> Result<(), Error> {
        let sealed = kept.map(|kept| kept.seal(&app.0.master_key, self.id)).transpose()?;
        diesel::update(keys::table.find(self.find()).filter(keys::claim.eq(self.id)))
            .set((keys::answered_at.eq(now), keys::answer_sealed.eq(sealed)))
            .execute(&mut app.0.pool.get().await?)
            .await?;
        Ok(())
    }
}

impl Witness for Claim {
    fn committing<'a>(
        &'a self,
        connection: &'a mut AsyncPgConnection,
        created: Option<(&'static Resource, Uuid)>,
    ) -> Checking<'a> {
        Box::pin(async move {
            let (resource, record) = created.map(|(resource, id)| (resource.name, id)).unzip();
            let ours = diesel::update(keys::table.find(self.find()).filter(keys::claim.eq(self.id)))
                .set((keys::written_at.eq(now), keys::resource_type.eq(resource), keys::record_id.eq(record)))
                .execute(connection)
                .await?;
            if ours == 0 {
                let detail = "This took so long that another request with this key was let in.";
                let lost = Problem::new(Code::IdempotencyConflict, detail).at_header(HEADER);
                return Err(EngineError::from(lost));
            }
            self.written.get_or_init(|| ());
            Ok(())
        })
    }
}

/// Forgets keys whose time is over.
///
/// # Errors
/// Those of the database.
pub(crate) async fn forget(connection: &mut AsyncPgConnection) -> QueryResult<usize> {
    diesel::delete(keys::table.filter(keys::expires_at.le(now))).execute(connection).await
}
