//! RabbitMQ: what travels between services, and how nothing of it gets lost.
//!
//! In reading order: [`settings`] leads to a broker, [`topology`] is every exchange and queue as data, [`publish`]
//! hands messages over and waits for the broker's confirm, [`consume`] takes them and acknowledges what was handled,
//! [`dead_letters`] is the way back for what could not be.

pub mod consume;
pub mod dead_letters;
mod link;
pub mod message;
pub mod publish;
pub mod settings;
pub mod topology;

pub use consume::{Consumer, Failure};
pub use message::{Incoming, Outgoing};
pub use publish::{Publisher, Unavailable};
pub use settings::Settings;
