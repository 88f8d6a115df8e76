//! How long the log is kept.

use pulse_testing::{Sink, eventually};
use webhook_dispatcher::Role;

use crate::app::App;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_old_goes_and_the_days_to_come_have_partitions() {
    let (app, sink) = (App::prepare().await, Sink::start());
    app.subscribe(&sink.url(), &["*"]).await;
    let dispatcher = app.start();
    let (old, kept) = (app.event("contact.created"), app.event("contact.updated"));
    for event in [&old, &kept] {
        app.publish(event).await;
        app.delivery_in(event.id, "succeeded").await;
    }
    app.stop(dispatcher, &[]).await;
    let delivery = app.deliveries(old.id).await.remove(0);
    app.database
        .batch_execute(&format!(
            "UPDATE webhook_attempts SET started_at = now() - interval '31 days' WHERE delivery_id = '{}';
             UPDATE webhook_payloads SET created_at = now() - interval '31 days' WHERE event_id = '{}';
             UPDATE webhook_deliveries SET created_at = now() - interval '91 days' WHERE id = '{}';
             CREATE TABLE webhook_attempts_20200101 PARTITION OF webhook_attempts
                 FOR VALUES FROM ('2020-01-01 00:00Z') TO ('2020-01-02 00:00Z')",
            delivery.id, old.id, delivery.id
        ))
        .await
        .expect("time passes");

    let sweeper = app.start_as(Some(Role::Sweep)).0;

    eventually("what is too old is gone", || async { app.deliveries(old.id).await.is_empty().then_some(()) })
        .await;
    app.stop(sweeper, &[]).await;
    assert!(app.attempts(delivery.id).await.is_empty());
    let count = async |sql: &str| -> i64 { app.database.query_one(sql, &[]).await.expect("a count").get(0) };
    assert_eq!(count("SELECT count(*) FROM webhook_payloads").await, 1);
    assert_eq!(count("SELECT count(*) FROM webhook_attempts").await, 1);
    assert_eq!(count("SELECT count(*) FROM webhook_deliveries").await, 1);
    let partitions = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'webhook_attempts'::regclass";
    assert_eq!(count(partitions).await, 4, "the default one, and three days");
}
