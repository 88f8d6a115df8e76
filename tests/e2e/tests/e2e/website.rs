//! A website has the published SDK, unmodified, and its shop reports what was paid.

use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{Answer, Api};
use crate::script;
use crate::stack::Stack;

const INGEST: &str = "/api/ingest";

#[tokio::test(flavor = "multi_thread")]
async fn what_the_sdk_sends_by_beacon_and_by_fetch_is_stored() {
    let stack = Stack::start().await;
    let api = Api::sign_up(&stack).await;
    let (token, _) = api.website().await;

    for (transport, content_type, token_header) in
        [("beacon", "text/plain;charset=utf-8", None), ("fetch", "application/json", Some(token.as_str()))]
    {
        let endpoint = format!("{}{INGEST}", stack.url());
        let visit = script::run("sdk/website.mjs", &[&endpoint, &token, transport]).await;

        let requests = visit["requests"].as_array().expect("requests");
        assert_eq!(requests.len(), 3);
        for request in requests {
            assert_eq!(request["headers"]["Content-Type"], content_type);
            assert_eq!(request["headers"]["X-API-Token"].as_str(), token_header);
            assert_eq!(
                (&request["status"], &request["answer"]),
                (&json!(202), &json!(r#"{"success":true}"#))
            );
        }

        let session = visit["session"].as_str().expect("a session");
        let events = api.list_of(3, &format!("analytics/events?q[session_id_eq]={session}")).await;
        let event = |path: &str, kind: &str| -> &Value {
            let found = events.iter().map(|event| &event["attributes"]);
            let mut found = found.filter(|event| event["path"] == path && event["kind"] == kind);
            found.next().unwrap_or_else(|| panic!("no {kind} of {path}: {events:?}"))
        };
        let landing = event("/pricing", "pageview");
        assert_eq!(landing["utm_source"], "news");
        assert_eq!(landing["utm_campaign"], "launch");
        assert_eq!(landing["referrer_source"], "google.com");
        assert_eq!(landing["locale"], "en-GB");
        let visitor = landing["visitor_fingerprint"].as_str().expect("it is derived");
        assert!(!visitor.is_empty());
        assert_eq!(event("/checkout", "pageview")["visitor_fingerprint"], visitor);
        let selected = event("/checkout", "event");
        assert_eq!(selected["name"], "plan_selected");
        assert_eq!(selected["data"], json!({"plan": "pro"}));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_sdk_sends_from_a_real_browser_is_stored() {
    let stack = Stack::start().await;
    let api = Api::sign_up(&stack).await;
    let (token, _) = api.website().await;
    for transport in ["beacon", "fetch"] {
        let endpoint = format!("{}{INGEST}", stack.url());

        let visit = script::run("sdk/chromium.mjs", &[&endpoint, &token, transport]).await;

        let session = visit["session"].as_str().expect("a session");
        let events = api.list_of(1, &format!("analytics/events?q[session_id_eq]={session}")).await;
        let pageview = &events[0]["attributes"];
        assert_eq!((&pageview["kind"], &pageview["path"]), (&json!("pageview"), &json!("/pricing")));
        assert_eq!((&pageview["title"], &pageview["utm_source"]), (&json!("Pricing"), &json!("news")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_of_a_known_session_is_stored_once() {
    let stack = Stack::start().await;
    let api = Api::sign_up(&stack).await;
    let (public, secret) = api.website().await;
    let session = "6f1c1f0e-3b1e-4d0a-9f3e-0d8f3a1b2c3d";
    let pageview = json!({"type": "pageview", "token": public, "data": {
        "visitor_fingerprint": null, "session_id": session, "url": "https://shop.pulse.test/", "path": "/"}});
    send(&api, &[], &pageview).await.expect(202);
    let landing = api.list_of(1, "analytics/events?q[kind_eq]=pageview").await.remove(0);

    // The SDK has no fingerprint to give to the shop, so the session has to do.
    let payment = json!({"type": "revenue", "data": {
        "visitor_fingerprint": null, "session_id": session, "customer_id": "grace",
        "amount": 49.90, "transaction_id": "order-1001"}});
    let refused = send(&api, &[("x-api-token", &public)], &payment).await.expect(403);
    assert_eq!(refused.body, r#"{"error":"Revenue events require secret token"}"#);
    for _ in 0..2 {
        let taken = send(&api, &[("x-api-token", &secret)], &payment).await.expect(202);
        assert_eq!(taken.body, r#"{"success":true}"#);
    }
    let another = json!({"type": "revenue", "data": {
        "visitor_fingerprint": "given", "session_id": session, "customer_id": "grace",
        "amount": 5, "transaction_id": "order-1002"}});
    send(&api, &[("x-api-token", &secret)], &another).await.expect(202);

    let payments = api.list_of(2, "analytics/events?q[kind_eq]=revenue&sort=received_at").await;
    let visitors: Vec<&Value> =
        payments.iter().map(|payment| &payment["attributes"]["visitor_fingerprint"]).collect();
    assert_eq!(visitors, [&landing["attributes"]["visitor_fingerprint"], &json!("given")]);
    let stored = "SELECT transaction_id, amount::text, currency FROM analytics.revenue ORDER BY 1";
    let stored = stack.database.client().await.query(stored, &[]).await.expect("the table is there");
    let stored: Vec<(String, String, String)> =
        stored.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
    let expected = [("order-1001", "49.9000", "USD"), ("order-1002", "5.0000", "USD")];
    assert_eq!(stored, expected.map(|(id, amount, currency)| (id.into(), amount.into(), currency.into())));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_of_ingest_can_be_read_by_any_page() {
    let stack = Stack::start().await;
    let api = Api::sign_up(&stack).await;
    let (token, _) = api.website().await;

    let preflight = [
        ("origin", "https://shop.pulse.test"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type,x-api-token"),
    ];
    let preflight = api.send(Method::OPTIONS, INGEST, &preflight, "").await;
    assert!((200..300).contains(&preflight.status), "{}", preflight.status);
    assert_eq!(preflight.header("access-control-allow-methods"), Some("POST, OPTIONS"));
    assert_eq!(preflight.header("access-control-allow-headers"), Some("content-type, x-api-token"));
    assert_open(&preflight);

    let data = json!({"visitor_fingerprint": null, "session_id": "one"});
    let good = json!({"type": "pageview", "token": token, "data": data}).to_string();
    let huge = format!("{{\"type\":\"pageview\",\"data\":{{\"x\":\"{}\"}}}}", "x".repeat(3 << 20));
    let table: &[(u16, &str, String)] = &[
        (202, r#"{"success":true}"#, good.clone()),
        (401, r#"{"error":"Missing API token"}"#, good.replace("token", "other")),
        (401, r#"{"error":"Invalid API token"}"#, good.replace("pub_", "pub_x")),
        (403, r#"{"error":"Revenue events require secret token"}"#, good.replace("pageview", "revenue")),
        (400, r#"{"message":"The data.session_id field is required."}"#, good.replace("session_id", "other")),
        (400, r#"{"message":"The data.event_name field is required."}"#, good.replace("pageview", "event")),
        (413, r#"{"error":"Payload too large"}"#, huge),
    ];
    for (status, body, request) in table {
        let answer = api.send(Method::POST, INGEST, &[("content-type", "text/plain")], request.clone()).await;
        assert_eq!((answer.status, answer.body.as_str()), (*status, *body));
        assert_open(&answer);
    }
    let broken = api.send(Method::POST, INGEST, &[], "{\"type\":").await.expect(400);
    assert!(broken.json()["message"].is_string());
    assert_open(&broken);
    assert_open(&api.get(INGEST).await.expect(405));

    assert_eq!(api.list_of(1, "analytics/events").await.len(), 1);
}

pub(crate) fn assert_open(answer: &Answer) {
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{answer:?}");
    assert_eq!(answer.header("access-control-expose-headers"), Some("Retry-After"), "{answer:?}");
    assert_eq!(answer.header("set-cookie"), None);
}

pub(crate) async fn send(api: &Api, headers: &[(&str, &str)], body: &Value) -> Answer {
    api.send(Method::POST, INGEST, headers, body.to_string()).await
}
