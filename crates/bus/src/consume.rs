//! Consuming: messages come in batches, and each is acknowledged only when its handler says that it is done.
//!
//! A handler says of each message that it is done, that trying again later can help ([`Failure::Retry`]: the message
//! stays with this consumer and is handed over again after a pause), or that nothing can help ([`Failure::Discard`]:
//! the message goes to the dead letters, with the reason). A message that takes its consumer down with it comes back
//! from the broker, and to the dead letters in the end.

use std::future::Future;
use std::time::Duration;

use anyhow::Context;
use futures_util::StreamExt;
use lapin::Channel;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions,
};
use lapin::types::FieldTable;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::link::{Link, PATIENCE};
use crate::message::{self, Incoming};
use crate::topology::Queue;
use crate::{Publisher, Settings};

/// Why a message is not done.
#[derive(Debug)]
pub enum Failure {
    /// Something the handler depends on is away.
    Retry(anyhow::Error),
    /// The message itself is at fault.
    Discard(anyhow::Error),
}

/// First and longest pause before messages are handed over again, or the broker is tried again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// A consumer of one queue.
#[derive(Debug)]
pub struct Consumer {
    /// The broker.
    pub settings: Settings,
    /// Name shown at the broker.
    pub name: String,
    /// The queue.
    pub queue: Queue,
    /// Messages in a batch at most; the broker hands out no more than that before they are acknowledged.
    pub batch: u16,
    /// How long to wait for a batch to fill after its first message. Zero takes what has already arrived.
    pub linger: Duration,
}

impl Consumer {
    /// Consumes until told to stop; the batch at hand is finished and acknowledged before this returns. Reconnects by
    /// itself.
    ///
    /// `handle` is given a batch and returns one result for each message, in the same order.
    pub async fn run<H, F>(self, stop: CancellationToken, handle: H)
    where
        H: Fn(Vec<Incoming>) -> F,
        F: Future<Output = Vec<Result<(), Failure>>>,
    {
        let link = Link::new(&self.settings, &self.name);
        let set_aside = Publisher::new(&self.settings, &format!("{} (dead letters)", self.name));
        let mut pause = PAUSES.0;
        while !stop.is_cancelled() {
            let connected = match link.channel().await {
                Ok(channel) => {
                    pause = PAUSES.0;
                    self.consume(&channel, &set_aside, &stop, &handle).await
                }
                Err(error) => Err(error),
            };
            if let Err(error) = connected {
                link.close().await;
                tracing::warn!(queue = self.queue.name, error = format!("{error:#}"), "not consuming");
                stop.run_until_cancelled(tokio::time::sleep(pause)).await;
                pause = (pause * 2).min(PAUSES.1);
            }
        }
        link.close().await;
        set_aside.close().await;
    }

    async fn consume<H, F>(
        &self,
        channel: &Channel,
        set_aside: &Publisher,
        stop: &CancellationToken,
        handle: &H,
    ) -> anyhow::Result<()>
    where
        H: Fn(Vec<Incoming>) -> F,
        F: Future<Output = Vec<Result<(), Failure>>>,
    {
        let queue = format!("{}{}", self.settings.prefix, self.queue.name);
        answered(channel.basic_qos(self.batch, BasicQosOptions::default())).await?;
        let consume = channel.basic_consume(
            queue.into(),
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        );
        let mut deliveries = answered(consume).await?;
        loop {
            let first = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                next = deliveries.next() => next.ok_or_else(|| anyhow::anyhow!("the broker cancelled the consumer"))??,
            };
            let mut batch = vec![first];
            let deadline = tokio::time::sleep(self.linger);
            tokio::pin!(deadline);
            while batch.len() < usize::from(self.batch) {
                tokio::select! {
                    biased;
                    next = deliveries.next() => match next {
                        Some(next) => batch.push(next?),
                        None => anyhow::bail!("the broker cancelled the consumer"),
                    },
                    () = &mut deadline => break,
                }
            }
            self.work_off(batch, set_aside, stop, handle).await?;
        }
        answered(channel.basic_cancel(deliveries.tag(), BasicCancelOptions::default())).await
    }

    /// Hands a batch over until every message of it is acknowledged, set aside, or given back because of a stop.
    async fn work_off<H, F>(
        &self,
        mut batch: Vec<Delivery>,
        set_aside: &Publisher,
        stop: &CancellationToken,
        handle: &H,
    ) -> anyhow::Result<()>
    where
        H: Fn(Vec<Incoming>) -> F,
        F: Future<Output = Vec<Result<(), Failure>>>,
    {
        let mut pause = PAUSES.0;
        loop {
            let messages: Vec<Incoming> = batch.iter().map(incoming).collect();
            let span = message::batch_span(self.queue.name, &messages);
            let results = handle(messages.clone()).instrument(span).await;
            assert_eq!(results.len(), batch.len(), "a handler answers for every message");
            if results.iter().all(Result::is_ok) {
                return acknowledge_all(&batch).await;
            }
            let mut again = Vec::new();
            let mut reason = None;
            for ((delivery, message), result) in batch.into_iter().zip(&messages).zip(results) {
                match result {
                    Ok(()) => {
                        answered(delivery.acker.ack(BasicAckOptions::default())).await?;
                    }
                    Err(Failure::Retry(error)) => {
                        reason = Some(error);
                        again.push(delivery);
                    }
                    Err(Failure::Discard(error)) => {
                        let reason = format!("{error:#}");
                        tracing::error!(
                            queue = self.queue.name,
                            id = message.id,
                            routing_key = message.routing_key,
                            reason,
                            "message goes to the dead letters"
                        );
                        let dead = format!("{}{}", self.settings.prefix, self.queue.dead_letters());
                        set_aside.set_aside(&dead, message, &reason).await?;
                        answered(delivery.acker.ack(BasicAckOptions::default())).await?;
                    }
                }
            }
            let Some(error) = reason else { return Ok(()) };
            tracing::warn!(
                queue = self.queue.name,
                messages = again.len(),
                error = format!("{error:#}"),
                "messages are tried again"
            );
            if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                for delivery in again {
                    let requeue = BasicNackOptions { requeue: true, ..Default::default() };
                    answered(delivery.acker.nack(requeue)).await?;
                }
                return Ok(());
            }
            pause = (pause * 2).min(PAUSES.1);
            batch = again;
        }
    }
}

/// Acknowledges the messages of a batch in one frame. Whatever came before them has been acknowledged.
async fn acknowledge_all(batch: &[Delivery]) -> anyhow::Result<()> {
    let Some(last) = batch.last() else { return Ok(()) };
    answered(last.acker.ack(BasicAckOptions { multiple: true })).await?;
    Ok(())
}

async fn answered<T>(asked: impl Future<Output = lapin::Result<T>>) -> anyhow::Result<T> {
    Ok(tokio::time::timeout(PATIENCE, asked).await.context("the broker does not answer")??)
}

fn incoming(delivery: &Delivery) -> Incoming {
    Incoming {
        id: delivery.properties.message_id().as_ref().map(ToString::to_string),
        routing_key: delivery.routing_key.to_string(),
        redelivered: delivery.redelivered,
        body: delivery.data.clone(),
        properties: delivery.properties.clone(),
    }
}
