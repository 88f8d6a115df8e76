//! How many attempts begin in a second.

use chrono::{DateTime, TimeDelta, Utc};
use pulse_testing::Sink;

use crate::app::App;

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_is_that_of_all_processes_together() {
    const EVENTS: i32 = 30;
    const RATE: i32 = 20;
    let (app, sink) = (App::prepare().await, Sink::start());
    let subscription = app.subscribe(&sink.url(), &["*"]).await;
    app.set_subscription(subscription.id, &format!("rate_per_second = {RATE}")).await;
    let free = app.subscribe(&sink.url(), &["contact.deleted"]).await;
    let dispatchers = [app.start(), app.start(), app.start()];

    for _ in 0..EVENTS {
        app.publish(&app.event("contact.created")).await;
    }
    sink.wait_for(usize::try_from(EVENTS).expect("few")).await;
    for dispatcher in dispatchers {
        app.stop(dispatcher, &[]).await;
    }

    assert_eq!(sink.received().len(), usize::try_from(EVENTS).expect("few"), "each arrives once");
    let first = "SELECT min(created_at) FROM webhook_deliveries";
    let first: DateTime<Utc> = app.database.query_one(first, &[]).await.expect("deliveries").get(0);
    let begun = "SELECT started_at FROM webhook_attempts ORDER BY started_at";
    let begun = app.database.query(begun, &[]).await.expect("attempts");
    for (place, row) in (0..).zip(&begun) {
        // What is told in whole milliseconds can be one off.
        let least = TimeDelta::milliseconds(1_000 * place / i64::from(RATE) - 2);
        let begun: DateTime<Utc> = row.get(0);
        assert!(begun - first >= least, "number {place} began after {}", begun - first);
    }
    let unpaced = "SELECT count(*) FROM webhook_endpoints WHERE id = $1";
    let unpaced: i64 = app.database.query_one(unpaced, &[&free.id]).await.expect("a count").get(0);
    assert_eq!(unpaced, 0, "what sets no rate has no row");
}
