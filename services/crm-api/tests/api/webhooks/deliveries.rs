//! Deliveries as they can be found, their plan, and what can be asked for.

use pulse_bus::dead_letters;
use pulse_bus::topology::{Queue, WEBHOOK_PINGS, WEBHOOK_RECOVERIES, WEBHOOK_REPLAYS};
use pulse_domain::signature;
use pulse_testing::broker;
use serde_json::{Value, json};
use uuid::Uuid;

use super::subscribe;
use crate::app::{App, errors};

/// A delivery as a dispatcher would have made it, with one attempt.
struct Made {
    id: Uuid,
    event: Uuid,
    record: Uuid,
}

async fn made(app: &App, subscription: &str, state: &str, status: Option<i32>, layer: Option<&str>) -> Made {
    let client = app.database.client().await;
    let [id, event, record, attempt] = [(); 4].map(|()| Uuid::now_v7());
    let subscription: Uuid = subscription.parse().expect("an id");
    let workspace: Uuid = client
        .query_one("SELECT workspace_id FROM webhook_subscriptions WHERE id = $1", &[&subscription])
        .await
        .expect("a subscription")
        .get(0);
    let payload =
        "INSERT INTO webhook_payloads (workspace_id, event_id, version, body, sha256, correlation_id)
        VALUES ($1, $2, 1, '{}', sha256('{}'), $2)";
    client.execute(payload, &[&workspace, &event]).await.expect("a payload");
    let delivery = "INSERT INTO webhook_deliveries (workspace_id, id, subscription_id, event_id, event_type,
        resource_type, record_id, payload_version, state, first_attempt_at, next_attempt_at, retries)
        VALUES ($1, $2, $3, $4, 'contact.created', 'contacts', $5, 1, $6, '2026-01-01T00:00:00Z',
            CASE WHEN $6 = 'scheduled' THEN timestamptz '2026-01-01T00:00:30Z' END, 2)";
    client
        .execute(delivery, &[&workspace, &id, &subscription, &event, &record, &state])
        .await
        .expect("a delivery");
    let sql = "INSERT INTO webhook_attempts (workspace_id, id, delivery_id, number, url, started_at, outcome,
        response_status, error_layer, duration_ms)
        VALUES ($1, $2, $3, 1, 'https://example.com/', now(), 'failed', $4, $5, 20)";
    client.execute(sql, &[&workspace, &attempt, &id, &status, &layer]).await.expect("an attempt");
    Made { id, event, record }
}

/// Commands that wait in a queue.
async fn waiting(app: &App, queue: Queue) -> u32 {
    dead_letters::depth(&app.settings.bus, queue).await.expect("the broker").ready
}

#[tokio::test]
async fn deliveries_are_found_by_what_happened_and_what_came_of_it() {
    let app = App::spawn_without_relay().await;
    let subscription = subscribe(&app, json!({})).await.id();
    let refused = made(&app, &subscription, "exhausted", Some(503), Some("http_status")).await;
    let lost = made(&app, &subscription, "scheduled", None, Some("dns")).await;
    for (filter, expected) in [
        (format!("event_id_eq]={}", lost.event), &lost),
        (format!("record_id_eq]={}", refused.record), &refused),
        ("state_eq]=exhausted".into(), &refused),
        ("attempts_response_status_eq]=503".into(), &refused),
        ("attempts_response_status_gteq]=500".into(), &refused),
        ("attempts_error_layer_eq]=dns".into(), &lost),
    ] {
        let found = app.get(&format!("/api/v1/webhook_deliveries?q[{filter}")).await;
        assert_eq!(found.ids(), [expected.id.to_string()], "{filter}");
    }
    let all =
        app.get("/api/v1/webhook_deliveries?q[event_type_start]=contact.&q[resource_type_eq]=contacts").await;
    assert_eq!(all.ids().len(), 2);
}

