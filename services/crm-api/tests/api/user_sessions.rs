//! Sessions: deleting one ends it at once.

use reqwest::Method;
use serde_json::json;

use crate::app::{App, errors};

#[tokio::test]
async fn a_deleted_session_is_refused_on_its_next_request_and_stays_in_the_list() {
    let app = App::spawn().await;
    let form = json!({ "email": "owner@pulse.test", "password": "correct horse battery" });
    let second = app.send(Method::POST, "/api/v1/auth/sign_in", None, Some(&form)).await;
    assert_eq!(second.status, 201, "{}", second.json);
    let token = second.header("authorization").expect("a token").to_owned();
    let path = format!("/api/v1/user_sessions/{}", second.id());

    let ended = app.delete(&path).await;
    assert_eq!(ended.status, 200, "{}", ended.json);
    assert!(ended.json["data"]["attributes"]["revoked_at"].is_string());
    let refused = app.send(Method::GET, "/api/v1/contacts", Some(&token), None).await;
    assert_eq!((refused.status, refused.errors()), (401, errors([("session_revoked", "Authorization")])));
    assert_eq!(app.get(&path).await.status, 200);
    assert_eq!(app.get("/api/v1/user_sessions").await.ids().len(), 2);

    let refused = app.send(Method::PATCH, &path, Some(&app.token), None).await;
    assert_eq!((refused.status, refused.header("allow")), (405, Some("GET, HEAD, DELETE")));
    let other = app.as_another_workspace().await;
    assert_eq!(other.send(Method::DELETE, &path, None).await.status, 404);
}
