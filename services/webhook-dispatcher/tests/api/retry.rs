//! What happens when a receiver does not take a delivery.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use pulse_testing::sink::Received;
use pulse_testing::{Sink, eventually};

use crate::app::{App, Silent};

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_delivery_is_scheduled_again_and_sends_the_same_bytes() {
    let (app, sink) = (App::prepare().await, Sink::start());
    app.subscribe(&sink.url(), &["*"]).await;
    sink.answer(&[503, 302]);
    let dispatcher = app.start();

    let event = app.event("contact.created");
    app.publish(&event).await;
    for retry in 1..=2 {
        sink.wait_for(retry).await;
        let delivery = app.retry_scheduled(event.id, i32::try_from(retry).expect("small")).await;
        let offset = delivery.next_attempt_at.expect("due") - delivery.first_attempt_at.expect("attempted");
        let bounds = [(4, 6), (25, 30)][retry - 1];
        assert!(offset >= TimeDelta::seconds(bounds.0) && offset <= TimeDelta::seconds(bounds.1), "{offset}");
        assert_eq!(sink.received().len(), retry, "nothing is sent before its time");
        app.make_due(delivery.id).await;
    }

    let delivery = app.delivery_in(event.id, "succeeded").await;
    let requests = sink.received();
    assert_eq!(requests.len(), 3);
    for (number, request) in (1..).zip(&requests) {
        assert_eq!(request.body, requests[0].body);
        assert_eq!(request.header("x-pulse-signature"), requests[0].header("x-pulse-signature"));
        assert_eq!(request.header("pulse-attempt"), Some(format!("{number}").as_str()));
    }
    let attempts = app.attempts(delivery.id).await;
    let log: Vec<_> = attempts
        .iter()
        .map(|attempt| (attempt.number, attempt.outcome.as_str(), attempt.response_status))
        .collect();
    assert_eq!(log, [(1, "failed", Some(503)), (2, "failed", Some(302)), (3, "succeeded", Some(200))]);
    assert_eq!(attempts[0].error_layer.as_deref(), Some("http_status"));
    assert_eq!(attempts[0].error.as_deref(), Some("the receiver answered 503"));
    assert_eq!((attempts[2].error_layer.as_deref(), attempts[2].error.as_deref()), (None, None));
    assert_eq!(attempts[0].url, sink.url());
    assert!(attempts[0].duration_ms.is_some());
    assert!(Some(attempts[0].started_at) >= delivery.first_attempt_at);
    app.stop(dispatcher, &[]).await;
}

