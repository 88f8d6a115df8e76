//! Messages, and the trace that they carry along.

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector};
use opentelemetry::trace::TraceContextExt;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use uuid::Uuid;

use crate::topology::Exchange;

/// Header that says why a message was set aside.
pub(crate) const REASON: &str = "x-pulse-reason";

/// Delivery mode 2: the broker writes the message to disk.
const PERSISTENT: u8 = 2;

/// A message to be published.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Where it goes.
    pub exchange: Exchange,
    /// What it is routed by.
    pub routing_key: String,
    /// Message id; what consumers are idempotent on.
    pub id: Uuid,
    /// Its content.
    pub body: Vec<u8>,
}

/// A message that arrived.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// Message id, where the publisher gave one.
    pub id: Option<String>,
    /// What it was routed by.
    pub routing_key: String,
    /// Whether it may have been delivered before.
    pub redelivered: bool,
    /// Its content.
    pub body: Vec<u8>,
    pub(crate) properties: BasicProperties,
}

impl Incoming {
    /// The trace that the message was published in.
    fn context(&self) -> Context {
        let headers = Headers(self.properties.headers().clone().unwrap_or_default());
        opentelemetry::global::get_text_map_propagator(|propagator| propagator.extract(&headers))
    }
}

/// The span in which a batch is handled: it continues the trace of the first message and is linked to those of the
/// others.
pub(crate) fn batch_span(queue: &'static str, batch: &[Incoming]) -> Span {
    let span = tracing::info_span!("batch", queue, messages = batch.len());
    if let Some((first, others)) = batch.split_first() {
        // Fails only where tracing is off, and then there is nothing to continue.
        let _ = span.set_parent(first.context());
        for other in others {
            span.add_link(other.context().span().span_context().clone());
        }
    }
    span
}

/// Properties of a message that is published in the current span.
pub(crate) fn properties(id: Uuid, kind: &str) -> BasicProperties {
    let mut headers = Headers(FieldTable::default());
    let context = Span::current().context();
    opentelemetry::global::get_text_map_propagator(|propagator| {
        propagator.inject_context(&context, &mut headers);
    });
    BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_message_id(id.to_string().into())
        .with_type(kind.into())
        .with_headers(headers.0)
}

struct Headers(FieldTable);

impl Injector for Headers {
    fn set(&mut self, key: &str, value: String) {
        self.0.insert(key.into(), AMQPValue::LongString(LongString::from(value)));
    }
}

impl Extractor for Headers {
    fn get(&self, key: &str) -> Option<&str> {
        match self.0.inner().get(key) {
            Some(AMQPValue::LongString(value)) => std::str::from_utf8(value.as_bytes()).ok(),
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        self.0.inner().keys().map(ShortString::as_str).collect()
    }
}
