//! Recoveries: many replays, one page after the other.

use chrono::{DateTime, TimeDelta, Utc};
use pulse_bus::topology::{RECOVERY, WEBHOOK_RECOVERIES};
use pulse_domain::command::{Recover, Recovery};
use pulse_testing::{Sink, eventually};
use uuid::Uuid;

use crate::app::App;

/// Deliveries of a subscription that are in a state, made one second after the other from `since` on.
async fn made(app: &App, subscription: Uuid, state: &str, since: DateTime<Utc>, count: usize) -> Vec<Uuid> {
    let mut ids = Vec::new();
    for number in 0..count {
        let (id, event) = (Uuid::now_v7(), Uuid::now_v7());
        let at = since + TimeDelta::seconds(i64::try_from(number).expect("few"));
        let payload =
            "INSERT INTO webhook_payloads (workspace_id, event_id, version, body, sha256, correlation_id)
            VALUES ($1, $2, 1, $3, sha256($3), $2)";
        let body = format!("{{\"number\":{number}}}").into_bytes();
        app.database.execute(payload, &[&app.workspace.0, &event, &body]).await.expect("a payload");
        let delivery =
            "INSERT INTO webhook_deliveries (workspace_id, id, subscription_id, event_id, event_type,
            resource_type, record_id, payload_version, state, created_at)
            VALUES ($1, $2, $3, $4, 'contact.created', 'contacts', $2, 1, $5, $6)";
        app.database
            .execute(delivery, &[&app.workspace.0, &id, &subscription, &event, &state, &at])
            .await
            .expect("a delivery");
        ids.push(id);
    }
    ids
}

fn recover(app: &App, subscription_id: Uuid, since: DateTime<Utc>, states: &[&str], rate: i32) -> Recover {
    Recover {
        workspace_id: app.workspace,
        id: Uuid::now_v7(),
        subscription_id,
        since,
        until: since + TimeDelta::minutes(1),
        states: states.iter().map(|&state| state.to_owned()).collect(),
        rate_per_second: rate,
    }
}

async fn ask(app: &App, command: &Recovery) {
    app.ask(RECOVERY, Uuid::now_v7(), command.encode()).await;
}

/// Waits until a recovery is in a state, and returns how many deliveries it has to replay and has replayed.
async fn recovery_in(app: &App, id: Uuid, state: &str) -> (i32, i32) {
    eventually(&format!("the recovery to be {state}"), || async {
        let sql = "SELECT total, replayed FROM webhook_recoveries WHERE id = $1 AND state = $2";
        let row = app.database.query_opt(sql, &[&id, &state]).await.expect("a query")?;
        Some((row.get(0), row.get(1)))
    })
    .await
}

/// What a recovery has replayed, in the order in which the originals were made.
async fn replayed(app: &App, recovery: Uuid) -> Vec<Uuid> {
    let sql =
        "SELECT r.replay_of_id FROM webhook_deliveries r JOIN webhook_deliveries d ON d.id = r.replay_of_id
        WHERE r.recovery_id = $1 ORDER BY d.created_at, d.id";
    let rows = app.database.query(sql, &[&recovery]).await.expect("replays");
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_within_the_time_is_replayed_once() {
    let (app, sink) = (App::prepare().await, Sink::start());
    let subscription = app.subscribe(&sink.url(), &["*"]).await.id;
    let other = app.subscribe(&sink.url(), &["*"]).await.id;
    let since = Utc::now() - TimeDelta::hours(2);
    made(&app, subscription, "exhausted", since - TimeDelta::minutes(1), 2).await;
    let missed = made(&app, subscription, "exhausted", since, 5).await;
    made(&app, subscription, "succeeded", since, 2).await;
    made(&app, subscription, "exhausted", since + TimeDelta::minutes(1), 2).await;
    made(&app, other, "exhausted", since, 2).await;
    let dispatcher = app.start();

    let first = recover(&app, subscription, since, &["exhausted"], 2);
    ask(&app, &Recovery::Begin(first.clone())).await;
    ask(&app, &Recovery::Begin(first.clone())).await;
    assert_eq!(recovery_in(&app, first.id, "completed").await, (5, 5));
    assert_eq!(replayed(&app, first.id).await, missed);
    assert_eq!(sink.wait_for(5).await.len(), 5);

    // What has arrived meanwhile is not sent again.
    let again = recover(&app, subscription, since, &["exhausted"], 100);
    eventually("all replays to have arrived", || async {
        let sql = "SELECT count(*) FROM webhook_deliveries WHERE recovery_id = $1 AND state = 'succeeded'";
        let count: i64 = app.database.query_one(sql, &[&first.id]).await.expect("a count").get(0);
        (count == 5).then_some(())
    })
    .await;
    ask(&app, &Recovery::Begin(again.clone())).await;
    assert_eq!(recovery_in(&app, again.id, "completed").await, (0, 0));
    app.stop(dispatcher, &[]).await;
    assert_eq!(sink.received().len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_goes_on_no_faster_than_was_asked_for_and_can_be_cancelled() {
    let (app, sink) = (App::prepare().await, Sink::start());
    let subscription = app.subscribe(&sink.url(), &["*"]).await.id;
    let since = Utc::now() - TimeDelta::hours(2);
    made(&app, subscription, "exhausted", since, 50).await;
    let dispatcher = app.start();

    let recover = recover(&app, subscription, since, &["exhausted"], 1);
    ask(&app, &Recovery::Begin(recover.clone())).await;
    sink.wait_for(1).await;
    ask(&app, &Recovery::Cancel { workspace_id: app.workspace, id: recover.id }).await;
    let (total, count) = recovery_in(&app, recover.id, "cancelled").await;
    assert_eq!(total, 50);
    assert!((1..50).contains(&count), "{count}");
    assert_eq!(replayed(&app, recover.id).await.len(), usize::try_from(count).expect("positive"));
    app.stop(dispatcher, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_ends_with_its_subscription() {
    let (app, sink) = (App::prepare().await, Sink::start());
    let subscription = app.subscribe(&sink.url(), &["*"]).await.id;
    let since = Utc::now() - TimeDelta::hours(2);
    made(&app, subscription, "exhausted", since, 3).await;
    app.set_subscription(subscription, "enabled = false").await;
    let dispatcher = app.start();

    let disabled = recover(&app, subscription, since, &["exhausted"], 10);
    ask(&app, &Recovery::Begin(disabled.clone())).await;
    assert_eq!(recovery_in(&app, disabled.id, "cancelled").await, (3, 0));
    let of_nobody = recover(&app, Uuid::now_v7(), since, &["exhausted"], 10);
    ask(&app, &Recovery::Begin(of_nobody)).await;
    eventually("a dead letter", || async {
        let depth =
            pulse_bus::dead_letters::depth(&app.settings.bus, WEBHOOK_RECOVERIES).await.expect("the broker");
        (depth.dead == 1).then_some(())
    })
    .await;
    app.stop(dispatcher, &[WEBHOOK_RECOVERIES]).await;
    assert_eq!(sink.received().len(), 0);
}