#[tokio::test]
async fn a_delivery_has_a_plan_until_its_end() {
    let app = App::spawn_without_relay().await;
    let subscription = subscribe(&app, json!({ "max_retries": 5 })).await.id();
    let scheduled = made(&app, &subscription, "scheduled", Some(500), Some("http_status")).await;
    let ended = made(&app, &subscription, "exhausted", Some(500), Some("http_status")).await;
    let plan = async |id: Uuid| {
        let shown = app.get(&format!("/api/v1/webhook_deliveries/{id}/schedule")).await;
        assert_eq!(shown.status, 200, "{}", shown.json);
        shown.json["meta"]["due_at"].as_array().expect("an array").clone()
    };
    let due = plan(scheduled.id).await;
    // The second retry as it stands, and three more of five.
    assert_eq!((due.len(), &due[0]), (4, &json!("2026-01-01T00:00:30.000Z")));
    assert!(due.iter().map(Value::as_str).is_sorted(), "{due:?}");
    assert!(due[3].as_str() <= Some("2026-01-01T00:30:00.000Z"), "{due:?}");
    assert_eq!(plan(ended.id).await, Vec::<Value>::new());
}

#[tokio::test]
async fn the_bytes_that_a_delivery_carries_are_shown_until_they_are_too_old_to_be_kept() {
    let app = App::spawn_without_relay().await;
    let subscription = subscribe(&app, json!({})).await.id();
    let delivery = made(&app, &subscription, "exhausted", Some(500), None).await;
    let address = format!("/api/v1/webhook_deliveries/{}/payload", delivery.id);
    let request = || app.request(reqwest::Method::GET, &address).header("authorization", &app.token);
    let shown = request().send().await.expect("an answer");
    let header = |name| shown.headers().get(name).expect("a header").to_str().expect("text").to_owned();
    assert_eq!((shown.status().as_u16(), header("content-type").as_str()), (200, "application/json"));
    assert_eq!(header("content-digest"), signature::content_digest(signature::sha256(b"{}")));
    let tag = header("etag");
    assert_eq!(shown.bytes().await.expect("a body").as_ref(), b"{}");
    let again = request().header("if-none-match", tag).send().await;
    assert_eq!(again.expect("an answer").status(), 304);

    let replay = format!("/api/v1/webhook_deliveries/{}/replay", delivery.id);
    let replayed = app.post(&replay, json!({})).await;
    assert_eq!(replayed.json["meta"]["sha256"], hex::encode(signature::sha256(b"{}")), "{}", replayed.json);
    let client = app.database.client().await;
    client.batch_execute("DELETE FROM webhook_payloads").await.expect("time passes");
    let gone = app.get(&address).await;
    assert_eq!((gone.status, gone.errors()), (404, errors([("not_found", "")])));
    let refused = app.post(&replay, json!({})).await;
    assert_eq!((refused.status, refused.errors()), (409, errors([("state_conflict", "")])));
}

#[tokio::test]
async fn a_delivery_that_waits_for_its_turn_says_what_for() {
    let app = App::spawn_without_relay().await;
    let subscription = subscribe(&app, json!({ "ordering": "per_record" })).await.id();
    let first = made(&app, &subscription, "scheduled", Some(500), Some("http_status")).await;
    let behind = made(&app, &subscription, "scheduled", None, None).await;
    let client = app.database.client().await;
    let has_turn =
        "UPDATE webhook_deliveries SET has_turn = true, sequence = 1, created_at = '2026-01-01T00:00:00Z'
        WHERE id = $1";
    client.execute(has_turn, &[&first.id]).await.expect("an update");
    let waits = "UPDATE webhook_deliveries SET has_turn = false, sequence = 2, record_id = $2, next_attempt_at = NULL,
        first_attempt_at = NULL WHERE id = $1";
    client.execute(waits, &[&behind.id, &first.record]).await.expect("an update");

    let found = app.get("/api/v1/webhook_deliveries?q[has_turn_false]=1").await;
    assert_eq!(found.ids(), [behind.id.to_string()]);
    let schedule = async |id: Uuid| {
        app.get(&format!("/api/v1/webhook_deliveries/{id}/schedule")).await.json["meta"].clone()
    };
    assert_eq!(schedule(behind.id).await, json!({ "due_at": [], "waits_for": first.id }));
    let due = schedule(first.id).await;
    // The second retry as it stands, and ten more within a day of its making.
    assert_eq!((due["due_at"].as_array().map(Vec::len), &due["waits_for"]), (Some(11), &Value::Null));
    assert!(due["due_at"][10].as_str() <= Some("2026-01-02T00:00:00.000Z"), "{due}");

    let health = app.get(&format!("/api/v1/webhook_subscriptions/{subscription}/health")).await;
    let meta = &health.json["meta"];
    assert_eq!(
        (&meta["scheduled"], &meta["due"], &meta["waiting_for_turn"]),
        (&json!(2), &json!(1), &json!(1))
    );
}

