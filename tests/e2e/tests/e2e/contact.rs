//! A contact is created over the API, and a signed webhook tells of it.

use std::net::TcpStream;

use pulse_domain::signature;
use pulse_testing::sink::Received;
use pulse_testing::{Sink, eventually};
use serde_json::json;
use uuid::Uuid;

use crate::api::{Api, PASSWORD, some_email};
use crate::script;
use crate::stack::{Stack, free_ports};

#[tokio::test(flavor = "multi_thread")]
async fn a_user_signs_up_signs_in_in_three_ways_and_signs_out_of_one() {
    let stack = Stack::start().await;
    let api = Api::anonymous(&stack);
    let email = some_email();
    let form =
        json!({"workspace_name": "Acme", "name": "Ada Lovelace", "email": email, "password": PASSWORD});
    api.post("/api/v1/auth/sign_up", &form).await.expect(201);

    let fields = json!({"email": email, "password": PASSWORD});
    let forms = [
        ("/api/v1/auth/sign_in", fields.clone()),
        ("/api/v1/auth/sign_in", json!({"user": fields})),
        ("/auth/sign_in", json!({"data": {"type": "user_sessions", "attributes": fields}})),
    ];
    let mut sessions = Vec::new();
    for (path, form) in forms {
        let answer = api.post(path, &form).await.expect(201);
        assert_eq!(answer.header("access-control-expose-headers"), Some("Authorization"));
        assert_eq!(answer.json()["data"]["type"], "user_sessions");
        sessions.push(api.with_token(answer.bearer()));
    }
    // With that of the sign-up.
    assert_eq!(sessions[0].list("user_sessions").await.len(), 4);

    sessions[0].delete("/api/v1/auth/sign_out").await.expect(200);
    let refused = sessions[0].get("/api/v1/contacts").await.expect(401);
    assert_eq!(refused.error(), ("session_revoked".into(), "Authorization".into()));
    sessions[1].get("/api/v1/contacts").await.expect(200);
    sessions[2].delete("/auth/sign_out").await.expect(200);
    sessions[2].get("/api/v1/contacts").await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_created_contact_is_delivered_signed_and_can_be_replayed() {
    let stack = Stack::start().await;
    let api = Api::sign_up(&stack).await;
    let sink = Sink::start();
    let secret = api.subscribe(&sink.url(), &["contact.created"]).await;

    let contact = api.create("contacts", json!({"first_name": "Grace", "email": "grace@shop.test"})).await;

    let first = sink.wait_for(1).await.remove(0);
    assert_signed(&first, &secret);
    let payload = first.json();
    let keys: Vec<&String> = payload.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["event_id", "event_type", "timestamp", "data"]);
    let event_id = payload["event_id"].as_str().expect("a text");
    event_id.parse::<Uuid>().expect("a UUID");
    assert_eq!(payload["event_type"], "contact.created");
    let timestamp = payload["timestamp"].as_str().expect("a text");
    assert!(timestamp.len() == "2026-01-01T00:00:00.000Z".len() && timestamp.ends_with('Z'), "{timestamp}");
    assert_eq!(payload["data"]["id"], contact.id);
    assert_eq!(payload["data"]["email"], "grace@shop.test");

    let delivered = "webhook_deliveries?q[state_eq]=succeeded";
    let delivery = api.list_of(1, delivered).await.remove(0);
    assert_eq!(delivery["attributes"]["event_id"], event_id);
    let delivery = delivery["id"].as_str().expect("a text");
    let attempts = api.list(&format!("webhook_deliveries/{delivery}/attempts")).await;
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0]["attributes"]["number"], 1);
    assert_eq!(attempts[0]["attributes"]["response_status"], 200);

    let replay = format!("/api/v1/webhook_deliveries/{delivery}/replay");
    let replay = api.post(&replay, &json!({})).await.expect(202).json();

    let second = sink.wait_for(2).await.remove(1);
    assert_eq!(second.body, first.body);
    assert_signed(&second, &secret);
    let replayed = api.list_of(1, &format!("{delivered}&q[replay_of_id_eq]={delivery}")).await;
    assert_eq!(replayed[0]["id"], replay["meta"]["delivery_id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_receiver_accepts_the_signature() {
    let stack = Stack::start().await;
    let api = Api::sign_up(&stack).await;
    let port = free_ports().next().expect("a port is free");
    let secret = api.subscribe(&format!("http://127.0.0.1:{port}/"), &["*"]).await;
    let settings = [("PORT", &*port.to_string()), ("SECRET", &*secret)];
    let _receiver = script::Background::start("sdk/receiver.mjs", &settings);
    eventually("the receiver listens", async || TcpStream::connect(("127.0.0.1", port)).ok()).await;

    api.create("contacts", json!({"first_name": "Ada", "description": "naïve – “quoted” \u{1F600}"})).await;

    let delivered = api.list_of(1, "webhook_deliveries?q[state_eq]=succeeded&include=attempts").await;
    assert_eq!(delivered[0]["attributes"]["event_type"], "contact.created");
    assert_eq!(api.list("webhook_attempts").await[0]["attributes"]["response_status"], 204);
}

#[track_caller]
fn assert_signed(received: &Received, secret: &str) {
    for header in ["x-pulse-signature", "x-pulsepost-signature"] {
        let found = received.header(header).expect("every delivery is signed");
        assert_eq!(found, signature::sign(secret.as_bytes(), &received.body), "{header}");
    }
}
