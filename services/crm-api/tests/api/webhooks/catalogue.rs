//! The event catalogue, and whether what happens keeps to it.

use std::collections::BTreeSet;

use crm_api::resources::RESOURCES;
use pulse_domain::catalogue::KINDS;
use pulse_domain::{Event, EventId, RecordId, WorkspaceId, payload};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::subscribe;
use crate::app::{App, errors};
use crate::sample;

#[tokio::test]
async fn every_type_of_event_is_listed_with_a_schema_of_each_payload_version() {
    let app = App::spawn_without_relay().await;
    let list = app.get("/api/v1/event_types").await;
    assert_eq!(list.ids(), KINDS.iter().map(|kind| kind.name).collect::<Vec<_>>());
    for shown in list.json["data"].as_array().expect("a collection") {
        let one = app.get(shown["links"]["self"].as_str().expect("a link")).await;
        assert_eq!(&one.json["data"], shown);
        for version in payload::VERSIONS {
            let schema = &shown["attributes"]["schemas"][version.to_string()];
            assert!(jsonschema::draft202012::meta::is_valid(schema), "{schema}");
        }
    }
    let answer = app.get("/api/v1/event_types/contact.exploded").await;
    assert_eq!((answer.status, answer.errors()), (404, errors([("not_found", "")])));
}

/// Everything in the journal, as it goes out on the bus.
async fn journal(app: &App) -> Vec<Event> {
    let mut events = Vec::new();
    for page in 1.. {
        let list = app.get(&format!("/api/v1/events?sort=sequence&page[size]=100&page[number]={page}")).await;
        let rows = list.json["data"].as_array().expect("a collection");
        events.extend(rows.iter().map(event));
        if rows.len() < 100 {
            break;
        }
    }
    events
}

fn event(row: &Value) -> Event {
    let attributes = &row["attributes"];
    let text = |name: &str| attributes[name].as_str().expect("a text").to_owned();
    let id = |text: &str| text.parse::<Uuid>().expect("an id");
    let raw = |name: &str| serde_json::value::to_raw_value(&attributes[name]).expect("JSON");
    Event {
        id: EventId(id(row["id"].as_str().expect("an id"))),
        workspace_id: WorkspaceId::generate(),
        kind: text("event_type"),
        occurred_at: text("occurred_at").parse().expect("an instant"),
        resource: text("resource_type"),
        record_id: RecordId(id(&text("record_id"))),
        data: raw("data"),
        changes: (!attributes["changes"].is_null()).then(|| raw("changes")),
        correlation_id: id(&text("correlation_id")),
        sequence: attributes["sequence"].as_i64().expect("a number"),
    }
}

#[tokio::test]
async fn what_is_sent_of_real_events_is_what_the_catalogue_says() {
    let app = App::spawn_without_relay().await;
    let caller = app.caller();
    for resource in RESOURCES.iter().filter(|resource| resource.events.is_some() && resource.actions.create) {
        let sample = sample::create(&caller, resource).await;
        if resource.actions.destroy && resource.has_trash() {
            caller.send(Method::DELETE, &sample.path(), None).await;
            caller.send(Method::POST, &format!("{}/restore", sample.path()), None).await;
        }
    }
    let company = app.create("companies", json!({ "name": "Acme" })).await;
    let related = [("company", "companies", company.as_str())];
    let contact = app.create_with("contacts", json!({ "last_name": "Lovelace" }), &related).await;
    app.change("contacts", &contact, json!({ "first_name": "Ada" })).await;

    let mut seen = BTreeSet::new();
    for event in journal(&app).await {
        let described = app.get(&format!("/api/v1/event_types/{}", event.kind)).await;
        let schemas = &described.json["data"]["attributes"]["schemas"];
        for version in payload::VERSIONS {
            let body = payload::render(version, &event).expect("it is rendered");
            let body: Value = serde_json::from_slice(&body).expect("JSON");
            let schema = &schemas[version.to_string()];
            let validator =
                jsonschema::options().should_validate_formats(true).build(schema).expect("a schema");
            let faults: Vec<String> = validator.iter_errors(&body).map(|fault| fault.to_string()).collect();
            assert!(faults.is_empty(), "{} {version}: {faults:?} in {body}", event.kind);
        }
        seen.insert(event.kind);
    }
    for kind in ["contact.updated", "contact.deleted", "contact.restored", "deal.created", "note.created"] {
        assert!(seen.contains(kind), "{kind} is not among {seen:?}");
    }
}

#[tokio::test]
async fn an_event_of_a_deleted_contact_has_the_whole_record() {
    let app = App::spawn_without_relay().await;
    let contact = app.create("contacts", json!({ "first_name": "Ada", "last_name": "Lovelace" })).await;
    app.delete(&format!("/api/v1/contacts/{contact}")).await;
    let [created, deleted] = journal(&app).await.try_into().expect("two events");
    let data = |event: &Event| serde_json::from_str::<Value>(event.data.get()).expect("JSON");
    let (mut was, mut is) = (data(&created), data(&deleted));
    assert_eq!(is["first_name"], "Ada");
    for data in [&mut was, &mut is] {
        data.as_object_mut().expect("an object").remove("updated_at");
    }
    assert_eq!((deleted.kind.as_str(), is), ("contact.deleted", was));
}

#[tokio::test]
async fn new_subscriptions_pin_the_version_of_the_workspace_and_others_keep_theirs() {
    let app = App::spawn_without_relay().await;
    let path = "/api/v1/webhook_subscriptions/default_payload_version";
    let shown = app.get(path).await;
    assert_eq!(shown.json["meta"], json!({ "payload_version": 1, "known": [1, 2] }));
    let first = subscribe(&app, json!({})).await;

    let set = app.post(path, json!({ "payload_version": 2 })).await;
    assert_eq!((set.status, &set.json["meta"]["payload_version"]), (200, &json!(2)));
    let answer = app.post(path, json!({ "payload_version": 3 })).await;
    assert_eq!((answer.status, answer.errors()), (422, errors([("invalid", "/payload_version")])));

    let version = async |id: &str| {
        let shown = app.get(&format!("/api/v1/webhook_subscriptions/{id}")).await;
        shown.json["data"]["attributes"]["payload_version"].clone()
    };
    assert_eq!(version(&first.id()).await, 1);
    assert_eq!(version(&subscribe(&app, json!({})).await.id()).await, 2);
    assert_eq!(version(&subscribe(&app, json!({ "payload_version": 1 })).await.id()).await, 1);
    let other = app.as_another_workspace().await.get(path).await;
    assert_eq!(other.json["meta"]["payload_version"], 1);
}

#[tokio::test]
async fn addresses_that_webhooks_come_from_are_those_of_the_settings() {
    let app = App::spawn_without_relay().await;
    assert_eq!(app.get("/api/v1/webhook_egress_ips").await.json["meta"], json!({ "addresses": [] }));
    let app = App::spawn_with(|settings| {
        settings.egress.addresses = "203.0.113.7, 2001:db8::/64".parse().expect("networks");
    })
    .await;
    let shown = app.get("/api/v1/webhook_egress_ips").await;
    assert_eq!(shown.json["meta"], json!({ "addresses": ["203.0.113.7/32", "2001:db8::/64"] }));
}
