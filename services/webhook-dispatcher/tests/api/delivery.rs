//! How deliveries share the worker, and what is kept of an answer.

use std::time::Duration;

use pulse_testing::Sink;

use crate::app::{App, Silent, answer, delivery};

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_hangs_does_not_hold_up_another() {
    let (mut app, sink, silent) = (App::prepare().await, Sink::start(), Silent::listen().await);
    app.settings.delivery = delivery(4, 2);
    app.subscribe(&silent.url(), &["contact.created"]).await;
    app.subscribe(&sink.url(), &["contact.updated"]).await;
    let dispatcher = app.start();
    for _ in 0..10 {
        app.publish(&app.event("contact.created")).await;
    }
    let unanswered = [silent.request().await, silent.request().await];

    for _ in 0..10 {
        app.publish(&app.event("contact.updated")).await;
    }

    sink.wait_for(10).await;
    let third = tokio::time::timeout(Duration::ZERO, silent.request()).await;
    assert!(third.is_err(), "the rest waits for its turn");
    for stream in unanswered {
        answer(stream, b"HTTP/1.1 204 No Content\r\n\r\n").await;
    }
    // Whatever started meanwhile is cut off by the end of the listener, so that the stop need not wait for it.
    drop(silent);
    app.stop(dispatcher, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_16_kib_of_an_answer_are_kept_as_text() {
    let (app, silent) = (App::prepare().await, Silent::listen().await);
    app.subscribe(&silent.url(), &["*"]).await;
    let dispatcher = app.start();
    let event = app.event("contact.created");
    app.publish(&event).await;

    let head = "HTTP/1.1 200 OK\r\nX-One: a\r\nX-One: b\r\nContent-Length: 20000\r\n\r\n\0\u{fffd}";
    let mut response = head.as_bytes().to_vec();
    response.resize(response.len() + 20_000, b'x');
    answer(silent.request().await, &response).await;

    let delivery = app.delivery_in(event.id, "succeeded").await;
    let attempt = app.attempts(delivery.id).await.remove(0);
    assert_eq!(attempt.response_headers.expect("headers")["x-one"], "a, b");
    let body = attempt.response_body.expect("a body");
    assert!(body.starts_with("\u{fffd}\u{fffd}x"), "NUL cannot be stored");
    assert_eq!(body.chars().count(), 16 * 1024 - 2, "16 KiB, four bytes of which are two characters");
    app.stop(dispatcher, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_does_not_open_is_logged_and_nothing_is_sent_unsigned() {
    let (app, sink) = (App::prepare().await, Sink::start());
    let subscription = app.subscribe(&sink.url(), &["*"]).await;
    app.set_subscription(subscription.id, "secret_sealed = '\\x00', max_retries = 0").await;
    let dispatcher = app.start();

    let event = app.event("contact.created");
    app.publish(&event).await;

    let delivery = app.delivery_in(event.id, "exhausted").await;
    let attempt = app.attempts(delivery.id).await.remove(0);
    assert_eq!(attempt.error.as_deref(), Some("the secret of the subscription does not open"));
    app.stop(dispatcher, &[]).await;
    assert!(sink.received().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_says_whom_an_attempt_reached_and_how_long_each_phase_took() {
    let (app, sink) = (App::prepare().await, Sink::start());
    app.subscribe(&sink.url(), &["*"]).await;
    let dispatcher = app.start();
    // The second goes over the connection of the first.
    for phases in [&["connect_ms", "wait_ms", "body_ms"][..], &["wait_ms", "body_ms"]] {
        let event = app.event("contact.created");
        app.publish(&event).await;

        let delivery = app.delivery_in(event.id, "succeeded").await;
        let attempt = app.attempts(delivery.id).await.remove(0);
        let durations = attempt.durations.expect("durations");
        let durations = durations.as_object().expect("an object");
        assert_eq!(durations.keys().collect::<Vec<_>>(), phases);
        let all: u64 = durations.values().map(|spent| spent.as_u64().expect("milliseconds")).sum();
        assert!(Some(i32::try_from(all).expect("small")) <= attempt.duration_ms);
        assert_eq!((attempt.remote_address.as_deref(), attempt.tls_version), (Some("127.0.0.1"), None));
    }
    app.stop(dispatcher, &[]).await;
}
