//! Sequences: starting one makes its tasks, once.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{App, errors};

#[tokio::test]
async fn starting_a_sequence_makes_its_tasks_once_per_enrolment() {
    let app = App::spawn().await;
    let contact = app.create("contacts", json!({})).await;
    let steps =
        json!([{ "title": "Ask", "after_days": 3 }, { "title": "Ask again", "body": "!", "after_days": 14 }]);
    let sequence = app.create("sequences", json!({ "name": "Review", "steps": steps })).await;
    let start = format!("/api/v1/sequences/{sequence}/start");
    let body = json!({ "contact_id": contact, "enrollment_id": Uuid::now_v7() });
    let started = app.post(&start, body.clone()).await;
    assert_eq!((started.status, &started.json["data"]["type"]), (201, &json!("sequence_enrollments")));
    let again = app.post(&start, body.clone()).await;
    assert_eq!((again.status, again.id()), (200, started.id()));

    let tasks = app.get(&format!("/api/v1/contacts/{contact}/tasks?sort=due_at")).await;
    let titles: Vec<&Value> = tasks.json["data"]
        .as_array()
        .expect("tasks")
        .iter()
        .map(|task| &task["attributes"]["title"])
        .collect();
    assert_eq!(titles, ["Ask", "Ask again"]);
    let events = app.get("/api/v1/events?sort=sequence&q[resource_type_in][]=tasks&q[resource_type_in][]=sequence_enrollments").await;
    assert_eq!(events.ids().len(), 3);

    let stranger = app.create("contacts", json!({})).await;
    let taken = json!({ "contact_id": stranger, "enrollment_id": body["enrollment_id"] });
    let answer = app.post(&start, taken).await;
    assert_eq!((answer.status, answer.errors()), (409, errors([("id_taken", "/enrollment_id")])));
}

#[tokio::test]
async fn a_sequence_that_cannot_start_says_why() {
    let app = App::spawn().await;
    let sequence = app.create("sequences", json!({ "name": "Review", "steps": [] })).await;
    let start = format!("/api/v1/sequences/{sequence}/start");
    let answer = app.post(&start, json!({ "contact_id": Uuid::now_v7() })).await;
    assert_eq!((answer.status, answer.errors()), (404, errors([("related_not_found", "/contact_id")])));
    let answer = app.post(&start, json!({})).await;
    assert_eq!((answer.status, answer.errors()), (400, errors([("malformed_document", "")])));
    let steps = json!([{ "title": "x", "after_days": 1 }, { "title": "x", "after_days": -1 }, 7]);
    let document =
        json!({ "data": { "type": "sequences", "attributes": { "name": "Bad", "steps": steps } } });
    let answer = app.post("/api/v1/sequences", document).await;
    let at = |step: &'static str| ("invalid", step);
    let expected = [at("/data/attributes/steps/1"), at("/data/attributes/steps/2")];
    assert_eq!((answer.status, answer.errors()), (422, errors(expected)));
}
