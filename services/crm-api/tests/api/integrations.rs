//! Integrations: credentials come in, and never out again.

use pulse_domain::seal::MasterKey;
use pulse_testing::KEY;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::App;

#[tokio::test]
async fn credentials_are_sealed_by_every_write_and_never_shown() {
    let app = App::spawn().await;
    let key = MasterKey::from_base64(KEY).expect("a key");
    let client = app.database.client().await;
    let opened = async || -> Option<Value> {
        let row = client.query_one("SELECT id, credentials_sealed FROM integrations", &[]).await;
        let row = row.expect("one row");
        let (id, sealed): (Uuid, Option<Vec<u8>>) = (row.get(0), row.get(1));
        let secret = key.open(id.as_bytes(), &sealed?).expect("it opens for its row");
        Some(serde_json::from_slice(&secret).expect("JSON"))
    };
    let document = json!({ "data": { "type": "integrations", "attributes": {
        "provider": "mailer", "credentials": { "api_key": "very secret" },
    } } });
    let created = app.post("/api/v1/integrations", document).await;
    assert_eq!(created.status, 201, "{}", created.json);
    let path = format!("/api/v1/integrations/{}", created.id());
    assert_eq!(opened().await, Some(json!({ "api_key": "very secret" })));
    assert_eq!(created.json["data"]["attributes"]["has_credentials"], true);

    let change = async |credentials: Value| {
        let attributes = json!({ "credentials": credentials });
        app.patch(
            &path,
            json!({ "data": { "type": "integrations", "id": created.id(), "attributes": attributes } }),
        )
        .await
    };
    let changed = change(json!({ "api_key": "even more secret" })).await;
    assert_eq!(changed.status, 200, "{}", changed.json);
    assert_eq!(opened().await, Some(json!({ "api_key": "even more secret" })));
    let wrong = change(json!("text")).await;
    assert_eq!(wrong.status, 422, "{}", wrong.json);

    for shown in [
        created.json.clone(),
        changed.json,
        app.get(&path).await.json,
        app.get("/api/v1/integrations").await.json,
        app.get("/api/v1/audit_log?page[size]=100").await.json,
        app.get("/api/v1/events?page[size]=100").await.json,
    ] {
        assert!(!shown.to_string().contains("more secret"), "{shown}");
        assert!(!shown.to_string().contains("very secret"), "{shown}");
        let shown = shown.to_string().replace(r#""credentials":["[masked]","[masked]"]"#, "");
        assert!(!shown.contains("\"credentials\""), "{shown}");
    }
    let log = app.get(&format!("/api/v1/audit_log?q[record_id_eq]={}&sort=at", created.id())).await;
    assert_eq!(log.json["data"][1]["attributes"]["changes"]["credentials"], json!(["[masked]", "[masked]"]));
    let taken_away = change(Value::Null).await;
    assert_eq!(taken_away.json["data"]["attributes"]["has_credentials"], false, "{}", taken_away.json);
    assert_eq!(opened().await, None);
}
