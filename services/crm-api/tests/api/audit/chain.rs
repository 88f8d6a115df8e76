//! The chain of the log: what is answered about it, and what others can check by themselves.

use ring::digest::{SHA256, digest};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::app::{App, errors};

/// Some lines of several kinds.
pub(super) async fn write_lines(app: &App) {
    let id = app.create("contacts", json!({ "first_name": "Ada", "last_name": "Lovelace" })).await;
    assert_eq!(
        app.change("contacts", &id, json!({ "last_name": "K\u{f6}nig \"\u{1f600}\"" })).await.status,
        200
    );
    let credentials = json!({ "key": "secret" });
    app.create("integrations", json!({ "provider": "x", "credentials": credentials })).await;
    assert_eq!(app.delete(&format!("/api/v1/contacts/{id}")).await.status, 200);
}

pub(super) async fn verify(app: &App, query: &str) -> Value {
    let answer = app.get(&format!("/api/v1/audit_log/verify{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.json);
    answer.json["meta"].clone()
}

#[tokio::test]
async fn a_log_that_nobody_touched_is_valid() {
    let app = App::spawn_without_relay().await;
    let before = verify(&app, "").await;
    write_lines(&app).await;
    assert_eq!(verify(&app, "").await["unchained"].as_u64(), before["unchained"].as_u64().map(|n| n + 4));
    app.keep_up().await;

    let found = verify(&app, "").await;
    assert_eq!(
        (&found["valid"], &found["unchained"], &found["next"]),
        (&json!(true), &json!(0), &Value::Null)
    );
    let lines = found["checked"].as_i64().expect("a number");
    assert_eq!(found["head"]["sequence"], lines);
    let last = app.get(&format!("/api/v1/audit_log?q[sequence_eq]={lines}")).await;
    assert_eq!(last.json["data"][0]["attributes"]["hash"], found["head"]["hash"]);

    write_lines(&app).await;
    app.keep_up().await;
    assert_eq!(verify(&app, "").await["checked"], lines + 4);
    let another = app.as_another_workspace().await;
    let theirs = another.get("/api/v1/audit_log/verify").await.json["meta"].clone();
    let chained = (&theirs["valid"], &theirs["checked"], &theirs["head"]);
    assert_eq!(chained, (&json!(true), &json!(0), &Value::Null), "a workspace has a chain of its own");
}

#[tokio::test]
async fn a_part_of_the_log_can_be_checked() {
    let app = App::spawn_without_relay().await;
    write_lines(&app).await;
    app.keep_up().await;
    let part = verify(&app, "?from=2&to=3").await;
    assert_eq!((&part["valid"], &part["checked"], &part["next"]), (&json!(true), &json!(2), &json!(4)));
    let rest = verify(&app, "?from=4").await;
    assert_eq!((&rest["valid"], &rest["next"]), (&json!(true), &Value::Null));
    let behind = verify(&app, "?from=1000").await;
    assert_eq!((&behind["valid"], &behind["checked"]), (&json!(true), &json!(0)));
    for (query, parameter) in [("?from=0", "from"), ("?from=3&to=2", "to")] {
        let refused = app.get(&format!("/api/v1/audit_log/verify{query}")).await;
        assert_eq!((refused.status, refused.errors()), (400, errors([("invalid_parameter", parameter)])));
    }
    for query in ["?from=x", "?other=1"] {
        assert_eq!(app.get(&format!("/api/v1/audit_log/verify{query}")).await.status, 400);
    }
}

#[tokio::test]
async fn only_admins_check_the_log() {
    let app = App::spawn_without_relay().await;
    let client = app.database.client().await;
    client.execute("UPDATE users SET role = 'manager'", &[]).await.expect("a role");
    assert_ne!(app.get("/api/v1/audit_log/verify").await.status, 200);
}

#[tokio::test]
async fn processes_that_chain_at_once_give_each_place_once() {
    let app = App::spawn_without_relay().await;
    for _ in 0..5 {
        write_lines(&app).await;
    }
    futures_util::future::join_all((0..4).map(|_| app.keep_up())).await;
    app.keep_up().await;
    let found = verify(&app, "").await;
    assert_eq!((&found["valid"], &found["unchained"]), (&json!(true), &json!(0)));
    assert_eq!(found["head"]["sequence"], found["checked"]);
}

#[derive(Deserialize)]
struct Export<'a> {
    #[serde(borrow)]
    data: Vec<Exported<'a>>,
}

#[derive(Deserialize)]
struct Exported<'a> {
    id: String,
    #[serde(borrow)]
    attributes: Attributes<'a>,
}

#[derive(Deserialize)]
struct Attributes<'a> {
    at: chrono::DateTime<chrono::Utc>,
    actor_type: String,
    actor_id: Option<String>,
    action: String,
    severity: String,
    resource_type: String,
    record_id: String,
    #[serde(borrow)]
    changes: Option<&'a RawValue>,
    request_id: Option<String>,
    ip: Option<String>,
    device: Option<String>,
    #[serde(borrow)]
    cause: Option<&'a RawValue>,
    correlation_id: String,
    sequence: i64,
    prev_hash: String,
    hash: String,
}

impl Exported<'_> {
    /// As docs/audit.md says, and not as we do it.
    fn hash(&self, workspace: &str) -> String {
        let line = &self.attributes;
        let (sequence, at) = (line.sequence.to_string(), line.at.timestamp_micros().to_string());
        let mut text = b"pulse.audit.v1".to_vec();
        for field in [
            Some(line.prev_hash.as_str()),
            Some(workspace),
            Some(&sequence),
            Some(&self.id),
            Some(&at),
            Some(&line.actor_type),
            line.actor_id.as_deref(),
            Some(&line.action),
            Some(&line.severity),
            Some(&line.resource_type),
            Some(&line.record_id),
            line.changes.map(RawValue::get),
            line.request_id.as_deref(),
            line.ip.as_deref(),
            line.device.as_deref(),
            line.cause.map(RawValue::get),
            Some(&line.correlation_id),
        ] {
            match field {
                None => text.push(0),
                Some(field) => {
                    text.push(1);
                    text.extend((field.len() as u64).to_be_bytes());
                    text.extend(field.as_bytes());
                }
            }
        }
        hex::encode(digest(&SHA256, &text))
    }
}

#[tokio::test]
async fn others_can_check_an_export_by_the_documentation_alone() {
    let app = App::spawn_without_relay().await;
    write_lines(&app).await;
    app.keep_up().await;
    let client = app.database.client().await;
    let workspace: uuid::Uuid = client.query_one("SELECT id FROM workspaces", &[]).await.expect("one").get(0);
    let request = app.request(reqwest::Method::GET, "/api/v1/audit_log?sort=sequence&page[size]=100");
    let answer = request.header("Authorization", &app.token).send().await.expect("an answer");
    let export = answer.text().await.expect("a document");
    let export: Export<'_> = serde_json::from_str(&export).expect("an export");

    let mut previous = "0".repeat(64);
    for line in &export.data {
        assert_eq!(line.attributes.prev_hash, previous);
        assert_eq!(line.hash(&workspace.to_string()), line.attributes.hash, "{}", line.attributes.action);
        previous.clone_from(&line.attributes.hash);
    }
    assert_eq!(verify(&app, "").await["head"], json!({ "sequence": export.data.len(), "hash": previous }));
}
