//! Bounds of requests to trigger URLs.

use std::time::Duration;

use incoming_trigger::Role;
use pulse_testing::wire::Wire;
use serde_json::json;

use crate::app::App;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_or_too_slow_is_refused_in_json() {
    let mut app = App::new().await;
    app.settings.http.bounds.body_seconds = 1;
    let server = app.start(Some(Role::Serve));
    let address = server.url.trim_start_matches("http://");
    let hook = app.workflow(json!([])).await;
    let post =
        |headers: &str| format!("POST /v1/webhooks/in/{} HTTP/1.1\r\nHost: x\r\n{headers}\r\n", hook.token);
    let long = format!("POST /v1/webhooks/in/x?{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(40_000));
    for (request, status, code) in [
        (long, 414, "uri_too_long"),
        (post(&"X: x\r\n".repeat(70)), 431, "headers_too_large"),
        (post(&format!("Content-Length: {}\r\n", 2 << 20)) + &"x".repeat(2 << 20), 413, "body_too_large"),
    ] {
        let reply = Wire::ask(address, request).await;
        assert_eq!(reply.status, status, "{}", reply.body);
        assert!(reply.body.contains(&format!("\"code\":\"{code}\"")), "{}", reply.body);
    }
    let mut slow = Wire::open(address).await;
    slow.send(post("Content-Length: 900\r\n")).await;
    let reply = slow.drip(b' ', Duration::from_millis(50)).await.expect("an answer");
    assert_eq!(reply.status, 408);
    assert!(reply.body.contains("\"code\":\"body_too_slow\""), "{}", reply.body);
    assert_eq!(app.count("trigger_requests").await, 0);
}
