//! What a sender is answered, and what is kept of its request.

use std::num::NonZeroU32;

use futures_util::future::join_all;
use incoming_trigger::Role;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{App, refused};

const JSON: &str = "application/json";

#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_request_is_stored_with_the_run_it_starts() {
    let app = App::new().await;
    let server = app.start(Some(Role::Serve));
    let hook = app.workflow(json!([])).await;
    let path = format!("/v1/webhooks/in/{}?shop=one&tag=a&tag=b", hook.token);
    let headers = [
        ("content-type", "text/plain;charset=utf-8"),
        ("x-shop-topic", "orders/paid"),
        ("authorization", "Bearer hush"),
        ("cookie", "session=hush"),
        ("x-api-key", "hush"),
    ];

    let answer = server.send(Method::POST, &path, &headers, r#"{"order": {"total": 19.99}}"#).await;

    assert_eq!(answer.status(), 202);
    assert_eq!(answer.headers()["ratelimit-policy"], "\"requests\";q=100;w=1");
    assert_eq!(answer.headers()["ratelimit"], "\"requests\";r=99;t=1");
    let answer: Value = answer.json().await.expect("JSON");
    let id = |name: &str| answer[name].as_str().and_then(|id| id.parse::<Uuid>().ok()).expect("an id");
    let request = "SELECT verdict, content_type, headers, query, body, raw IS NULL, workspace_id, workflow_id
                     FROM trigger_requests WHERE id = $1";
    let request = app.sql.query_one(request, &[&id("request_id")]).await.expect("the request was kept");
    assert_eq!(request.get::<_, &str>(0), "accepted");
    assert_eq!(request.get::<_, &str>(1), "text/plain;charset=utf-8");
    let headers: Value = request.get(2);
    assert_eq!(headers["x-shop-topic"], "orders/paid");
    for name in ["authorization", "cookie", "x-api-key"] {
        assert_eq!(headers[name], "***");
    }
    assert_eq!(request.get::<_, Value>(3), json!({"shop": "one", "tag": ["a", "b"]}));
    assert_eq!(request.get::<_, Value>(4), json!({"order": {"total": 19.99}}));
    assert!(request.get::<_, bool>(5));
    assert_eq!((request.get::<_, Uuid>(6), request.get::<_, Uuid>(7)), (hook.workspace.0, hook.workflow));
    let run = app.run(id("run_id")).await;
    assert_eq!((run.state.as_str(), run.position, run.leased), ("queued", 0, false));
    assert_eq!(run.context["trigger"]["body"], json!({"order": {"total": 19.99}}));
    assert_eq!(run.context["trigger"]["query"]["shop"], "one");
    assert!(!run.context.to_string().contains("hush"));
    assert_eq!(run.context["steps"], json!({}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_an_object() {
    let app = App::new().await;
    let server = app.start(Some(Role::Serve));
    let hook = app.workflow(json!([])).await;
    let answer = server.post(&hook.token, "application/x-www-form-urlencoded", "email=a%40x.io&n=1").await;
    assert_eq!(answer.status(), 202);
    let stored = app.sql.query_one("SELECT body FROM trigger_requests", &[]).await.expect("one request");
    assert_eq!(stored.get::<_, Value>(0), json!({"email": "a@x.io", "n": "1"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_token_and_a_deleted_workflow_look_the_same() {
    let app = App::new().await;
    let server = app.start(Some(Role::Serve));
    let hook = app.workflow(json!([])).await;
    assert_eq!(server.post(&hook.token, JSON, "{}").await.status(), 202);
    app.execute("UPDATE workflows SET deleted_at = now()", &[]).await;

    let deleted = refused(server.post(&hook.token, JSON, "{}").await, 404, "unknown_trigger").await;
    let unknown = refused(server.post("in_nothing", JSON, "{}").await, 404, "unknown_trigger").await;

    assert_eq!(deleted, unknown);
    assert_eq!(app.count("trigger_requests").await, 1);
    refused(server.send(Method::GET, "/elsewhere", &[], "").await, 404, "not_found").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_methods_are_told_which_one_is_meant() {
    let app = App::new().await;
    let server = app.start(Some(Role::Serve));
    let hook = app.workflow(json!([])).await;
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let answer = server.send(method, &format!("/v1/webhooks/in/{}", hook.token), &[], "").await;
        assert_eq!(answer.headers()["allow"], "POST");
        refused(answer, 405, "method_not_allowed").await;
    }
    assert_eq!(app.count("trigger_requests").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_that_is_off_keeps_the_request_and_says_so() {
    let app = App::new().await;
    let server = app.start(Some(Role::Serve));
    let hook = app.workflow(json!([])).await;
    app.execute("UPDATE workflows SET active = false", &[]).await;

    refused(server.post(&hook.token, JSON, r#"{"a": 1}"#).await, 409, "workflow_inactive").await;

    let kept =
        app.sql.query_one("SELECT verdict, body FROM trigger_requests", &[]).await.expect("one request");
    assert_eq!((kept.get::<_, &str>(0), kept.get::<_, Value>(1)), ("inactive", json!({"a": 1})));
    assert_eq!(app.count("workflow_runs").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_body_is_kept_as_it_came() {
    let app = App::new().await;
    let server = app.start(Some(Role::Serve));
    let hook = app.workflow(json!([])).await;
    let deep = "[".repeat(40) + &"]".repeat(40);
    for (body, reason) in [
        (r#"{"a": "#, "not JSON: EOF"),
        ("", "not JSON"),
        (r#"{"a": "\u0000"}"#, "U+0000"),
        (deep.as_str(), "deeper than 32"),
    ] {
        let text =
            refused(server.post(&hook.token, JSON, body.to_owned()).await, 400, "body_unreadable").await;
        assert!(text.contains(reason), "{text}");
        let newest =
            "SELECT verdict, body IS NULL, raw FROM trigger_requests ORDER BY received_at DESC LIMIT 1";
        let kept = app.sql.query_one(newest, &[]).await.expect("a request");
        assert_eq!(kept.get::<_, &str>(0), "unreadable");
        assert!(kept.get::<_, bool>(1));
        assert_eq!(kept.get::<_, &[u8]>(2), body.as_bytes());
    }
    assert_eq!(app.count("workflow_runs").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_beyond_the_bound_is_refused_and_one_at_the_bound_is_not() {
    let app = App::new().await;
    let server = app.start(Some(Role::Serve));
    let hook = app.workflow(json!([])).await;
    let body = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
    let text = refused(server.post(&hook.token, JSON, body(1_048_577)).await, 413, "body_too_large").await;
    assert!(text.contains("1048576"), "{text}");
    assert_eq!(app.count("trigger_requests").await, 0);
    assert_eq!(server.post(&hook.token, JSON, body(1_048_576)).await.status(), 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_is_per_workspace() {
    let mut app = App::new().await;
    app.settings.trigger.requests_per_second = NonZeroU32::new(2).expect("not zero");
    let server = app.start(Some(Role::Serve));
    let (one, two) = (app.workflow(json!([])).await, app.workflow(json!([])).await);
    let other = app.workflow_of(app.add_workspace().await, json!([])).await;

    let hooks = [&one, &two].into_iter().cycle().take(30);
    let answers = join_all(hooks.map(|hook| server.post(&hook.token, JSON, "{}"))).await;

    let (accepted, refused_ones): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer.status() == 202);
    assert!(accepted.len() >= 2, "{} accepted", accepted.len());
    assert!(!refused_ones.is_empty());
    assert_eq!(i64::try_from(accepted.len()).ok(), Some(app.count("trigger_requests").await));
    for answer in refused_ones {
        assert_eq!(answer.headers()["retry-after"], "1");
        assert_eq!(answer.headers()["ratelimit"], "\"requests\";r=0;t=1");
        refused(answer, 429, "rate_limited").await;
    }
    assert_eq!(server.post(&other.token, JSON, "{}").await.status(), 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_requests_without_a_run_the_newest_twenty_stay() {
    let app = App::new().await;
    let server = app.start(Some(Role::Serve));
    let (hook, other) = (app.workflow(json!([])).await, app.workflow(json!([])).await);
    refused(server.post(&other.token, JSON, "{").await, 400, "body_unreadable").await;
    for number in 0..3 {
        server.trigger(&hook, &json!(number)).await;
    }
    for number in 0..23 {
        refused(server.post(&hook.token, JSON, format!("{{{number}")).await, 400, "body_unreadable").await;
    }
    let kept = "SELECT verdict, raw FROM trigger_requests WHERE workflow_id = $1 ORDER BY received_at";
    let kept = app.sql.query(kept, &[&hook.workflow]).await.expect("requests");
    let accepted = kept.iter().filter(|row| row.get::<_, &str>(0) == "accepted").count();
    assert_eq!((accepted, kept.len()), (3, 23));
    assert_eq!(kept[3].get::<_, &[u8]>(1), b"{3");
    assert_eq!(app.count("trigger_requests").await, 24);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_is_said_to_be_away() {
    let mut app = App::new().await;
    app.settings.database.url = "postgres://pulse@127.0.0.1:1/none".into();
    let server = app.start(Some(Role::Serve));
    let answer = server.post("in_any", JSON, "{}").await;
    assert_eq!(answer.headers()["retry-after"], "2");
    let text = refused(answer, 503, "unavailable").await;
    assert!(!text.contains("127.0.0.1"), "{text}");
    assert_eq!(server.send(Method::GET, "/readyz", &[], "").await.status(), 503);
    assert_eq!(server.send(Method::GET, "/livez", &[], "").await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_alone_answers_no_trigger_url() {
    let app = App::new().await;
    let worker = app.start(Some(Role::Work));
    let hook = app.workflow(json!([])).await;
    assert_eq!(worker.post(&hook.token, JSON, "{}").await.status(), 404);
    assert_eq!(worker.send(Method::GET, "/readyz", &[], "").await.status(), 200);
    worker.stop().await;
}
