//! Pings: deliveries that were asked for by hand.

use chrono::Utc;
use pulse_bus::topology::{PING, WEBHOOK_PINGS};
use pulse_domain::command::Ping;
use pulse_domain::{EventId, event, signature};
use pulse_testing::{Sink, eventually};
use uuid::Uuid;

use crate::app::App;

fn ping(app: &App, subscription_id: Uuid) -> Ping {
    let [event_id, delivery_id] = [(); 2].map(|()| Uuid::now_v7());
    Ping { workspace_id: app.workspace, subscription_id, event_id, delivery_id, asked_at: Utc::now() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ping_is_a_delivery_whatever_the_subscription_asks_for() {
    let (app, sink) = (App::prepare().await, Sink::start());
    let subscription = app.subscribe(&sink.url(), &["contact.deleted"]).await;
    let dispatcher = app.start();

    let command = ping(&app, subscription.id);
    app.ask(PING, command.delivery_id, command.encode()).await;
    app.ask(PING, command.delivery_id, command.encode()).await;

    let request = sink.wait_for(1).await.remove(0);
    let body = format!(
        r#"{{"event_id":"{}","event_type":"webhook.ping","timestamp":"{}","data":{{"id":"{}"}}}}"#,
        command.event_id,
        event::timestamp(command.asked_at),
        subscription.id
    );
    assert_eq!(String::from_utf8_lossy(&request.body), body);
    let expected = signature::sign(subscription.secret.as_bytes(), body.as_bytes());
    assert_eq!(request.header("x-pulse-signature"), Some(expected.as_str()));
    let delivery = app.delivery_in(EventId(command.event_id), "succeeded").await;
    assert_eq!((delivery.id, delivery.replay_of_id), (command.delivery_id, None));
    app.stop(dispatcher, &[]).await;
    assert_eq!(sink.received().len(), 1, "asked for twice, sent once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ping_shows_the_subscription_in_the_version_that_it_pins() {
    let (app, sink) = (App::prepare().await, Sink::start());
    let subscription = app.subscribe(&sink.url(), &["*"]).await;
    app.set_subscription(subscription.id, "payload_version = 2").await;
    let dispatcher = app.start();

    let command = ping(&app, subscription.id);
    app.ask(PING, command.delivery_id, command.encode()).await;

    let body: serde_json::Value =
        serde_json::from_slice(&sink.wait_for(1).await.remove(0).body).expect("JSON");
    assert_eq!(body["data"]["type"], "webhook_subscriptions");
    assert_eq!(body["data"]["id"], subscription.id.to_string());
    app.delivery_in(EventId(command.event_id), "succeeded").await;
    app.stop(dispatcher, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ping_to_nobody_goes_to_the_dead_letters() {
    let app = App::prepare().await;
    let dispatcher = app.start();
    let command = ping(&app, Uuid::now_v7());
    app.ask(PING, command.delivery_id, command.encode()).await;
    eventually("a dead letter", || async {
        let depth =
            pulse_bus::dead_letters::depth(&app.settings.bus, WEBHOOK_PINGS).await.expect("the broker");
        (depth.dead == 1).then_some(())
    })
    .await;
    app.stop(dispatcher, &[WEBHOOK_PINGS]).await;
}
