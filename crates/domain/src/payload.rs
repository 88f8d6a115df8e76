//! What a receiver gets: the bytes of an event in a payload version.
//!
//! They are rendered once and stored; every attempt, retry and replay sends the stored bytes. A version never changes
//! once it has been released: receivers pin it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::event::timestamp;
use crate::linkage::{self, Linkage, Target};
use crate::{Event, EventId, RecordId};

/// The versions there are.
pub const VERSIONS: [i32; 2] = [1, 2];

/// The four documented keys, in the documented order, and what later versions add behind them.
#[derive(Serialize)]
struct Payload<'a, D> {
    event_id: EventId,
    event_type: &'a str,
    timestamp: String,
    data: D,
    #[serde(flatten)]
    more: Option<More<'a>>,
}

/// What version 2 adds.
#[derive(Serialize)]
struct More<'a> {
    /// `{"attribute":[old,new]}`; null where nothing is known of the state before.
    changes: Option<&'a RawValue>,
    correlation_id: Uuid,
}

/// Why an event has no bytes in a version.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The version is not one of this program's.
    #[error("payload version {0} is from the future")]
    Version(i32),
    /// The record that the event shows is not an object.
    #[error("the data of the event is not an object")]
    Data(#[source] serde_json::Error),
}

/// Renders an event in a version.
///
/// Version 1 shows the record as the event carries it, byte for byte. Version 2 shows it as a JSON:API resource object,
/// and says what changed and what belongs together.
///
/// # Errors
/// When the version is not known, or the event's data is not an object.
///
/// # Panics
/// Never: what is rendered is text and JSON.
pub fn render(version: i32, event: &Event) -> Result<Vec<u8>, Error> {
    let rendered = match version {
        1 => serde_json::to_vec(&payload(event, &event.data, None)),
        2 => {
            let Members(members) = serde_json::from_str(event.data.get()).map_err(Error::Data)?;
            let object = Object {
                resource: &event.resource,
                id: event.record_id,
                members,
                linkages: linkage::of(&event.resource),
            };
            let more = More { changes: event.changes.as_deref(), correlation_id: event.correlation_id };
            serde_json::to_vec(&payload(event, object, Some(more)))
        }
        unknown => return Err(Error::Version(unknown)),
    };
    Ok(rendered.expect("text and JSON render"))
}

fn payload<'a, D>(event: &'a Event, data: D, more: Option<More<'a>>) -> Payload<'a, D> {
    Payload {
        event_id: event.id,
        event_type: &event.kind,
        timestamp: timestamp(event.occurred_at),
        data,
        more,
    }
}

/// The members of an object in their order, their values as they are written.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<Name<'de>, &'de RawValue>()? {
                    members.push((name.0, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

/// A name, which is borrowed unless it has escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// A record as a JSON:API resource object.
struct Object<'a> {
    resource: &'a str,
    id: RecordId,
    members: Vec<(Cow<'a, str>, &'a RawValue)>,
    linkages: &'static [Linkage],
}

impl Object<'_> {
    fn member(&self, name: &str) -> Option<&RawValue> {
        self.members.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
    }

    /// Where a relationship leads; nothing where the event does not say.
    fn linkage(&self, linkage: &Linkage) -> Option<Related<'_>> {
        let id = self.member(linkage.column)?;
        let target = match linkage.target {
            Target::One(target) => Cow::Borrowed(target),
            Target::Any(column) => serde_json::from_str(self.member(column)?.get()).unwrap_or_default(),
        };
        Some(Related { data: (id.get() != "null").then_some(Identifier { r#type: target, id }) })
    }
}

#[derive(Serialize)]
struct Related<'a> {
    data: Option<Identifier<'a>>,
}

#[derive(Serialize)]
struct Identifier<'a> {
    r#type: Cow<'a, str>,
    id: &'a RawValue,
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // The columns of polymorphic relationships are attributes as well.
        let is_key = |name: &str| {
            let one = |linkage: &&Linkage| matches!(linkage.target, Target::One(_));
            self.linkages.iter().filter(one).any(|linkage| linkage.column == name)
        };
        let attributes = self.members.iter().filter(|(name, _)| name != "id" && !is_key(name));
        let related = self.linkages.iter().filter_map(|linkage| Some((linkage.name, self.linkage(linkage)?)));
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("type", self.resource)?;
        object.serialize_entry("id", &self.id)?;
        object.serialize_entry(
            "attributes",
            &Entries(attributes.map(|(name, value)| (name.as_ref(), value)).collect()),
        )?;
        object.serialize_entry("relationships", &Entries(related.collect()))?;
        object.end()
    }
}

