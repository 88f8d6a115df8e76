//! Events that the broker has lost.

use pulse_domain::{WorkspaceId, event};
use pulse_testing::Sink;
use webhook_dispatcher::Role;

use crate::app::{App, sweep};

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_the_broker_lost_is_delivered_from_the_journal() {
    let (mut app, sink) = (App::prepare().await, Sink::start());
    app.settings.sweep = sweep(0);
    app.subscribe(&sink.url(), &["*"]).await;
    let event = app.event("contact.created");
    app.lose(&event).await;
    let dispatcher = app.start();

    let body = format!(
        r#"{{"event_id":"{}","event_type":"contact.created","timestamp":"{}","data":{}}}"#,
        event.id,
        event::timestamp(event.occurred_at),
        event.data
    );
    assert_eq!(String::from_utf8_lossy(&sink.wait_for(1).await[0].body), body);

    // It was in the queue after all: whoever comes second adds nothing.
    app.publish(&event).await;
    let last = app.event("contact.updated");
    app.publish(&last).await;
    app.delivery_in(last.id, "succeeded").await;
    assert_eq!((app.deliveries(event.id).await.len(), sink.received().len()), (1, 2));
    app.stop(dispatcher, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_made_up_that_a_subscription_had_not_asked_for_then() {
    let (mut app, sink) = (App::prepare().await, Sink::start());
    app.settings.sweep = sweep(0);
    let url = sink.url();
    let wanted = app.subscribe(&url, &["contact.created"]).await;
    let stranger = WorkspaceId::generate();
    app.add_workspace(stranger).await;
    app.subscribe_in(stranger, &url, &["*"]).await;
    app.subscribe(&url, &["contact.deleted"]).await;
    let disabled = app.subscribe(&url, &["*"]).await;
    app.set_subscription(disabled.id, "enabled = false").await;
    let filtered = app.subscribe(&url, &["*"]).await;
    app.set_subscription(filtered.id, r#"filter = '{"first_name_eq":"Bob"}'"#).await;
    let event = app.event("contact.created");
    app.lose(&event).await;
    app.subscribe(&url, &["*"]).await;

    let (sweeper, _) = app.start_as(Some(Role::Sweep));
    app.delivery_in(event.id, "scheduled").await;
    sweeper.stop().await;
    let deliveries = app.deliveries(event.id).await;
    assert_eq!(deliveries.iter().map(|delivery| delivery.subscription_id).collect::<Vec<_>>(), [wanted.id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_on_its_way_is_left_to_its_fan_out() {
    let (app, sink) = (App::prepare().await, Sink::start());
    app.subscribe(&sink.url(), &["*"]).await;
    let event = app.event("contact.created");
    app.lose(&event).await;
    let dispatcher = app.start();
    let later = app.event("contact.updated");
    app.publish(&later).await;
    app.delivery_in(later.id, "succeeded").await;
    app.stop(dispatcher, &[]).await;
    assert_eq!(app.deliveries(event.id).await.len(), 0);
}
