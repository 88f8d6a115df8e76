//! What every record of every resource that clients create can go through.

use crm_api::resources::RESOURCES;
use reqwest::Method;
use reqwest::header::IF_MATCH;
use serde_json::{Value, json};

use crate::app::{App, errors};
use crate::sample;

#[tokio::test]
async fn every_record_is_created_found_sent_back_deleted_restored_and_purged() {
    let app = App::spawn().await;
    let caller = app.caller();
    for resource in RESOURCES.iter().filter(|resource| resource.actions.create) {
        let name = resource.name;
        let record = sample::create(&caller, resource).await;
        let path = record.path();

        let shown = caller.get(&path).await;
        assert_eq!((shown.status, &shown.json["data"]["type"]), (200, &json!(name)), "{path}");
        assert_eq!(shown.json["data"]["links"]["self"], path, "{path}");
        let listed = caller.get(&format!("/api/v1/{}?q[id_eq]={}", resource.path(), record.id)).await;
        assert_eq!(listed.json["data"], json!([shown.json["data"]]), "{path}");

        if resource.actions.update {
            let echoed = caller.patch(&path, json!({ "data": with_linkage(&shown.json["data"]) })).await;
            assert_eq!(echoed.status, 200, "{path}: {}", echoed.json);
            assert_eq!(
                without_time(&echoed.json["data"]["attributes"]),
                without_time(&shown.json["data"]["attributes"]),
                "{path}: sending a record back changes nothing"
            );
            let stale = app
                .request(Method::PATCH, &path)
                .header("Authorization", &app.token)
                .header(IF_MATCH, "\"v999\"")
                .json(&json!({ "data": { "type": name, "id": record.id } }));
            let stale = App::answer(stale).await;
            assert_eq!((stale.status, stale.errors()), (412, errors([("stale", "If-Match")])), "{path}");
        }
        if resource.actions.destroy {
            assert_eq!(caller.send(Method::DELETE, &path, None).await.status, 200, "{path}");
            assert_eq!(caller.get(&path).await.status, 404, "{path}");
            assert_eq!(caller.send(Method::DELETE, &path, None).await.status, 404, "{path}");
        }
        if resource.actions.destroy && resource.has_trash() {
            let restored = caller.send(Method::POST, &format!("{path}/restore"), None).await;
            assert_eq!(restored.status, 200, "{path}: {}", restored.json);
            assert_eq!(restored.json["data"]["id"], shown.json["data"]["id"], "{path}");
            assert_eq!(
                caller.send(Method::DELETE, &format!("{path}/purge"), None).await.status,
                409,
                "{path}"
            );
            assert_eq!(caller.send(Method::DELETE, &path, None).await.status, 200, "{path}");
            let purged = caller.send(Method::DELETE, &format!("{path}/purge"), None).await;
            assert_eq!(purged.status, 200, "{path}: {}", purged.json);
            assert_eq!(
                caller.send(Method::POST, &format!("{path}/restore"), None).await.status,
                404,
                "{path}"
            );
        }
    }
}

/// A resource object without the relationships that are links alone.
fn with_linkage(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(relationships) = object.get_mut("relationships").and_then(Value::as_object_mut) {
        relationships.retain(|_, relationship| relationship.get("data").is_some());
    }
    object
}

/// Attributes without when they were written.
fn without_time(attributes: &Value) -> Value {
    let mut attributes = attributes.clone();
    if let Some(attributes) = attributes.as_object_mut() {
        attributes.remove("updated_at");
    }
    attributes
}
