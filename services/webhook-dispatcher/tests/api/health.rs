//! Receivers that fail for long, and what follows.

use pulse_testing::{Sink, eventually};
use uuid::Uuid;
use webhook_dispatcher::Role;

use crate::app::App;

/// Lets the time of everything that waits come.
const ALL_DUE: &str = "UPDATE webhook_deliveries SET next_attempt_at = now() WHERE state = 'scheduled'";

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_gone_is_disabled_and_the_journal_tells() {
    let (app, sink) = (App::prepare().await, Sink::start());
    let subscription = app.subscribe(&sink.url(), &["*"]).await;
    sink.answer(&[410]);
    let dispatcher = app.start();

    let event = app.event("contact.created");
    app.publish(&event).await;

    let delivery = app.delivery_in(event.id, "cancelled").await;
    let attempts = app.attempts(delivery.id).await;
    assert_eq!((attempts[0].outcome.as_str(), attempts[0].response_status), ("failed", Some(410)));
    let told = app.told_of("webhook_subscription.disabled", subscription.id).await;
    assert_eq!((&told["url"], &told["disabled_reason"]), (&sink.url().into(), &"gone".into()));

    app.subscriptions_are_known().await;
    let unwanted = app.event("contact.updated");
    app.publish(&unwanted).await;
    app.subscriptions_are_known().await;
    assert!(app.deliveries(unwanted.id).await.is_empty());
    let enable = "enabled_at = now()";
    app.set_subscription(subscription.id, enable).await;
    app.subscriptions_are_known().await;
    let event = app.event("contact.updated");
    app.publish(&event).await;
    app.delivery_in(event.id, "succeeded").await;
    app.stop(dispatcher, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_keeps_failing_is_parked_and_costs_no_attempts_until_a_probe_succeeds() {
    let (app, sink) = (App::prepare().await, Sink::start());
    let subscription = app.subscribe(&sink.url(), &["*"]).await;
    sink.answer(&[500; 12]);
    let dispatcher = app.start();
    for _ in 0..10 {
        app.publish(&app.event("contact.created")).await;
    }
    parked(&app, subscription.id).await;
    let made = sink.received().len();

    // What is due waits, and so does what is fresh.
    app.database.execute(ALL_DUE, &[]).await.expect("an update");
    let fresh = app.event("contact.updated");
    app.publish(&fresh).await;
    let waiting = app.delivery_in(fresh.id, "scheduled").await;
    let other = Sink::start();
    app.subscribe(&other.url(), &["contact.deleted"]).await;
    app.publish(&app.event("contact.deleted")).await;
    other.wait_for(1).await;
    assert_eq!((sink.received().len(), waiting.first_attempt_at), (made, None));

    // Probes, one at a time; each that fails parks it for longer.
    for probes in 1..=12 - made {
        rest_is_over(&app, subscription.id).await;
        sink.wait_for(made + probes).await;
        parked(&app, subscription.id).await;
    }
    rest_is_over(&app, subscription.id).await;
    app.delivery_in(fresh.id, "succeeded").await;
    eventually("the receiver is well", || async {
        (endpoint(&app, subscription.id).await == Some((0, None))).then_some(())
    })
    .await;
    app.stop(dispatcher, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_attempt_is_made_however_long_the_receiver_is_parked() {
    let (app, sink) = (App::prepare().await, Sink::start());
    let subscription = app.subscribe(&sink.url(), &["*"]).await;
    let fan_out = app.start_as(Some(Role::FanOut)).0;
    let (old, young) = (app.event("contact.created"), app.event("contact.updated"));
    for event in [&old, &young] {
        app.publish(event).await;
        app.delivery_in(event.id, "scheduled").await;
    }
    app.stop(fan_out, &[]).await;
    // The old one has been tried last, so it stands behind the young one.
    let tried = "UPDATE webhook_deliveries SET attempts = 4, retries = 12, first_attempt_at = now() - interval '1 hour' *
        CASE event_id WHEN $1 THEN 25 ELSE 23 END, next_attempt_at = now() - interval '1 minute' *
        CASE event_id WHEN $1 THEN 1 ELSE 2 END";
    app.database.execute(tried, &[&old.id.0]).await.expect("an update");
    sink.answer(&[500]);
    park(&app, subscription.id, "1 hour").await;

    let dispatcher = app.start_as(Some(Role::Deliver)).0;

    app.delivery_in(old.id, "exhausted").await;
    app.stop(dispatcher, &[]).await;
    assert_eq!(sink.received().len(), 1, "the other one waits");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_where_nothing_succeeds_for_five_days_is_disabled() {
    for (since, exhausted, exhausted_since, disabled) in [
        ("5 days", 20, "24 hours", true),
        ("4 days", 20, "24 hours", false),
        ("5 days", 19, "24 hours", false),
        ("5 days", 20, "23 hours", false),
    ] {
        let app = App::prepare().await;
        let subscription = app.subscribe("https://example.com/", &["*"]).await;
        fails(&app, subscription.id, since).await;
        let sql = format!(
            "UPDATE webhook_endpoints SET exhausted = {exhausted}, exhausted_since = now() - interval '{exhausted_since}'"
        );
        app.database.execute(&sql, &[]).await.expect("an update");

        let dispatcher = app.start_as(Some(Role::Sweep)).0;

        if disabled {
            let told = app.told_of("webhook_subscription.disabled", subscription.id).await;
            assert_eq!(told["disabled_reason"], "failing");
        }
        // Warnings are told in the same pass.
        app.told_of("webhook_subscription.failing", subscription.id).await;
        app.stop(dispatcher, &[]).await;
        let sql = "SELECT disabled_at IS NOT NULL FROM webhook_endpoints";
        let now: bool = app.database.query_one(sql, &[]).await.expect("the receiver").get(0);
        assert_eq!(now, disabled, "{since}, {exhausted}, {exhausted_since}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_fails_is_warned_of_after_one_day_and_after_three() {
    let app = App::prepare().await;
    let subscription = app.subscribe("https://example.com/", &["*"]).await;
    fails(&app, subscription.id, "23 hours").await;
    for (since, hours) in [("24 hours", vec![24]), ("71 hours", vec![24]), ("72 hours", vec![24, 72])] {
        let sql = format!("UPDATE webhook_endpoints SET failing_since = now() - interval '{since}'");
        app.database.execute(&sql, &[]).await.expect("an update");
        let dispatcher = app.start_as(Some(Role::Sweep)).0;
        let warned = eventually("the warnings", || async {
            let sql = "SELECT data->>'failing_hours' FROM events ORDER BY sequence";
            let rows = app.database.query(sql, &[]).await.expect("the journal");
            let warned: Vec<i32> =
                rows.iter().map(|row| row.get::<_, String>(0).parse().expect("a number")).collect();
            (warned.len() >= hours.len()).then_some(warned)
        })
        .await;
        app.stop(dispatcher, &[]).await;
        assert_eq!(warned, hours, "{since}");
    }
}

/// A row of `webhook_endpoints`: failures, and for how many seconds the receiver is parked.
async fn endpoint(app: &App, subscription: Uuid) -> Option<(i32, Option<i64>)> {
    let sql =
        "SELECT failures, extract(epoch FROM probe_at - now())::bigint FROM webhook_endpoints WHERE id = $1";
    let row = app.database.query_opt(sql, &[&subscription]).await.expect("a look")?;
    Some((row.get(0), row.get(1)))
}

async fn parked(app: &App, subscription: Uuid) {
    eventually("the receiver is parked", || async {
        endpoint(app, subscription).await.filter(|(_, parked)| *parked > Some(0))
    })
    .await;
}

async fn park(app: &App, subscription: Uuid, time: &str) {
    fails(app, subscription, "1 hour").await;
    let sql = format!("UPDATE webhook_endpoints SET breaker = 'open', probe_at = now() + interval '{time}'");
    app.database.execute(&sql, &[]).await.expect("an update");
}

async fn rest_is_over(app: &App, subscription: Uuid) {
    let sql = "UPDATE webhook_endpoints SET probe_at = now() WHERE id = $1";
    assert_eq!(app.database.execute(sql, &[&subscription]).await.expect("an update"), 1);
}

async fn fails(app: &App, subscription: Uuid, since: &str) {
    let sql = format!(
        "INSERT INTO webhook_endpoints (workspace_id, id, failures, failing_since)
         VALUES ($1, $2, 10, now() - interval '{since}')"
    );
    app.database.execute(&sql, &[&app.workspace.0, &subscription]).await.expect("a row");
}
