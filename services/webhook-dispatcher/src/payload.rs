//! What a receiver gets: the bytes of an event in a payload version.
//!
//! They are rendered once and stored; every attempt, retry and replay sends the stored bytes. A version never changes
//! once it has been released: receivers pin it.

use pulse_domain::Event;
use pulse_domain::event::timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

/// Version 1: the four documented keys, in the documented order.
#[derive(Serialize)]
struct Version1<'a> {
    event_id: pulse_domain::EventId,
    event_type: &'a str,
    timestamp: String,
    /// The record as the event carries it, byte for byte.
    data: &'a RawValue,
}

/// Renders an event; `None` where this program does not know the version.
///
/// # Panics
/// Never: what is rendered is text and JSON.
pub(crate) fn render(version: i32, event: &Event) -> Option<Vec<u8>> {
    let body = match version {
        1 => Version1 {
            event_id: event.id,
            event_type: &event.kind,
            timestamp: timestamp(event.occurred_at),
            data: &event.data,
        },
        _ => return None,
    };
    Some(serde_json::to_vec(&body).expect("text and JSON render"))
}

#[cfg(test)]
mod tests {
    use pulse_domain::{EventId, RecordId, WorkspaceId};
    use uuid::Uuid;

    use super::*;

    fn event() -> Event {
        Event {
            id: EventId(Uuid::from_u128(1)),
            workspace_id: WorkspaceId(Uuid::from_u128(2)),
            kind: "contact.created".into(),
            occurred_at: "2026-01-01T00:00:00.123456Z".parse().expect("a time"),
            resource: "contacts".into(),
            record_id: RecordId(Uuid::from_u128(3)),
            data: RawValue::from_string(r#"{"id":"3", "b":1.10,"a":"é"}"#.into()).expect("JSON"),
            changes: None,
            correlation_id: Uuid::from_u128(4),
            sequence: 5,
        }
    }

    #[test]
    fn version_1_has_the_four_keys_in_order_and_the_record_untouched() {
        let expected = concat!(
            r#"{"event_id":"00000000-0000-0000-0000-000000000001","event_type":"contact.created","#,
            r#""timestamp":"2026-01-01T00:00:00.123Z","data":{"id":"3", "b":1.10,"a":"é"}}"#
        );
        assert_eq!(render(1, &event()).expect("known"), expected.as_bytes());
    }

    #[test]
    fn a_version_from_the_future_is_not_guessed() {
        assert_eq!(render(2, &event()), None);
    }
}
