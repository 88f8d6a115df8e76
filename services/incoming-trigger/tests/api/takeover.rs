//! Workers that die, are late, are many, or are told to stop.

use std::collections::HashSet;

use incoming_trigger::Role;
use pulse_domain::id::derived;
use pulse_testing::eventually;
use serde_json::{Value, json};

use crate::app::App;

fn two_steps() -> Value {
    json!([
        {"key": "first", "type": "create_record", "resource": "companies", "attributes": {"name": "one"}},
        {"key": "second", "type": "create_record", "resource": "companies",
         "attributes": {"name": "two", "description": "{{steps.first.id}}"}}
    ])
}

async fn asked(app: &App, count: usize) {
    eventually("the worker asks crm-api", || async { (app.crm.lines().len() == count).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_worker_died_goes_on_at_the_step_that_was_next() {
    let app = App::new().await;
    let hook = app.workflow(two_steps()).await;
    let context =
        json!({"trigger": {"body": {}, "headers": {}, "query": {}}, "steps": {"first": {"id": "made"}}});
    let run = app.abandoned_run(&hook, 1, context).await;

    let _worker = app.start(Some(Role::Work));
    let ended = app.run_in(run, "succeeded").await;

    assert_eq!(ended.position, 2);
    assert_eq!(app.crm.lines(), ["POST /companies"]);
    assert_eq!(app.crm.asked()[0].body["data"]["attributes"], json!({"name": "two", "description": "made"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_was_done_but_not_committed_makes_no_second_record() {
    let app = App::new().await;
    let hook = app.workflow(two_steps()).await;
    let context = json!({"trigger": {"body": {}, "headers": {}, "query": {}}, "steps": {}});
    let run = app.abandoned_run(&hook, 0, context.clone()).await;
    let worker = app.start(Some(Role::Work));
    app.run_in(run, "succeeded").await;
    worker.stop().await;
    let made = app.crm.records(app.workspace, "companies");
    let before = app.crm.lines().len();

    // As if the process had been killed after the call and before the commit.
    app.execute("DELETE FROM workflow_step_runs", &[]).await;
    let undo = "UPDATE workflow_runs SET state = 'running', position = 0, context = $1, finished_at = NULL,
                       lease_until = now() - interval '1 second'";
    app.execute(undo, &[&context]).await;
    let _worker = app.start(Some(Role::Work));
    let ended = app.run_in(run, "succeeded").await;

    let first = derived(run, "0");
    assert_eq!(ended.context["steps"]["first"], json!({"id": first, "name": "one"}));
    assert_eq!(app.crm.records(app.workspace, "companies"), made);
    assert_eq!(
        app.crm.lines()[before..before + 2],
        ["POST /companies".to_owned(), format!("GET /companies/{first}")]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_another_worker_has_is_left_alone() {
    let app = App::new().await;
    let hook = app.workflow(two_steps()).await;
    let taken = app.abandoned_run(&hook, 0, json!({"trigger": {}, "steps": {}})).await;
    app.execute("UPDATE workflow_runs SET lease_until = now() + interval '1 hour'", &[]).await;

    let server = app.start(None);
    app.run_in(server.trigger(&hook, &json!({})).await, "succeeded").await;

    let taken = app.run(taken).await;
    assert_eq!((taken.state.as_str(), taken.position), ("running", 0));
    assert_eq!(app.crm.lines().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_lost_its_run_writes_nothing() {
    let app = App::new().await;
    let server = app.start(None);
    let hook = app.workflow(two_steps()).await;
    app.crm.hold();
    let run = server.trigger(&hook, &json!({})).await;
    asked(&app, 1).await;

    app.execute(
        "UPDATE workflow_runs SET lease_epoch = lease_epoch + 1, lease_until = now() + interval '1 hour'",
        &[],
    )
    .await;
    app.crm.go_on();
    server.stop().await;

    let left = app.run(run).await;
    assert_eq!((left.state.as_str(), left.position, left.leased), ("running", 0, true));
    assert_eq!(left.context["steps"], json!({}));
    assert!(app.step_runs(run).await.is_empty());
    assert_eq!(app.crm.lines().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_cancelled_stays_cancelled() {
    let app = App::new().await;
    let server = app.start(None);
    let hook = app.workflow(two_steps()).await;
    app.crm.hold();
    let run = server.trigger(&hook, &json!({})).await;
    asked(&app, 1).await;

    app.execute("UPDATE workflow_runs SET state = 'cancelled', finished_at = now(), lease_until = NULL", &[])
        .await;
    app.crm.go_on();
    server.stop().await;

    let left = app.run(run).await;
    assert_eq!((left.state.as_str(), left.position), ("cancelled", 0));
    assert!(app.step_runs(run).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_run_each_run_once() {
    let app = App::new().await;
    let hook = app.workflow(two_steps()).await;
    let server = app.start(Some(Role::Serve));
    let workers = [app.start(Some(Role::Work)), app.start(Some(Role::Work))];

    let mut runs = Vec::new();
    for _ in 0..40 {
        runs.push(server.trigger(&hook, &json!({})).await);
    }
    for run in &runs {
        app.run_in(*run, "succeeded").await;
    }

    assert_eq!(app.count("workflow_step_runs").await, 80);
    let ids: Vec<Value> = app.crm.asked().iter().map(|asked| asked.body["data"]["id"].clone()).collect();
    assert_eq!(ids.len(), 80);
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 80);
    let epochs = app.sql.query_one("SELECT min(lease_epoch), max(lease_epoch) FROM workflow_runs", &[]).await;
    let epochs = epochs.expect("runs");
    assert_eq!((epochs.get::<_, i64>(0), epochs.get::<_, i64>(1)), (1, 1));
    for worker in workers {
        worker.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_stops_finishes_its_step_and_hands_the_run_over() {
    let app = App::new().await;
    let hook = app.workflow(two_steps()).await;
    let server = app.start(Some(Role::Serve));
    let leaving = app.start(Some(Role::Work));
    app.crm.hold();
    let run = server.trigger(&hook, &json!({})).await;
    asked(&app, 1).await;

    tokio::join!(leaving.stop(), async { app.crm.go_on() });

    let handed_over = app.run(run).await;
    assert_eq!((handed_over.state.as_str(), handed_over.position, handed_over.leased), ("running", 1, false));
    assert_eq!(app.step_runs(run).await.len(), 1);
    let _staying = app.start(Some(Role::Work));
    app.run_in(run, "succeeded").await;
    assert_eq!(app.crm.lines(), ["POST /companies", "POST /companies"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_wakes_for_the_run_that_another_hands_over() {
    let mut app = App::new().await;
    // Longer than the test may take: only a wake-up finds the run in time.
    app.settings.trigger.sweep_seconds = std::num::NonZeroU64::new(600).expect("not zero");
    let hook = app.workflow(two_steps()).await;
    let server = app.start(Some(Role::Serve));
    let leaving = app.start(Some(Role::Work));
    app.crm.hold();
    let run = server.trigger(&hook, &json!({})).await;
    asked(&app, 1).await;
    let staying = app.start(Some(Role::Work));
    let listening =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    eventually("both workers listen", || async {
        let count: i64 = app.sql.query_one(listening, &[]).await.expect("the statement runs").get(0);
        (count == 2).then_some(())
    })
    .await;

    tokio::join!(leaving.stop(), async { app.crm.go_on() });

    app.run_in(run, "succeeded").await;
    staying.stop().await;
}
