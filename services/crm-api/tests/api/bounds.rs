//! Bounds of requests: what is too large, too slow or nested too deeply is refused as JSON:API, and harms nobody.

use std::time::Duration;

use pulse_testing::wire::{Reply, Wire};
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{App, errors};

fn code(reply: &Reply) -> (u16, String) {
    assert_eq!(reply.header("content-type"), Some("application/vnd.api+json"), "{}", reply.body);
    let document: Value = serde_json::from_str(&reply.body).expect("JSON");
    (reply.status, document["errors"][0]["code"].as_str().expect("a code").to_owned())
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn what_is_too_large_is_refused_as_json_api() {
    let app = App::spawn().await;
    let get = |path: &str, headers: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
    let long = format!("/api/v1/contacts?q[email_eq]={}", "x".repeat(40_000));
    let reply = Wire::ask(app.address(), get(&long, "")).await;
    assert_eq!(code(&reply), refused(414, "uri_too_long"));
    let long = format!("X-Long: {}\r\n", "x".repeat(70_000));
    for headers in [long, "X: x\r\n".repeat(70)] {
        let reply = Wire::ask(app.address(), get("/api/v1/contacts", &headers)).await;
        assert_eq!(code(&reply), refused(431, "headers_too_large"));
        assert!(reply.header("x-request-id").is_some());
    }
}

#[tokio::test]
async fn a_body_has_a_length_and_a_time() {
    let app = App::spawn_with(|settings| {
        settings.http.bounds.body_bytes = 1_000;
        settings.http.bounds.body_seconds = 1;
    })
    .await;
    let large = json!({ "data": { "type": "tags", "attributes": { "name": "x".repeat(1_000) } } });
    let answer = app.post("/api/v1/tags", large).await;
    assert_eq!((answer.status, answer.errors()), (413, errors([("payload_too_large", "")])));
    let head = |path: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\nContent-Type: application/json\r\n\
             Content-Length: 900\r\n\r\n",
            app.token
        )
    };
    for path in ["/api/v1/tags", "/auth/sign_in"] {
        let mut slow = Wire::open(app.address()).await;
        slow.send(head(path)).await;
        let reply = slow.drip(b' ', Duration::from_millis(50)).await.expect("an answer");
        assert_eq!(code(&reply), refused(408, "request_timeout"), "{path}");
    }
}

#[tokio::test]
async fn json_that_is_nested_too_deeply_is_refused_wherever_json_is_read() {
    let app = App::spawn().await;
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let id = uuid::Uuid::now_v7();
    for (method, path) in [
        (Method::POST, "/api/v1/contacts".to_owned()),
        (Method::PATCH, format!("/api/v1/contacts/{id}")),
        (Method::POST, format!("/api/v1/contacts/{id}/relationships/tags")),
        (Method::POST, "/api/v1/auth/sign_in".to_owned()),
    ] {
        for body in [nested(100_000), nested(65), "[".repeat(500_000), "{\"a\":".repeat(100_000)] {
            let request = app.request(method.clone(), &path).header("Authorization", &app.token);
            let request = request.header("Content-Type", "application/vnd.api+json").body(body);
            let answer = App::answer(request).await;
            assert_eq!((answer.status, answer.errors()[0].0.as_str()), (400, "malformed_json"), "{path}");
        }
    }
    // As deep as can be: with what a document has around it.
    let value: Value = serde_json::from_str(&nested(60)).expect("JSON");
    let attributes = json!({ "name": "deep", "definition": { "steps": [], "note": value } });
    let document = json!({ "data": { "type": "workflows", "attributes": attributes } });
    let answer = app.post("/api/v1/workflows", document).await;
    assert!([201, 422].contains(&answer.status), "{}", answer.json);
    assert_eq!(app.get("/api/v1/contacts").await.status, 200);
}

#[tokio::test]
async fn answers_are_kept_only_where_a_client_can_ask_whether_they_hold() {
    let app = App::spawn_with(|settings| settings.http.strict_transport_seconds = 60).await;
    let id = app.create("tags", json!({ "name": "a" })).await;
    for (path, cache) in [
        (format!("/api/v1/tags/{id}"), "private, no-cache"),
        ("/api/v1/tags".to_owned(), "private, no-cache"),
        ("/api/v1/tags/7".to_owned(), "no-store"),
        ("/api/v1/openapi.json".to_owned(), "public, max-age=300"),
    ] {
        let answer = app.get(&path).await;
        assert_eq!(answer.header("cache-control"), Some(cache), "{path}");
        assert_eq!(answer.header("strict-transport-security"), Some("max-age=60; includeSubDomains"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(
            answer.header("content-security-policy").map(|policy| &policy[..18]),
            Some("default-src 'none'")
        );
    }
}
