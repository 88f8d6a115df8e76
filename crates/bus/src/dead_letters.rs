//! What could not be handled: how much there is, and the way back.

use lapin::options::{BasicAckOptions, BasicGetOptions, QueueDeclareOptions};
use lapin::types::FieldTable;

use crate::link::Link;
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
