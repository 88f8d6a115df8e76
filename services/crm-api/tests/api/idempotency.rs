//! Requests that are sent twice and executed once.

use futures_util::future::join_all;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::app::{Answer, App, errors};

const KEY: &str = "8e03978e-40d5-43e8-bc93-6894a57f9324";

fn contact(name: &str) -> Value {
    json!({ "data": { "type": "contacts", "attributes": { "first_name": name } } })
}

fn request(app: &App, method: Method, path: &str, body: Option<&Value>) -> RequestBuilder {
    let request =
        app.request(method, path).header("Idempotency-Key", KEY).header("Authorization", &app.token);
    match body {
        Some(body) => request.header("Content-Type", "application/vnd.api+json").body(body.to_string()),
        None => request,
    }
}

async fn send(app: &App, method: Method, path: &str, body: Option<&Value>) -> Answer {
    App::answer(request(app, method, path, body)).await
}

async fn post(app: &App, body: &Value) -> Answer {
    send(app, Method::POST, "/api/v1/contacts", Some(body)).await
}

async fn contacts(app: &App) -> usize {
    app.get("/api/v1/contacts").await.ids().len()
}

async fn keys(app: &App) -> i64 {
    let client = app.database.client().await;
    client.query_one("SELECT count(*) FROM idempotency_keys", &[]).await.expect("a count").get(0)
}

async fn sql(app: &App, sql: &str) -> u64 {
    app.database.client().await.execute(sql, &[]).await.expect(sql)
}

#[tokio::test]
async fn the_second_request_gets_the_answer_of_the_first() {
    let app = App::spawn_without_relay().await;
    let first = post(&app, &contact("Ada")).await;
    assert_eq!((first.status, first.header("idempotency-replayed")), (201, None));
    app.change("contacts", &first.id(), json!({ "first_name": "Grace" })).await;

    let again = post(&app, &contact("Ada")).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, Some("true")));
    assert_eq!(again.json, first.json, "as it was answered, and not as the record is");
    for name in ["content-type", "location", "etag", "vary"] {
        assert_eq!(again.header(name), first.header(name), "{name}");
    }
    assert_ne!(again.header("x-request-id"), first.header("x-request-id"));
    assert_eq!(contacts(&app).await, 1);
    assert_eq!(app.events_of(&first.id()).await, ["contact.created", "contact.updated"]);
}

#[tokio::test]
async fn a_request_without_a_key_leaves_nothing() {
    let app = App::spawn_without_relay().await;
    app.create("contacts", json!({ "first_name": "Ada" })).await;
    app.get("/api/v1/contacts").await;
    assert_eq!(keys(&app).await, 0);
    assert_eq!(send(&app, Method::GET, "/api/v1/contacts", None).await.status, 200);
    assert_eq!(keys(&app).await, 0, "reading needs no key");
}

#[tokio::test]
async fn changes_deletions_and_actions_are_executed_once() {
    let app = App::spawn_without_relay().await;
    let id = app.create("contacts", json!({ "first_name": "Ada" })).await;
    let path = format!("/api/v1/contacts/{id}");
    let change = json!({ "data": { "type": "contacts", "id": id, "attributes": { "first_name": "Grace" } } });
    let restore = format!("{path}/restore");
    let cases = [
        (Method::PATCH, &path, Some(&change)),
        (Method::DELETE, &path, None),
        (Method::POST, &restore, None),
    ];
    for (index, (method, path, body)) in cases.into_iter().enumerate() {
        let key = format!("step-{index}");
        let send = || async {
            let request = app.request(method.clone(), path).header("Idempotency-Key", &key);
            let request = request.header("Authorization", &app.token);
            App::answer(match body {
                Some(body) => {
                    request.header("Content-Type", "application/vnd.api+json").body(body.to_string())
                }
                None => request,
            })
            .await
        };
        let (first, again) = (send().await, send().await);
        assert_eq!((first.status, again.status), (200, 200), "{}", again.json);
        assert_eq!((&again.json, again.header("idempotency-replayed")), (&first.json, Some("true")));
    }
    let expected = ["contact.created", "contact.updated", "contact.deleted", "contact.restored"];
    assert_eq!(app.events_of(&id).await, expected);
}

