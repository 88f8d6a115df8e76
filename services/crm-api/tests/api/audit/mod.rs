//! The audit log: every change leaves one line, and lines stay.

mod chain;
mod tampering;

use chrono::Utc;
use pulse_domain::WorkspaceId;
use pulse_domain::claims::{INTERNAL_AUDIENCE, Internal};
use pulse_service::credential::InternalKey;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::App;

async fn lines(app: &App, record: &str) -> Vec<Value> {
    let answer = app.get(&format!("/api/v1/audit_log?q[record_id_eq]={record}&sort=at")).await;
    assert_eq!(answer.status, 200, "{}", answer.json);
    let data = answer.json["data"].as_array().expect("a collection");
    data.iter().map(|line| line["attributes"].clone()).collect()
}

#[tokio::test]
async fn every_change_says_who_did_what() {
    let app = App::spawn_without_relay().await;
    let id = app.create("contacts", json!({ "first_name": "Ada", "last_name": "Lovelace" })).await;
    let path = format!("/api/v1/contacts/{id}");
    let change = json!({ "data": { "type": "contacts", "id": id, "attributes": { "last_name": "King" } } });
    let changed = app.patch(&path, change).await;
    assert_eq!(changed.status, 200, "{}", changed.json);
    assert_eq!(app.delete(&path).await.status, 200);
    assert_eq!(app.post(&format!("{path}/restore"), Value::Null).await.status, 200);

    let lines = lines(&app, &id).await;
    let actions: Vec<&str> = lines.iter().filter_map(|line| line["action"].as_str()).collect();
    assert_eq!(actions, ["create", "update", "destroy", "restore"]);
    let changes = json!({ "last_name": ["Lovelace", "King"], "full_name": ["Ada Lovelace", "Ada King"] });
    assert_eq!(lines[1]["changes"], changes);
    assert_eq!(lines[1]["request_id"], changed.header("x-request-id").expect("an id"));
    let user = app.get("/api/v1/users").await.ids().remove(0);
    for line in &lines {
        assert_eq!((&line["actor_type"], &line["actor_id"]), (&json!("user"), &json!(user)));
        assert_eq!((&line["resource_type"], &line["ip"]), (&json!("contacts"), &json!("127.0.0.1")));
    }
}

#[tokio::test]
async fn a_change_that_is_taken_back_leaves_no_line() {
    let app = App::spawn_without_relay().await;
    let company = json!({ "name": "Acme", "domain": "acme.example" });
    app.create("companies", company.clone()).await;
    let again =
        app.post("/api/v1/companies", json!({ "data": { "type": "companies", "attributes": company } }));
    assert_eq!(again.await.status, 409);
    let client = app.database.client().await;
    let count = "SELECT count(*) FROM audit_log WHERE resource_type = 'companies'";
    assert_eq!(client.query_one(count, &[]).await.expect("a count").get::<_, i64>(0), 1);
}

#[tokio::test]
async fn nobody_changes_or_removes_a_line() {
    let app = App::spawn_without_relay().await;
    app.create("contacts", json!({ "first_name": "Ada" })).await;
    let client = app.database.client().await;
    let hash = "'0000000000000000000000000000000000000000000000000000000000000000'";
    let chained = format!("sequence = 1, prev_hash = {hash}, hash = {hash}");
    for sql in [
        "UPDATE audit_log SET action = 'update'",
        &format!("UPDATE audit_log SET {chained}, action = 'update'"),
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
    ] {
        client.batch_execute(sql).await.expect_err(sql);
    }
    app.keep_up().await;
    for sql in [
        &format!("UPDATE audit_log SET {chained}"),
        "UPDATE audit_log SET sequence = NULL, prev_hash = NULL, hash = NULL",
    ] {
        client.batch_execute(sql).await.expect_err(sql);
    }
    let line = app.get("/api/v1/audit_log").await.ids().remove(0);
    assert_eq!(app.delete(&format!("/api/v1/audit_log/{line}")).await.status, 405);
}

#[tokio::test]
async fn signing_in_and_out_is_in_the_log() {
    let app = App::spawn_without_relay().await;
    let form = |password: &str| json!({ "email": "owner@pulse.test", "password": password });
    let request = app.request(Method::POST, "/auth/sign_in").header("User-Agent", "x".repeat(300));
    let signed_in = App::answer(request.json(&form("correct horse battery"))).await;
    let token = signed_in.header("authorization").map(str::to_owned);
    assert_eq!(app.send(Method::DELETE, "/auth/sign_out", token.as_deref(), None).await.status, 200);
    let another = app.send(Method::POST, "/auth/sign_in", None, Some(&form("correct horse battery"))).await;
    let ended = app.delete(&format!("/api/v1/user_sessions/{}", another.id())).await;
    assert_eq!(ended.status, 200, "{}", ended.json);

    let user = app.get("/api/v1/users").await.ids().remove(0);
    let of_session = lines(&app, &signed_in.id()).await;
    let actions: Vec<&str> = of_session.iter().filter_map(|line| line["action"].as_str()).collect();
    assert_eq!(actions, ["sign_in", "sign_out"]);
    assert_eq!(of_session[0]["device"], "x".repeat(255));
    assert_eq!(of_session[0]["actor_id"], json!(user));
    assert_eq!(lines(&app, &another.id()).await[1]["action"], "end_session");
}

#[tokio::test]
async fn a_change_of_role_is_said_apart_from_other_changes() {
    let app = App::spawn_without_relay().await;
    let user = app.create("users", json!({ "name": "Bob", "email": "bob@pulse.test" })).await;
    assert_eq!(app.change("users", &user, json!({ "role": "viewer", "title": "Buyer" })).await.status, 200);
    assert_eq!(app.change("users", &user, json!({ "title": "Clerk" })).await.status, 200);

    let lines = lines(&app, &user).await;
    let said: Vec<&Value> = lines.iter().filter(|line| line["action"] == "change_role").collect();
    assert_eq!(said.len(), 1);
    assert_eq!(said[0]["changes"], json!({ "role": ["rep", "viewer"] }));
    assert_eq!(said[0]["severity"], "warning");
}

#[tokio::test]
async fn a_run_is_the_cause_of_what_it_changes() {
    let app = App::spawn_without_relay().await;
    let client = app.database.client().await;
    let workspace: Uuid = client.query_one("SELECT id FROM workspaces", &[]).await.expect("one").get(0);
    let (run, now) = (Uuid::now_v7(), Utc::now().timestamp());
    let claims = Internal {
        aud: INTERNAL_AUDIENCE.into(),
        sub: "incoming-trigger".into(),
        workspace: WorkspaceId(workspace),
        correlation: Uuid::now_v7(),
        run: Some(run),
        iat: now,
        exp: now + 60,
    };
    let key = InternalKey::new(&app.settings.security.internal_key).expect("a key");
    let token = format!("Bearer {}", key.sign(&claims).expect("signs"));
    let document = json!({ "data": { "type": "contacts", "attributes": { "first_name": "Ada" } } });
    let made = app.send(Method::POST, "/api/v1/contacts", Some(&token), Some(&document)).await;
    assert_eq!(made.status, 201, "{}", made.json);
    let lines = lines(&app, &made.id()).await;
    assert_eq!(
        (&lines[0]["actor_type"], &lines[0]["cause"]),
        (&json!("workflow"), &json!({ "run_id": run }))
    );
}
