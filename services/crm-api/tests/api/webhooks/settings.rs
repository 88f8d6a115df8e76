//! What a subscription asks for, and how it wants it.

use pulse_domain::seal::MasterKey;
use pulse_testing::KEY;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{subscribe, subscription};
use crate::app::{App, errors};

/// What the headers of a subscription really say, as a dispatcher reads it.
async fn sealed_headers(app: &App, id: &str) -> Option<Value> {
    let id: Uuid = id.parse().expect("an id");
    let sql = "SELECT headers_sealed FROM webhook_subscriptions WHERE id = $1";
    let row = app.database.client().await.query_one(sql, &[&id]).await.expect("one row");
    let sealed: Vec<u8> = row.get::<_, Option<Vec<u8>>>(0)?;
    let key = MasterKey::from_base64(KEY).expect("a key");
    let opened = key.open(id.as_bytes(), &sealed).expect("it opens for its subscription");
    Some(serde_json::from_slice(&opened).expect("JSON"))
}

#[tokio::test]
async fn what_is_not_said_of_a_subscription_has_a_default() {
    let app = App::spawn().await;
    let shown = subscribe(&app, json!({})).await.json["data"]["attributes"].clone();
    let expected = json!({
        "filter": null, "headers": null, "enabled": true, "max_retries": 12, "rate_per_second": null,
        "ordering": "none", "payload_version": 1, "previous_secret_hint": null, "previous_secret_expires_at": null,
    });
    for (name, value) in expected.as_object().expect("an object") {
        assert_eq!(&shown[name], value, "{name}");
    }
}

#[tokio::test]
async fn everything_about_a_subscription_can_be_said_and_changed() {
    let app = App::spawn().await;
    let wanted = json!({
        "description": "Orders", "event_types": ["deal.won"], "filter": { "amount_gt": 1000, "m": "and" },
        "enabled": false, "max_retries": 0, "rate_per_second": 50, "concurrency": 2, "payload_version": 2,
        "ordering": "per_record",
    });
    let created = subscribe(&app, wanted.clone()).await;
    let shown = &created.json["data"]["attributes"];
    for (name, value) in wanted.as_object().expect("an object") {
        assert_eq!(&shown[name], value, "{name}");
    }
    let before = shown["enabled_at"].as_str().expect("an instant").to_owned();
    let change = json!({ "enabled": true, "filter": null, "rate_per_second": null, "payload_version": 1 });
    let changed = app.change("webhook_subscriptions", &created.id(), change.clone()).await;
    assert_eq!(changed.status, 200, "{}", changed.json);
    for (name, value) in change.as_object().expect("an object") {
        assert_eq!(&changed.json["data"]["attributes"][name], value, "{name}");
    }
    assert!(changed.json["data"]["attributes"]["enabled_at"].as_str() > Some(before.as_str()));
}

#[tokio::test]
async fn all_mistakes_of_a_subscription_are_told_at_once() {
    let app = App::spawn().await;
    let answer = subscription(
        &app,
        json!({
            "event_types": ["contact.exploded"],
            "filter": { "amount": 1, "status_eq": null, "g": [{ "a_eq": 1, "b_is": 2 }] },
            "max_retries": 13, "rate_per_second": 0, "concurrency": 65, "payload_version": 3,
            "headers": { "Host": "evil", "X-Key": "a\r\nb", "X-Ok": "fine" },
        }),
    )
    .await;
    let mut found = answer.errors();
    found.sort();
    let at = |rest: &str| format!("/data/attributes/{rest}");
    let mut expected: Vec<_> = [
        "event_types/0",
        "filter/amount",
        "filter/status_eq",
        "filter/g/0/b_is",
        "max_retries",
        "rate_per_second",
        "concurrency",
        "payload_version",
        "headers/Host",
        "headers/X-Key",
    ]
    .iter()
    .map(|rest| ("invalid".to_owned(), at(rest)))
    .collect();
    expected.sort();
    assert_eq!((answer.status, found), (422, expected));
}

