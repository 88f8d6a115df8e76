//! What is done beside requests, a little at a time: chaining the audit log, and forgetting idempotency keys.
//!
//! Any number of processes may do it: whoever holds the head of a workspace chains its lines, and the others go on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel_async::AsyncPgConnection;
use pulse_domain::chain::Key;
use pulse_store::audit::chain::{self, Error, Round};
use pulse_store::notify::{Channel, Listener};
use pulse_store::pool;
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;

use crate::{App, once};

/// Lines that are chained in one transaction.
const LINES: i64 = 1_000;
/// The log is looked at this often even if nobody says that something changed.
const SWEEP: Duration = Duration::from_secs(1);
/// A rest between two looks, so that the lines of many writes are chained together.
const REST: Duration = Duration::from_millis(200);
/// Idempotency keys whose time is over are forgotten this often.
const FORGET: Duration = Duration::from_secs(60);
/// How long the last look may take when the process stops; what is left waits in the log.
const DRAIN: Duration = Duration::from_secs(5);

/// Keeps up until told to stop, and looks once more.
///
/// # Errors
/// None: whatever fails is tried again.
pub async fn run(app: App, stop: CancellationToken) -> anyhow::Result<()> {
    let url = app.0.settings.database.url.expose_secret().to_owned();
    // Writers say that there are events, and nearly all lines come with one.
    let mut listener = Listener::new(&url, Channel::Events, SWEEP);
    let mut upkeep = Upkeep { url, key: app.0.audit_key.clone(), connection: None, forgot: None };
    while stop.run_until_cancelled(listener.wait(None)).await.is_some() {
        upkeep.look().await;
        stop.run_until_cancelled(tokio::time::sleep(REST)).await;
    }
    if tokio::time::timeout(DRAIN, upkeep.look()).await.is_err() {
        tracing::warn!("lines of the audit log are left for the next start");
    }
    Ok(())
}

struct Upkeep {
    url: String,
    key: Arc<Key>,
    /// One of its own: it is used all the time, and requests need those of the pool.
    connection: Option<AsyncPgConnection>,
    /// When keys were forgotten last.
    forgot: Option<Instant>,
}

impl Upkeep {
    async fn look(&mut self) {
        if let Err(error) = self.chain().await {
            tracing::warn!(error = format!("{error:#}"), "lines of the audit log wait to be chained");
            self.connection = None;
        }
        if self.forgot.is_none_or(|forgot| forgot.elapsed() > FORGET)
            && let Err(error) = self.forget().await
        {
            tracing::warn!(error = format!("{error:#}"), "idempotency keys are kept for longer");
            self.connection = None;
        }
    }

    /// The connection, opened where it is not.
    async fn connection(&mut self) -> anyhow::Result<&mut AsyncPgConnection> {
        let open = match self.connection.take() {
            Some(open) => open,
            None => pool::connect(&self.url).await?,
        };
        Ok(self.connection.insert(open))
    }

    async fn forget(&mut self) -> anyhow::Result<()> {
        once::forget(self.connection().await?).await?;
        self.forgot = Some(Instant::now());
        Ok(())
    }

    /// Chains whatever is not chained, where nobody else does.
    async fn chain(&mut self) -> anyhow::Result<()> {
        let key = self.key.clone();
        let connection = self.connection().await?;
        for workspace in chain::pending(connection).await? {
            loop {
                match chain::extend(connection, workspace, &key, LINES).await {
                    Ok(Round::Chained(0, _) | Round::Taken) => break,
                    // Heads in a log that leaves the machine are what tells a chain that was cut off.
                    Ok(Round::Chained(lines, head)) => tracing::info!(
                        workspace = %workspace.0, lines, sequence = head.sequence, hash = head.hash.to_hex(),
                        "audit log chained"
                    ),
                    Err(Error::Foreign(_)) => {
                        tracing::error!(workspace = %workspace.0, "the head of the audit log is not ours");
                        break;
                    }
                    Err(Error::Database(error)) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }
}