/// What differs from one attempt to the next.
const CHANGING: [&str; 3] = ["webhook-timestamp", "webhook-signature", "pulse-attempt"];

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_fails_twelve_times_gets_the_same_bytes_thirteen_times() {
    // Latest times after the first attempt, and the gaps before them, in seconds.
    let (mut latest, gaps) =
        (0, [5, 25, 90, 480, 1_200, 1_800, 3_600, 7_200, 14_400, 14_400, 21_600, 21_600]);
    let (app, sink) = (App::prepare().await, Sink::start());
    app.subscribe(&sink.url(), &["*"]).await;
    sink.answer(&[500; 12]);
    let dispatcher = app.start();
    let event = app.event("contact.created");
    app.publish(&event).await;
    for (retry, gap) in (1..).zip(gaps) {
        let delivery = app.retry_scheduled(event.id, retry).await;
        let offset = delivery.next_attempt_at.expect("due") - delivery.first_attempt_at.expect("attempted");
        latest += gap;
        // Up to a fifth of its gap early.
        let early = TimeDelta::milliseconds(latest * 1_000 - gap * 200);
        assert!(offset >= early && offset <= TimeDelta::seconds(latest), "retry {retry}: {offset}");
        app.make_due(delivery.id).await;
        // After ten of them the receiver is parked.
        let rest = "UPDATE webhook_endpoints SET probe_at = least(probe_at, now()) WHERE failures >= $1";
        eventually("the failure is noted", || async {
            (app.database.execute(rest, &[&retry]).await.expect("an update") == 1).then_some(())
        })
        .await;
    }

    let delivery = app.delivery_in(event.id, "succeeded").await;
    let requests = sink.received();
    assert_eq!(requests.len(), 13);
    let lasting = |request: &Received| {
        let lasting = request.headers.iter().filter(|(name, _)| !CHANGING.contains(&name.as_str()));
        lasting.cloned().collect::<BTreeSet<_>>()
    };
    for (number, request) in (1..).zip(&requests) {
        assert_eq!(request.body, requests[0].body);
        assert_eq!(lasting(request), lasting(&requests[0]));
        assert_eq!(request.header("pulse-attempt"), Some(format!("{number}").as_str()));
    }
    let attempts = app.attempts(delivery.id).await;
    let log: Vec<_> = attempts.iter().map(|attempt| (attempt.number, attempt.response_status)).collect();
    let expected: Vec<_> =
        (1..=13).map(|number| (number, Some(if number < 13 { 500 } else { 200 }))).collect();
    assert_eq!(log, expected);
    app.stop(dispatcher, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_without_retries_is_exhausted_by_its_first_failure() {
    let (app, sink) = (App::prepare().await, Sink::start());
    let subscription = app.subscribe(&sink.url(), &["*"]).await;
    app.set_subscription(subscription.id, "max_retries = 0").await;
    sink.answer(&[500]);
    let dispatcher = app.start();

    let event = app.event("contact.created");
    app.publish(&event).await;

    let delivery = app.delivery_in(event.id, "exhausted").await;
    assert_eq!((delivery.retries, delivery.next_attempt_at), (0, None));
    assert!(delivery.completed_at.is_some());
    app.stop(dispatcher, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_was_disabled_or_deleted_gets_no_retry() {
    for change in ["enabled = false", "deleted_at = now()"] {
        let (app, sink) = (App::prepare().await, Sink::start());
        let subscription = app.subscribe(&sink.url(), &["*"]).await;
        sink.answer(&[500]);
        let dispatcher = app.start();
        let event = app.event("contact.created");
        app.publish(&event).await;
        sink.wait_for(1).await;
        let delivery = app.retry_scheduled(event.id, 1).await;

        app.set_subscription(subscription.id, change).await;
        app.make_due(delivery.id).await;

        let delivery = app.delivery_in(event.id, "cancelled").await;
        assert!(delivery.completed_at.is_some());
        assert_eq!(app.attempts(delivery.id).await.len(), 1);
        app.stop(dispatcher, &[]).await;
        assert_eq!(sink.received().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrected_address_gets_the_retries() {
    let (app, wrong, right) = (App::prepare().await, Sink::start(), Sink::start());
    let subscription = app.subscribe(&wrong.url(), &["*"]).await;
    wrong.answer(&[404]);
    let dispatcher = app.start();
    let event = app.event("contact.created");
    app.publish(&event).await;
    let delivery = app.retry_scheduled(event.id, 1).await;

    app.set_subscription(subscription.id, &format!("url = '{}'", right.url())).await;
    app.make_due(delivery.id).await;

    assert_eq!(right.wait_for(1).await[0].body, wrong.received()[0].body);
    app.delivery_in(event.id, "succeeded").await;
    let urls: Vec<_> = app.attempts(delivery.id).await.into_iter().map(|attempt| attempt.url).collect();
    assert_eq!(urls, [wrong.url(), right.url()]);
    app.stop(dispatcher, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_hangs_is_cut_off_and_logged() {
    let (mut app, silent) = (App::prepare().await, Silent::listen().await);
    app.settings.egress.timeout_ms = 200;
    app.subscribe(&silent.url(), &["*"]).await;
    let dispatcher = app.start();
    let event = app.event("contact.created");
    app.publish(&event).await;
    let _unanswered = silent.request().await;

    let delivery = app.retry_scheduled(event.id, 1).await;
    let attempts = app.attempts(delivery.id).await;
    assert_eq!(
        (attempts[0].outcome.as_str(), attempts[0].error_layer.as_deref()),
        ("failed", Some("timeout"))
    );
    assert!(attempts[0].duration_ms >= Some(200), "{attempts:?}");
    app.stop(dispatcher, &[]).await;
}
