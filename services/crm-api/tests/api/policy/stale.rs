//! A token says what its user is, and is refused once that is no longer so.

use serde_json::json;

use super::member;
use crate::app::{App, errors};

#[tokio::test]
async fn a_role_that_changes_takes_effect_on_the_next_request() {
    let app = App::spawn().await;
    let (id, manager) = member(&app, "manager").await;
    let contact = app.create("contacts", json!({})).await;
    let path = format!("/api/v1/contacts/{contact}");
    assert_eq!(manager.get(&path).await.status, 200);
    assert_eq!(app.change("users", &id, json!({ "role": "viewer" })).await.status, 200);
    let change = json!({ "data": { "type": "contacts", "id": contact, "attributes": { "title": "Dr" } } });
    let version = app.get(&path).await.json;
    for answer in [
        manager.get(&path).await,
        manager.get("/api/v1/contacts").await,
        manager.patch(&path, change).await,
        manager.get("/api/v1/webhook_subscriptions").await,
        manager.post("/api/v1/contacts", json!({})).await,
    ] {
        assert_eq!((answer.status, answer.errors()), (401, errors([("session_stale", "Authorization")])));
        assert_eq!(answer.header("www-authenticate"), Some(r#"Bearer error="invalid_token""#));
    }
    assert_eq!(app.get(&path).await.json, version);
}
