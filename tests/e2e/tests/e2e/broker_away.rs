//! The broker goes away and comes back.

use std::collections::BTreeSet;

use pulse_testing::{Database, Sink, broker, eventually};
use secrecy::ExposeSecret;
use serde_json::json;

use crate::api::Api;
use crate::proxy::Proxy;
use crate::stack::{INGEST_GATEWAY, Stack, WEBHOOK_DISPATCHER};
use crate::website;

#[tokio::test(flavor = "multi_thread")]
async fn contacts_are_created_while_the_broker_is_away_and_every_event_is_delivered_after() {
    let proxy = Proxy::start(broker::settings().url.expose_secret()).await;
    let stack = Stack::start_at(Database::create().await, proxy.url().into()).await;
    let api = Api::sign_up(&stack).await;
    let (token, _) = api.website().await;
    let data = json!({"visitor_fingerprint": null, "session_id": "one"});
    let pageview = json!({"type": "pageview", "token": token, "data": data});
    website::send(&api, &[], &pageview).await.expect(202);
    let sink = Sink::start();
    api.subscribe(&sink.url(), &["contact.created"]).await;

    proxy.cut();
    for service in [INGEST_GATEWAY, WEBHOOK_DISPATCHER] {
        eventually(&format!("{service} is not ready"), async || {
            (!stack.is_ready(service).await).then_some(())
        })
        .await;
    }
    let mut created = BTreeSet::new();
    for number in 0..20 {
        let contact = api.create("contacts", json!({"first_name": number.to_string()})).await;
        created.insert(contact.id);
    }
    let refused = website::send(&api, &[], &pageview).await.expect(503);
    website::assert_open(&refused);
    let seconds = refused.header("retry-after").and_then(|value| value.parse::<u32>().ok());
    assert!(seconds.is_some_and(|seconds| seconds >= 1), "{refused:?}");
    assert!(sink.received().is_empty());

    proxy.restore();
    eventually("every event is delivered", async || {
        let delivered: BTreeSet<String> = sink
            .received()
            .iter()
            .map(|received| received.json()["data"]["id"].as_str().expect("a text").to_owned())
            .collect();
        (delivered == created).then_some(())
    })
    .await;
    eventually("events of websites are taken again", async || {
        (website::send(&api, &[], &pageview).await.status == 202).then_some(())
    })
    .await;
    api.list_of(2, "analytics/events").await;
}
