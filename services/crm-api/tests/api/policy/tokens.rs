//! API tokens as credentials.

use reqwest::Method;
use serde_json::json;

use super::{member, token};
use crate::app::{App, errors};

#[tokio::test]
async fn a_token_acts_for_its_user_until_it_does_not() {
    let app = App::spawn().await;
    let (id, program) = token(&app, json!({ "scopes": ["contacts:write"] })).await;
    let contact = program.create("contacts", json!({ "last_name": "Love" })).await;
    assert_eq!(program.get(&format!("/api/v1/contacts/{contact}")).await.status, 200);
    let line = app.get(&format!("/api/v1/audit_log?q[record_id_eq]={contact}")).await;
    let actor = &line.json["data"][0]["attributes"];
    assert_eq!((&actor["actor_type"], &actor["actor_id"]), (&json!("token"), &json!(id)));

    let refused = program.get("/api/v1/contacts?include=company").await;
    assert_eq!((refused.status, refused.errors()), (403, errors([("insufficient_scope", "include")])));
    assert_eq!(refused.json["errors"][0]["meta"]["scope"], "companies:read");
    let refused = program.get("/api/v1/contacts?q[company_name_eq]=Acme").await;
    assert_eq!((refused.status, refused.errors()), (403, errors([("insufficient_scope", "")])));

    let revoke = format!("/api/v1/api_tokens/{id}/revoke");
    assert_eq!(app.caller().send(Method::POST, &revoke, None).await.status, 200);
    let refused = program.get("/api/v1/contacts").await;
    assert_eq!((refused.status, refused.errors()), (401, errors([("token_revoked", "Authorization")])));
    assert_eq!(refused.header("www-authenticate"), Some(r#"Bearer error="invalid_token""#));
}

#[tokio::test]
async fn a_token_that_is_over_unknown_or_elsewhere_is_refused_by_name() {
    let app = App::spawn().await;
    let scopes = json!(["*:read"]);
    let over = json!({ "scopes": scopes, "expires_at": "2020-01-01T00:00:00Z" });
    let elsewhere = json!({ "scopes": scopes, "ip_allowlist": ["192.0.2.0/24"] });
    let here = json!({ "scopes": scopes, "ip_allowlist": ["192.0.2.0/24", "127.0.0.0/8"] });
    let (_, over) = token(&app, over).await;
    let (_, elsewhere) = token(&app, elsewhere).await;
    let (_, here) = token(&app, here).await;
    let unknown = app.bearer("Bearer pat_x".to_owned());
    for (caller, status, error) in [
        (over, 401, ("token_expired", "Authorization")),
        (unknown, 401, ("invalid_token", "Authorization")),
        (elsewhere, 403, ("address_not_allowed", "")),
    ] {
        let answer = caller.get("/api/v1/contacts").await;
        assert_eq!((answer.status, answer.errors()), (status, errors([error])));
    }
    assert_eq!(here.get("/api/v1/contacts").await.status, 200);
}

#[tokio::test]
async fn a_token_falls_and_leaves_with_its_user() {
    let app = App::spawn().await;
    let (id, manager) = member(&app, "manager").await;
    let document =
        json!({ "data": { "type": "api_tokens", "attributes": { "name": "x", "scopes": ["*:write"] } } });
    let made = manager.post("/api/v1/api_tokens", document).await;
    let program = app.bearer(format!("Bearer {}", made.json["meta"]["token"].as_str().expect("a token")));
    program.create("contacts", json!({})).await;
    app.change("users", &id, json!({ "role": "viewer" })).await;
    let refused = program.post("/api/v1/contacts", json!({})).await;
    assert_eq!((refused.status, refused.errors()), (403, errors([("forbidden", "")])));
    app.change("users", &id, json!({ "active": false })).await;
    let refused = program.get("/api/v1/contacts").await;
    assert_eq!((refused.status, refused.errors()), (401, errors([("token_revoked", "Authorization")])));
}

#[tokio::test]
async fn nobody_makes_tokens_with_a_token_and_nobody_sees_those_of_others() {
    let app = App::spawn().await;
    let (id, program) = token(&app, json!({ "scopes": ["*:write"] })).await;
    let document =
        json!({ "data": { "type": "api_tokens", "attributes": { "name": "x", "scopes": ["*:write"] } } });
    let refused = program.post("/api/v1/api_tokens", document).await;
    assert_eq!((refused.status, refused.errors()), (403, errors([("forbidden", "")])));
    assert_eq!(program.get("/api/v1/api_tokens").await.ids(), std::slice::from_ref(&id));
    let (_, rep) = member(&app, "rep").await;
    assert_eq!(rep.get("/api/v1/api_tokens").await.ids(), Vec::<String>::new());
    assert_eq!(rep.get(&format!("/api/v1/api_tokens/{id}")).await.status, 404);
    assert_eq!(rep.send(Method::POST, &format!("/api/v1/api_tokens/{id}/revoke"), None).await.status, 404);
}

#[tokio::test]
async fn the_last_use_is_written_when_the_service_stops() {
    let app = App::spawn().await;
    let (id, program) = token(&app, json!({ "scopes": ["*:read"] })).await;
    assert_eq!(program.get("/api/v1/contacts").await.status, 200);
    let database = app.stop().await;
    let row = database
        .client()
        .await
        .query_one(
            "SELECT last_used_at IS NOT NULL, last_used_ip, lock_version FROM api_tokens WHERE id = $1",
            &[&id.parse::<uuid::Uuid>().expect("an id")],
        )
        .await
        .expect("the token");
    assert_eq!((row.get(0), row.get(1), row.get(2)), (true, "127.0.0.1".to_owned(), 0));
}
