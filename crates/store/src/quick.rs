//! Connections that many use at a time, for statements that take no time: by a key.
//!
//! Statements of several readers are sent one behind the other, without waiting for answers in between, so that a busy
//! server process goes on to the next one without being put to sleep and woken. What could take long would keep
//! everybody behind it waiting, and a transaction would be shared with strangers: both belong on a connection of
//! [`Pool`](crate::Pool).

use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use deadpool::managed::TimeoutType;
use diesel::ConnectionError;
use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::PoolError as Failure;
use diesel_async::pooled_connection::deadpool::PoolError;
use secrecy::{ExposeSecret, SecretString};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_postgres::NoTls;

use crate::Settings;
use crate::pool::Unavailable;

/// Connections to one database, driven by the runtime that this was made in.
#[derive(Debug)]
pub struct Quick {
    url: SecretString,
    wait: Duration,
    runtime: Handle,
    connections: Vec<Mutex<Option<Arc<Open>>>>,
    /// Held while a connection is opened, so that those who wait for the same one open it once.
    opening: tokio::sync::Mutex<()>,
}

/// A connection that is open, and perhaps used by others.
pub struct Open {
    connection: AsyncPgConnection,
    driver: JoinHandle<()>,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Open({:?})", self.driver)
    }
}

impl Deref for Open {
    type Target = AsyncPgConnection;

    fn deref(&self) -> &AsyncPgConnection {
        &self.connection
    }
}

impl Quick {
    /// So many connections at most; they are opened when they are first needed.
    ///
    /// # Panics
    /// When it is called outside of a runtime.
    #[must_use]
    pub fn new(settings: &Settings, connections: usize) -> Self {
        Self {
            url: settings.url.clone(),
            wait: Duration::from_millis(settings.acquire_timeout_ms),
            runtime: Handle::current(),
            connections: (0..connections).map(|_| Mutex::default()).collect(),
            opening: tokio::sync::Mutex::default(),
        }
    }

    /// The connection that the fewest use.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn get(&self) -> Result<Arc<Open>, Unavailable> {
        if let Some(open) = self.least_used() {
            return Ok(open);
        }
        tokio::time::timeout(self.wait, self.one_more())
            .await
            .map_err(|_elapsed| PoolError::Timeout(TimeoutType::Create))
            .and_then(|opened| opened.map_err(|why| PoolError::Backend(Failure::ConnectionError(why))))
            .map_err(Unavailable::new)
    }

    async fn one_more(&self) -> Result<Arc<Open>, ConnectionError> {
        let _turn = self.opening.lock().await;
        if let Some(open) = self.least_used() {
            return Ok(open);
        }
        let open = Arc::new(self.open().await?);
        if let Some(mut slot) = self.connections.iter().map(lock).find(|slot| usable(slot).is_none()) {
            *slot = Some(open.clone());
        }
        Ok(open)
    }

    /// `None` where one is to be opened: while all that are open are in use and there may be more.
    fn least_used(&self) -> Option<Arc<Open>> {
        let mut found: Option<Arc<Open>> = None;
        let mut all_open = true;
        for connection in &self.connections {
            match usable(&lock(connection)) {
                Some(open) => {
                    let fewer = found.as_ref().is_none_or(|known| users(open) + 1 < users(known));
                    if fewer {
                        found = Some(open.clone());
                    }
                }
                None => all_open = false,
            }
        }
        found.filter(|open| all_open || users(open) == 2)
    }

    async fn open(&self) -> Result<Open, ConnectionError> {
        let (client, connection) = tokio_postgres::connect(self.url.expose_secret(), NoTls)
            .await
            .map_err(|error| ConnectionError::BadConnection(error.to_string()))?;
        let driver = self.runtime.spawn(async move {
            if let Err(error) = connection.await {
                tracing::warn!(%error, "a database connection was lost");
            }
        });
        Ok(Open { connection: AsyncPgConnection::try_from(client).await?, driver })
    }
}

fn lock(connection: &Mutex<Option<Arc<Open>>>) -> std::sync::MutexGuard<'_, Option<Arc<Open>>> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A connection that was opened and is not lost.
fn usable(slot: &Option<Arc<Open>>) -> Option<&Arc<Open>> {
    slot.as_ref().filter(|open| !open.driver.is_finished())
}

/// Who holds it, this list included.
fn users(open: &Arc<Open>) -> usize {
    Arc::strong_count(open)
}
