//! Looking sessions and API tokens up, all that are asked for at a time with one statement.
//!
//! While one statement is under way, whoever else asks waits for the next, which is sent for all of them. So every
//! answer comes from a statement that began after the question was asked, and a busy server asks rarely.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DatabaseError};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use pulse_store::Quick;
use pulse_store::schema::{user_sessions, users};
use tokio::time::timeout;
use uuid::Uuid;

/// How long others may take that ask before: a database that does not answer is not waited for by all, one after the
/// other.
const PATIENCE: Duration = Duration::from_secs(3);

/// The digest of what a caller shows.
pub(super) type Digest = [u8; 32];

/// What is stored under digests.
pub(crate) trait Stored: Clone + Send + Sync {
    /// What is stored under each of these, where something is.
    fn load(
        digests: Vec<&[u8]>,
        connection: &AsyncPgConnection,
    ) -> impl Future<Output = QueryResult<Vec<(Vec<u8>, Self)>>> + Send;
}

/// A session, with what its user is by now.
#[derive(Clone, Debug, Queryable)]
pub(crate) struct Session {
    pub(super) workspace: Uuid,
    pub(super) id: Uuid,
    pub(super) seen: DateTime<Utc>,
    pub(super) revoked: Option<DateTime<Utc>>,
    pub(super) role: String,
    pub(super) active: bool,
    pub(super) deleted: Option<DateTime<Utc>>,
}

impl Stored for Session {
    async fn load(
        digests: Vec<&[u8]>,
        mut connection: &AsyncPgConnection,
    ) -> QueryResult<Vec<(Vec<u8>, Self)>> {
        let whose =
            users::workspace_id.eq(user_sessions::workspace_id).and(users::id.eq(user_sessions::user_id));
        user_sessions::table
            .inner_join(users::table.on(whose))
            .filter(user_sessions::jti_digest.eq_any(digests))
            .select((
                user_sessions::jti_digest,
                (
                    user_sessions::workspace_id,
                    user_sessions::id,
                    user_sessions::last_seen_at,
                    user_sessions::revoked_at,
                    users::role,
                    users::active,
                    users::deleted_at,
                ),
            ))
            .load(&mut connection)
            .await
    }
}

/// Where what callers show is looked up. Of one thread that serves requests.
#[derive(Debug)]
pub(crate) struct Lookup<T> {
    /// Not those of a pool: whoever waits for an answer may have borrowed the last one.
    quick: Arc<Quick>,
    /// Questions that no statement was sent for yet.
    waiting: Mutex<Vec<Question<T>>>,
    /// Held by who sends a statement.
    turn: tokio::sync::Mutex<()>,
}

type Question<T> = (Digest, Arc<OnceLock<Option<T>>>);

impl<T: Stored> Lookup<T> {
    /// Over connections for what is read by its key.
    pub(crate) fn new(quick: Arc<Quick>) -> Self {
        Self { quick, waiting: Mutex::default(), turn: tokio::sync::Mutex::default() }
    }

    /// What is stored under a digest, if anything is.
    ///
    /// # Errors
    /// When the database is away.
    pub(super) async fn find(&self, digest: Digest) -> Result<Option<T>, pulse_resource::Error> {
        let answer = Arc::new(OnceLock::new());
        self.waiting().push((digest, answer.clone()));
        let _turn = timeout(PATIENCE, self.turn.lock()).await.map_err(|_late| {
            let why = "callers cannot be looked up in time".to_owned();
            DatabaseError::DatabaseError(DatabaseErrorKind::UnableToSendCommand, Box::new(why))
        })?;
        if let Some(answer) = answer.get() {
            return Ok(answer.clone());
        }
        // Ours is among them, unless whoever took it was cancelled or failed.
        let mut questions = mem::take(&mut *self.waiting());
        if questions.iter().all(|(_, asked)| !Arc::ptr_eq(asked, &answer)) {
            questions.push((digest, answer));
        }
        let digests: Vec<&[u8]> = questions.iter().map(|(digest, _)| digest.as_slice()).collect();
        let connection = self.quick.get().await?;
        let found: HashMap<Vec<u8>, T> = T::load(digests, &connection).await?.into_iter().collect();
        for (digest, answer) in questions {
            answer.get_or_init(|| found.get(digest.as_slice()).cloned());
        }
        Ok(found.get(digest.as_slice()).cloned())
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<Question<T>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
