//! API tokens: shown once, revoked for good.

use pulse_domain::token;
use serde_json::{Value, json};

use crate::app::{App, errors};

#[tokio::test]
async fn a_token_is_shown_once_and_stored_as_its_digest() {
    let app = App::spawn().await;
    let document = json!({ "data": { "type": "api_tokens", "attributes": {
        "name": "Shop", "scopes": ["contacts:read", "*:write"], "role_cap": "rep", "ip_allowlist": ["192.0.2.0/24"],
        "expires_at": "2030-01-01T00:00:00Z",
    } } });
    let created = app.post("/api/v1/api_tokens", document).await;
    assert_eq!(created.status, 201, "{}", created.json);
    let token = created.json["meta"]["token"].as_str().expect("a token").to_owned();
    assert!(token.starts_with("pat_"));
    let path = format!("/api/v1/api_tokens/{}", created.id());
    let shown = app.get(&path).await;
    assert!(!shown.json.to_string().contains(&token));
    assert_eq!(shown.json["data"]["attributes"]["prefix"], format!("{}…", &token[..8]));
    let user = app.get("/api/v1/users").await.ids().remove(0);
    assert_eq!(shown.json["data"]["relationships"]["user"]["data"]["id"], user);
    let row = app.database.client().await.query_one("SELECT token_digest FROM api_tokens", &[]).await;
    assert_eq!(row.expect("one row").get::<_, Vec<u8>>(0), token::digest(&token));

    let revoked = app.post(&format!("{path}/revoke"), Value::Null).await;
    let at = revoked.json["data"]["attributes"]["revoked_at"].clone();
    assert!(at.is_string(), "{}", revoked.json);
    let again = app.post(&format!("{path}/revoke"), Value::Null).await;
    assert_eq!(again.json["data"]["attributes"]["revoked_at"], at);
}

#[tokio::test]
async fn scopes_and_networks_that_do_not_exist_are_refused_all_at_once() {
    let app = App::spawn().await;
    let document = json!({ "data": { "type": "api_tokens", "attributes": {
        "name": "Shop", "scopes": ["*:read", "contacts:delete", "ghosts:read"], "ip_allowlist": ["10.0.0.1", "10.0.0.0/64"],
    } } });
    let answer = app.post("/api/v1/api_tokens", document).await;
    let at = |place: &'static str| ("invalid", place);
    let expected = errors([
        at("/data/attributes/scopes/1"),
        at("/data/attributes/scopes/2"),
        at("/data/attributes/ip_allowlist/1"),
    ]);
    assert_eq!((answer.status, answer.errors()), (422, expected));
}
