//! What happens when something the service depends on is away, or a message is at fault.

use chrono::Utc;
use pulse_bus::dead_letters::Depth;
use pulse_testing::eventually;
use serde_json::{Value, json};
use tokio_postgres::NoTls;
use uuid::Uuid;

use crate::app::App;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_accepted_that_the_broker_has_not_confirmed() {
    let app = App::spawn_with(Some(ingest_gateway::Role::Serve), App::without_broker).await;
    let answer = app.ingest(&app.public, "pageview", &json!({ "session_id": "s" })).await;
    assert_eq!((answer.status, answer.body.as_str()), (503, r#"{"error":"Service unavailable"}"#));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("access-control-expose-headers"), Some("Retry-After"));
    assert!(answer.header("retry-after").is_some_and(|wait| wait.parse::<u32>().is_ok_and(|wait| wait > 0)));
    // What is wrong with a request is said all the same.
    assert_eq!(app.ingest("pub_unknown", "pageview", &json!({})).await.status, 401);
    assert_eq!(app.ingest(&app.public, "pageview", &json!({})).await.status, 400);
    let ready = app.request("GET", "/readyz").send().await.expect("an answer");
    assert_eq!(ready.status().as_u16(), 503);
    app.halt().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_is_away_known_tokens_still_open_and_nothing_is_lost() {
    let app = App::spawn().await;
    let data = json!({ "session_id": "s" });
    assert_eq!(app.ingest(&app.public, "pageview", &data).await.status, 202);
    app.stored(1).await;

    let name = app.database.url.rsplit('/').next().expect("a name").to_owned();
    let (admin, connection) = tokio_postgres::connect(&pulse_testing::server("PULSE_DATABASE__URL"), NoTls)
        .await
        .expect("connects");
    #[expect(clippy::disallowed_methods, reason = "the driver of a test's connection")]
    tokio::spawn(connection);
    admin.batch_execute(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await.expect("closed");
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1";
    admin.execute(end, &[&name]).await.expect("ended");

    for _ in 0..10 {
        assert_eq!(app.ingest(&app.public, "pageview", &data).await.status, 202);
    }
    let unknown = app.ingest("pub_unknown", "pageview", &data).await;
    assert_eq!(unknown.status, 503, "it may be a good one: {}", unknown.body);
    assert!(unknown.header("retry-after").is_some());

    admin.batch_execute(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).await.expect("open again");
    app.stored(11).await;
    app.stop().await;
}

fn message(workspace: Uuid, title: &str) -> Value {
    let now = Utc::now().timestamp_millis();
    json!({
        "id": Uuid::now_v7(), "repeatable": false, "workspace_id": workspace, "site_id": Uuid::now_v7(),
        "received_at": now, "visitor_fingerprint": "v",
        "facts": { "kind": "pageview", "occurred_at": now, "session_id": "s", "page": { "title": title } },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_delivered_again_is_stored_once() {
    let app = App::spawn().await;
    let again = message(app.workspace, "again").to_string().into_bytes();
    for _ in 0..3 {
        app.publish(again.clone()).await;
    }
    app.publish(message(app.workspace, "other").to_string().into_bytes()).await;
    app.settled().await;
    assert_eq!(app.count("analytics.events").await, 2);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_batch_only_the_message_at_fault_is_set_aside() {
    let app = App::spawn_with(Some(ingest_gateway::Role::Serve), |_| {}).await;
    for number in 0..12 {
        // The edge lets no such character through; whatever did would be this.
        let title = if number == 7 { "\u{0}" } else { "fine" };
        app.publish(message(app.workspace, title).to_string().into_bytes()).await;
    }
    app.publish(b"{\"no\":\"event\"}".to_vec()).await;
    let (_, worker) = crate::app::start(&app.settings, Some(ingest_gateway::Role::Work));
    app.stored(11).await;
    eventually("two dead letters", || async {
        (app.depth().await == Depth { ready: 0, dead: 2 }).then_some(())
    })
    .await;
    worker.stop().await;
    app.halt().await;
}
