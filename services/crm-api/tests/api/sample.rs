//! A record of any resource, made through the API from nothing but its declaration.

use std::pin::Pin;

use pulse_jsonapi::ransack::Kind;
use pulse_resource::{Attribute, Link, Relationship, Resource};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::app::{Answer, Caller};

/// A record that was created, and those that it needed.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) resource: &'static Resource,
    pub(crate) id: String,
    pub(crate) needed: Vec<Sample>,
}

impl Sample {
    pub(crate) fn path(&self) -> String {
        format!("/api/v1/{}/{}", self.resource.path(), self.id)
    }

    /// Its id and those of the records that it needed.
    pub(crate) fn ids(&self) -> Vec<&str> {
        let needed = self.needed.iter().flat_map(Self::ids);
        std::iter::once(self.id.as_str()).chain(needed).collect()
    }
}

/// Creates a record with all required fields, after the records that it needs.
pub(crate) fn create<'a>(
    caller: &'a Caller<'_>,
    resource: &'static Resource,
) -> Pin<Box<dyn Future<Output = Sample> + 'a>> {
    Box::pin(async move {
        let (answer, needed) = post(caller, resource).await;
        Sample { resource, id: answer.id(), needed }
    })
}

/// The same, with what was answered and the records that it needed.
pub(crate) async fn post(caller: &Caller<'_>, resource: &'static Resource) -> (Answer, Vec<Sample>) {
    let mut needed = Vec::new();
    let mut relationships = Map::new();
    for relationship in resource.relationships.iter().filter(|relationship| required(relationship)) {
        let target = create(caller, relationship.targets()[0]).await;
        let identifier = json!({ "type": target.resource.name, "id": target.id });
        relationships.insert(relationship.name.to_owned(), json!({ "data": identifier }));
        needed.push(target);
    }
    let required = resource.attributes.iter().filter(|attribute| attribute.required);
    let attributes: Map<String, Value> =
        required.map(|attribute| (attribute.name.to_owned(), value(resource, attribute))).collect();
    let document = json!({ "data": {
        "type": resource.name, "attributes": attributes, "relationships": relationships,
    } });
    let answer = caller.post(&format!("/api/v1/{}", resource.path()), document).await;
    assert_eq!(answer.status, 201, "{}: {}", resource.name, answer.json);
    (answer, needed)
}

fn required(relationship: &Relationship) -> bool {
    matches!(
        relationship.link,
        Link::BelongsTo { nullable: false, writable: true, .. }
            | Link::BelongsToAny { nullable: false, writable: true, .. }
    )
}

/// A value that an attribute takes; another one each time, where it is a text.
fn value(resource: &Resource, attribute: &Attribute) -> Value {
    match (resource.name, attribute.name) {
        (_, "url") => json!("http://127.0.0.1:9/"),
        (_, "email") => json!(format!("{}@pulse.test", Uuid::now_v7())),
        ("webhook_subscriptions", "event_types") => json!(["*"]),
        ("bookings", "ends_at") => json!("2026-01-31T13:00:00Z"),
        ("bookings", "timezone") => json!("Europe/Madrid"),
        ("saved_views", "resource") => json!("contacts"),
        ("workflows", "definition") => json!({ "steps": [] }),
        ("sequences", "steps") => json!([]),
        ("api_tokens", "scopes") => json!(["*:read"]),
        ("custom_fields", "key") => json!(format!("k{}", Uuid::now_v7().simple())),
        _ => match attribute.kind {
            Kind::Text => match attribute.choices.first() {
                Some(choice) => json!(choice),
                None => json!(Uuid::now_v7().to_string()),
            },
            Kind::Integer | Kind::BigInteger | Kind::Float => json!(1),
            Kind::Decimal { .. } => json!("1.00"),
            Kind::Boolean => json!(true),
            Kind::Date => json!("2026-01-31"),
            Kind::DateTime => json!("2026-01-31T12:00:00Z"),
            Kind::Uuid => json!(Uuid::now_v7()),
            Kind::Json => json!({}),
        },
    }
}