#[tokio::test]
async fn health_says_how_the_receiver_does_and_why_nothing_is_sent() {
    let app = App::spawn_without_relay().await;
    let id = subscribe(&app, json!({})).await.id();
    let health = async || {
        let shown = app.get(&format!("/api/v1/webhook_subscriptions/{id}/health")).await;
        assert_eq!(shown.status, 200, "{}", shown.json);
        shown.json["meta"].clone()
    };
    let fresh = health().await;
    assert_eq!((&fresh["state"], &fresh["scheduled"]), (&json!("active"), &json!(0)));
    assert_eq!(fresh["last_day"]["success_rate"], Value::Null);

    made(&app, &id, "scheduled", Some(500), None).await;
    made(&app, &id, "exhausted", Some(500), None).await;
    let client = app.database.client().await;
    let endpoint = "INSERT INTO webhook_endpoints (workspace_id, id, breaker, breaker_reason, failures, failing_since)
        SELECT workspace_id, id, 'open', '10 attempts in a row have failed', 10, now() FROM webhook_subscriptions";
    client.execute(endpoint, &[]).await.expect("an endpoint");
    let parked = health().await;
    assert_eq!(
        (&parked["state"], &parked["reason"]),
        (&json!("parked"), &json!("10 attempts in a row have failed"))
    );
    assert_eq!(
        (&parked["scheduled"], &parked["due"], &parked["failures"]),
        (&json!(1), &json!(1), &json!(10))
    );
    let expected = json!({ "attempts": 2, "success_rate": 0.0, "latency_p50_ms": 20, "latency_p95_ms": 20 });
    assert_eq!(parked["last_hour"], expected);

    let disable =
        "UPDATE webhook_endpoints SET breaker = 'closed', disabled_at = now(), disabled_reason = 'gone'";
    client.execute(disable, &[]).await.expect("it is disabled");
    let disabled = health().await;
    assert_eq!((&disabled["state"], &disabled["reason"]), (&json!("disabled"), &json!("gone")));
    let enabled = app.post(&format!("/api/v1/webhook_subscriptions/{id}/enable"), json!({})).await;
    assert_eq!(enabled.status, 200, "{}", enabled.json);
    assert_eq!(health().await["state"], "active");

    app.change("webhook_subscriptions", &id, json!({ "enabled": false })).await;
    let disabled = health().await;
    assert_eq!((&disabled["state"], &disabled["reason"]), (&json!("disabled"), &Value::Null));
}

