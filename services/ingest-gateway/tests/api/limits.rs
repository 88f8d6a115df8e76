//! Requests per hour and address.

use std::num::NonZeroU32;

use serde_json::json;

use crate::app::{Answer, App};

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_used_up_its_requests_is_told_when_to_come_back() {
    let app = App::spawn_with(None, |settings| {
        settings.ingest.requests_per_hour = NonZeroU32::new(3).expect("not zero");
        settings.http.trusted_proxies = "127.0.0.1".parse().expect("networks");
    })
    .await;
    let body = json!({ "type": "pageview", "token": app.public, "data": { "session_id": "s" } }).to_string();
    let send = async |client: &str, body: &str| {
        let request = app.post().header("X-Forwarded-For", client).body(body.to_owned());
        Answer::read(request.send().await.expect("an answer")).await
    };

    // Preflights are not counted; requests that are refused for another reason are.
    for _ in 0..10 {
        let request = app.request("OPTIONS", "/api/ingest").header("X-Forwarded-For", "192.0.2.1");
        assert_eq!(request.send().await.expect("an answer").status().as_u16(), 204);
    }
    let first = send("192.0.2.1", &body).await;
    assert_eq!(first.status, 202);
    assert_eq!(first.header("ratelimit-policy"), Some("\"events\";q=3;w=3600"));
    assert_eq!(first.header("ratelimit"), Some("\"events\";r=2;t=1200"));
    assert_eq!(send("192.0.2.1", &body).await.status, 202);
    assert_eq!(send("192.0.2.1", "broken").await.status, 400);

    let over = send("192.0.2.1", &body).await;
    assert_eq!((over.status, over.body.as_str()), (429, r#"{"error":"Rate limited"}"#));
    assert_eq!(over.header("content-type"), Some("application/json"));
    assert_eq!(over.header("access-control-allow-origin"), Some("*"));
    assert_eq!(over.header("access-control-expose-headers"), Some("Retry-After"));
    let seconds: u32 = over.header("retry-after").expect("given").parse().expect("whole seconds");
    assert!((1..=1_200).contains(&seconds), "{seconds}");
    assert_eq!(over.header("ratelimit"), Some("\"events\";r=0;t=3600"));

    // Before the token is looked at, and for this address alone.
    assert_eq!(send("192.0.2.1", "{}").await.status, 429);
    assert_eq!(send("192.0.2.2", &body).await.status, 202);
    app.stored(3).await;
    app.stop().await;
}
