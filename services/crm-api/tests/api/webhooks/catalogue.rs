//! The event catalogue, and what new subscriptions are sent.

use pulse_domain::catalogue::KINDS;
use pulse_domain::{Event, payload};
use serde_json::{Value, json};

use super::schemas::journal;
use super::subscribe;
use crate::app::{App, errors};

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
