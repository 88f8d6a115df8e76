//! The published contract of the edge: statuses, bodies to the byte, and the headers that browsers need.

use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::app::{Answer, App};

fn assert_open(answer: &Answer, what: &str) {
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{what}");
    assert_eq!(answer.header("access-control-expose-headers"), Some("Retry-After"), "{what}");
    assert_eq!(answer.header("set-cookie"), None, "{what}");
}

fn assert_answer(answer: &Answer, status: u16, body: &str) {
    assert_eq!((answer.status, answer.body.as_str()), (status, body));
    assert_eq!(answer.header("content-type"), Some("application/json"), "{body}");
    assert_open(answer, body);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_four_types_are_accepted() {
    let app = App::spawn().await;
    for (token, kind, data) in [
        (
            &app.public,
            "pageview",
            json!({ "visitor_fingerprint": "v", "session_id": "s", "url": "https://shop.example/" }),
        ),
        (
            &app.public,
            "event",
            json!({ "visitor_fingerprint": "v", "session_id": "s", "event_name": "signup" }),
        ),
        (
            &app.public,
            "identify",
            json!({ "visitor_fingerprint": "v", "session_id": "s", "customer_id": "c" }),
        ),
        (&app.secret, "identify", json!({ "visitor_fingerprint": "v", "customer_id": "c" })),
        (
            &app.secret,
            "revenue",
            json!({ "visitor_fingerprint": "v", "session_id": "s", "customer_id": "c", "amount": 49.99, "transaction_id": "t" }),
        ),
    ] {
        assert_answer(&app.ingest(token, kind, &data).await, 202, r#"{"success":true}"#);
    }
    app.stored(5).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_open_nothing_are_refused_to_the_byte() {
    let app = App::spawn().await;
    let missing = r#"{"error":"Missing API token"}"#;
    let invalid = r#"{"error":"Invalid API token"}"#;
    let valid = json!({ "type": "pageview", "token": app.public, "data": { "session_id": "s" } }).to_string();

    for token in [json!(null), json!(""), json!(5)] {
        let body = json!({ "type": "pageview", "token": token, "data": { "session_id": "s" } });
        assert_answer(&app.send(body.to_string()).await, 401, missing);
    }
    assert_answer(&app.send("{}").await, 401, missing);
    let body = json!({ "type": "pageview", "token": "pub_unknown", "data": { "session_id": "s" } });
    assert_answer(&app.send(body.to_string()).await, 401, invalid);

    // The header wins, and one that is empty is none.
    let response = app.post().header("X-API-Token", "pub_unknown").body(valid.clone()).send().await;
    assert_answer(&Answer::read(response.expect("an answer")).await, 401, invalid);
    let response = app.post().header("X-API-Token", &b"pub_\xff"[..]).body(valid.clone()).send().await;
    assert_answer(&Answer::read(response.expect("an answer")).await, 401, invalid);
    let response = app.post().header("X-API-Token", "").body(valid).send().await;
    assert_answer(&Answer::read(response.expect("an answer")).await, 202, r#"{"success":true}"#);
    app.stored(1).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn revenue_under_a_public_token_is_refused_before_its_fields_are_looked_at() {
    let app = App::spawn().await;
    for data in [json!({}), json!(null), json!({ "amount": "x" })] {
        let answer = app.ingest(&app.public, "revenue", &data).await;
        assert_answer(&answer, 403, r#"{"error":"Revenue events require secret token"}"#);
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_the_data_is_said_by_field() {
    let app = App::spawn().await;
    let required = |field: &str| format!("The data.{field} field is required.");
    let full = |kind: &str| match kind {
        "pageview" => json!({ "visitor_fingerprint": "v", "session_id": "s" }),
        "event" => json!({ "visitor_fingerprint": "v", "session_id": "s", "event_name": "n" }),
        _ => json!({ "visitor_fingerprint": "v", "session_id": "s", "customer_id": "c" }),
    };
    let mut cases: Vec<(&str, &str, Value, String)> = Vec::new();
    for (kind, field) in [
        ("pageview", "session_id"),
        ("event", "session_id"),
        ("event", "event_name"),
        ("identify", "customer_id"),
    ] {
        cases.push((kind, field, json!(null), required(field)));
        cases.push((kind, field, json!(""), required(field)));
        cases.push((kind, field, json!(7), format!("The data.{field} field must be a string.")));
    }
    for kind in ["pageview", "event", "identify"] {
        for wrong in [json!(""), json!(7), json!({})] {
            cases.push((kind, "visitor_fingerprint", wrong, required("visitor_fingerprint")));
        }
        let message = "The data.timestamp field must be an integer of Unix milliseconds.";
        cases.push((kind, "timestamp", json!("2026-01-01"), message.into()));
    }
    cases.push(("pageview", "url", json!(7), "The data.url field must be a string.".into()));
    cases.push(("event", "event_data", json!([1]), "The data.event_data field must be an object.".into()));
    for (kind, field, value, message) in cases {
        let mut data = full(kind);
        data[field] = value;
        let answer = app.ingest(&app.public, kind, &data).await;
        assert_answer(&answer, 400, &json!({ "message": message }).to_string());
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_no_envelope_is_refused_with_a_message() {
    let app = App::spawn().await;
    let object = "The body must be a JSON object.";
    for (body, message) in [
        ("[]", object),
        ("5", object),
        ("null", object),
        (
            r#"{"type":"pageview""#,
            "The body is not valid JSON: EOF while parsing an object at line 1 column 18.",
        ),
        ("", "The body is not valid JSON: EOF while parsing a value at line 1 column 0."),
    ] {
        assert_answer(&app.send(body).await, 400, &json!({ "message": message }).to_string());
    }
    let answer = app.send(&b"{\"type\":\"\xff\"}"[..]).await;
    assert_eq!(answer.status, 400);
    assert_open(&answer, "bytes that are no text");

    let types = "The type field must be one of: pageview, event, identify, revenue.";
    for (envelope, message) in [
        (json!({ "data": {} }), "The type field is required."),
        (json!({ "type": null, "data": {} }), "The type field is required."),
        (json!({ "type": "click", "data": {} }), types),
        (json!({ "type": 1, "data": {} }), types),
        (json!({ "type": "pageview" }), "The data field is required."),
        (json!({ "type": "pageview", "data": null }), "The data field is required."),
        (json!({ "type": "pageview", "data": [] }), "The data field must be an object."),
        (json!({ "type": "pageview", "data": "x" }), "The data field must be an object."),
    ] {
        let response = app.post().header("X-API-Token", &app.public).body(envelope.to_string()).send().await;
        let answer = Answer::read(response.expect("an answer")).await;
        assert_answer(&answer, 400, &json!({ "message": message }).to_string());
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_bounded() {
    let app = App::spawn().await;
    let envelope = |size: usize| {
        let data = json!({ "session_id": "s", "unknown": "x".repeat(size) });
        json!({ "type": "pageview", "token": app.public, "data": data }).to_string()
    };
    assert_answer(&app.send(envelope(100_000)).await, 202, r#"{"success":true}"#);
    let message = r#"{"error":"The body must not be larger than 131072 bytes."}"#;
    assert_answer(&app.send(envelope(131_072)).await, 413, message);
    app.stored(1).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_methods_and_paths_are_answered_in_json() {
    let app = App::spawn().await;
    for method in ["GET", "PUT", "PATCH", "DELETE"] {
        let response = app.request(method, "/api/ingest").send().await.expect("an answer");
        let answer = Answer::read(response).await;
        assert_answer(&answer, 405, r#"{"error":"Method not allowed"}"#);
        assert_eq!(answer.header("allow"), Some("POST, OPTIONS"));
    }
    let response = app.request("POST", "/api/elsewhere").send().await.expect("an answer");
    assert_answer(&Answer::read(response).await, 404, r#"{"error":"Not found"}"#);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preflight_is_answered_before_anything_is_checked() {
    let app = App::spawn().await;
    let response = app
        .request("OPTIONS", "/api/ingest")
        .header("Origin", "https://shop.example")
        .header("Access-Control-Request-Method", "POST")
        .header("Access-Control-Request-Headers", "content-type,x-api-token")
        .send()
        .await
        .expect("an answer");
    let answer = Answer::read(response).await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    assert_open(&answer, "preflight");
    assert_eq!(answer.header("access-control-allow-methods"), Some("POST, OPTIONS"));
    assert_eq!(answer.header("access-control-allow-headers"), Some("content-type, x-api-token"));
    assert!(answer.header("access-control-max-age").is_some_and(|age| age.parse::<u32>().is_ok()));
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_content_type_does_not_matter() {
    let app = App::spawn().await;
    let body = json!({ "type": "pageview", "token": app.public, "data": { "session_id": "s" } }).to_string();
    for content_type in
        ["text/plain;charset=utf-8", "application/json", "application/x-www-form-urlencoded", "?"]
    {
        let request = app.post().header(CONTENT_TYPE, content_type).body(body.clone());
        let answer = Answer::read(request.send().await.expect("an answer")).await;
        assert_answer(&answer, 202, r#"{"success":true}"#);
    }
    assert_answer(&app.send(body).await, 202, r#"{"success":true}"#);
    app.stored(5).await;
    app.stop().await;
}
