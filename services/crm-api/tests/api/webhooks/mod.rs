//! Webhook subscriptions, and the readable side of deliveries.

mod catalogue;
mod deliveries;
mod keys;
mod rotation;
mod schemas;
mod settings;

use pulse_domain::seal::MasterKey;
use pulse_testing::{Dns, KEY, inside};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{Answer, App, errors};

/// Asks for a subscription to everything that is otherwise as given.
async fn subscription(app: &App, attributes: Value) -> Answer {
    let mut whole = json!({ "url": "https://example.com/hook", "event_types": ["*"] });
    let given = attributes.as_object().expect("an object").clone();
    whole.as_object_mut().expect("an object").extend(given);
    let document = json!({ "data": { "type": "webhook_subscriptions", "attributes": whole } });
    app.post("/api/v1/webhook_subscriptions", document).await
}

/// The same, which is made.
async fn subscribe(app: &App, attributes: Value) -> Answer {
    let answer = subscription(app, attributes).await;
    assert_eq!(answer.status, 201, "{}", answer.json);
    answer
}

#[tokio::test]
async fn a_secret_is_shown_once_and_sealed_for_its_subscription() {
    let app = App::spawn().await;
    let document = json!({ "data": { "type": "webhook_subscriptions", "attributes": {
        "url": "https://example.com/hook", "event_types": ["contact.created"],
    } } });
    let created = app.post("/api/v1/webhook_subscriptions", document).await;
    assert_eq!(created.status, 201, "{}", created.json);
    let secret = created.json["meta"]["secret"].as_str().expect("a secret").to_owned();
    assert!(secret.starts_with("whsec_"));
    assert_eq!(created.json["data"]["attributes"]["max_retries"], 12);
    let shown = app.get(&format!("/api/v1/webhook_subscriptions/{}", created.id())).await;
    assert!(!shown.json.to_string().contains(&secret));
    assert_eq!(shown.json["data"]["attributes"]["secret_hint"], format!("{}…", &secret[..10]));

    let row = app
        .database
        .client()
        .await
        .query_one("SELECT id, secret_sealed FROM webhook_subscriptions", &[])
        .await;
    let row = row.expect("one row");
    let (id, sealed): (Uuid, Vec<u8>) = (row.get(0), row.get(1));
    let key = MasterKey::from_base64(KEY).expect("a key");
    assert_eq!(key.open(id.as_bytes(), &sealed).as_deref(), Ok(secret.as_bytes()));
}

#[tokio::test]
async fn a_subscription_to_a_private_place_or_an_unknown_event_is_refused() {
    let app = App::spawn().await;
    let create = async |url: &str, types: serde_json::Value| {
        let attributes = json!({ "url": url, "event_types": types });
        let document = json!({ "data": { "type": "webhook_subscriptions", "attributes": attributes } });
        app.post("/api/v1/webhook_subscriptions", document).await
    };
    let url = ("invalid", "/data/attributes/url");
    for private in ["http://example.com/", "https://10.0.0.1/", "https://localhost/", "nonsense"] {
        let answer = create(private, json!(["*"])).await;
        assert_eq!((answer.status, answer.errors()), (422, errors([url])), "{private}");
    }
    let answer = create("https://example.com/", json!(["contact.created", "contact.exploded"])).await;
    assert_eq!(
        (answer.status, answer.errors()),
        (422, errors([("invalid", "/data/attributes/event_types/1")]))
    );
    let answer = create("https://example.com/", json!("contact.created")).await;
    assert_eq!(
        (answer.status, answer.errors()),
        (422, errors([("wrong_kind", "/data/attributes/event_types")]))
    );

    let id = create("http://127.0.0.1:9/", json!(["*"])).await.id();
    let change = json!({ "data": { "type": "webhook_subscriptions", "id": id, "attributes": {
        "url": "https://169.254.169.254/",
    } } });
    let answer = app.patch(&format!("/api/v1/webhook_subscriptions/{id}"), change).await;
    assert_eq!((answer.status, answer.errors()), (422, errors([url])));
    let change =
        json!({ "data": { "type": "webhook_subscriptions", "id": id, "attributes": { "max_retries": 13 } } });
    let answer = app.patch(&format!("/api/v1/webhook_subscriptions/{id}"), change).await;
    assert_eq!(
        (answer.status, answer.errors()),
        (422, errors([("invalid", "/data/attributes/max_retries")]))
    );
}