#[tokio::test]
async fn nothing_is_sent_to_a_subscription_that_is_disabled_and_the_refusal_says_what_helps() {
    let app = App::spawn_without_relay().await;
    let id = subscribe(&app, json!({})).await.id();
    let delivery = made(&app, &id, "exhausted", Some(500), None).await.id;
    let refused = async |why: &str| {
        let enable = format!("POST /api/v1/webhook_subscriptions/{id}/enable");
        let recovery = json!({ "since": "2026-01-01T00:00:00Z" });
        for (path, body) in [
            (format!("/api/v1/webhook_subscriptions/{id}/test"), json!({})),
            (format!("/api/v1/webhook_subscriptions/{id}/recover"), recovery),
            (format!("/api/v1/webhook_deliveries/{delivery}/replay"), json!({})),
        ] {
            let answer = app.post(&path, body).await;
            assert_eq!((answer.status, answer.errors()), (409, errors([("state_conflict", "")])), "{path}");
            let detail = answer.json["errors"][0]["detail"].as_str().expect("a detail");
            assert!(detail.contains(why) && detail.contains(&enable), "{detail}");
        }
    };
    app.change("webhook_subscriptions", &id, json!({ "enabled": false })).await;
    refused("The subscription is disabled.").await;
    app.change("webhook_subscriptions", &id, json!({ "enabled": true })).await;
    let client = app.database.client().await;
    for (reason, why) in [("gone", "410 Gone"), ("failing", "failed for days")] {
        let disable = "INSERT INTO webhook_endpoints (workspace_id, id, disabled_at, disabled_reason)
            SELECT workspace_id, id, now(), $1 FROM webhook_subscriptions
            ON CONFLICT ON CONSTRAINT webhook_endpoints_pkey DO UPDATE SET disabled_reason = $1";
        client.execute(disable, &[&reason]).await.expect("it is disabled");
        refused(why).await;
    }
    for queue in [WEBHOOK_PINGS, WEBHOOK_RECOVERIES, WEBHOOK_REPLAYS] {
        assert_eq!(waiting(&app, queue).await, 0, "{}", queue.name);
    }

    let enabled = app.post(&format!("/api/v1/webhook_subscriptions/{id}/enable"), json!({})).await;
    assert_eq!(enabled.status, 200, "{}", enabled.json);
    for path in [
        format!("/api/v1/webhook_subscriptions/{id}/test"),
        format!("/api/v1/webhook_deliveries/{delivery}/replay"),
    ] {
        assert_eq!(app.post(&path, json!({})).await.status, 202, "{path}");
    }
}

#[tokio::test]
async fn whoever_enables_a_subscription_is_told_since_when_to_recover() {
    let app = App::spawn_without_relay().await;
    let id = subscribe(&app, json!({})).await.id();
    let enable = format!("/api/v1/webhook_subscriptions/{id}/enable");
    assert_eq!(app.post(&enable, json!({})).await.json["meta"], json!({ "recover_since": null }));
    let client = app.database.client().await;
    for (hour, state) in
        [(1, "exhausted"), (2, "succeeded"), (3, "cancelled"), (4, "exhausted"), (5, "scheduled")]
    {
        let delivery = made(&app, &id, state, None, None).await.id;
        let sql =
            format!("UPDATE webhook_deliveries SET created_at = '2026-01-01T0{hour}:00:00Z' WHERE id = $1");
        client.execute(&sql, &[&delivery]).await.expect("an update");
    }
    let since = json!("2026-01-01T03:00:00.000Z");
    assert_eq!(app.post(&enable, json!({})).await.json["meta"]["recover_since"], since);
    let health = app.get(&format!("/api/v1/webhook_subscriptions/{id}/health")).await;
    assert_eq!(health.json["meta"]["recover_since"], since);

    let wanted = json!({ "since": since, "status": ["exhausted", "cancelled"], "dry_run": true });
    let answer = app.post(&format!("/api/v1/webhook_subscriptions/{id}/recover"), wanted).await;
    assert_eq!((answer.status, &answer.json["meta"]["count"]), (200, &json!(2)));
}

#[tokio::test]
async fn a_ping_is_asked_for() {
    let app = App::spawn_without_relay().await;
    let id = subscribe(&app, json!({})).await.id();
    let answer = app.post(&format!("/api/v1/webhook_subscriptions/{id}/test"), json!({})).await;
    assert_eq!(answer.status, 202, "{}", answer.json);
    assert!(answer.json["meta"]["delivery_id"].as_str().is_some_and(|id| id.parse::<Uuid>().is_ok()));
    assert_eq!(waiting(&app, WEBHOOK_PINGS).await, 1);
    let bus = app.settings.bus.clone();
    app.stop().await;
    broker::assert_nothing_left(&bus, &[WEBHOOK_PINGS]).await;
}

