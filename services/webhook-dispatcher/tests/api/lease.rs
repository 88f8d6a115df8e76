//! Workers that die, and workers that are too slow.

use pulse_testing::{Sink, eventually};

use crate::app::{App, Silent, answer};

/// As a worker leaves it that died during its n-th attempt: under a lease that runs out.
const DIED: &str = "UPDATE webhook_deliveries
    SET lease_epoch = $2::integer, attempts = $2, first_attempt_at = now() - interval '40 seconds',
        leased_at = now() - interval '40 seconds', lease_until = now() - interval '10 seconds'
    WHERE id = $1";
const LEASE_EXPIRES: &str =
    "UPDATE webhook_deliveries SET lease_until = now() - interval '1 second' WHERE id = $1";

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_of_a_worker_that_died_is_taken_over_and_the_lost_attempt_stays_on_record() {
    let (app, sink) = (App::prepare().await, Sink::start());
    app.subscribe(&sink.url(), &["*"]).await;
    let fan_out = app.start_as(Some(webhook_dispatcher::Role::FanOut)).0;
    let event = app.event("contact.created");
    app.publish(&event).await;
    let delivery = app.delivery_in(event.id, "scheduled").await;
    app.stop(fan_out, &[]).await;
    app.database.execute(DIED, &[&delivery.id, &1_i32]).await.expect("an expired lease");

    let dispatcher = app.start();

    let taken_over = app.delivery_in(event.id, "succeeded").await;
    let log: Vec<_> = app
        .attempts(delivery.id)
        .await
        .into_iter()
        .map(|attempt| (attempt.number, attempt.outcome))
        .collect();
    assert_eq!(log, [(1, "unknown".to_owned()), (2, "succeeded".to_owned())]);
    assert_eq!(sink.received()[0].header("pulse-attempt"), Some("2"));
    assert_eq!(taken_over.retries, 0, "a lost attempt uses up no retry");
    app.stop(dispatcher, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_lost_its_lease_records_its_attempt_and_leaves_the_delivery_alone() {
    let (app, silent) = (App::prepare().await, Silent::listen().await);
    app.subscribe(&silent.url(), &["*"]).await;
    let dispatcher = app.start();
    let event = app.event("contact.created");
    app.publish(&event).await;
    let slow = silent.request().await;
    let delivery = app.deliveries(event.id).await.remove(0);

    app.database.execute(LEASE_EXPIRES, &[&delivery.id]).await.expect("an expired lease");
    let taken_over = silent.request().await;
    answer(slow, b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n").await;
    eventually("the slow attempt is recorded", || async {
        app.attempts(delivery.id).await.into_iter().find(|attempt| attempt.response_status == Some(500))
    })
    .await;
    let between = app.deliveries(event.id).await.remove(0);
    assert_eq!((between.state.as_str(), between.retries), ("scheduled", 0), "the failure schedules nothing");
    answer(taken_over, b"HTTP/1.1 204 No Content\r\n\r\n").await;

    app.delivery_in(event.id, "succeeded").await;
    let log: Vec<_> = app
        .attempts(delivery.id)
        .await
        .into_iter()
        .map(|attempt| (attempt.number, attempt.outcome))
        .collect();
    assert_eq!(log, [(1, "failed".to_owned()), (2, "succeeded".to_owned())]);
    app.stop(dispatcher, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_keeps_losing_its_worker_is_given_up() {
    let (app, sink) = (App::prepare().await, Sink::start());
    app.subscribe(&sink.url(), &["*"]).await;
    let fan_out = app.start_as(Some(webhook_dispatcher::Role::FanOut)).0;
    let event = app.event("contact.created");
    app.publish(&event).await;
    let delivery = app.delivery_in(event.id, "scheduled").await;
    app.stop(fan_out, &[]).await;
    app.database.execute(DIED, &[&delivery.id, &26_i32]).await.expect("an expired lease");

    let dispatcher = app.start();

    app.delivery_in(event.id, "exhausted").await;
    app.stop(dispatcher, &[]).await;
    assert!(sink.received().is_empty());
}
