//! Tasks: what follows from their status.

use serde_json::{Value, json};

use crate::app::{Answer, App, errors};

async fn patch(app: &App, id: &str, attributes: Value) -> Answer {
    let document = json!({ "data": { "type": "tasks", "id": id, "attributes": attributes } });
    app.patch(&format!("/api/v1/tasks/{id}"), document).await
}

#[tokio::test]
async fn a_task_that_is_done_says_by_whom_and_when() {
    let app = App::spawn().await;
    let id = app.create("tasks", json!({ "title": "Call" })).await;
    let done = patch(&app, &id, json!({ "status": "done" })).await;
    assert_eq!(done.status, 200, "{}", done.json);
    let attributes = &done.json["data"]["attributes"];
    assert_eq!(attributes["done"], true);
    assert!(attributes["completed_at"].is_string());
    let by = &done.json["data"]["relationships"]["completed_by"]["data"];
    assert_eq!(by["id"], app.get("/api/v1/users").await.ids()[0].as_str());

    let again = patch(&app, &id, json!({ "status": "done", "title": "Call Ada" })).await;
    assert_eq!(again.json["data"]["attributes"]["completed_at"], attributes["completed_at"]);
    let open = patch(&app, &id, json!({ "status": "in_progress" })).await;
    let attributes = &open.json["data"]["attributes"];
    assert_eq!((&attributes["done"], &attributes["completed_at"]), (&json!(false), &Value::Null));
    assert_eq!(open.json["data"]["relationships"]["completed_by"]["data"], Value::Null);
}

#[tokio::test]
async fn done_and_status_say_the_same() {
    let app = App::spawn().await;
    let cases = [
        (json!({ "done": true }), "done", json!(true)),
        (json!({ "status": "done" }), "done", json!(true)),
        (json!({ "status": "done", "done": true }), "done", json!(true)),
        (json!({ "status": "in_progress", "done": null }), "in_progress", Value::Null),
        (json!({}), "open", json!(false)),
    ];
    for (mut attributes, status, done) in cases {
        attributes["title"] = json!("Call");
        let id = app.create("tasks", attributes.clone()).await;
        let shown = app.get(&format!("/api/v1/tasks/{id}")).await.json["data"]["attributes"].clone();
        assert_eq!((&shown["status"], &shown["done"]), (&json!(status), &done), "{attributes}");
        assert_eq!(shown["completed_at"].is_null(), status != "done", "{attributes}");
    }
    let document = json!({ "data": { "type": "tasks", "attributes": { "title": "x", "status": "open", "done": true } } });
    let refused = app.post("/api/v1/tasks", document).await;
    assert_eq!((refused.status, refused.errors()), (422, errors([("invalid", "/data/attributes/done")])));

    // Clients send whole records back: what differs counts.
    let id = app.create("tasks", json!({ "title": "Call" })).await;
    let ticked = patch(&app, &id, json!({ "status": "open", "done": true })).await;
    assert_eq!(ticked.json["data"]["attributes"]["status"], "done");
    let moved = patch(&app, &id, json!({ "status": "deferred", "done": true })).await;
    assert_eq!(moved.json["data"]["attributes"]["done"], false);
}

#[tokio::test]
async fn reminders_and_recurrence_are_checked() {
    let app = App::spawn().await;
    let task = |attributes: Value| json!({ "data": { "type": "tasks", "attributes": attributes } });
    let wrong = task(json!({ "title": "x", "remind_at": ["tomorrow"], "recurrence": "weekly" }));
    let refused = app.post("/api/v1/tasks", wrong).await;
    let expected =
        errors([("invalid", "/data/attributes/remind_at"), ("invalid", "/data/attributes/recurrence")]);
    assert_eq!((refused.status, refused.errors()), (422, expected));
    let right = task(json!({
        "title": "x", "remind_at": ["2026-12-01T09:00:00Z"], "recurrence": "FREQ=WEEKLY;BYDAY=MO",
    }));
    assert_eq!(app.post("/api/v1/tasks", right).await.status, 201);
}

#[tokio::test]
async fn tasks_are_found_from_any_record_they_are_about() {
    let app = App::spawn().await;
    for (parent, attributes) in [
        ("contacts", json!({ "first_name": "Ada" })),
        ("companies", json!({ "name": "Acme" })),
        ("tickets", json!({ "subject": "Broken" })),
    ] {
        let id = app.create(parent, attributes).await;
        let document = json!({ "data": {
            "type": "tasks",
            "attributes": { "title": "Call" },
            "relationships": { "parent": { "data": { "type": parent, "id": id } } },
        } });
        let task = app.post("/api/v1/tasks", document).await;
        assert_eq!(task.status, 201, "{}", task.json);
        assert_eq!(app.get(&format!("/api/v1/{parent}/{id}/tasks")).await.ids(), [task.id()]);
        let shown = app.get(&format!("/api/v1/tasks/{}?include=parent", task.id())).await;
        assert_eq!(shown.json["included"][0]["id"], id.as_str());
    }
}