#[tokio::test]
async fn a_recovery_is_counted_before_it_begins() {
    let app = App::spawn_without_relay().await;
    let id = subscribe(&app, json!({})).await.id();
    for state in ["exhausted", "exhausted", "cancelled", "succeeded", "scheduled"] {
        made(&app, &id, state, Some(500), None).await;
    }
    let path = format!("/api/v1/webhook_subscriptions/{id}/recover");
    for (wanted, count) in [
        (json!({}), 2),
        (json!({ "status": ["exhausted", "cancelled"] }), 3),
        (json!({ "until": "2026-01-01T00:00:01Z" }), 0),
    ] {
        let mut body = json!({ "since": "2026-01-01T00:00:00Z", "dry_run": true });
        body.as_object_mut().expect("an object").extend(wanted.as_object().expect("an object").clone());
        let answer = app.post(&path, body).await;
        assert_eq!((answer.status, &answer.json["meta"]), (200, &json!({ "count": count })), "{wanted}");
    }
    assert_eq!(waiting(&app, WEBHOOK_RECOVERIES).await, 0);
    let answer = app.post(&path, json!({ "since": "2026-01-01T00:00:00Z" })).await;
    assert_eq!((answer.status, &answer.json["meta"]["count"]), (202, &json!(2)));
    assert_eq!(waiting(&app, WEBHOOK_RECOVERIES).await, 1);
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_recovery_is_told() {
    let app = App::spawn_without_relay().await;
    let id = subscribe(&app, json!({})).await.id();
    let path = format!("/api/v1/webhook_subscriptions/{id}/recover");
    let wrong = json!({
        "since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z", "status": ["exhausted", "scheduled"],
        "rate": 0,
    });
    let answer = app.post(&path, wrong).await;
    let expected = errors([("invalid", "/until"), ("invalid", "/status/1"), ("invalid", "/rate")]);
    assert_eq!((answer.status, answer.errors()), (422, expected));
    let answer = app.post(&path, json!({})).await;
    assert_eq!((answer.status, answer.errors()), (400, errors([("malformed_document", "")])));
    let other = app.as_another_workspace().await;
    let answer = other.post(&path, json!({ "since": "2026-01-01T00:00:00Z" })).await;
    assert_eq!((answer.status, answer.errors()), (404, errors([("not_found", "")])));
}

#[tokio::test]
async fn a_recovery_is_cancelled_while_it_runs() {
    let app = App::spawn_without_relay().await;
    let subscription = subscribe(&app, json!({})).await.id();
    let client = app.database.client().await;
    let id = Uuid::now_v7();
    let sql = "INSERT INTO webhook_recoveries (workspace_id, id, subscription_id, since, until, states,
        rate_per_second, total, position_created_at, position_id)
        SELECT workspace_id, $1, id, now(), now(), '[\"exhausted\"]', 1, 7, now(), id FROM webhook_subscriptions";
    client.execute(sql, &[&id]).await.expect("a recovery");
    let shown = app.get(&format!("/api/v1/webhook_subscriptions/{subscription}/webhook_recoveries")).await;
    assert_eq!(shown.ids(), [id.to_string()]);
    let attributes = &shown.json["data"][0]["attributes"];
    assert_eq!((&attributes["total"], &attributes["state"]), (&json!(7), &json!("running")));

    let path = format!("/api/v1/webhook_recoveries/{id}/cancel");
    assert_eq!(app.post(&path, json!({})).await.status, 202);
    assert_eq!(waiting(&app, WEBHOOK_RECOVERIES).await, 1);
    client.execute("UPDATE webhook_recoveries SET state = 'completed'", &[]).await.expect("it ends");
    let answer = app.post(&path, json!({})).await;
    assert_eq!((answer.status, answer.errors()), (409, errors([("state_conflict", "")])));
}
