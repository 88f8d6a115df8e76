//! Bounds of requests, in the short JSON of this edge, readable for pages of any origin.

use std::time::Duration;

use pulse_testing::wire::Wire;

use crate::app::{Answer, App};

const POST: &str = "POST /api/ingest HTTP/1.1\r\nHost: x\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_or_too_slow_is_refused_in_json() {
    let app = App::spawn_with(None, |settings| settings.http.bounds.body_seconds = 1).await;
    let long = format!("GET /api/ingest?{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(40_000));
    let many = format!("{POST}{}\r\n", "X: x\r\n".repeat(70));
    for (request, status, body) in [
        (long, 414, r#"{"error":"A path with its query may have 32768 bytes."}"#),
        (many, 431, r#"{"error":"A request may have 64 headers of 65536 bytes together."}"#),
    ] {
        let reply = Wire::ask(app.address, request).await;
        assert_eq!((reply.status, reply.body.as_str()), (status, body));
        assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
    }
    let mut slow = Wire::open(app.address).await;
    slow.send(format!("{POST}Content-Length: 900\r\n\r\n")).await;
    let reply = slow.drip(b' ', Duration::from_millis(50)).await.expect("an answer");
    assert_eq!((reply.status, reply.body.as_str()), (408, r#"{"error":"The body took too long."}"#));
    assert_eq!(reply.header("cross-origin-resource-policy"), Some("cross-origin"));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_nested_too_deeply_is_refused_and_not_left_to_the_database() {
    let app = App::spawn().await;
    let event = |levels: usize| {
        let nested = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        format!(
            r#"{{"type":"event","token":"{}","data":{{"session_id":"s","event_name":"x","event_data":{{"a":{nested}}}}}}}"#,
            app.public
        )
    };
    for levels in [62, 10_000, 60_000] {
        let answer: Answer = app.send(event(levels)).await;
        let message = r#"{"message":"The body is nested deeper than 64 levels."}"#;
        assert_eq!((answer.status, answer.body.as_str()), (400, message), "{levels}");
    }
    let answer = app.send(event(60)).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    app.stored(1).await;
    app.stop().await;
}
