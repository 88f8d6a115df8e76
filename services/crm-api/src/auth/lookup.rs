//! Looking sessions up, all that are asked for at a time with one statement.
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
use diesel_async::RunQueryDsl;
use pulse_store::Quick;
use pulse_store::schema::user_sessions;
use tokio::time::timeout;
use uuid::Uuid;

/// How long others may take that ask before: a database that does not answer is not waited for by all, one after the
/// other.
const PATIENCE: Duration = Duration::from_secs(3);

/// The digest of a session's identifier.
pub(super) type Digest = [u8; 32];

/// A session, as it is stored.
#[derive(Clone, Debug, Queryable)]
pub(super) struct Stored {
    pub(super) workspace: Uuid,
    pub(super) id: Uuid,
    pub(super) seen: DateTime<Utc>,
    pub(super) revoked: Option<DateTime<Utc>>,
}

/// Where sessions are looked up. Of one thread that serves requests.
#[derive(Debug)]
pub(crate) struct Lookup {
    /// Not those of a pool: whoever waits for an answer may have borrowed the last one.
    quick: Arc<Quick>,
    /// Questions that no statement was sent for yet.
    waiting: Mutex<Vec<Question>>,
    /// Held by who sends a statement.
    turn: tokio::sync::Mutex<()>,
}

type Question = (Digest, Arc<OnceLock<Option<Stored>>>);

impl Lookup {
    /// Over connections for what is read by its key.
    pub(crate) fn new(quick: Arc<Quick>) -> Self {
        Self { quick, waiting: Mutex::default(), turn: tokio::sync::Mutex::default() }
    }

    /// The session of a digest, if there is one.
    ///
    /// # Errors
    /// When the database is away.
    pub(super) async fn find(&self, digest: Digest) -> Result<Option<Stored>, pulse_resource::Error> {
        let answer = Arc::new(OnceLock::new());
        self.waiting().push((digest, answer.clone()));
        let _turn = timeout(PATIENCE, self.turn.lock()).await.map_err(|_late| {
            let why = "sessions cannot be looked up in time".to_owned();
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
        let found: Vec<(Vec<u8>, Stored)> = user_sessions::table
            .filter(user_sessions::jti_digest.eq_any(digests))
            .select((
                user_sessions::jti_digest,
                (
                    user_sessions::workspace_id,
                    user_sessions::id,
                    user_sessions::last_seen_at,
                    user_sessions::revoked_at,
                ),
            ))
            .load(&mut &**self.quick.get().await?)
            .await?;
        let found: HashMap<Vec<u8>, Stored> = found.into_iter().collect();
        for (digest, answer) in questions {
            answer.get_or_init(|| found.get(digest.as_slice()).cloned());
        }
        Ok(found.get(digest.as_slice()).cloned())
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<Question>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