/// Members of an object that is written.
struct Entries<'a, V>(Vec<(&'a str, V)>);

impl<V: Serialize> Serialize for Entries<'_, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::WorkspaceId;

    fn event(resource: &str, data: &str) -> Event {
        Event {
            id: EventId(Uuid::from_u128(1)),
            workspace_id: WorkspaceId(Uuid::from_u128(2)),
            kind: "contact.created".into(),
            occurred_at: "2026-01-01T00:00:00.123456Z".parse().expect("a time"),
            resource: resource.into(),
            record_id: RecordId(Uuid::from_u128(3)),
            data: RawValue::from_string(data.into()).expect("JSON"),
            changes: None,
            correlation_id: Uuid::from_u128(4),
            sequence: 5,
        }
    }

    const HEAD: &str = concat!(
        r#"{"event_id":"00000000-0000-0000-0000-000000000001","event_type":"contact.created","#,
        r#""timestamp":"2026-01-01T00:00:00.123Z","data":"#
    );

    fn rendered(version: i32, event: &Event) -> String {
        String::from_utf8(render(version, event).expect("it is rendered")).expect("UTF-8")
    }

    #[test]
    fn version_1_has_the_four_keys_in_order_and_the_record_untouched() {
        let data = r#"{"id":"3", "b":1.10,"a":"é"}"#;
        assert_eq!(rendered(1, &event("contacts", data)), format!("{HEAD}{data}}}"));
    }

    #[test]
    fn version_2_shows_a_resource_object_and_what_changed() {
        let data = r#"{"id":"00000000-0000-0000-0000-000000000003","first_name":"A\u00e9","score":1.10,"company_id":"00000000-0000-0000-0000-000000000009","owner_id":null}"#;
        let mut event = event("contacts", data);
        event.changes = Some(RawValue::from_string(r#"{"score":[1.00,1.10]}"#.into()).expect("JSON"));
        let body = concat!(
            r#"{"type":"contacts","id":"00000000-0000-0000-0000-000000000003","#,
            r#""attributes":{"first_name":"A\u00e9","score":1.10},"relationships":{"#,
            r#""company":{"data":{"type":"companies","id":"00000000-0000-0000-0000-000000000009"}},"owner":{"data":null}},"#,
        );
        let body = body.trim_end_matches(',');
        let behind =
            r#","changes":{"score":[1.00,1.10]},"correlation_id":"00000000-0000-0000-0000-000000000004"}"#;
        assert_eq!(rendered(2, &event), format!("{HEAD}{body}}}{behind}"));
    }

    #[test]
    fn version_2_follows_polymorphic_relationships_and_knows_nothing_of_strange_records() {
        let data = r#"{"id":"3","body":"x","parent_type":"deals","parent_id":"9"}"#;
        let shown: serde_json::Value =
            serde_json::from_str(&rendered(2, &event("notes", data))).expect("JSON");
        assert_eq!(
            shown["data"]["relationships"]["parent"]["data"],
            serde_json::json!({ "type": "deals", "id": "9" })
        );
        assert_eq!(shown["data"]["attributes"]["parent_type"], "deals");
        assert_eq!(shown["changes"], serde_json::Value::Null);
        let shown: serde_json::Value =
            serde_json::from_str(&rendered(2, &event("planets", r#"{"id":"3","owner_id":"9"}"#)))
                .expect("JSON");
        assert_eq!(shown["data"]["attributes"], serde_json::json!({ "owner_id": "9" }));
        assert_eq!(shown["data"]["relationships"], serde_json::json!({}));
    }

    #[test]
    fn a_version_from_the_future_is_not_guessed() {
        assert!(matches!(render(3, &event("contacts", "{}")), Err(Error::Version(3))));
        assert!(matches!(render(2, &event("contacts", "[]")), Err(Error::Data(_))));
        for version in VERSIONS {
            assert!(render(version, &event("contacts", "{}")).is_ok());
        }
    }
}
