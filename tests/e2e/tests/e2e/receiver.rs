//! A receiver that breaks, as its owner sees it: it is tried, mended, told what it has missed, and let go.

use std::collections::BTreeSet;

use pulse_testing::{Sink, eventually};
use serde_json::{Value, json};

use crate::api::Api;
use crate::stack::{Stack, WEBHOOK_DISPATCHER};

/// Fewer than what parks a receiver.
const MISSED: usize = 8;
/// Until whatever waits is due.
const TIME_PASSES: &str = "UPDATE webhook_deliveries SET next_attempt_at = now() WHERE state = 'scheduled'";

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_is_recovered_although_the_worker_is_killed_in_the_middle() {
    let mut stack = Stack::start().await;
    let api = Api::sign_up(&stack).await;
    let sink = Sink::start();
    sink.answer(&[500; MISSED]);
    let id = subscribe(&api, &sink, json!({"event_types": ["contact.created"], "max_retries": 0})).await;
    for number in 0..MISSED {
        api.create("contacts", json!({"first_name": number.to_string()})).await;
    }
    api.list_of(MISSED, "webhook_deliveries?q[state_eq]=exhausted").await;

    let path = format!("/api/v1/webhook_subscriptions/{id}/recover");
    let asked = json!({"since": "2020-01-01T00:00:00Z", "rate": 2, "dry_run": true});
    assert_eq!(api.post(&path, &asked).await.expect(200).json()["meta"]["count"], MISSED);
    let asked = json!({"since": "2020-01-01T00:00:00Z", "rate": 2});
    let recovery = api.post(&path, &asked).await.expect(202).json();
    let recovery = format!("/api/v1/webhook_recoveries/{}", text(&recovery["meta"]["recovery_id"]));
    sink.wait_for(MISSED + 1).await;
    stack.kill(WEBHOOK_DISPATCHER);
    let state = api.get(&recovery).await.expect(200).json()["data"]["attributes"].clone();
    assert_eq!(state["state"], "running", "killed in the middle: {state}");
    let client = stack.database.client().await;
    let expire = "UPDATE webhook_deliveries SET lease_until = now() WHERE lease_until IS NOT NULL";
    client.execute(expire, &[]).await.expect("leases run out");
    stack.run(WEBHOOK_DISPATCHER, &[]).await;

    eventually("the recovery is complete", async || {
        let state = api.get(&recovery).await.expect(200).json()["data"]["attributes"].clone();
        (state["state"] == "completed" && state["replayed"] == MISSED).then_some(())
    })
    .await;
    api.list_of(MISSED, "webhook_deliveries?q[state_eq]=succeeded").await;
    let received = sink.received();
    let (missed, recovered) = received.split_at(MISSED);
    let bodies: BTreeSet<&[u8]> = missed.iter().map(|request| request.body.as_slice()).collect();
    assert_eq!(bodies, recovered.iter().map(|request| request.body.as_slice()).collect());
    assert_eq!(api.post(&path, &asked).await.expect(202).json()["meta"]["count"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_says_that_it_is_gone_is_let_go_and_can_come_back() {
    let stack = Stack::start().await;
    let api = Api::sign_up(&stack).await;
    let (sink, bystander) = (Sink::start(), Sink::start());
    let secret = json!({"X-Key": "open sesame"});
    let id = subscribe(&api, &sink, json!({"event_types": ["contact.created"], "headers": secret})).await;
    let told = json!({"event_types": ["webhook_subscription.disabled"]});
    subscribe(&api, &bystander, told).await;
    let path = |action: &str| format!("/api/v1/webhook_subscriptions/{id}/{action}");
    let health = async || api.get(&path("health")).await.expect(200).json()["meta"].clone();

    api.post(&path("test"), &json!({})).await.expect(202);
    let ping = sink.wait_for(1).await.remove(0);
    assert_eq!(
        (ping.json()["event_type"].clone(), ping.header("x-key")),
        ("webhook.ping".into(), Some("open sesame"))
    );
    let logged = api.list_of(1, "webhook_attempts").await.remove(0);
    assert_eq!(logged["attributes"]["request_headers"]["x-key"], "***");
    assert_eq!(health().await["state"], "active");

    sink.answer(&[410]);
    api.create("contacts", json!({"first_name": "Grace"})).await;
    assert_eq!(bystander.wait_for(1).await[0].json()["data"]["id"], id);
    let disabled = health().await;
    assert_eq!((&disabled["state"], &disabled["reason"]), (&json!("disabled"), &json!("gone")));

    api.post(&path("enable"), &json!({})).await.expect(200);
    api.create("contacts", json!({"first_name": "Ada"})).await;
    assert_eq!(sink.wait_for(3).await[2].json()["data"]["first_name"], "Ada");
    let lost = api.list_of(1, "webhook_deliveries?q[state_eq]=cancelled").await.remove(0);
    api.post(&format!("/api/v1/webhook_deliveries/{}/replay", text(&lost["id"])), &json!({}))
        .await
        .expect(202);
    let received = sink.wait_for(4).await;
    assert_eq!(received[3].body, received[1].body);
    assert_eq!(received[3].header("webhook-id"), received[1].header("webhook-id"));
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_wait_as_planned_and_follow_the_address_until_the_subscription_is_deleted() {
    let stack = Stack::start().await;
    let api = Api::sign_up(&stack).await;
    let (wrong, right) = (Sink::start(), Sink::start());
    wrong.answer(&[404; 2]);
    let id = subscribe(&api, &wrong, json!({"event_types": ["contact.created", "contact.deleted"]})).await;
    let contact = api.create("contacts", json!({"first_name": "Grace"})).await;
    let failed = eventually("the first attempt has failed", async || {
        api.list("webhook_deliveries?q[retries_eq]=1").await.pop()
    })
    .await;
    let schedule = format!("/api/v1/webhook_deliveries/{}/schedule", text(&failed["id"]));
    let plan = api.get(&schedule).await.expect(200).json();
    assert_eq!(plan["meta"]["due_at"].as_array().map_or(0, Vec::len), 12, "{plan}");

    let path = format!("/api/v1/webhook_subscriptions/{id}");
    let mended =
        json!({"data": {"type": "webhook_subscriptions", "id": id, "attributes": {"url": right.url()}}});
    api.patch(&path, &mended).await.expect(200);
    let client = stack.database.client().await;
    assert_eq!(client.execute(TIME_PASSES, &[]).await.expect("an update"), 1);

    assert_eq!(right.wait_for(1).await[0].body, wrong.received()[0].body);
    right.answer(&[503]);
    api.delete(&format!("/api/v1/contacts/{}", contact.id)).await.expect(200);
    api.list_of(1, "webhook_deliveries?q[attempts_response_status_eq]=503").await;
    api.delete(&path).await.expect(200);
    assert_eq!(client.execute(TIME_PASSES, &[]).await.expect("an update"), 1);
    eventually("the retry is cancelled", async || {
        let open = "SELECT FROM webhook_deliveries WHERE state = 'cancelled'";
        client.query_opt(open, &[]).await.expect("a look")
    })
    .await;
    assert_eq!((wrong.received().len(), right.received().len()), (1, 2));
}

async fn subscribe(api: &Api, sink: &Sink, mut attributes: Value) -> String {
    attributes["url"] = sink.url().into();
    api.create("webhook_subscriptions", attributes).await.id
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
