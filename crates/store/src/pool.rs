//! Connections, pooled.

use std::time::Duration;

use anyhow::Context;
use deadpool::Runtime;
use deadpool::managed::TimeoutType;
use diesel::ConnectionError;
use diesel::result::{DatabaseErrorKind, Error as DatabaseError};
use diesel_async::pooled_connection::deadpool::{Object, Pool as Deadpool, PoolError};
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use secrecy::ExposeSecret;
use tokio::runtime::Handle;

use crate::Settings;

/// A connection on loan from the pool.
pub type Connection = Object<AsyncPgConnection>;

/// Connections to one database. Cheap to clone.
#[derive(Clone)]
pub struct Pool(Deadpool<AsyncPgConnection>);

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pool({:?})", self.0.status())
    }
}

impl Pool {
    /// Builds the pool; connections are opened when they are first needed.
    ///
    /// # Errors
    /// When the settings make no pool.
    ///
    /// # Panics
    /// When it is called outside of a runtime.
    pub fn new(settings: &Settings) -> anyhow::Result<Self> {
        let mut config = ManagerConfig::default();
        // A broken connection shows itself at the first query; a round trip per checkout would cost every request.
        config.recycling_method = RecyclingMethod::Fast;
        // Connections live on the runtime that the pool is made in, and not on that of whichever server thread needs one
        // first, which ends before what drains after it.
        let runtime = Handle::current();
        config.custom_setup = Box::new(move |url| {
            let url = url.to_owned();
            let connecting = runtime.spawn(async move { connect(&url).await });
            Box::pin(async move {
                connecting.await.map_err(|ended| ConnectionError::BadConnection(ended.to_string()))?
            })
        });
        let manager = AsyncDieselConnectionManager::new_with_config(settings.url.expose_secret(), config);
        let wait = Duration::from_millis(settings.acquire_timeout_ms);
        Deadpool::builder(manager)
            .max_size(settings.connections)
            .wait_timeout(Some(wait))
            .create_timeout(Some(wait))
            .runtime(Runtime::Tokio1)
            .build()
            .map(Self)
            .context("the database settings make no pool")
    }

    /// Borrows a connection.
    ///
    /// # Errors
    /// When none came free in time, or the database is away.
    pub async fn get(&self) -> Result<Connection, Unavailable> {
        self.0.get().await.map_err(Unavailable)
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> anyhow::Result<()> {
        Ok(self.get().await?.batch_execute("SELECT 1").await?)
    }
}

/// Opens one connection outside of any pool.
///
/// # Errors
/// When the database is away or refuses.
pub async fn connect(url: &str) -> Result<AsyncPgConnection, ConnectionError> {
    let mut connection = AsyncPgConnection::establish(url).await?;
    connection
        .batch_execute("SET TimeZone TO 'UTC'")
        .await
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

/// Whether an error says that the database is away or busy, so that trying again later can help, rather than that a
/// statement is wrong.
#[must_use]
pub fn is_away(error: &DatabaseError) -> bool {
    match error {
        DatabaseError::DatabaseError(
            DatabaseErrorKind::ClosedConnection
            | DatabaseErrorKind::UnableToSendCommand
            | DatabaseErrorKind::SerializationFailure,
            _,
        )
        | DatabaseError::BrokenTransactionManager => true,
        // A server that is stopped says so on open connections; Diesel has no kind for that (57P01 to 57P03).
        DatabaseError::DatabaseError(_, said) => said.message().starts_with("terminating connection"),
        _ => false,
    }
}

/// No connection could be had.
#[derive(Debug, thiserror::Error)]
#[error("no database connection: {0}")]
pub struct Unavailable(#[source] PoolError);

impl Unavailable {
    pub(crate) const fn new(cause: PoolError) -> Self {
        Self(cause)
    }

    /// Whether the pool was exhausted, rather than the database away.
    #[must_use]
    pub fn exhausted(&self) -> bool {
        matches!(self.0, PoolError::Timeout(TimeoutType::Wait))
    }
}