#[tokio::test]
async fn a_key_names_one_request() {
    let app = App::spawn_without_relay().await;
    assert_eq!(post(&app, &contact("Ada")).await.status, 201);
    let refused = errors([("idempotency_key_reused", "Idempotency-Key")]);
    let company = json!({ "data": { "type": "companies", "attributes": { "name": "Acme" } } });
    for (path, body) in [
        ("/api/v1/contacts", contact("Grace")),
        ("/api/v1/contacts?fields[contacts]=email", contact("Ada")),
        ("/api/v1/companies", company),
    ] {
        let other = send(&app, Method::POST, path, Some(&body)).await;
        assert_eq!((other.status, other.errors()), (422, refused.clone()), "{path}");
    }
    assert_eq!(contacts(&app).await, 1);
}

#[tokio::test]
async fn keys_of_two_callers_never_meet() {
    let app = App::spawn_without_relay().await;
    let first = post(&app, &contact("Ada")).await;
    let stranger = app.sign_up("somebody@else.test").await;
    let request = app.request(Method::POST, "/api/v1/contacts").header("Idempotency-Key", KEY);
    let request =
        request.header("Authorization", stranger).header("Content-Type", "application/vnd.api+json");
    let theirs = App::answer(request.body(contact("Ada").to_string())).await;
    assert_eq!((theirs.status, theirs.header("idempotency-replayed")), (201, None));
    assert_ne!(theirs.id(), first.id());
}

#[tokio::test]
async fn a_session_that_has_ended_is_told_nothing() {
    let app = App::spawn_without_relay().await;
    assert_eq!(post(&app, &contact("Ada")).await.status, 201);
    assert_eq!(app.delete("/api/v1/auth/sign_out").await.status, 200);
    let again = post(&app, &contact("Ada")).await;
    assert_eq!((again.status, again.errors()), (401, errors([("session_revoked", "Authorization")])));
    let request = app.request(Method::POST, "/api/v1/contacts").header("Idempotency-Key", KEY);
    assert_eq!(App::answer(request.json(&contact("Ada"))).await.status, 401);
}

#[tokio::test]
async fn a_refusal_is_not_kept() {
    let app = App::spawn_without_relay().await;
    let wrong = json!({ "data": { "type": "contacts", "attributes": { "first_name": 1 } } });
    for _ in 0..2 {
        let refused = post(&app, &wrong).await;
        assert_eq!((refused.status, refused.header("idempotency-replayed")), (422, None), "{}", refused.json);
    }
    assert_eq!(keys(&app).await, 0);
    assert_eq!(post(&app, &contact("Ada")).await.status, 201, "the request may be mended");
}

#[tokio::test]
async fn a_key_is_visible_ascii() {
    let app = App::spawn_without_relay().await;
    for key in ["", "two words", &"k".repeat(256)] {
        let request = app.request(Method::POST, "/api/v1/contacts").header("Idempotency-Key", key);
        let refused = App::answer(request.header("Authorization", &app.token).json(&contact("Ada"))).await;
        assert_eq!(
            (refused.status, refused.errors()),
            (400, errors([("invalid_header", "Idempotency-Key")]))
        );
    }
    assert_eq!(contacts(&app).await, 0);
}

#[tokio::test]
async fn twins_make_one_record() {
    let app = App::spawn_without_relay().await;
    let body = contact("Ada");
    let answers = join_all((0..20).map(|_| post(&app, &body))).await;
    let made: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    let busy: Vec<_> = answers.iter().filter(|answer| answer.status == 409).collect();
    assert_eq!(made.len() + busy.len(), answers.len());
    assert_eq!(made.iter().filter(|answer| answer.header("idempotency-replayed").is_none()).count(), 1);
    assert!(made.iter().all(|answer| answer.json == made[0].json));
    for answer in busy {
        assert_eq!(answer.errors(), errors([("idempotency_conflict", "Idempotency-Key")]));
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    assert_eq!(contacts(&app).await, 1);
    assert_eq!(post(&app, &body).await.header("idempotency-replayed"), Some("true"));
}

#[tokio::test]
async fn a_key_of_a_dead_process_is_taken_over_when_its_lease_has_run_out() {
    let app = App::spawn_without_relay().await;
    let first = post(&app, &contact("Ada")).await;
    // As a process leaves it that died before it wrote anything.
    let died = "UPDATE idempotency_keys SET written_at = NULL, record_id = NULL, resource_type = NULL,
                       answered_at = NULL, answer_sealed = NULL";
    assert_eq!(sql(&app, died).await, 1);
    let early = post(&app, &contact("Ada")).await;
    assert_eq!((early.status, early.header("retry-after")), (409, Some("1")));
    sql(&app, "UPDATE idempotency_keys SET lease_until = now()").await;
    let later = post(&app, &contact("Ada")).await;
    assert_eq!((later.status, later.header("idempotency-replayed")), (201, None));
    assert_ne!(later.id(), first.id());
}

#[tokio::test]
async fn an_answer_that_was_lost_is_given_from_the_record() {
    let app = App::spawn_without_relay().await;
    let first = post(&app, &contact("Ada")).await;
    // As a process leaves it that died between its commit and its answer; no lease matters any more.
    let died = "UPDATE idempotency_keys SET answered_at = NULL, answer_sealed = NULL, lease_until = now()";
    assert_eq!(sql(&app, died).await, 1);
    let again = post(&app, &contact("Ada")).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, Some("true")));
    assert_eq!((again.id(), again.header("location")), (first.id(), first.header("location")));
    assert_eq!(contacts(&app).await, 1);

    let path = format!("/api/v1/contacts/{}", first.id());
    sql(&app, "DELETE FROM idempotency_keys").await;
    assert_eq!(send(&app, Method::DELETE, &path, None).await.status, 200);
    assert_eq!(sql(&app, died).await, 1);
    let again = send(&app, Method::DELETE, &path, None).await;
    assert_eq!((again.status, &again.json["meta"]), (200, &json!({ "deleted": true })));
}

