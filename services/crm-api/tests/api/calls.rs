//! Calls: completing one is told once, and stands in the timelines of those whom it was about.

use serde_json::{Value, json};

use crate::app::{App, errors};

fn call(attributes: Value, relationships: Value) -> Value {
    json!({ "data": { "type": "calls", "attributes": attributes, "relationships": relationships } })
}

async fn completions(app: &App) -> usize {
    app.get("/api/v1/events?q[event_type_eq]=call.completed").await.ids().len()
}

#[tokio::test]
async fn a_completed_call_is_told_once_and_stands_in_the_timelines() {
    let app = App::spawn().await;
    let contact = app.create("contacts", json!({})).await;
    let company = app.create("companies", json!({ "name": "Acme" })).await;
    let about = json!({
        "contact": { "data": { "type": "contacts", "id": contact } },
        "company": { "data": { "type": "companies", "id": company } },
    });
    let started = "2026-11-20T10:00:00.000Z";
    let attributes = json!({ "direction": "outbound", "status": "in_progress", "started_at": started });
    let created = app.post("/api/v1/calls", call(attributes, about)).await;
    assert_eq!(created.status, 201, "{}", created.json);
    let path = format!("/api/v1/calls/{}", created.id());

    let body = json!({ "outcome": "interested", "duration_s": 95, "summary": "Wants a quote" });
    let completed = app.post(&format!("{path}/complete"), body.clone()).await;
    assert_eq!(completed.status, 200, "{}", completed.json);
    let attributes = &completed.json["data"]["attributes"];
    assert_eq!((&attributes["status"], &attributes["duration_s"]), (&json!("completed"), &json!(95)));
    assert!(attributes["ended_at"].is_string());
    for parent in [format!("contacts/{contact}"), format!("companies/{company}")] {
        let timeline = app.get(&format!("/api/v1/{parent}/activities")).await;
        assert_eq!(timeline.ids().len(), 1, "{parent}");
        let activity = &timeline.json["data"][0]["attributes"];
        assert_eq!((&activity["kind"], &activity["outcome"]), (&json!("call"), &json!("interested")));
        assert_eq!((&activity["duration_s"], &activity["direction"]), (&json!(95), &json!("out")));
        assert_eq!((&activity["occurred_at"], &activity["body"]), (&json!(started), &json!("Wants a quote")));
        assert_eq!(
            (&activity["source_type"], &activity["source_id"]),
            (&json!("calls"), &json!(created.id()))
        );
    }

    let again = app.post(&format!("{path}/complete"), body).await;
    assert_eq!((again.status, again.errors()), (409, errors([("state_conflict", "")])));
    let change = |attributes: Value| {
        let document = json!({ "data": { "type": "calls", "id": created.id(), "attributes": attributes } });
        app.patch(&path, document)
    };
    assert_eq!(change(json!({ "status": "failed" })).await.status, 409);
    assert_eq!(change(json!({ "status": "completed", "outcome": "sold" })).await.status, 200);
    app.delete(&path).await;
    app.post(&format!("{path}/restore"), Value::Null).await;
    assert_eq!(completions(&app).await, 1);
    assert_eq!(app.get("/api/v1/activities").await.ids().len(), 2);
}

#[tokio::test]
async fn a_call_that_is_told_of_when_it_is_over_is_completed_at_once() {
    let app = App::spawn().await;
    app.create("calls", json!({ "direction": "inbound", "status": "completed", "duration_s": 3 })).await;
    app.create("calls", json!({ "direction": "inbound", "status": "no_answer" })).await;
    assert_eq!(completions(&app).await, 1);
}

#[tokio::test]
async fn a_call_of_a_provider_is_recorded_once() {
    let app = App::spawn().await;
    let attributes = |provider: &str| json!({ "direction": "inbound", "status": "queued", "provider": provider, "provider_call_id": "CA1" });
    let first = app.create("calls", attributes("twilio")).await;
    let again = app.post("/api/v1/calls", call(attributes("twilio"), json!({}))).await;
    let expected = errors([("not_unique", "/data/attributes/provider_call_id")]);
    assert_eq!((again.status, again.errors()), (409, expected.clone()));
    assert_eq!(again.json["errors"][0]["meta"]["id"], first.as_str());
    app.create("calls", attributes("aircall")).await;
    let again = app.post("/api/v1/calls", call(attributes("twilio"), json!({}))).await;
    assert_eq!((again.status, again.errors()), (409, expected));
    assert_eq!(again.json["errors"][0]["meta"], Value::Null, "one of two has the pair: none is named");
}

#[tokio::test]
async fn numbers_are_written_as_e164() {
    let app = App::spawn().await;
    let attributes = json!({
        "direction": "inbound", "status": "queued", "from_e164": "06 28 23", "to_e164": "+33628230455",
    });
    let refused = app.post("/api/v1/calls", call(attributes, json!({}))).await;
    assert_eq!(
        (refused.status, refused.errors()),
        (422, errors([("invalid", "/data/attributes/from_e164")]))
    );
}
