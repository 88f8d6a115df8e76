//! A connection with one channel on it, opened when needed and again after it broke.

use std::time::{Duration, Instant};

use anyhow::Context;
use lapin::options::ConfirmSelectOptions;
use lapin::uri::AMQPUri;
use lapin::{Channel, Connection, ConnectionProperties};
use secrecy::ExposeSecret;
use tokio::runtime::Handle;
use tokio::sync::Mutex;

use crate::{Settings, topology};

/// No new attempt sooner than this after a failed one: callers fail fast meanwhile.
const PAUSE: Duration = Duration::from_millis(250);
/// Opening takes this long at most, and so does whatever is asked of a channel: what was asked of a connection that broke at
/// that moment may never be answered.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// Closing takes this long at most.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Bytes of a frame, unless the URL says something else. The client keeps room for 64 of them per connection, so that with
/// the broker's 128 KiB every connection would hold 8 MiB.
const FRAME_BYTES: u32 = 16 * 1024;

pub(crate) struct Link {
    settings: Settings,
    name: String,
    /// The runtime that drives the connection: the one this was made in, and not that of whichever server thread
    /// happens to publish first, which ends before what drains after it.
    runtime: Handle,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    open: Option<(Connection, Channel)>,
    failed_at: Option<Instant>,
}

impl Link {
    pub(crate) fn new(settings: &Settings, name: &str) -> Self {
        Self {
            settings: settings.clone(),
            name: name.to_owned(),
            runtime: Handle::current(),
            state: Mutex::default(),
        }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The channel, in confirm mode with the topology declared.
    pub(crate) async fn channel(&self) -> anyhow::Result<Channel> {
        let mut state = self.state.lock().await;
        if let Some((_, channel)) = &state.open
            && channel.status().connected()
        {
            return Ok(channel.clone());
        }
        state.open = None;
        if state.failed_at.is_some_and(|at| at.elapsed() < PAUSE) {
            anyhow::bail!("the broker was away a moment ago");
        }
        let connecting = self.runtime.spawn(connect(self.settings.clone(), self.name.clone()));
        let connected = async { anyhow::Ok(tokio::time::timeout(PATIENCE, connecting).await???) };
        match connected.await {
            Ok(open) => {
                let channel = open.1.clone();
                *state = State { open: Some(open), failed_at: None };
                Ok(channel)
            }
            Err(error) => {
                state.failed_at = Some(Instant::now());
                Err(error)
            }
        }
    }

    /// Closes the connection in an orderly way.
    pub(crate) async fn close(&self) {
        if let Some((connection, _)) = self.state.lock().await.open.take() {
            // It may have been closed by the other side already, or not answer any more.
            let _ = tokio::time::timeout(CLOSE_TIMEOUT, connection.close(200, "stopping".into())).await;
        }
    }
}

async fn connect(settings: Settings, name: String) -> anyhow::Result<(Connection, Channel)> {
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    let mut url: AMQPUri =
        settings.url.expose_secret().parse().map_err(anyhow::Error::msg).context("bus.url")?;
    url.query.frame_max.get_or_insert(FRAME_BYTES);
    let connection = Connection::connect_uri(url, properties).await?;
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    topology::declare(&channel, &settings.prefix).await?;
    Ok((connection, channel))
}
