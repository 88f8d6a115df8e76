//! Domain events and their form on the bus (`proto/pulse/events/v1/event.proto`).

use chrono::{DateTime, Utc};
use prost::Message;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::generated;
use crate::id::{EventId, RecordId, WorkspaceId};

/// Something that happened to one record of one workspace.
#[derive(Clone, Debug)]
pub struct Event {
    /// What receivers and consumers are idempotent on.
    pub id: EventId,
    /// The tenant it happened in.
    pub workspace_id: WorkspaceId,
    /// A name of the [catalogue](crate::catalogue), such as `contact.created`; the routing key on the bus.
    pub kind: String,
    /// When it happened; microsecond precision survives the bus.
    pub occurred_at: DateTime<Utc>,
    /// JSON:API type of the record, such as `contacts`.
    pub resource: String,
    /// The record.
    pub record_id: RecordId,
    /// The full record as flat JSON: its id and every attribute.
    pub data: Box<RawValue>,
    /// `{"attribute":[old,new]}` where the state before is known.
    pub changes: Option<Box<RawValue>>,
    /// Ties together everything that one request set in motion.
    pub correlation_id: Uuid,
    /// Position in the journal; 0 where the publisher has none.
    pub sequence: i64,
}

/// Why bytes from the bus are not an event.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The bytes are not the protobuf message.
    #[error("not an Event message")]
    Protobuf(#[from] prost::DecodeError),
    /// A field that must be a UUID of 16 bytes is not.
    #[error("{0} is not a UUID of 16 bytes")]
    Id(&'static str),
    /// A field that must be JSON is not.
    #[error("{0} is not JSON")]
    Json(&'static str, #[source] serde_json::Error),
    /// The record is not an object.
    #[error("data is not a JSON object")]
    Data,
    /// The time is outside of what can be represented.
    #[error("occurred_at_us is out of range")]
    Time,
    /// The event has no type.
    #[error("type is empty")]
    Kind,
}

impl Event {
    /// The bytes of the message.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        generated::Event {
            id: self.id.0.as_bytes().to_vec(),
            workspace_id: self.workspace_id.0.as_bytes().to_vec(),
            r#type: self.kind.clone(),
            occurred_at_us: self.occurred_at.timestamp_micros(),
            resource_type: self.resource.clone(),
            record_id: self.record_id.0.as_bytes().to_vec(),
            data: self.data.get().as_bytes().to_vec(),
            correlation_id: self.correlation_id.as_bytes().to_vec(),
            sequence: self.sequence,
            changes: self.changes.as_ref().map(|json| json.get().as_bytes().to_vec()).unwrap_or_default(),
        }
        .encode_to_vec()
    }

    /// Reads a message.
    ///
    /// # Errors
    /// When the bytes are not a complete event: such a message can never be handled.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let message = generated::Event::decode(bytes)?;
        if message.r#type.is_empty() {
            return Err(DecodeError::Kind);
        }
        let data = json("data", &message.data)?;
        // What is JSON and begins so is an object; blanks before it are no part of it.
        if !data.get().starts_with('{') {
            return Err(DecodeError::Data);
        }
        Ok(Self {
            id: EventId(uuid("id", &message.id)?),
            workspace_id: WorkspaceId(uuid("workspace_id", &message.workspace_id)?),
            kind: message.r#type,
            occurred_at: DateTime::from_timestamp_micros(message.occurred_at_us).ok_or(DecodeError::Time)?,
            resource: message.resource_type,
            record_id: RecordId(uuid("record_id", &message.record_id)?),
            data,
            changes: if message.changes.is_empty() { None } else { Some(json("changes", &message.changes)?) },
            correlation_id: uuid("correlation_id", &message.correlation_id)?,
            sequence: message.sequence,
        })
    }
}

fn uuid(field: &'static str, bytes: &[u8]) -> Result<Uuid, DecodeError> {
    bytes.try_into().map(Uuid::from_bytes).or(Err(DecodeError::Id(field)))
}

fn json(field: &'static str, bytes: &[u8]) -> Result<Box<RawValue>, DecodeError> {
    serde_json::from_slice(bytes).map_err(|error| DecodeError::Json(field, error))
}

/// RFC 3339 in UTC with `Z` and milliseconds: the one form of an instant in the CRM and in webhooks.
#[must_use]
pub fn timestamp(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event {
        Event {
            id: EventId::generate(),
            workspace_id: WorkspaceId::generate(),
            kind: "contact.created".into(),
            occurred_at: DateTime::from_timestamp_micros(1_767_225_600_123_456).expect("in range"),
            resource: "contacts".into(),
            record_id: RecordId::generate(),
            data: RawValue::from_string(r#"{"id":"1",  "first_name":"Ada"}"#.into()).expect("JSON"),
            changes: None,
            correlation_id: Uuid::now_v7(),
            sequence: 42,
        }
    }

    #[test]
    fn an_event_survives_the_bus_byte_for_byte() {
        let sent = event();
        let received = Event::decode(&sent.encode()).expect("decodes");
        assert_eq!(received.id, sent.id);
        assert_eq!(received.occurred_at, sent.occurred_at);
        assert_eq!(received.data.get(), sent.data.get());
        assert!(received.changes.is_none());
        assert_eq!(received.sequence, 42);
    }

    #[test]
    fn broken_messages_are_refused() {
        assert!(matches!(Event::decode(b"\xff\xff"), Err(DecodeError::Protobuf(_))));
        assert!(matches!(Event::decode(b""), Err(DecodeError::Kind)));
        let mut bad = event();
        bad.kind = "x".into();
        let mut message = generated::Event::decode(bad.encode().as_slice()).expect("decodes");
        message.record_id = vec![1, 2, 3];
        assert!(matches!(Event::decode(&message.encode_to_vec()), Err(DecodeError::Id("record_id"))));
        message.record_id = message.id.clone();
        message.data = b"{".to_vec();
        assert!(matches!(Event::decode(&message.encode_to_vec()), Err(DecodeError::Json("data", _))));
        for other in ["[]", "null", r#""{}""#, " 1"] {
            message.data = other.into();
            assert!(matches!(Event::decode(&message.encode_to_vec()), Err(DecodeError::Data)), "{other}");
        }
        message.data = b" {} ".to_vec();
        assert!(Event::decode(&message.encode_to_vec()).is_ok());
    }

    #[test]
    fn timestamps_have_milliseconds_and_a_z() {
        assert_eq!(timestamp(event().occurred_at), "2026-01-01T00:00:00.123Z");
    }
}
