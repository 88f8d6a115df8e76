//! From an event on the bus to deliveries.

use pulse_bus::dead_letters;
use pulse_bus::topology::WEBHOOK_EVENTS;
use pulse_domain::{Event, WorkspaceId, event, signature};
use pulse_testing::{Sink, eventually};
use serde_json::value::RawValue;
use uuid::Uuid;
use webhook_dispatcher::Role;

use crate::app::App;

#[tokio::test(flavor = "multi_thread")]
async fn an_event_arrives_signed_with_its_four_keys_in_order() {
    let (app, sink) = (App::prepare().await, Sink::start());
    let subscription = app.subscribe(&format!("{}hook?x=1", sink.url()), &["contact.created"]).await;
    let dispatcher = app.start();

    let event = app.event("contact.created");
    app.publish(&event).await;

    let request = sink.wait_for(1).await.remove(0);
    let body = format!(
        r#"{{"event_id":"{}","event_type":"contact.created","timestamp":"{}","data":{}}}"#,
        event.id,
        event::timestamp(event.occurred_at),
        event.data
    );
    assert_eq!(String::from_utf8_lossy(&request.body), body);
    assert_eq!(request.path, "/hook?x=1");
    let expected = signature::sign(subscription.secret.as_bytes(), body.as_bytes());
    assert_eq!(request.header("x-pulse-signature"), Some(expected.as_str()));
    assert_eq!(request.header("x-pulsepost-signature"), Some(expected.as_str()));
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("pulse-event-id"), Some(event.id.to_string().as_str()));
    assert_eq!(request.header("pulse-attempt"), Some("1"));

    let delivery = app.delivery_in(event.id, "succeeded").await;
    assert_eq!(request.header("pulse-delivery-id"), Some(delivery.id.to_string().as_str()));
    assert_eq!(delivery.subscription_id, subscription.id);
    assert_eq!((delivery.retries, delivery.next_attempt_at), (0, None));
    assert!(delivery.completed_at >= delivery.first_attempt_at && delivery.first_attempt_at.is_some());
    app.stop(dispatcher, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_enabled_live_subscriptions_of_the_workspace_that_ask_for_the_type_match() {
    let (app, sink) = (App::prepare().await, Sink::start());
    let named = app.subscribe(&sink.url(), &["contact.updated", "contact.created"]).await;
    let all = app.subscribe(&sink.url(), &["*"]).await;
    app.subscribe(&sink.url(), &["contact.deleted"]).await;
    app.subscribe(&sink.url(), &[]).await;
    let disabled = app.subscribe(&sink.url(), &["*"]).await;
    app.set_subscription(disabled.id, "enabled = false").await;
    let deleted = app.subscribe(&sink.url(), &["*"]).await;
    app.set_subscription(deleted.id, "deleted_at = now()").await;
    let other = WorkspaceId::generate();
    app.add_workspace(other).await;
    app.subscribe_in(other, &sink.url(), &["*"]).await;
    let dispatcher = app.start();

    let event = app.event("contact.created");
    app.publish(&event).await;

    sink.wait_for(2).await;
    let mut asked: Vec<Uuid> =
        app.deliveries(event.id).await.iter().map(|delivery| delivery.subscription_id).collect();
    asked.sort_unstable();
    assert_eq!(asked, [named.id, all.id]);
    app.stop(dispatcher, &[]).await;
    assert_eq!(sink.received().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_keeps_out_events_whose_record_does_not_fulfil_it() {
    let (app, sink) = (App::prepare().await, Sink::start());
    let taken = app.subscribe(&sink.url(), &["*"]).await;
    app.set_subscription(taken.id, r#"filter = '{"first_name_eq":"Ada","score_gt":1}'"#).await;
    let kept_out = app.subscribe(&sink.url(), &["*"]).await;
    app.set_subscription(kept_out.id, r#"filter = '{"first_name_eq":"Bob"}'"#).await;
    let dispatcher = app.start();

    let event = app.event("contact.created");
    app.publish(&event).await;

    let delivery = app.delivery_in(event.id, "succeeded").await;
    assert_eq!(delivery.subscription_id, taken.id);
    app.stop(dispatcher, &[]).await;
    assert_eq!(app.deliveries(event.id).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_comes_twice_is_delivered_once() {
    let (app, sink) = (App::prepare().await, Sink::start());
    app.subscribe(&sink.url(), &["*"]).await;
    let dispatcher = app.start();

    let (twice, after) = (app.event("contact.created"), app.event("contact.updated"));
    app.publish(&twice).await;
    app.publish(&twice).await;
    app.delivery_in(twice.id, "succeeded").await;
    app.publish(&twice).await;
    app.publish(&after).await;

    app.delivery_in(after.id, "succeeded").await;
    assert_eq!(app.deliveries(twice.id).await.len(), 1);
    app.stop(dispatcher, &[]).await;
    assert_eq!(sink.received().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_event_goes_to_the_dead_letters_and_holds_nothing_up() {
    let (app, sink) = (App::prepare().await, Sink::start());
    let subscription = app.subscribe(&sink.url(), &["*"]).await;
    app.set_subscription(subscription.id, "payload_version = 2").await;
    let dispatcher = app.start();

    app.publish_bytes("contact.created", Uuid::now_v7(), b"\xff\xff".to_vec()).await;
    app.publish(&app.event("contact.exploded")).await;
    app.publish(&Event { resource: "deals".into(), ..app.event("contact.created") }).await;
    let data = RawValue::from_string("[]".into()).expect("JSON");
    app.publish(&Event { data, ..app.event("contact.created") }).await;
    let event = app.event("contact.created");
    app.publish(&event).await;

    app.delivery_in(event.id, "succeeded").await;
    eventually("four dead letters", || async {
        let depth = dead_letters::depth(&app.settings.bus, WEBHOOK_EVENTS).await.expect("the broker");
        (depth == dead_letters::Depth { ready: 0, dead: 4 }).then_some(())
    })
    .await;
    let told = dead_letters::look(&app.settings.bus, WEBHOOK_EVENTS, 10).await.expect("the broker");
    let told: Vec<_> = told.iter().map(|letter| (letter.kind.as_deref(), letter.reason.as_str())).collect();
    let [(created, undecodable), unknown, misplaced, no_object] = told[..] else { panic!("four: {told:?}") };
    assert_eq!(created, Some("contact.created"));
    assert!(undecodable.starts_with("not an Event message"), "{undecodable}");
    assert_eq!(unknown, (Some("contact.exploded"), "`contact.exploded` is not in the event catalogue"));
    assert_eq!(misplaced, (Some("contact.created"), "`contact.created` is about contacts, not `deals`"));
    assert_eq!(no_object, (Some("contact.created"), "data is not a JSON object"));
    app.stop(dispatcher, &[WEBHOOK_EVENTS]).await;
    assert_eq!(sink.received().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_cannot_be_stored_waits_until_it_can() {
    let (app, sink) = (App::prepare().await, Sink::start());
    app.subscribe(&sink.url(), &["*"]).await;
    app.database
        .batch_execute("ALTER TABLE webhook_payloads RENAME TO away")
        .await
        .expect("a table that is away");
    let dispatcher = app.start_as(Some(Role::FanOut)).0;

    let event = app.event("contact.created");
    app.publish(&event).await;
    eventually("a transaction that failed", || async {
        let failed = "SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()";
        let failed: i64 = app.database.query_one(failed, &[]).await.expect("a count").get(0);
        (failed > 0).then_some(())
    })
    .await;
    app.database.batch_execute("ALTER TABLE away RENAME TO webhook_payloads").await.expect("it is back");

    app.delivery_in(event.id, "scheduled").await;
    app.stop(dispatcher, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_dispatchers_deliver_each_event_once() {
    const EVENTS: usize = 200;
    let (app, sink) = (App::prepare().await, Sink::start());
    app.subscribe(&sink.url(), &["*"]).await;
    let dispatchers = [app.start(), app.start()];

    for _ in 0..EVENTS {
        app.publish(&app.event("contact.created")).await;
    }

    let mut ids: Vec<_> = sink
        .wait_for(EVENTS)
        .await
        .iter()
        .map(|request| request.header("pulse-event-id").expect("the header").to_owned())
        .collect();
    for dispatcher in dispatchers {
        app.stop(dispatcher, &[]).await;
    }
    assert_eq!(sink.received().len(), EVENTS);
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), EVENTS);
}
