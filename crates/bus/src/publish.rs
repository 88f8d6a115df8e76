//! Publishing: a message counts as handed over when the broker has confirmed it, never before.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use lapin::options::BasicPublishOptions;
use lapin::{BasicProperties, Confirmation};
use uuid::Uuid;

use crate::link::Link;
use crate::message::{self, Outgoing};
use crate::{Incoming, Settings};

/// The broker did not take a message: it is away, too slow, or has no queue for it.
#[derive(Debug, thiserror::Error)]
#[error("the broker did not confirm: {0:#}")]
pub struct Unavailable(anyhow::Error);

/// Publishes over one channel; confirms of concurrent publishes are awaited together. Cheap to clone.
#[derive(Clone)]
pub struct Publisher(Arc<Link>);

impl std::fmt::Debug for Publisher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Publisher")
    }
}

impl Publisher {
    /// Makes a publisher; it connects when first used, and again after the connection broke. The connection lives on the
    /// runtime that this is called in.
    ///
    /// # Panics
    /// When it is called outside of a runtime.
    #[must_use]
    pub fn new(settings: &Settings, name: &str) -> Self {
        Self(Arc::new(Link::new(settings, name)))
    }

    /// Publishes one message and waits for the confirm.
    ///
    /// # Errors
    /// When no confirm came in time. The message may have arrived all the same: publish it again under the same id.
    pub async fn publish(&self, message: &Outgoing) -> Result<(), Unavailable> {
        let settings = self.0.settings();
        let exchange = format!("{}{}", settings.prefix, message.exchange.name);
        let properties = message::properties(message.id, &message.routing_key);
        self.send(&exchange, &message.routing_key, &message.body, properties).await
    }

    /// Publishes messages in order, with their confirms awaited together, and returns how many from the front are
    /// confirmed, with the failure of the one after them.
    pub async fn publish_all(&self, messages: &[Outgoing]) -> (usize, Option<Unavailable>) {
        let results = join_all(messages.iter().map(|message| self.publish(message))).await;
        let confirmed = results.iter().take_while(|result| result.is_ok()).count();
        (confirmed, results.into_iter().find_map(Result::err))
    }

    /// Whether the broker can be reached.
    ///
    /// # Errors
    /// When it cannot.
    pub async fn ping(&self) -> Result<(), Unavailable> {
        self.0.channel().await.map(drop).map_err(Unavailable)
    }

    /// Closes the connection in an orderly way.
    pub async fn close(&self) {
        self.0.close().await;
    }

    /// Copies a message into a queue directly, with the reason it is there.
    pub(crate) async fn set_aside(
        &self,
        queue: &str,
        message: &Incoming,
        reason: &str,
    ) -> Result<(), Unavailable> {
        let mut headers = message.properties.headers().clone().unwrap_or_default();
        headers.insert(message::REASON.into(), lapin::types::AMQPValue::LongString(reason.into()));
        let properties = message.properties.clone().with_headers(headers);
        self.send("", queue, &message.body, properties).await
    }

    /// Puts a message behind all others of a queue, as it is.
    pub(crate) async fn put_behind(
        &self,
        queue: &str,
        body: &[u8],
        properties: BasicProperties,
    ) -> Result<(), Unavailable> {
        self.send("", queue, body, properties).await
    }

    /// Puts a message that was set aside back on its way.
    pub(crate) async fn put_back(
        &self,
        queue: &str,
        body: &[u8],
        id: Option<&str>,
    ) -> Result<(), Unavailable> {
        let id = id.and_then(|id| id.parse().ok()).unwrap_or_else(Uuid::now_v7);
        self.send("", queue, body, message::properties(id, queue)).await
    }

    async fn send(
        &self,
        exchange: &str,
        routing_key: &str,
        body: &[u8],
        properties: BasicProperties,
    ) -> Result<(), Unavailable> {
        let patience = Duration::from_millis(self.0.settings().confirm_timeout_ms);
        let sent = async {
            let channel = self.0.channel().await?;
            // Mandatory: a message that no queue takes is an error and not a silent loss.
            let options = BasicPublishOptions { mandatory: true, ..Default::default() };
            let confirm =
                channel.basic_publish(exchange.into(), routing_key.into(), options, body, properties).await?;
            match confirm.await? {
                Confirmation::Ack(None) => Ok(()),
                Confirmation::Ack(Some(_)) => anyhow::bail!("no queue takes {routing_key} of {exchange}"),
                Confirmation::Nack(_) => anyhow::bail!("the broker refused {routing_key} of {exchange}"),
                Confirmation::NotRequested => anyhow::bail!("the channel is not in confirm mode"),
            }
        };
        match tokio::time::timeout(patience, sent).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Unavailable(error)),
            Err(_) => Err(Unavailable(anyhow::anyhow!("no confirm within {} ms", patience.as_millis()))),
        }
    }
}
