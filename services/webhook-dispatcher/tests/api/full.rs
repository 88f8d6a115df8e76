//! The disk of the database is full: it answers, and refuses whatever is written.

use pulse_testing::{Sink, eventually};

use crate::app::App;

/// What PostgreSQL says then (53100), to everybody who writes.
const FULL: &str = "
    CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
    CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON webhook_payloads EXECUTE FUNCTION full_disk();
    CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON webhook_deliveries EXECUTE FUNCTION full_disk();
    CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON webhook_attempts EXECUTE FUNCTION full_disk()";
const ROOM_AGAIN: &str = "DROP FUNCTION full_disk CASCADE";
const LEASES_EXPIRE: &str = "UPDATE webhook_deliveries SET lease_until = now() WHERE lease_until IS NOT NULL";

/// Waits until something has been refused since this was last asked.
async fn refused(app: &App, before: i64) {
    eventually("a transaction that failed", || async { (failed(app).await > before).then_some(()) }).await;
}

async fn failed(app: &App) -> i64 {
    let sql = "SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()";
    app.database.query_one(sql, &[]).await.expect("a count").get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn events_wait_on_the_bus_until_there_is_room() {
    let (app, sink) = (App::prepare().await, Sink::start());
    app.subscribe(&sink.url(), &["*"]).await;
    let before = failed(&app).await;
    app.database.batch_execute(FULL).await.expect("no more room");
    let dispatcher = app.start();

    let events = [app.event("contact.created"), app.event("contact.updated")];
    for event in &events {
        app.publish(event).await;
    }
    refused(&app, before).await;
    assert!(sink.received().is_empty());
    app.database.batch_execute(ROOM_AGAIN).await.expect("room");

    for event in &events {
        app.delivery_in(event.id, "succeeded").await;
    }
    app.stop(dispatcher, &[]).await;
    assert_eq!(sink.received().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_waits_for_room_and_its_call_is_not_made_again() {
    let (app, sink) = (App::prepare().await, Sink::start());
    app.subscribe(&sink.url(), &["*"]).await;
    let dispatcher = app.start();
    let event = app.event("contact.created");
    sink.hold();
    app.publish(&event).await;
    sink.wait_for(1).await;
    let delivery = app.delivery_in(event.id, "scheduled").await;

    // In one transaction: nobody may take the delivery over in between.
    let full = format!("BEGIN; LOCK TABLE webhook_deliveries; {LEASES_EXPIRE}; {FULL}; COMMIT");
    let before = failed(&app).await;
    app.database.batch_execute(&full).await.expect("no more room");
    sink.release();
    refused(&app, before + 6).await;
    app.database.batch_execute(ROOM_AGAIN).await.expect("room");

    app.delivery_in(event.id, "succeeded").await;
    let attempts = app.attempts(delivery.id).await;
    let log: Vec<_> = attempts.iter().map(|attempt| (attempt.number, attempt.outcome.as_str())).collect();
    assert_eq!(log, [(1, "succeeded")]);
    app.stop(dispatcher, &[]).await;
    assert_eq!(sink.received().len(), 1);
}