#[tokio::test]
async fn values_of_headers_are_sealed_and_shown_as_masks() {
    let app = App::spawn().await;
    let headers = json!({ "Authorization": "Bearer s3cret", "X-Source": "pulse" });
    let created = subscribe(&app, json!({ "headers": headers })).await;
    let shown = &created.json["data"]["attributes"]["headers"];
    assert_eq!(shown, &json!({ "Authorization": "••••••••", "X-Source": "••••••••" }));
    assert!(!created.json.to_string().contains("s3cret"));
    assert_eq!(sealed_headers(&app, &created.id()).await, Some(headers));

    let other = json!({ "X-Api-Key": "k3y" });
    let changed = app.change("webhook_subscriptions", &created.id(), json!({ "headers": other })).await;
    assert_eq!(changed.json["data"]["attributes"]["headers"], json!({ "X-Api-Key": "••••••••" }));
    assert_eq!(sealed_headers(&app, &created.id()).await, Some(other));

    for none in [json!({}), Value::Null] {
        let changed = app.change("webhook_subscriptions", &created.id(), json!({ "headers": none })).await;
        assert_eq!(changed.json["data"]["attributes"]["headers"], Value::Null);
        assert_eq!(sealed_headers(&app, &created.id()).await, None);
    }
    let audit = app.get("/api/v1/audit_log?page[size]=100").await;
    assert!(!audit.json.to_string().contains("s3cret") && !audit.json.to_string().contains("k3y"));
}

#[tokio::test]
async fn values_of_headers_that_change_leave_a_line_that_does_not_tell_them() {
    let app = App::spawn_without_relay().await;
    let id = subscribe(&app, json!({ "headers": { "Authorization": "Bearer s3cret" } })).await.id();
    let rotated = json!({ "headers": { "Authorization": "Bearer an0ther" } });
    assert_eq!(app.change("webhook_subscriptions", &id, rotated).await.status, 200);

    let log = app.get(&format!("/api/v1/audit_log?q[record_id_eq]={id}&q[action_eq]=update")).await;
    assert_eq!(log.ids().len(), 1, "{}", log.json);
    let changes = &log.json["data"][0]["attributes"]["changes"];
    assert_eq!(changes, &json!({ "headers": ["[masked]", "[masked]"] }));
}

#[tokio::test]
async fn a_subscription_that_is_sent_back_whole_keeps_its_headers() {
    let app = App::spawn().await;
    let headers = json!({ "Authorization": "Bearer s3cret" });
    let created = subscribe(&app, json!({ "headers": headers })).await;
    let mut whole = app.get(&format!("/api/v1/webhook_subscriptions/{}", created.id())).await.json;
    whole["data"]["attributes"]["description"] = json!("changed");
    let path = format!("/api/v1/webhook_subscriptions/{}", created.id());
    let changed = app.patch(&path, json!({ "data": whole["data"] })).await;
    assert_eq!(changed.status, 200, "{}", changed.json);
    assert_eq!(sealed_headers(&app, &created.id()).await, Some(headers));

    let refused = errors([("invalid", "/data/attributes/headers")]);
    for masked in [json!({ "X-Other": "••••••••" }), json!({ "Authorization": "••••••••", "X-Other": "x" })]
    {
        let answer = app.change("webhook_subscriptions", &created.id(), json!({ "headers": masked })).await;
        assert_eq!((answer.status, answer.errors()), (422, refused.clone()), "{masked}");
    }
    let answer = subscription(&app, json!({ "headers": { "Authorization": "••••••••" } })).await;
    assert_eq!((answer.status, answer.errors()), (422, refused));
}

#[tokio::test]
async fn a_subscription_has_twenty_headers_at_most() {
    let app = App::spawn().await;
    let headers = |count: usize| -> Value {
        (0..count).map(|number| (format!("X-{number}"), json!("x"))).collect::<serde_json::Map<_, _>>().into()
    };
    assert_eq!(subscription(&app, json!({ "headers": headers(20) })).await.status, 201);
    let answer = subscription(&app, json!({ "headers": headers(21) })).await;
    assert_eq!((answer.status, answer.errors()), (422, errors([("invalid", "/data/attributes/headers")])));
    let answer = subscription(&app, json!({ "headers": ["X-Key"] })).await;
    assert_eq!((answer.status, answer.errors()), (422, errors([("wrong_kind", "/data/attributes/headers")])));
}