#[tokio::test]
async fn who_was_too_slow_writes_nothing() {
    let app = App::spawn_without_relay().await;
    let client = app.database.client().await;
    // Holds the slow one between its claim and its commit, until the key has gone to somebody else.
    let trigger = "
        CREATE FUNCTION take_over() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            UPDATE idempotency_keys SET claim = gen_random_uuid();
            RETURN NEW;
        END $$;
        CREATE TRIGGER take_over BEFORE INSERT ON contacts FOR EACH ROW EXECUTE FUNCTION take_over();";
    client.batch_execute(trigger).await.expect("a trigger");
    let slow = post(&app, &contact("Ada")).await;
    assert_eq!((slow.status, slow.errors()), (409, errors([("idempotency_conflict", "Idempotency-Key")])));
    assert_eq!(contacts(&app).await, 0);
}

#[tokio::test]
async fn a_token_that_is_shown_once_is_shown_again_and_not_stored_in_plain() {
    let app = App::spawn_without_relay().await;
    let body =
        json!({ "data": { "type": "ingest_tokens", "attributes": { "name": "Shop", "kind": "secret" } } });
    let site = app.create("ingest_sites", json!({ "name": "Shop", "domain": "shop.example" })).await;
    let mut body = body;
    body["data"]["relationships"]["site"] = json!({ "data": { "type": "ingest_sites", "id": site } });
    let first = send(&app, Method::POST, "/api/v1/ingest_tokens", Some(&body)).await;
    assert_eq!(first.status, 201, "{}", first.json);
    let token = first.json["meta"]["token"].as_str().expect("a token").to_owned();
    let again = send(&app, Method::POST, "/api/v1/ingest_tokens", Some(&body)).await;
    assert_eq!(again.json["meta"]["token"], token);
    let client = app.database.client().await;
    let sealed: Vec<u8> =
        client.query_one("SELECT answer_sealed FROM idempotency_keys", &[]).await.expect("one").get(0);
    assert!(!sealed.windows(token.len()).any(|text| text == token.as_bytes()));
}

#[tokio::test]
async fn a_key_is_forgotten_when_its_time_is_over() {
    let app = App::spawn_without_relay().await;
    let first = post(&app, &contact("Ada")).await;
    let kept =
        "SELECT expires_at - now() BETWEEN interval '23 hours' AND interval '24 hours' FROM idempotency_keys";
    let client = app.database.client().await;
    assert!(client.query_one(kept, &[]).await.expect("one").get::<_, bool>(0));
    app.keep_up().await;
    assert_eq!(keys(&app).await, 1);

    sql(&app, "UPDATE idempotency_keys SET expires_at = now()").await;
    let anew = post(&app, &contact("Ada")).await;
    assert_eq!((anew.status, anew.header("idempotency-replayed")), (201, None));
    assert_ne!(anew.id(), first.id());
    sql(&app, "UPDATE idempotency_keys SET expires_at = now()").await;
    app.keep_up().await;
    assert_eq!(keys(&app).await, 0);
}

#[tokio::test]
async fn what_signs_in_is_not_kept() {
    let app = App::spawn_without_relay().await;
    let form = json!({ "email": "owner@pulse.test", "password": "correct horse battery" });
    for path in ["/auth/sign_in", "/api/v1/auth/sign_in"] {
        let answer = send(&app, Method::POST, path, Some(&form)).await;
        assert_eq!((answer.status, answer.header("idempotency-replayed")), (201, None));
    }
    assert_eq!(keys(&app).await, 0);
}
