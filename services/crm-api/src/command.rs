//! Asking another service to do something: a command on the bus, safe once the broker has it.

use pulse_bus::Outgoing;
use pulse_bus::topology::COMMANDS;
use uuid::Uuid;

use crate::{App, Error};

/// Sends a command; `key` says what it is, `id` names what shall come of it.
///
/// # Errors
/// When the broker does not confirm.
pub(crate) async fn send(app: &App, key: &str, id: Uuid, body: Vec<u8>) -> Result<(), Error> {
    let message = Outgoing { exchange: COMMANDS, routing_key: key.into(), id, body };
    Ok(app.0.publisher.publish(&message).await?)
}
