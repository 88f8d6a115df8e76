//! Workflows: checked definitions, and the URL that starts them.

use serde_json::json;

use crate::app::{App, errors};

#[tokio::test]
async fn a_trigger_url_is_shown_once() {
    let app = App::spawn().await;
    let document = json!({ "data": { "type": "workflows", "attributes": {
        "name": "Order", "definition": { "steps": [] },
    } } });
    let created = app.post("/api/v1/workflows", document).await;
    let url = created.json["meta"]["trigger_url"].as_str().expect("a URL").to_owned();
    let (start, token) = url.rsplit_once('/').expect("a path");
    assert_eq!(start, "http://127.0.0.1:8080/v1/webhooks/in");
    assert!(token.starts_with("in_"));
    let shown = app.get(&format!("/api/v1/workflows/{}", created.id())).await;
    assert!(!shown.json.to_string().contains(token));
    let variables = app.get(&format!("/api/v1/workflows/{}/variables", created.id())).await;
    assert_eq!((variables.status, &variables.json["meta"]["variables"]), (200, &json!([])));
}

#[tokio::test]
async fn every_fault_of_a_definition_is_named_by_its_step() {
    let app = App::spawn().await;
    let document = json!({ "data": { "type": "workflows", "attributes": { "name": "Order", "definition": { "steps": [
        { "key": "a", "type": "add_tag", "resource": "contacts", "id": "{{steps.b.id}}", "tag": "x" },
        { "key": "b", "type": "explode" },
    ] } } } });
    let answer = app.post("/api/v1/workflows", document).await;
    let at = |step: &'static str| ("invalid", step);
    let expected = [at("/data/attributes/definition/steps/0"), at("/data/attributes/definition/steps/1")];
    assert_eq!((answer.status, answer.errors()), (422, errors(expected)));
}
