//! The event catalogue, as subscribers read it: every type of event, with a JSON Schema of what is sent of it in each
//! payload version. It follows from the declarations, like the events themselves.

mod schema;

use std::sync::LazyLock;

use actix_web::{HttpRequest, HttpResponse, web};
use pulse_domain::catalogue::KINDS;
use pulse_domain::payload;
use pulse_jsonapi::document::{Links, Writer};
use pulse_jsonapi::{BASE, Code, Problem};
use pulse_resource::Deed;
use serde_json::{Map, Value, json};

use super::webhook_subscriptions::WEBHOOK_SUBSCRIPTIONS;
use crate::auth::Caller;
use crate::operation::{Answer, Operation, Verb};
use crate::{Error, answer};

const NAME: &str = "event_types";

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        id: "list_event_types",
        summary: "Every type of event",
        description: "With a JSON Schema of what webhooks send of it, by payload version.",
        verb: Verb::Get,
        path: "/event_types",
        right: Some((&WEBHOOK_SUBSCRIPTIONS, Deed::Read)),
        answers: &[Answer::Data(200, || json!({ "type": "array", "items": described() }))],
        handler: || web::to(list),
        ..Operation::DEFAULT
    },
    Operation {
        id: "show_event_type",
        summary: "One type of event",
        verb: Verb::Get,
        path: "/event_types/{event_type}",
        right: Some((&WEBHOOK_SUBSCRIPTIONS, Deed::Read)),
        answers: &[Answer::Data(200, described)],
        handler: || web::to(show),
        ..Operation::DEFAULT
    },
];

/// The catalogue as resource objects, in its order.
static EVENT_TYPES: LazyLock<Vec<(&str, String)>> = LazyLock::new(|| {
    KINDS
        .iter()
        .map(|kind| {
            let schemas: Map<String, Value> = payload::VERSIONS
                .iter()
                .map(|version| (version.to_string(), schema::of(kind, *version)))
                .collect();
            let object = json!({
                "type": NAME,
                "id": kind.name,
                "attributes": { "resource_type": kind.resource, "description": kind.meaning, "schemas": schemas },
                "links": { "self": format!("{BASE}/{NAME}/{}", kind.name) },
            });
            (kind.name, object.to_string())
        })
        .collect()
});

/// The schema of a type of event.
fn described() -> Value {
    json!({
        "type": "object",
        "required": ["type", "id", "attributes", "links"],
        "properties": {
            "type": { "const": NAME },
            "id": { "type": "string", "examples": ["contact.created"] },
            "attributes": {
                "type": "object",
                "required": ["resource_type", "description", "schemas"],
                "properties": {
                    "resource_type": { "type": "string", "description": "What `data` shows." },
                    "description": { "type": "string" },
                    "schemas": {
                        "type": "object",
                        "description": "JSON Schemas of the body, by payload version.",
                        "additionalProperties": { "type": "object" },
                    },
                },
            },
            "links": { "type": "object" },
        },
    })
}

async fn list(request: HttpRequest, _caller: Caller) -> Result<HttpResponse, Error> {
    let mut writer = Writer::collection(&Links::new(answer::self_link(&request)));
    for (_, object) in EVENT_TYPES.iter() {
        writer.resource().extend_from_slice(object.as_bytes());
    }
    Ok(answer::fetched(&request, writer.finish(None), None))
}

async fn show(request: HttpRequest, _caller: Caller) -> Result<HttpResponse, Error> {
    let name = request.match_info().query("event_type");
    let known = EVENT_TYPES.iter().find(|(known, _)| *known == name);
    let (_, object) =
        known.ok_or_else(|| Problem::new(Code::NotFound, format!("There is no event type {name:?}.")))?;
    let mut writer = Writer::single(&Links::new(answer::self_link(&request)));
    writer.resource().extend_from_slice(object.as_bytes());
    Ok(answer::fetched(&request, writer.finish(None), None))
}