#[tokio::test]
async fn a_subscription_that_leads_inside_is_refused_however_it_is_written() {
    let dns = Dns::start();
    let app = App::spawn_with(|settings| {
        settings.egress.allow = Default::default();
        settings.egress.nameservers = dns.address().to_string().parse().expect("a name server");
    })
    .await;
    dns.set("hooks.example.com", &["1.1.1.1", "2606:4700::1111"]);
    dns.set("inside.example.com", &["1.1.1.1", "10.0.0.1"]);
    let names = ["https://inside.example.com/", "https://1.1.1.1/", "https://hooks.example.com:5432/"];
    for url in inside::URLS.iter().chain(&names) {
        let answer = subscription(&app, json!({ "url": url.replace("PORT", "8443") })).await;
        assert_eq!(
            (answer.status, answer.errors()),
            (422, errors([("invalid", "/data/attributes/url")])),
            "{url}"
        );
    }
    // What cannot be looked up today can be tomorrow.
    for url in ["https://hooks.example.com/", "https://unknown.example.com/"] {
        subscribe(&app, json!({ "url": url })).await;
    }
}

#[tokio::test]
async fn everything_that_speaks_against_a_url_is_told_at_once() {
    let app = App::spawn().await;
    let answer = subscription(&app, json!({ "url": "http://ada:secret@db.internal:5432/" })).await;
    assert_eq!(answer.status, 422);
    let details: Vec<_> =
        answer.json["errors"].as_array().expect("errors").iter().map(|e| &e["detail"]).collect();
    assert_eq!(
        details,
        [
            "url cannot be called: a URL with a user name or password is not called.",
            "url cannot be called: only https is called.",
            "url cannot be called: port 5432 is not called: it is that of PostgreSQL.",
            "url cannot be called: `db.internal` is not a public address.",
        ]
    );
}

#[tokio::test]
async fn a_replay_of_a_delivery_that_does_not_exist_is_refused() {
    let app = App::spawn().await;
    let path = format!("/api/v1/webhook_deliveries/{}/replay", Uuid::now_v7());
    let answer = app.send(Method::POST, &path, Some(&app.token), None).await;
    assert_eq!((answer.status, answer.errors()), (404, errors([("not_found", "")])));
    let answer = app.get(&path).await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));
}

#[tokio::test]
async fn an_ingest_token_is_shown_once() {
    let app = App::spawn().await;
    let site = app.create("ingest_sites", json!({ "name": "Shop" })).await;
    for (kind, prefix) in [("public", "pub_"), ("secret", "sec_")] {
        let document = json!({ "data": { "type": "ingest_tokens", "attributes": { "name": "x", "kind": kind },
            "relationships": { "site": { "data": { "type": "ingest_sites", "id": site } } } } });
        let created = app.post("/api/v1/ingest_tokens", document).await;
        let token = created.json["meta"]["token"].as_str().expect("a token").to_owned();
        assert!(token.starts_with(prefix));
        let shown = app.get(&format!("/api/v1/ingest_tokens/{}", created.id())).await;
        assert!(!shown.json.to_string().contains(&token));
    }
    let document =
        json!({ "data": { "type": "ingest_tokens", "attributes": { "name": "x", "kind": "public" } } });
    let answer = app.post("/api/v1/ingest_tokens", document).await;
    assert_eq!((answer.status, answer.errors()), (422, errors([("required", "/data")])));
}
