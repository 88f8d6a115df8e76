//! What a token opens, remembered in memory.
//!
//! Every change of a token is notified, and all that is remembered is looked up again then; so it is from time to
//! time, in case a notification was missed. While the database is away the last good answer stands: a valid token
//! must not be refused because of it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl};
use pulse_domain::token;
use pulse_store::Pool;
use pulse_store::notify::{Channel, Listener};
use pulse_store::schema::{ingest_sites, ingest_tokens};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::refusal::Refusal;

/// An unknown token is looked up again after this long: it may have been made meanwhile.
const UNKNOWN_TTL: Duration = Duration::from_secs(5);
/// Remembered tokens at which the unknown ones are forgotten: whoever guesses tokens must not fill the memory.
const CAPACITY: usize = 10_000;
/// After the database failed it is not asked again for this long, so that requests do not queue up for it.
const PAUSE: Duration = Duration::from_secs(1);

/// What a token opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) workspace_id: Uuid,
    pub(crate) site_id: Uuid,
    /// Whether it may send revenue.
    pub(crate) secret: bool,
}

#[derive(Clone, Copy, Debug)]
struct Verdict {
    /// None: it opens nothing.
    access: Option<Access>,
    looked_up_at: Instant,
    /// The generation that was current before the database was asked, so that a change in between is not missed.
    generation: u64,
}

/// All tokens that were seen.
#[derive(Debug)]
pub(crate) struct Tokens {
    pool: Pool,
    verdicts: RwLock<HashMap<[u8; 32], Verdict>>,
    /// Grows when tokens may have changed: older verdicts are to be looked up again.
    generation: AtomicU64,
    failed_at: Mutex<Option<Instant>>,
}

impl Tokens {
    pub(crate) fn new(pool: Pool) -> Self {
        Self { pool, verdicts: RwLock::default(), generation: AtomicU64::new(0), failed_at: Mutex::default() }
    }

    /// What a token opens; none when it is unknown or disabled.
    pub(crate) async fn look_up(&self, token: &str) -> Result<Option<Access>, Refusal> {
        let digest = token::digest(token);
        let generation = self.generation.load(Ordering::Acquire);
        let known = self.verdicts.read().unwrap_or_else(PoisonError::into_inner).get(&digest).copied();
        if let Some(verdict) = known
            && verdict.generation == generation
            && (verdict.access.is_some() || verdict.looked_up_at.elapsed() < UNKNOWN_TTL)
        {
            return Ok(verdict.access);
        }
        match self.query(&digest).await {
            Ok(access) => {
                self.remember(digest, Verdict { access, looked_up_at: Instant::now(), generation });
                Ok(access)
            }
            Err(error) => match known.and_then(|verdict| verdict.access) {
                Some(access) => {
                    tracing::warn!(error = format!("{error:#}"), "the last good verdict on a token stands");
                    Ok(Some(access))
                }
                None => Err(Refusal::Unavailable(error)),
            },
        }
    }

    /// Keeps the verdicts true until told to stop. All are looked up again after `ttl` at the latest.
    pub(crate) async fn watch(&self, database_url: &str, ttl: Duration, stop: CancellationToken) {
        let mut listener = Listener::new(database_url, Channel::IngestTokens, ttl);
        while stop.run_until_cancelled(listener.wait(None)).await.is_some() {
            self.generation.fetch_add(1, Ordering::AcqRel);
        }
    }

    async fn query(&self, digest: &[u8]) -> anyhow::Result<Option<Access>> {
        let failed_at = *self.failed_at.lock().unwrap_or_else(PoisonError::into_inner);
        if failed_at.is_some_and(|at| at.elapsed() < PAUSE) {
            anyhow::bail!("the database was away a moment ago");
        }
        let found = stored(&self.pool, digest).await;
        *self.failed_at.lock().unwrap_or_else(PoisonError::into_inner) = found.is_err().then(Instant::now);
        found
    }

    fn remember(&self, digest: [u8; 32], verdict: Verdict) {
        let mut verdicts = self.verdicts.write().unwrap_or_else(PoisonError::into_inner);
        if verdicts.len() >= CAPACITY {
            verdicts.retain(|_, verdict| verdict.access.is_some());
        }
        verdicts.insert(digest, verdict);
    }
}

/// What the database says about a token.
async fn stored(pool: &Pool, digest: &[u8]) -> anyhow::Result<Option<Access>> {
    // Imported here alone: it would take the name of the generation's `load`.
    use diesel_async::RunQueryDsl;

    let mut connection = pool.get().await?;
    let row: Option<(Uuid, Uuid, String)> = ingest_tokens::table
        .filter(ingest_tokens::token_digest.eq(digest))
        .filter(ingest_tokens::enabled)
        .filter(ingest_tokens::deleted_at.is_null())
        .select((ingest_tokens::workspace_id, ingest_tokens::site_id, ingest_tokens::kind))
        .first(&mut connection)
        .await
        .optional()?;
    let Some((workspace_id, site_id, kind)) = row else { return Ok(None) };
    // The tokens of a site that is in the trash open nothing.
    let live: i64 = ingest_sites::table
        .find((workspace_id, site_id))
        .filter(ingest_sites::deleted_at.is_null())
        .count()
        .get_result(&mut connection)
        .await?;
    Ok((live > 0).then(|| Access { workspace_id, site_id, secret: kind == "secret" }))
}
