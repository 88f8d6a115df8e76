//! Publishes one event of the catalogue, as a service outside of this repository would: docs/publishing.md.
//!
//! ```sh
//! BROKER_URL=amqp://guest:guest@127.0.0.1:5672/%2f \
//!     cargo run --example publish -- WORKSPACE contact.updated RECORD '{"id":"…","first_name":"Ada"}' [EVENT]
//! ```
//!
//! Prints `{"event_id":"…"}` once the broker has the event on its disks. Give the id of before to publish it again: it is
//! delivered once.

use anyhow::{Context, bail};
use chrono::Utc;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Confirmation, Connection, ConnectionProperties};
use pulse_domain::{Event, EventId, RecordId, WorkspaceId, catalogue};
use serde_json::json;
use serde_json::value::RawValue;
use uuid::Uuid;

/// Where events go; the routing key is the type of the event.
const EXCHANGE: &str = "pulse.events";
/// The broker writes the message to disk.
const PERSISTENT: u8 = 2;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let event = event(std::env::args().skip(1).collect())?;
    let url = variable("BROKER_URL").unwrap_or_else(|| "amqp://guest:guest@127.0.0.1:5672/%2f".into());
    // Services share a broker where each installation has a prefix (`bus.prefix`).
    let exchange = format!("{}{EXCHANGE}", variable("BROKER_PREFIX").unwrap_or_default());

    let connection = Connection::connect(&url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let properties = BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_message_id(event.id.0.to_string().into())
        .with_type(event.kind.as_str().into());
    // Mandatory: an event that no queue takes comes back, and is not lost unnoticed.
    let options = BasicPublishOptions { mandatory: true, ..Default::default() };
    let confirm = channel
        .basic_publish(exchange.into(), event.kind.as_str().into(), options, &event.encode(), properties)
        .await?;
    match confirm.await? {
        Confirmation::Ack(None) => println!("{}", json!({ "event_id": event.id.0 })),
        other => bail!("the broker has not taken the event, publish it again under its id: {other:?}"),
    }
    Ok(connection.close(200, "done".into()).await?)
}

fn event(arguments: Vec<String>) -> anyhow::Result<Event> {
    let [workspace, kind, record, data, id @ ..] = &arguments[..] else {
        bail!("publish WORKSPACE TYPE RECORD DATA [EVENT]");
    };
    let known = catalogue::find(kind).with_context(|| format!("{kind} is not in docs/events.md"))?;
    Ok(Event {
        id: match id {
            [id, ..] => EventId(id.parse()?),
            [] => EventId::generate(),
        },
        workspace_id: WorkspaceId(workspace.parse()?),
        kind: kind.clone(),
        occurred_at: Utc::now(),
        resource: known.resource.into(),
        record_id: RecordId(record.parse()?),
        data: RawValue::from_string(data.clone())?,
        changes: None,
        correlation_id: Uuid::now_v7(),
        // There is no journal behind it.
        sequence: 0,
    })
}

/// A variable that is set and not empty.
fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "an example has no settings of a service")]
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
