//! Tickets: numbers, what follows from a status, and what messages do to their ticket.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{Answer, App, errors};

async fn patch(app: &App, id: &str, attributes: Value) -> Answer {
    let document = json!({ "data": { "type": "tickets", "id": id, "attributes": attributes } });
    app.patch(&format!("/api/v1/tickets/{id}"), document).await
}

async fn say(app: &App, ticket: &str, direction: &str) -> Answer {
    let document = json!({ "data": {
        "type": "ticket_messages",
        "attributes": { "direction": direction, "body": "Hello" },
        "relationships": { "ticket": { "data": { "type": "tickets", "id": ticket } } },
    } });
    let answer = app.post("/api/v1/ticket_messages", document).await;
    assert_eq!(answer.status, 201, "{}", answer.json);
    answer
}

async fn shown(app: &App, id: &str) -> Value {
    app.get(&format!("/api/v1/tickets/{id}")).await.json["data"]["attributes"].clone()
}

async fn event_types(app: &App, id: &str) -> Vec<String> {
    let events = app.get(&format!("/api/v1/events?q[record_id_eq]={id}&sort=sequence")).await;
    let types = events.json["data"].as_array().expect("events").iter();
    types.map(|event| event["attributes"]["event_type"].as_str().expect("a type").to_owned()).collect()
}

#[tokio::test]
async fn tickets_are_numbered_by_workspace_without_gaps() {
    let app = App::spawn().await;
    app.create("tickets", json!({ "subject": "One" })).await;
    let id = Uuid::now_v7();
    let document =
        json!({ "data": { "type": "tickets", "id": id, "attributes": { "subject": "Two", "csat": 6 } } });
    let refused = app.post("/api/v1/tickets", document).await;
    assert_eq!((refused.status, refused.errors()), (422, errors([("invalid", "/data/attributes/csat")])));
    app.create("tickets", json!({ "subject": "Two" })).await;
    let other = app.as_another_workspace().await;
    other.create("tickets", json!({ "subject": "One of theirs" })).await;

    let numbers = |answer: &Answer| -> Vec<Value> {
        let tickets = answer.json["data"].as_array().expect("tickets").iter();
        tickets.map(|ticket| ticket["attributes"]["number"].clone()).collect()
    };
    assert_eq!(numbers(&app.get("/api/v1/tickets?sort=number").await), [1, 2]);
    assert_eq!(numbers(&other.get("/api/v1/tickets").await), [1]);
}

#[tokio::test]
async fn many_tickets_at_once_get_different_numbers() {
    let app = App::spawn().await;
    let create = |number: usize| app.create("tickets", json!({ "subject": format!("{number}") }));
    tokio::join!(create(1), create(2), create(3), create(4), create(5), create(6));
    let found = app.get("/api/v1/tickets?sort=number").await;
    let numbers: Vec<i64> = found.json["data"]
        .as_array()
        .expect("tickets")
        .iter()
        .filter_map(|ticket| ticket["attributes"]["number"].as_i64())
        .collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
}

#[tokio::test]
async fn a_solved_ticket_that_is_opened_again_counts_it() {
    let app = App::spawn().await;
    let id = app.create("tickets", json!({ "subject": "Broken" })).await;
    let ticket = shown(&app, &id).await;
    assert_eq!((&ticket["status"], &ticket["status_kind"]), (&json!("new"), &json!("open")));

    let solved = app.post(&format!("/api/v1/tickets/{id}/status"), json!({ "status": "solved" })).await;
    assert_eq!(solved.status, 200, "{}", solved.json);
    let ticket = &solved.json["data"]["attributes"];
    assert_eq!(ticket["status_kind"], "closed");
    assert!(ticket["resolved_at"].is_string());

    say(&app, &id, "internal").await;
    assert_eq!(shown(&app, &id).await["status"], "solved", "a word among ourselves opens nothing");
    say(&app, &id, "in").await;
    let ticket = shown(&app, &id).await;
    assert_eq!((&ticket["status"], &ticket["reopened_count"]), (&json!("open"), &json!(1)));
    assert_eq!(ticket["resolved_at"], Value::Null);
    say(&app, &id, "in").await;
    assert_eq!(shown(&app, &id).await["reopened_count"], 1);

    assert_eq!(patch(&app, &id, json!({ "status": "closed" })).await.status, 200);
    assert_eq!(patch(&app, &id, json!({ "status": "pending" })).await.status, 200);
    assert_eq!(shown(&app, &id).await["reopened_count"], 2, "a PATCH counts like a message");
    let changes = event_types(&app, &id).await;
    assert_eq!(changes.iter().filter(|name| *name == "ticket.status_changed").count(), 4);
}

#[tokio::test]
async fn the_first_answer_to_the_customer_is_the_response() {
    let app = App::spawn().await;
    let id = app.create("tickets", json!({ "subject": "Broken" })).await;
    say(&app, &id, "internal").await;
    assert_eq!(shown(&app, &id).await["first_responded_at"], Value::Null);

    let reply = format!("/api/v1/tickets/{id}/reply");
    let replied = app.post(&reply, json!({ "body": "We look into it." })).await;
    assert_eq!(replied.status, 200, "{}", replied.json);
    let first = replied.json["data"]["attributes"]["first_responded_at"].clone();
    assert!(first.is_string());
    assert_eq!(replied.json["data"]["attributes"]["status"], "open");
    let replied = app.post(&reply, json!({ "body": "And now?", "status": "pending" })).await;
    assert_eq!(replied.json["data"]["attributes"]["status"], "pending");
    assert_eq!(replied.json["data"]["attributes"]["first_responded_at"], first);

    let messages =
        app.get(&format!("/api/v1/tickets/{id}/messages?q[direction_eq]=out&include=author")).await;
    assert_eq!(messages.ids().len(), 2);
    assert_eq!(messages.json["included"][0]["type"], "users", "a message is signed by who wrote it");
    let events = event_types(&app, &id).await;
    let expected = [
        "ticket.created",
        "ticket.updated",
        "ticket.status_changed",
        "ticket.replied",
        "ticket.updated",
        "ticket.status_changed",
        "ticket.replied",
    ];
    assert_eq!(events, expected);
}

