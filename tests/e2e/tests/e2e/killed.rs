//! Processes are killed at the worst moments: nothing that was acknowledged is lost, and nothing is done twice under
//! another name.

use std::collections::BTreeSet;

use futures_util::StreamExt;
use futures_util::future::join;
use futures_util::stream::FuturesUnordered;
use pulse_testing::{Sink, eventually};
use reqwest::Method;
use serde_json::{Value, json};

use crate::api::Api;
use crate::order::{Workflow, contact_of_the_order, finished, order};
use crate::stack::{CRM_API, GATEWAY, INCOMING_TRIGGER, INGEST_GATEWAY, Stack, WEBHOOK_DISPATCHER};
use crate::website;

#[tokio::test(flavor = "multi_thread")]
async fn a_dispatcher_killed_during_a_call_calls_again_with_the_same_event() {
    let mut stack = Stack::start().await;
    let api = Api::sign_up(&stack).await;
    let sink = Sink::start();
    api.subscribe(&sink.url(), &["contact.created"]).await;
    sink.hold();
    api.create("contacts", json!({"first_name": "Grace"})).await;
    let lost = sink.wait_for(1).await.remove(0);

    stack.kill(WEBHOOK_DISPATCHER);
    sink.release();
    let client = stack.database.client().await;
    let expire = "UPDATE webhook_deliveries SET lease_until = now() WHERE lease_until IS NOT NULL";
    assert_eq!(client.execute(expire, &[]).await.expect("the lease runs out"), 1);
    stack.run(WEBHOOK_DISPATCHER, &[]).await;

    let again = sink.wait_for(2).await.remove(1);
    assert_eq!(again.body, lost.body);
    let delivered = api.list_of(1, "webhook_deliveries?q[state_eq]=succeeded").await.remove(0);
    assert_eq!(delivered["attributes"]["event_id"], lost.json()["event_id"]);
    let mut outcomes: Vec<String> = Vec::new();
    for attempt in api.list("webhook_attempts?sort=number").await {
        outcomes.push(attempt["attributes"]["outcome"].as_str().expect("a text").to_owned());
    }
    assert_eq!(outcomes, ["unknown", "succeeded"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_wait_for_a_dispatcher_that_is_dead() {
    let mut stack = Stack::start().await;
    let api = Api::sign_up(&stack).await;
    let sink = Sink::start();
    api.subscribe(&sink.url(), &["contact.created"]).await;

    stack.kill(WEBHOOK_DISPATCHER);
    let contact = api.create("contacts", json!({"first_name": "Grace"})).await;
    stack.run(WEBHOOK_DISPATCHER, &[]).await;

    assert_eq!(sink.wait_for(1).await[0].json()["data"]["id"], contact.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_committed_and_not_published_is_published_after_the_restart() {
    let mut stack = Stack::start().await;
    let api = Api::sign_up(&stack).await;
    let sink = Sink::start();
    api.subscribe(&sink.url(), &["contact.created"]).await;
    stack.kill(CRM_API);
    // Without the relay nothing is published, which holds the moment between commit and publish.
    stack.run(CRM_API, &["serve"]).await;
    api.create("contacts", json!({"first_name": "Grace"})).await;
    let journal = event_ids(&api).await;

    stack.kill(CRM_API);
    assert!(sink.received().is_empty());
    stack.run(CRM_API, &[]).await;

    sink.wait_for(1).await;
    assert_eq!(delivered_ids(&sink), journal);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_answer_died_with_crm_api_is_not_done_again() {
    let mut stack = Stack::start().await;
    let api = Api::sign_up(&stack).await;
    let client = stack.database.client().await;
    // Holds whoever stores an answer: the moment between the commit of the write and its answer.
    let hold = "
        CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_advisory_xact_lock(42); RETURN NEW; END $$;
        CREATE TRIGGER hold BEFORE UPDATE OF answered_at ON idempotency_keys
            FOR EACH ROW EXECUTE FUNCTION hold();
        SELECT pg_advisory_lock(42);";
    client.batch_execute(hold).await.expect("answers wait");
    let sender = api.clone();
    let send = || {
        let headers = [("content-type", "application/json"), ("idempotency-key", "order-4711")];
        let document = json!({"data": {"type": "contacts", "attributes": {"first_name": "Grace"}}});
        let sender = sender.clone();
        async move { sender.send(Method::POST, "/api/v1/contacts", &headers, document.to_string()).await }
    };
    let killed = async {
        eventually("the write has committed, and its answer waits", async || {
            let waiting =
                "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = 42";
            client.query_opt(waiting, &[]).await.expect("the locks")
        })
        .await;
        stack.kill(CRM_API);
    };
    let (lost, ()) = join(send(), killed).await;
    assert_eq!(lost.status, 503, "{}", lost.body);
    let give_way = "
        SELECT pg_terminate_backend(pid) FROM pg_locks
         WHERE locktype = 'advisory' AND NOT granted AND objid = 42;
        DROP TRIGGER hold ON idempotency_keys;
        SELECT pg_advisory_unlock(42);";
    client.batch_execute(give_way).await.expect("nothing waits");
    stack.run(CRM_API, &[]).await;

    let made = api.list("contacts").await.remove(0);
    for _ in 0..2 {
        let again = send().await.expect(201);
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        assert_eq!(again.json()["data"]["id"], made["id"]);
    }
    assert_eq!(api.list("contacts").await.len(), 1);
    assert_eq!(event_ids(&api).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_cut_short_by_the_death_of_crm_api_delivers_all_that_was_acknowledged() {
    let mut stack = Stack::start().await;
    let api = Api::sign_up(&stack).await;
    let sink = Sink::start();
    api.subscribe(&sink.url(), &["contact.created"]).await;

    let mut burst: FuturesUnordered<_> = (0..40)
        .map(|number| {
            let (api, name) = (api.clone(), number.to_string());
            let document = json!({"data": {"type": "contacts", "attributes": {"first_name": name}}});
            async move { api.post("/api/v1/contacts", &document).await }
        })
        .collect();
    let mut acknowledged = BTreeSet::new();
    let mut refused = 0;
    while let Some(answer) = burst.next().await {
        match answer.status {
            201 => {
                let id = answer.json()["data"]["id"].as_str().expect("a text").to_owned();
                acknowledged.insert(id);
                if acknowledged.len() == 10 {
                    stack.kill(CRM_API);
                }
            }
            status => {
                assert_eq!(status, 503, "{}", answer.body);
                refused += 1;
            }
        }
    }
    assert!(refused > 0, "it was killed too late to tell anything");
    stack.run(CRM_API, &[]).await;

    eventually("all that was acknowledged is delivered", async || {
        let delivered: BTreeSet<String> =
            sink.received().iter().map(|received| text(&received.json()["data"]["id"])).collect();
        acknowledged.is_subset(&delivered).then_some(())
    })
    .await;
    eventually("what is delivered is the journal, and nothing else", async || {
        (delivered_ids(&sink) == event_ids(&api).await).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_goes_on_at_the_next_step_after_its_worker_was_killed() {
    let mut stack = Stack::start().await;
    let api = Api::sign_up(&stack).await;
    let workflow = Workflow::create(&api).await;
    // The step that tags the contact waits for this, in crm-api.
    let client = stack.database.client().await;
    client.batch_execute("BEGIN; LOCK TABLE tags IN ACCESS EXCLUSIVE MODE").await.expect("a lock");
    let run = text(&workflow.post(&api, &order()).await["run_id"]);
    let path = format!("/api/v1/workflow_runs/{run}");
    eventually("the first step is committed", async || {
        let run = api.get(&path).await.expect(200).json();
        (run["data"]["attributes"]["position"] == 1).then_some(())
    })
    .await;

    stack.kill(INCOMING_TRIGGER);
    let expire = "ROLLBACK; UPDATE workflow_runs SET lease_until = now() WHERE lease_until IS NOT NULL";
    client.batch_execute(expire).await.expect("the lease runs out");
    stack.run(INCOMING_TRIGGER, &[]).await;

    let run = finished(&api, &run).await;
    assert_eq!(run["data"]["attributes"]["state"], "succeeded", "{run}");
    contact_of_the_order(&api).await;
    assert_eq!(api.list("workflow_runs").await.len(), 1);
    assert_eq!(api.list("events?q[event_type_eq]=contact.created").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_ingest_has_accepted_outlive_it() {
    let mut stack = Stack::start().await;
    let api = Api::sign_up(&stack).await;
    let (token, _) = api.website().await;
    stack.kill(INGEST_GATEWAY);
    // Without the worker nothing is stored, which holds the moment between the answer and the storing.
    stack.run(INGEST_GATEWAY, &["serve"]).await;
    for number in 0..20 {
        let data = json!({"visitor_fingerprint": null, "session_id": number.to_string()});
        let event = json!({"type": "pageview", "token": token, "data": data});
        website::send(&api, &[], &event).await.expect(202);
    }

    stack.kill(INGEST_GATEWAY);
    assert!(api.list("analytics/events").await.is_empty());
    stack.run(INGEST_GATEWAY, &[]).await;

    api.list_of(20, "analytics/events").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_service_ends_well_when_it_is_told_to_and_leaves_nothing_behind() {
    let mut stack = Stack::start().await;
    let api = Api::sign_up(&stack).await;
    let sink = Sink::start();
    api.subscribe(&sink.url(), &["contact.created"]).await;
    let contact = api.create("contacts", json!({"first_name": "Grace"})).await;

    stack.stop(CRM_API).await;

    // Published by its last breath, if not before.
    assert_eq!(sink.wait_for(1).await[0].json()["data"]["id"], contact.id);
    for name in [WEBHOOK_DISPATCHER, INGEST_GATEWAY, INCOMING_TRIGGER, GATEWAY] {
        stack.stop(name).await;
    }
    stack.assert_no_messages_left().await;
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// Ids of the events in the journal that tell of a new contact.
async fn event_ids(api: &Api) -> BTreeSet<String> {
    let events = api.list("events?q[event_type_eq]=contact.created&page[size]=100").await;
    events.iter().map(|event| text(&event["id"])).collect()
}

/// Ids of the events that were delivered, however often.
fn delivered_ids(sink: &Sink) -> BTreeSet<String> {
    sink.received().iter().map(|received| text(&received.json()["event_id"])).collect()
}
