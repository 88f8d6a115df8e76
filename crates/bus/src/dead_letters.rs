//! What could not be handled: how much there is, and the way back.

use lapin::BasicProperties;
use lapin::options::{BasicAckOptions, BasicGetOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};

use crate::link::Link;
use crate::message::REASON;
use crate::topology::Queue;
use crate::{Publisher, Settings};

/// How many messages wait in a queue and in its dead letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    /// Ready to be consumed.
    pub ready: u32,
    /// Set aside.
    pub dead: u32,
}

/// A message that was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Message id, where the publisher gave one.
    pub id: Option<String>,
    /// What the publisher called it: the type of an event.
    pub kind: Option<String>,
    /// Why it could not be handled.
    pub reason: String,
}

impl DeadLetter {
    fn of(properties: &BasicProperties) -> Self {
        let headers = properties.headers().clone().unwrap_or_default();
        let text = |name: &str| match headers.inner().get(name) {
            Some(AMQPValue::LongString(value)) => {
                Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
            }
            _ => None,
        };
        // What no consumer has set aside was by the broker.
        let by_broker =
            || text("x-first-death-reason").map(|reason| format!("given up by the broker: {reason}"));
        Self {
            id: properties.message_id().as_ref().map(ToString::to_string),
            kind: properties.kind().as_ref().map(ToString::to_string),
            reason: text(REASON).or_else(by_broker).unwrap_or_else(|| "no reason was given".to_owned()),
        }
    }
}

/// Counts a queue and its dead letters.
///
/// # Errors
/// When the broker is away.
pub async fn depth(settings: &Settings, queue: Queue) -> anyhow::Result<Depth> {
    let link = Link::new(settings, "depth");
    let channel = link.channel().await?;
    let passive = QueueDeclareOptions { passive: true, ..Default::default() };
    let mut counts = [0; 2];
    for (count, name) in counts.iter_mut().zip([queue.name.to_owned(), queue.dead_letters()]) {
        let name = format!("{}{name}", settings.prefix);
        *count = channel.queue_declare(name.into(), passive, FieldTable::default()).await?.message_count();
    }
    link.close().await;
    Ok(Depth { ready: counts[0], dead: counts[1] })
}

/// Reads the oldest dead letters of a queue, so many at most. They stand behind the others afterwards: one that is given
/// back where it was counts as tried once more, and brokers drop what was tried too often.
///
/// # Errors
/// When the broker is away; a letter that was read just then may be there twice.
pub async fn look(settings: &Settings, queue: Queue, most: u32) -> anyhow::Result<Vec<DeadLetter>> {
    let dead = format!("{}{}", settings.prefix, queue.dead_letters());
    let most = depth(settings, queue).await?.dead.min(most);
    let link = Link::new(settings, "look");
    let channel = link.channel().await?;
    let publisher = Publisher::new(settings, "look");
    let mut letters = Vec::new();
    for _ in 0..most {
        let Some(message) = channel.basic_get(dead.as_str().into(), BasicGetOptions::default()).await? else {
            break;
        };
        let delivery = message.delivery;
        letters.push(DeadLetter::of(&delivery.properties));
        publisher.put_behind(&dead, &delivery.data, delivery.properties.clone()).await?;
        delivery.acker.ack(BasicAckOptions::default()).await?;
    }
    link.close().await;
    publisher.close().await;
    Ok(letters)
}

/// Puts every dead letter of a queue back into it, oldest first, and returns how many.
///
/// # Errors
/// When the broker is away; what was put back stays there.
pub async fn requeue(settings: &Settings, queue: Queue) -> anyhow::Result<u32> {
    let link = Link::new(settings, "requeue");
    let channel = link.channel().await?;
    let publisher = Publisher::new(settings, "requeue");
    let dead = format!("{}{}", settings.prefix, queue.dead_letters());
    let target = format!("{}{}", settings.prefix, queue.name);
    let mut moved = 0;
    while let Some(message) = channel.basic_get(dead.as_str().into(), BasicGetOptions::default()).await? {
        let id = message.delivery.properties.message_id().as_ref().map(|id| id.as_str().to_owned());
        publisher.put_back(&target, &message.delivery.data, id.as_deref()).await?;
        message.delivery.acker.ack(BasicAckOptions::default()).await?;
        moved += 1;
    }
    link.close().await;
    publisher.close().await;
    Ok(moved)
}
