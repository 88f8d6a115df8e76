//! A service of somebody else publishes events on the bus, as docs/publishing.md says.

use pulse_testing::{Sink, eventually};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::Api;
use crate::script;
use crate::stack::{CRM_API, Stack};

/// The workspace of whoever is signed in: the last part of where its keys are.
async fn workspace(api: &Api) -> String {
    let address = api.get("/api/v1/webhook_signing_keys/key_set").await.expect(200).json();
    let url = address["meta"]["url"].as_str().expect("a URL");
    url.rsplit('/').next().expect("a path has parts").to_owned()
}

/// Runs the example and returns the id of the event.
async fn publish(stack: &Stack, arguments: &[&str]) -> String {
    let mut example = script::command("publish");
    example.args(arguments).envs(stack.broker());
    let printed: Value = serde_json::from_slice(&script::finish(example).await).expect("JSON");
    printed["event_id"].as_str().expect("an id").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_another_service_is_delivered_once_like_any_other() {
    let stack = Stack::start().await;
    let api = Api::sign_up(&stack).await;
    let sink = Sink::start();
    api.subscribe(&sink.url(), &["call.completed"]).await;
    let (workspace, call) = (workspace(&api).await, Uuid::now_v7().to_string());
    let data = json!({ "id": call, "subject": "Prüfung", "duration_seconds": 61 }).to_string();

    let event = publish(&stack, &[&workspace, "call.completed", &call, &data]).await;
    let again = publish(&stack, &[&workspace, "call.completed", &call, &data, &event]).await;
    assert_eq!(event, again);
    let last = publish(&stack, &[&workspace, "call.completed", &call, "{}"]).await;

    let received = sink.wait_for(2).await;
    let ids: Vec<Value> = received.iter().map(|request| request.json()["event_id"].clone()).collect();
    assert_eq!(ids, [event.as_str(), last.as_str()]);
    let body = String::from_utf8(received[0].body.clone()).expect("UTF-8");
    assert!(body.ends_with(&format!(r#""data":{data}}}"#)), "{body}");
    assert_eq!(received[0].header("pulse-event-type"), Some("call.completed"));
    api.list_of(2, &format!("webhook_deliveries?q[record_id_eq]={call}&q[state_eq]=succeeded")).await;
    assert_eq!(api.list(&format!("events?q[record_id_eq]={call}")).await, [] as [Value; 0]);
    stack.assert_no_messages_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_read_why_an_event_was_set_aside() {
    let stack = Stack::start().await;
    let api = Api::sign_up(&stack).await;
    let workspace = workspace(&api).await;
    let event = publish(&stack, &[&workspace, "call.completed", &Uuid::now_v7().to_string(), "[]"]).await;
    let told = eventually("it is set aside", async || {
        let told = stack.tool(CRM_API, &["dead-letters"]).await;
        told.contains(&event).then_some(told)
    })
    .await;
    assert!(told.contains("webhook-dispatcher.events: 0 waiting, 1 set aside, 0 put back"), "{told}");
    assert!(told.contains(&format!("  {event} call.completed: data is not a JSON object")), "{told}");
}
