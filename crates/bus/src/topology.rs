//! Every exchange and queue, as data. Whoever connects declares all of it, so that nothing published before a
//! consumer first started is lost.

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, ExchangeKind};

/// An exchange.
#[derive(Clone, Copy, Debug)]
pub struct Exchange {
    /// Its name, before the prefix.
    pub name: &'static str,
    /// How it routes.
    pub routing: Routing,
}

/// How an exchange routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routing {
    /// By patterns over the routing key.
    Topic,
    /// By the routing key itself.
    Direct,
}

/// A durable quorum queue. What cannot be handled ends in the queue `<name>.dead`.
#[derive(Clone, Copy, Debug)]
pub struct Queue {
    /// Its name, before the prefix: the consuming service, then what is in it.
    pub name: &'static str,
    /// The exchange it is fed from.
    pub exchange: Exchange,
    /// The binding key.
    pub key: &'static str,
}

/// Domain events (`proto/pulse/events/v1`); the routing key is the event type.
pub const EVENTS: Exchange = Exchange { name: "pulse.events", routing: Routing::Topic };
/// What one service asks another to do.
pub const COMMANDS: Exchange = Exchange { name: "pulse.commands", routing: Routing::Direct };
/// Accepted website and revenue events, before they are stored.
pub const INGEST: Exchange = Exchange { name: "pulse.ingest", routing: Routing::Direct };

/// Routing key of the command to replay a delivery.
pub const REPLAY: &str = "webhook.replay";
/// Routing key of the command to send a ping.
pub const PING: &str = "webhook.ping";
/// Routing key of commands about recoveries.
pub const RECOVERY: &str = "webhook.recovery";
/// Routing key of accepted events.
pub const ACCEPTED: &str = "accepted";

/// All events, for the fan-out to subscriptions.
pub const WEBHOOK_EVENTS: Queue = Queue { name: "webhook-dispatcher.events", exchange: EVENTS, key: "#" };
/// Replays that were asked for.
pub const WEBHOOK_REPLAYS: Queue =
    Queue { name: "webhook-dispatcher.replays", exchange: COMMANDS, key: REPLAY };
/// Pings that were asked for.
pub const WEBHOOK_PINGS: Queue = Queue { name: "webhook-dispatcher.pings", exchange: COMMANDS, key: PING };
/// Recoveries that shall begin or end.
pub const WEBHOOK_RECOVERIES: Queue =
    Queue { name: "webhook-dispatcher.recoveries", exchange: COMMANDS, key: RECOVERY };
/// Accepted website and revenue events, for the worker that stores them.
pub const INGEST_EVENTS: Queue = Queue { name: "ingest-gateway.events", exchange: INGEST, key: ACCEPTED };

/// All exchanges.
pub const EXCHANGES: &[Exchange] = &[EVENTS, COMMANDS, INGEST];
/// All queues.
pub const QUEUES: &[Queue] =
    &[WEBHOOK_EVENTS, WEBHOOK_REPLAYS, WEBHOOK_PINGS, WEBHOOK_RECOVERIES, INGEST_EVENTS];

/// A message that took its consumer down this often is set aside.
const DELIVERY_LIMIT: i64 = 20;
/// Queues of tests vanish when unused for this long.
const TEST_EXPIRY_MS: i64 = 600_000;

impl Queue {
    /// Name of the queue for what could not be handled, before the prefix.
    #[must_use]
    pub fn dead_letters(&self) -> String {
        format!("{}.dead", self.name)
    }
}

/// Declares everything.
pub(crate) async fn declare(channel: &Channel, prefix: &str) -> lapin::Result<()> {
    let private = prefix.starts_with("test.");
    for exchange in EXCHANGES {
        let kind = match exchange.routing {
            Routing::Topic => ExchangeKind::Topic,
            Routing::Direct => ExchangeKind::Direct,
        };
        let options = ExchangeDeclareOptions { durable: true, auto_delete: private, ..Default::default() };
        let name = format!("{prefix}{}", exchange.name);
        channel.exchange_declare(name.into(), kind, options, FieldTable::default()).await?;
    }
    for queue in QUEUES {
        let name = format!("{prefix}{}", queue.name);
        let dead = format!("{prefix}{}", queue.dead_letters());
        let options = QueueDeclareOptions { durable: true, ..Default::default() };
        channel.queue_declare(dead.as_str().into(), options, arguments(private)).await?;
        let mut arguments = arguments(private);
        arguments.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(DELIVERY_LIMIT));
        arguments.insert("x-dead-letter-exchange".into(), AMQPValue::LongString("".into()));
        arguments.insert("x-dead-letter-routing-key".into(), AMQPValue::LongString(dead.into()));
        channel.queue_declare(name.as_str().into(), options, arguments).await?;
        let exchange = format!("{prefix}{}", queue.exchange.name);
        let bind = QueueBindOptions::default();
        channel
            .queue_bind(name.into(), exchange.into(), queue.key.into(), bind, FieldTable::default())
            .await?;
    }
    Ok(())
}

fn arguments(private: bool) -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    if private {
        arguments.insert("x-expires".into(), AMQPValue::LongLongInt(TEST_EXPIRY_MS));
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_are_named_after_their_consumer_and_fed_from_a_declared_exchange() {
        for queue in QUEUES {
            assert!(queue.name.contains('.'), "{}", queue.name);
            assert!(EXCHANGES.iter().any(|exchange| exchange.name == queue.exchange.name), "{}", queue.name);
        }
    }
}
