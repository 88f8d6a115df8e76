//! What is wrong is refused with its documented status, by a JSON error that names the culprit, and nothing of it is
//! written.

use chrono::Utc;
use pulse_domain::claims::{ISSUER, SESSION_AUDIENCE, Session};
use pulse_domain::{Role, WorkspaceId};
use pulse_service::credential::SessionKeys;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::{Api, some_email};
use crate::order::Workflow;
use crate::stack::{SESSION_KEY, Stack};

const MEDIA_TYPE: &str = "application/vnd.api+json";
const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_open_nothing() {
    let stack = Stack::start().await;
    let api = Api::sign_up(&stack).await;
    let user = &api.list("users").await[0]["id"];
    let user: Uuid = user.as_str().expect("a text").parse().expect("an id");
    let session = |seconds: i64| Session {
        iss: ISSUER.into(),
        aud: SESSION_AUDIENCE.into(),
        sub: user,
        workspace: WorkspaceId::generate(),
        role: Role::Owner,
        jti: Uuid::new_v4(),
        iat: Utc::now().timestamp() - 7_200,
        exp: Utc::now().timestamp() + seconds,
    };
    let sign = |key: &str, seconds: i64| {
        SessionKeys::new(&key.into(), []).expect("a key").sign(&session(seconds)).expect("it can be signed")
    };
    let (_, ingest) = api.website().await;
    let table = [
        ("expired", sign(SESSION_KEY, -3_600), "token_expired"),
        ("of no session", sign(SESSION_KEY, 3_600), "invalid_token"),
        ("of another key", sign(pulse_testing::KEY, 3_600), "invalid_token"),
        ("no token at all", "nonsense".to_owned(), "invalid_token"),
        ("of another door", ingest, "invalid_token"),
    ];
    for (what, token, code) in table {
        let refused = api.with_token(&token).get("/api/v1/contacts").await.expect(401);
        assert_eq!(refused.error(), (code.into(), "Authorization".into()), "{what}");
        assert_eq!(refused.header("www-authenticate"), Some(r#"Bearer error="invalid_token""#), "{what}");
    }
    let anonymous = Api::anonymous(&stack);
    let refused = anonymous.get("/api/v1/contacts").await.expect(401);
    assert_eq!(refused.error(), ("unauthenticated".into(), "Authorization".into()));
    let wrong = json!({"email": some_email(), "password": "nobody has this one"});
    let refused = anonymous.post("/api/v1/auth/sign_in", &wrong).await.expect(401);
    assert_eq!(refused.error().0, "invalid_credentials");
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_that_are_wrong() {
    let stack = Stack::start().await;
    let api = Api::sign_up(&stack).await;
    for (kind, attributes, status, code, pointer) in documents() {
        let document = json!({"data": {"type": kind, "attributes": attributes}});
        let refused = api.post(&format!("/api/v1/{kind}"), &document).await.expect(status);
        assert_eq!(refused.error(), (code.into(), pointer.into()), "{document}");
        assert_eq!(refused.header("content-type"), Some(MEDIA_TYPE), "{document}");
        assert!(api.list(kind).await.is_empty(), "{document}");
    }
    let many =
        json!({"data": {"type": "contacts", "attributes": {"nickname": "x", "email": 1, "full_name": "x"}}});
    let refused = api.post("/api/v1/contacts", &many).await.expect(422).json();
    assert_eq!(refused["errors"].as_array().expect("errors").len(), 3, "{refused}");
    assert!(api.list("events").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_that_are_wrong() {
    let stack = Stack::start().await;
    let api = Api::sign_up(&stack).await;
    for (query, code, parameter) in QUERIES {
        let refused = api.get(&format!("/api/v1/contacts?{query}")).await.expect(400);
        assert_eq!(refused.error(), ((*code).into(), (*parameter).into()), "{query}");
        assert_eq!(refused.header("content-type"), Some(MEDIA_TYPE), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_wrong() {
    let stack = Stack::start().await;
    let api = Api::sign_up(&stack).await;
    let contacts = "/api/v1/contacts";
    let of_type = r#"{"data":{"type":"tags"}}"#;
    let (large, huge) = ("x".repeat((1 << 20) + 1), "x".repeat((2 << 20) + 1));
    let (text, html) = ([("content-type", "text/plain")], [("accept", "text/html")]);
    let path = format!("/api/v1/contacts?{}", "x".repeat(40_000));
    let wide = "x".repeat(40_000);
    let long = [("x-long", wide.as_str())];
    let table: [(Method, &str, &[_], &str, u16, &str, &str); 13] = [
        (Method::POST, contacts, JSON, r#"{"data":{"#, 400, "malformed_json", ""),
        (Method::POST, contacts, JSON, "[]", 400, "malformed_document", ""),
        (Method::POST, contacts, JSON, of_type, 409, "wrong_type", "/data/type"),
        (Method::POST, contacts, JSON, &large, 413, "payload_too_large", ""),
        // The gateway's own limit.
        (Method::POST, contacts, JSON, &huge, 413, "payload_too_large", ""),
        (Method::GET, &path, &[], "", 414, "uri_too_long", ""),
        (Method::GET, contacts, &long, "", 431, "headers_too_large", ""),
        (Method::POST, contacts, &text, "{}", 415, "unsupported_media_type", "Content-Type"),
        (Method::GET, contacts, &html, "", 406, "not_acceptable", "Accept"),
        (Method::PUT, contacts, JSON, "{}", 405, "method_not_allowed", ""),
        (Method::GET, "/api/v1/contacts/1", &[], "", 404, "not_found", ""),
        (Method::GET, "/api/v1/moons", &[], "", 404, "not_found", ""),
        // The gateway knows no such path.
        (Method::GET, "/moons", &[], "", 404, "not_found", ""),
    ];
    for (method, path, headers, body, status, code, source) in table {
        let what = format!("{method} {path} {headers:?}");
        let refused = api.send(method, path, headers, body.to_owned()).await;
        assert_eq!((refused.status, refused.error()), (status, (code.into(), source.into())), "{what}");
        assert_eq!(refused.header("content-type"), Some(MEDIA_TYPE), "{what}");
        assert_eq!(refused.header("x-content-type-options"), Some("nosniff"), "{what}");
        assert_eq!(refused.header("cache-control"), Some("no-store"), "{what}");
    }
    assert!(api.list("contacts").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_wrong_in_one_place_changes_nothing() {
    let stack = Stack::start().await;
    let api = Api::sign_up(&stack).await;
    let contact = api.create("contacts", json!({"first_name": "Ada", "email": "ada@pulse.test"})).await;
    let path = format!("/api/v1/contacts/{}", contact.id);
    let stale = [("content-type", "application/json"), ("if-match", "\"v7\"")];
    let change =
        |attributes: Value| json!({"data": {"type": "contacts", "id": contact.id, "attributes": attributes}});

    let refused = api.patch(&path, &change(json!({"first_name": "Eve", "email": 7}))).await.expect(422);
    assert_eq!(refused.error(), ("wrong_kind".into(), "/data/attributes/email".into()));
    let other =
        json!({"data": {"type": "contacts", "id": Uuid::new_v4(), "attributes": {"first_name": "Eve"}}});
    let refused = api.patch(&path, &other).await.expect(409);
    assert_eq!(refused.error(), ("wrong_id".into(), "/data/id".into()));
    let body = change(json!({"first_name": "Eve"})).to_string();
    let refused = api.send(Method::PATCH, &path, &stale, body).await.expect(412);
    assert_eq!(refused.error().0, "stale");

    let found = api.get(&path).await.expect(200).json();
    assert_eq!(found["data"]["attributes"], contact.document["data"]["attributes"]);
    assert_eq!(api.list("events").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_to_trigger_urls_that_start_nothing() {
    let stack = Stack::start().await;
    let api = Api::sign_up(&stack).await;
    let workflow = Workflow::create(&api).await;
    let huge = "x".repeat((2 << 20) + 1);
    let known = workflow.trigger_path();
    let table = [
        (Method::POST, "/v1/webhooks/in/in_unknown", "{}", 404),
        (Method::POST, "/v1/webhooks/in", "{}", 404),
        (Method::POST, known, "{\"broken\":", 400),
        (Method::POST, known, &huge, 413),
        (Method::GET, known, "", 405),
    ];
    for (method, path, body, status) in table {
        let refused = api.send(method, path, JSON, body.to_owned()).await.expect(status);
        let found = refused.json();
        assert!(found["error"].as_str().is_some_and(|text| !text.is_empty()), "{path}: {found}");
    }
    assert!(api.list("workflow_runs").await.is_empty());
}

/// Type, attributes, status, code and pointer.
fn documents() -> Vec<(&'static str, Value, u16, &'static str, &'static str)> {
    let long = "x".repeat(256);
    let step = json!({"key": "one", "type": "explode"});
    vec![
        ("contacts", json!({"nickname": "x"}), 422, "unknown_attribute", "/data/attributes/nickname"),
        ("contacts", json!({"first_name": 1}), 422, "wrong_kind", "/data/attributes/first_name"),
        ("contacts", json!({"first_name": long}), 422, "too_long", "/data/attributes/first_name"),
        ("contacts", json!({"do_not_email": "yes"}), 422, "wrong_kind", "/data/attributes/do_not_email"),
        ("contacts", json!({"birthday": "soon"}), 422, "wrong_kind", "/data/attributes/birthday"),
        ("contacts", json!({"lifecycle": "king"}), 422, "invalid", "/data/attributes/lifecycle"),
        ("contacts", json!({"email": "nobody"}), 422, "invalid", "/data/attributes/email"),
        ("contacts", json!({"full_name": "x"}), 422, "read_only_attribute", "/data/attributes/full_name"),
        ("companies", json!({}), 422, "required", "/data"),
        ("companies", json!({"name": null}), 422, "required", "/data/attributes/name"),
        ("sequences", json!({"name": "x", "steps": {}}), 422, "wrong_kind", "/data/attributes/steps"),
        ("ingest_tokens", json!({"name": "x", "kind": "public"}), 422, "required", "/data"),
        (
            "workflows",
            json!({"name": "x", "definition": {"steps": [step]}}),
            422,
            "invalid",
            "/data/attributes/definition/steps/0",
        ),
        (
            "webhook_subscriptions",
            json!({"url": "https://10.0.0.1/", "event_types": ["*"]}),
            422,
            "invalid",
            "/data/attributes/url",
        ),
        (
            "webhook_subscriptions",
            json!({"url": "https://example.com/", "event_types": ["moon.rose"]}),
            422,
            "invalid",
            "/data/attributes/event_types/0",
        ),
    ]
}

/// Query string, code and parameter.
const QUERIES: &[(&str, &str, &str)] = &[
    ("q[nickname_eq]=x", "unknown_filter", "q[nickname_eq]"),
    ("q[email_like]=x", "unknown_filter", "q[email_like]"),
    ("q[created_at_gt]=soon", "invalid_filter", "q[created_at_gt]"),
    ("sort=nickname", "unknown_sort", "sort"),
    ("include=moons", "unknown_include", "include"),
    ("fields[contacts]=nickname", "unknown_field", "fields[contacts]"),
    ("page[size]=101", "page_too_large", "page[size]"),
    ("page[number]=zero", "invalid_page", "page[number]"),
    ("moon=full", "unknown_parameter", "moon"),
];
