//! Counting in a store that replicas share, by the protocol of Redis: one script for each request, on the store's clock.
//!
//! A store that is away or slow must not keep a request waiting, so it is given little time and then left alone for a
//! while, in which each process counts by itself. That is logged when it begins and when it ends.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, Script};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::time::timeout;

use super::Subject;
use super::rate::{Rate, Taken};

/// What a request may wait for an answer.
const PATIENCE: Duration = Duration::from_millis(20);

/// How long a store that did not answer is left alone.
const REST: Duration = Duration::from_secs(1);

/// Section `[limits]` of a service whose quotas stand in other sections.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `redis://user:password@host:port/database` of a store that all replicas count in. Each process counts by itself
    /// where it is not set.
    pub store: Option<SecretString>,
}

/// A store. Cheap to clone.
#[derive(Clone)]
pub struct Store(Arc<Shared>);

struct Shared {
    connection: ConnectionManager,
    take: Script,
    began: Instant,
    is_away: AtomicBool,
    /// Milliseconds from the beginning.
    rests_until: AtomicU64,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("is_away", &self.0.is_away).finish_non_exhaustive()
    }
}

impl Store {
    /// The store of the settings, where there is one. It is connected to when it is first needed.
    ///
    /// # Errors
    /// When the address cannot be read.
    pub fn of(address: Option<&SecretString>) -> anyhow::Result<Option<Self>> {
        let Some(address) = address else { return Ok(None) };
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(REST))
            .set_response_timeout(Some(PATIENCE))
            .set_max_delay(REST);
        let connection = Client::open(address.expose_secret())
            .and_then(|client| ConnectionManager::new_lazy_with_config(client, config))
            .context("limits.store")?;
        Ok(Some(Self(Arc::new(Shared {
            connection,
            take: Script::new(include_str!("take.lua")),
            began: Instant::now(),
            is_away: AtomicBool::new(false),
            rests_until: AtomicU64::new(0),
        }))))
    }

    /// Counts a request; nothing where the store does not answer.
    pub(super) async fn take(&self, name: &str, rate: Rate, subject: Subject) -> Option<Taken> {
        if self.now() < self.0.rests_until.load(Ordering::Relaxed) {
            return None;
        }
        let mut connection = self.0.connection.clone();
        let mut request = self.0.take.key(format!("pulse:limit:{name}:{subject}"));
        request.arg(rate.interval()).arg(rate.span());
        let answer = timeout(PATIENCE, request.invoke_async::<(bool, u64)>(&mut connection)).await;
        match answer.map_err(anyhow::Error::from).and_then(|answer| answer.map_err(anyhow::Error::from)) {
            Ok((allowed, whole_in)) => {
                if self.0.is_away.swap(false, Ordering::Relaxed) {
                    tracing::info!("the store of limits is back");
                }
                Some(Taken { allowed, whole_in })
            }
            Err(error) => {
                let rests_until = self.now() + u64::try_from(REST.as_millis()).unwrap_or(u64::MAX);
                self.0.rests_until.store(rests_until, Ordering::Relaxed);
                if !self.0.is_away.swap(true, Ordering::Relaxed) {
                    let error = format!("{error:#}");
                    tracing::warn!(error, "the store of limits is away: this process counts by itself");
                }
                None
            }
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.0.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