#[tokio::test]
async fn a_message_is_taken_once_and_stays_as_it_is() {
    let app = App::spawn().await;
    let id = app.create("tickets", json!({ "subject": "Broken" })).await;
    let reply = format!("/api/v1/tickets/{id}/reply");
    let body = json!({ "body": "Hello", "external_message_id": "<1@mail.test>" });
    assert_eq!(app.post(&reply, body.clone()).await.status, 200);
    let again = app.post(&reply, body).await;
    assert_eq!((again.status, again.errors()), (409, errors([("not_unique", "/external_message_id")])));

    let message = say(&app, &id, "in").await.id();
    let path = format!("/api/v1/ticket_messages/{message}");
    let change =
        json!({ "data": { "type": "ticket_messages", "id": message, "attributes": { "body": "!" } } });
    assert_eq!(app.patch(&path, change).await.status, 405);
    assert_eq!(app.delete(&path).await.status, 405);
    let link = format!("{path}/relationships/author");
    let refused = app.patch(&link, json!({ "data": null })).await;
    assert_eq!((refused.status, refused.errors()), (403, errors([("forbidden", "")])));
}

#[tokio::test]
async fn what_is_wrong_with_an_action_is_said_at_once_and_moves_nothing() {
    let app = App::spawn().await;
    let id = app.create("tickets", json!({ "subject": "Broken" })).await;
    let path = format!("/api/v1/tickets/{id}");
    let body = json!({ "status": "sold", "attachments": [{ "name": "x" }], "number": 7 });
    let answer = app.post(&format!("{path}/reply"), body).await;
    let expected = [
        ("required", ""),
        ("unknown_attribute", "/number"),
        ("invalid", "/status"),
        ("invalid", "/attachments"),
    ];
    assert_eq!((answer.status, answer.errors()), (422, errors(expected)));
    let answer = app.post(&format!("{path}/status"), json!([])).await;
    assert_eq!((answer.status, answer.errors()), (400, errors([("malformed_document", "")])));
    let answer = app.post(&format!("{path}/status"), json!({ "status": null })).await;
    assert_eq!((answer.status, answer.errors()), (422, errors([("required", "/status")])));
    let answer = app.post(&format!("{path}/reply"), json!({ "body": "a\u{0}b" })).await;
    assert_eq!((answer.status, answer.errors()), (422, errors([("invalid", "/body")])));
    let other = app.as_another_workspace().await;
    for verb in ["reply", "status", "snooze"] {
        let body = json!({ "body": "x", "status": "open", "snoozed_until": "2100-01-01T00:00:00Z" });
        let names = match verb {
            "reply" => ["body"],
            "status" => ["status"],
            _ => ["snoozed_until"],
        };
        let body: serde_json::Map<String, Value> =
            names.iter().map(|name| ((*name).to_owned(), body[name].clone())).collect();
        assert_eq!(other.post(&format!("{path}/{verb}"), body.into()).await.status, 404, "{verb}");
    }
    assert_eq!(event_types(&app, &id).await, ["ticket.created"]);
}

#[tokio::test]
async fn a_snoozed_ticket_has_a_moment_to_wake_and_loses_it_with_the_status() {
    let app = App::spawn().await;
    let id = app.create("tickets", json!({ "subject": "Later" })).await;
    let snooze = format!("/api/v1/tickets/{id}/snooze");
    let later = "2100-01-01T00:00:00.000Z";
    let past = app.post(&snooze, json!({ "snoozed_until": "2020-01-01T00:00:00Z" })).await;
    assert_eq!((past.status, past.errors()), (422, errors([("invalid", "/snoozed_until")])));
    let without = patch(&app, &id, json!({ "status": "snoozed" })).await;
    assert_eq!((without.status, without.errors()), (422, errors([("required", "/data")])));
    let awake = patch(&app, &id, json!({ "snoozed_until": later })).await;
    assert_eq!(
        (awake.status, awake.errors()),
        (422, errors([("invalid", "/data/attributes/snoozed_until")]))
    );

    let snoozed = app.post(&snooze, json!({ "snoozed_until": later })).await;
    assert_eq!(snoozed.status, 200, "{}", snoozed.json);
    let ticket = &snoozed.json["data"]["attributes"];
    assert_eq!((&ticket["status"], &ticket["status_kind"]), (&json!("snoozed"), &json!("paused")));
    assert_eq!(ticket["snoozed_until"], later);
    say(&app, &id, "in").await;
    let ticket = shown(&app, &id).await;
    assert_eq!((&ticket["status"], &ticket["snoozed_until"]), (&json!("open"), &Value::Null));

    patch(&app, &id, json!({ "status": "closed" })).await;
    let closed = app.post(&snooze, json!({ "snoozed_until": later })).await;
    assert_eq!((closed.status, closed.errors()), (409, errors([("state_conflict", "")])));
}

#[tokio::test]
async fn a_purged_ticket_takes_its_messages_along() {
    let app = App::spawn().await;
    let id = app.create("tickets", json!({ "subject": "Broken" })).await;
    let message = say(&app, &id, "in").await.id();
    let path = format!("/api/v1/tickets/{id}");
    app.delete(&path).await;
    assert_eq!(app.delete(&format!("{path}/purge")).await.status, 200);
    assert_eq!(app.get(&format!("/api/v1/ticket_messages/{message}")).await.status, 404);
}
