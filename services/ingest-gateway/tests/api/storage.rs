//! What arrives in the tables, and in which of them.

use std::collections::BTreeMap;

use chrono::{Days, TimeDelta, Utc};
use ingest_gateway::Role;
use pulse_testing::eventually;
use serde_json::json;
use tokio_postgres::Client;

use crate::app::{App, start};

#[tokio::test(flavor = "multi_thread")]
async fn the_roles_run_apart() {
    let app = App::spawn_with(Some(Role::Serve), |_| {}).await;
    for number in 0..20 {
        let data = json!({ "session_id": format!("s{number}") });
        assert_eq!(app.ingest(&app.public, "pageview", &data).await.status, 202);
    }
    assert_eq!(app.depth().await.ready, 20);
    assert_eq!(app.count("analytics.events").await, 0);

    let (address, worker) = start(&app.settings, Some(Role::Work));
    app.stored(20).await;
    let client = pulse_testing::http::client();
    let posted = client.post(format!("http://{address}/api/ingest")).send().await.expect("an answer");
    assert_eq!(posted.status().as_u16(), 404, "a worker takes no events");
    let ready = client.get(format!("http://{address}/readyz")).send().await.expect("an answer");
    assert_eq!(ready.status().as_u16(), 200);
    worker.stop().await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_goes_to_the_partition_of_its_day() {
    let app = App::spawn().await;
    let now = Utc::now();
    let mut expected = BTreeMap::new();
    for (name, at, far) in [
        ("now", now, false),
        ("in four minutes", now + TimeDelta::minutes(4), false),
        ("yesterday", now - Days::new(1), false),
        ("three weeks ago", now - Days::new(21), false),
        ("two months ago", now - Days::new(60), true),
        ("1970", chrono::DateTime::UNIX_EPOCH, true),
    ] {
        let data = json!({ "session_id": "s", "event_name": name, "timestamp": at.timestamp_millis() });
        assert_eq!(app.ingest(&app.public, "event", &data).await.status, 202, "{name}");
        let partition = if far {
            "analytics.events_default".into()
        } else {
            at.format("analytics.events_%Y%m%d").to_string()
        };
        expected.insert(name.to_owned(), partition);
    }
    app.stored(6).await;
    let stored: BTreeMap<String, String> = app
        .query("SELECT name, tableoid::regclass::text FROM analytics.events")
        .await
        .iter()
        .map(|row| (row.get(0), row.get(1)))
        .collect();
    assert_eq!(stored, expected);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_week_is_made_ahead_and_salts_end_with_their_period() {
    let app = App::spawn_with(Some(Role::Serve), |_| {}).await;
    let database = app.database.client().await;
    let old = "INSERT INTO analytics.salts VALUES ('2020-01-01', '\\x00'), (current_date + 1, '\\x00')";
    database.batch_execute(old).await.expect("inserted");
    let (_, worker) = start(&app.settings, Some(Role::Work));
    eventually("the upkeep", || async {
        let left = database.query("SELECT FROM analytics.salts", &[]).await.expect("valid").len();
        (left == 1).then_some(())
    })
    .await;
    assert_eq!(partitions(&database, "events").await, 8);
    assert_eq!(partitions(&database, "revenue").await, 8);
    worker.stop().await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_that_has_rows_in_the_default_partition_goes_on_there() {
    let app = App::spawn_with(Some(Role::Serve), |_| {}).await;
    let database = app.database.client().await;
    let stray = "INSERT INTO analytics.events
                     (workspace_id, site_id, id, occurred_at, received_at, kind, visitor_fingerprint)
                 SELECT id, id, id, now() - interval '2 days', now(), 'pageview', 'v' FROM workspaces";
    database.batch_execute(stray).await.expect("inserted");
    let (_, worker) = start(&app.settings, Some(Role::Work));
    let at = Utc::now() - Days::new(2);
    let data = json!({ "session_id": "s", "timestamp": at.timestamp_millis() });
    assert_eq!(app.ingest(&app.public, "pageview", &data).await.status, 202);
    app.stored(2).await;
    assert_eq!(app.count("analytics.events_default").await, 2);
    worker.stop().await;
    app.stop().await;
}

async fn partitions(database: &Client, table: &str) -> usize {
    let sql = format!(
        "SELECT FROM pg_inherits WHERE inhparent = 'analytics.{table}'::regclass
            AND inhrelid <> 'analytics.{table}_default'::regclass"
    );
    database.query(&sql, &[]).await.expect("valid").len()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_its_sender_names_counts_once() {
    let app = App::spawn().await;
    for name in ["a", "a", "b"] {
        let data = json!({ "session_id": "s", "event_id": name, "timestamp": Utc::now().timestamp_millis() });
        assert_eq!(app.ingest(&app.public, "pageview", &data).await.status, 202);
        let body =
            json!({ "type": "pageview", "token": app.public, "data": { "session_id": "h" } }).to_string();
        let sent = app.post().header("Idempotency-Key", format!("key {name}")).body(body).send().await;
        assert_eq!(sent.expect("an answer").status().as_u16(), 202);
    }
    app.settled().await;
    assert_eq!(app.count("analytics.events WHERE session_id = 's'").await, 2);
    assert_eq!(app.count("analytics.events WHERE session_id = 'h'").await, 2);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn characters_that_the_database_refuses_are_left_out() {
    let app = App::spawn().await;
    let data = json!({
        "session_id": "s\u{0}", "event_name": "n\u{0}n", "url": "u\u{0}", "event_data": { "k\u{0}": ["v\u{0}", "\\u0000"] },
    });
    assert_eq!(app.ingest(&app.public, "event", &data).await.status, 202);
    app.stored(1).await;
    let row = &app.query("SELECT concat_ws(' ', session_id, name, url, data) FROM analytics.events").await[0];
    assert_eq!(row.get::<_, String>(0), r#"s nn u {"k": ["v", "\\u0000"]}"#);
    app.stop().await;
}
