//! Activities: the timeline of a record.

use serde_json::{Value, json};

use crate::app::{App, errors};

fn activity(at: &str, contact: &str) -> Value {
    json!({ "data": {
        "type": "activities",
        "attributes": { "kind": "meeting", "subject": at, "occurred_at": at },
        "relationships": { "parent": { "data": { "type": "contacts", "id": contact } } },
    } })
}

#[tokio::test]
async fn a_timeline_shows_what_happened_last_first() {
    let app = App::spawn().await;
    let contact = app.create("contacts", json!({})).await;
    let mut ids = Vec::new();
    for at in ["2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z", "2026-01-01T00:00:00Z"] {
        let created = app.post("/api/v1/activities", activity(at, &contact)).await;
        assert_eq!(created.status, 201, "{}", created.json);
        ids.push(created.id());
    }
    let timeline = app.get(&format!("/api/v1/contacts/{contact}/activities")).await;
    assert_eq!(timeline.ids(), [&ids[1], &ids[0], &ids[2]].map(String::clone));
    let of_contacts = app.get("/api/v1/activities?q[parent_of_Contact_type_id_not_null]=1").await;
    assert_eq!(of_contacts.ids().len(), 3);
}

#[tokio::test]
async fn an_activity_is_of_a_known_kind_and_lasts_no_negative_time() {
    let app = App::spawn().await;
    let document = |attributes: Value| json!({ "data": { "type": "activities", "attributes": attributes } });
    let wrong = app.post("/api/v1/activities", document(json!({ "kind": "dance" }))).await;
    assert_eq!((wrong.status, wrong.errors()), (422, errors([("invalid", "/data/attributes/kind")])));
    let wrong = app.post("/api/v1/activities", document(json!({ "kind": "call", "duration_s": -1 }))).await;
    assert_eq!((wrong.status, wrong.errors()), (422, errors([("invalid", "/data/attributes/duration_s")])));
    let bare = app.post("/api/v1/activities", document(json!({ "kind": "custom" }))).await;
    assert_eq!(bare.status, 201, "{}", bare.json);
    assert_eq!(bare.json["data"]["attributes"]["parent_id"], Value::Null);
}
