//! Published clients of JSON:API, unmodified: each tells the same story, and understands every answer.

use serde_json::{Value, json};

use crate::api::Api;
use crate::script;
use crate::stack::Stack;

#[tokio::test(flavor = "multi_thread")]
async fn kitsu_creates_reads_filters_pages_updates_relates_and_deletes() {
    let told = tell("clients/story.mjs").await;
    assert_eq!(told["created"], json!({ "status": 201, "name": "Lovelace" }));
    assert_eq!(told["read"], json!({ "company": "Acme", "tags": [] }));
    assert_eq!(told["filtered"], json!(["Lovelace"]));
    assert_eq!(told["listed"], json!(["Hopper", "Hamilton"]));
    assert_eq!(told["page"], json!({ "names": ["Hopper"], "total": 3 }));
    assert_eq!(told["updated"], "Countess");
    assert_eq!(
        (&told["related"], &told["tags"], &told["company"]),
        (&json!(200), &json!(["vip"]), &Value::Null)
    );
    assert_eq!(told["unlinked"], json!([]));
    assert_eq!(told["linked"][0]["type"], "tags");
    assert_eq!(told["refused"], json!([["invalid", { "pointer": "/data/attributes/email" }]]));
    assert_eq!((&told["deleted"], &told["gone"]), (&json!(200), &json!("404")));
}

#[tokio::test(flavor = "multi_thread")]
async fn jsonapi_client_creates_reads_filters_pages_updates_relates_and_deletes() {
    let told = tell("clients/story.py").await;
    let expected = json!({
        "created": true,
        "read": "Acme",
        "filtered": ["Lovelace"],
        "paged": ["Hamilton", "Hopper", "Lovelace"],
        "updated": "Countess",
        "related": ["vip"],
        "gone": "Error 404: Not found",
    });
    assert_eq!(told, expected);
}

async fn tell(story: &str) -> Value {
    let stack = Stack::start().await;
    let api = Api::sign_up(&stack).await;
    script::run(story, &[&format!("{}/api/v1", stack.url()), api.token()]).await
}
