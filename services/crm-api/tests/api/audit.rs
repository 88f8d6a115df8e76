//! The audit log: every change leaves one line, and lines stay.

use serde_json::{Value, json};

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
    for sql in ["UPDATE audit_log SET action = 'update'", "DELETE FROM audit_log"] {
        client.batch_execute(sql).await.expect_err("the trigger refuses");
    }
    let line = app.get("/api/v1/audit_log").await.ids().remove(0);
    assert_eq!(app.delete(&format!("/api/v1/audit_log/{line}")).await.status, 405);
}
