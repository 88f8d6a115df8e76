//! A connection to the database that is driven by whoever uses it: no task of its own outlives its owner.

use std::future::Future;
use std::time::Duration;

use anyhow::Context;
use tokio_postgres::tls::NoTlsStream;
use tokio_postgres::{Client, NoTls, Socket};

/// Opening takes this long at most, and so does one use of the connection: a database that hangs must not hold a
/// batch forever.
const PATIENCE: Duration = Duration::from_secs(30);

/// Does the network's part of the work.
pub(super) type Driver = tokio_postgres::Connection<Socket, NoTlsStream>;

/// Opens a connection.
pub(super) async fn open(url: &str) -> anyhow::Result<(Client, Driver)> {
    tokio::time::timeout(PATIENCE, tokio_postgres::connect(url, NoTls))
        .await
        .context("the database does not answer")?
        .context("cannot reach the database of events")
}

/// Does work over a connection. After an error that is not one of the work itself the connection is of no more use.
pub(super) async fn drive<T>(
    driver: &mut Driver,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    tokio::select! {
        result = work => result,
        ended = driver => match ended {
            Ok(()) => anyhow::bail!("the database closed the connection"),
            Err(error) => Err(error.into()),
        },
        () = tokio::time::sleep(PATIENCE) => anyhow::bail!("the database does not answer"),
    }
}
