//! LISTEN and NOTIFY: how rows wake whoever waits for them, without polling.
//!
//! A NOTIFY inside of a transaction makes PostgreSQL commit such transactions one after the other. Writers therefore
//! call [`Waker::wake`] after their commit, and one task per process sends the NOTIFY, one for as many commits as came
//! meanwhile. A process that dies in between is why every listener also looks by itself from time to time.

use std::sync::Arc;
use std::time::Duration;

use diesel_async::SimpleAsyncConnection;
use futures_util::StreamExt;
use futures_util::stream::{BoxStream, poll_fn};
use tokio::sync::Notify;
use tokio_postgres::{AsyncMessage, Client, NoTls};
use tokio_util::sync::CancellationToken;

use crate::Pool;

/// How long a waker rests after a notification. It is a transaction that waits for the disk like any other: one for each
/// commit would cost writers more than what they write, and nobody misses what others wake them for meanwhile.
const REST: Duration = Duration::from_millis(2);

/// Rows that somebody may be waiting for; each is a channel of PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Unpublished rows of the event journal.
    Events,
    /// Deliveries that are due.
    WebhookDeliveries,
    /// Webhook subscriptions that changed; told by a trigger.
    WebhookSubscriptions,
    /// Workflow runs that are due.
    WorkflowRuns,
    /// Ingest tokens that changed.
    IngestTokens,
    /// Mails that are due.
    Mails,
}

impl Channel {
    const fn name(self) -> &'static str {
        match self {
            Self::Events => "pulse_events",
            Self::WebhookDeliveries => "pulse_webhook_deliveries",
            Self::WebhookSubscriptions => "pulse_webhook_subscriptions",
            Self::WorkflowRuns => "pulse_workflow_runs",
            Self::IngestTokens => "pulse_ingest_tokens",
            Self::Mails => "pulse_mails",
        }
    }
}

/// Tells the listeners of a channel that there are rows. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Waker {
    channel: Channel,
    signal: Arc<Notify>,
}

impl Waker {
    /// Makes the waker of a channel; [`Waker::run`] must be running for it to have an effect.
    #[must_use]
    pub fn new(channel: Channel) -> Self {
        Self { channel, signal: Arc::new(Notify::new()) }
    }

    /// Wakes the listeners soon. Call it after the commit.
    pub fn wake(&self) {
        self.signal.notify_one();
    }

    /// Sends the notifications until told to stop; what was asked for before that still goes out.
    pub async fn run(self, pool: Pool, stop: CancellationToken) {
        let statement = format!("NOTIFY {}", self.channel.name());
        while tokio::select! { biased; () = self.signal.notified() => true, () = stop.cancelled() => false } {
            let sent = async {
                pool.get().await.map_err(anyhow::Error::from)?.batch_execute(&statement).await?;
                anyhow::Ok(())
            };
            if let Err(error) = sent.await {
                // Listeners look by themselves before long.
                tracing::warn!(channel = self.channel.name(), error = format!("{error:#}"), "cannot notify");
            }
            tokio::time::sleep(REST).await;
        }
    }
}

/// Waits for notifications of a channel. Reconnects by itself.
pub struct Listener {
    url: String,
    channel: Channel,
    /// How long to wait at most: rows of a writer that died before its NOTIFY are found then.
    sweep: Duration,
    connection: Option<(Client, BoxStream<'static, Result<AsyncMessage, tokio_postgres::Error>>)>,
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Listener({})", self.channel.name())
    }
}

impl Listener {
    /// Makes a listener; it connects when first waited for.
    #[must_use]
    pub fn new(url: &str, channel: Channel, sweep: Duration) -> Self {
        Self { url: url.to_owned(), channel, sweep, connection: None }
    }

    /// Returns when there may be rows: on a notification, on the first call, after a reconnection, and after the
    /// sweep interval or `until`, whichever is sooner. Cancel safe.
    pub async fn wait(&mut self, until: Option<Duration>) {
        let patience = until.map_or(self.sweep, |until| until.min(self.sweep));
        let connected = self.connection.is_some();
        let notified = async {
            if !connected {
                self.connection = Some(connect(&self.url, self.channel).await?);
                // Whatever was written before LISTEN took effect has to be looked for.
                return Ok(());
            }
            if let Some((_, messages)) = &mut self.connection {
                while let Some(message) = messages.next().await {
                    if matches!(message?, AsyncMessage::Notification(_)) {
                        return Ok(());
                    }
                }
            }
            anyhow::bail!("the connection was closed")
        };
        match tokio::time::timeout(patience, notified).await {
            Ok(Ok(())) | Err(_) => {}
            Ok(Err(error)) => {
                self.connection = None;
                tracing::warn!(channel = self.channel.name(), error = format!("{error:#}"), "not listening");
                tokio::time::sleep(patience.min(Duration::from_millis(500))).await;
            }
        }
    }
}

async fn connect(
    url: &str,
    channel: Channel,
) -> anyhow::Result<(Client, BoxStream<'static, Result<AsyncMessage, tokio_postgres::Error>>)> {
    let (client, mut connection) = tokio_postgres::connect(url, NoTls).await?;
    let mut messages = poll_fn(move |context| connection.poll_message(context)).boxed();
    let statement = format!("LISTEN {}", channel.name());
    {
        // The connection does nothing unless it is polled, so both are, until the statement is through.
        let listening = client.batch_execute(&statement);
        tokio::pin!(listening);
        loop {
            tokio::select! {
                done = &mut listening => break done?,
                message = messages.next() => match message {
                    Some(message) => drop(message?),
                    None => anyhow::bail!("the connection was closed"),
                },
            }
        }
    }
    Ok((client, messages))
}
