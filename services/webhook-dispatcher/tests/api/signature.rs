//! What goes along with the body.

use pulse_domain::WorkspaceId;
use pulse_domain::seal::MasterKey;
use pulse_domain::signature::asymmetric::{SigningKey, VerifyingKey};
use pulse_domain::signature::{self, Secret};
use pulse_testing::sink::Received;
use pulse_testing::{KEY, Sink};
use uuid::Uuid;

use crate::app::App;

fn standard(request: &Received, secret: &str) -> String {
    let id = request.header("webhook-id").expect("an id");
    let timestamp = request.header("webhook-timestamp").expect("a time").parse().expect("seconds");
    Secret::new(secret.as_bytes()).standard(id, timestamp, &request.body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_says_what_it_is_and_proves_it() {
    let (app, sink) = (App::prepare().await, Sink::start());
    let subscription = app.subscribe(&sink.url(), &["*"]).await;
    let dispatcher = app.start();
    let event = app.event("contact.created");
    app.publish(&event).await;

    let request = sink.wait_for(1).await.remove(0);

    let delivery = app.delivery_in(event.id, "succeeded").await;
    let header = |name| request.header(name).unwrap_or_else(|| panic!("{name} is missing"));
    assert_eq!(header("webhook-id"), event.id.to_string());
    assert_eq!(header("webhook-signature"), standard(&request, &subscription.secret));
    assert_eq!(header("content-digest"), signature::content_digest(signature::sha256(&request.body)));
    assert_eq!(header("pulse-event-type"), "contact.created");
    assert!(header("traceparent").starts_with(&format!("00-{}-", event.correlation_id.simple())));
    let first = delivery.first_attempt_at.expect("attempted");
    assert_eq!(header("pulse-first-attempt-at"), pulse_domain::event::timestamp(first));
    app.stop(dispatcher, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_secret_signs_with_both_keys_until_the_old_one_expires() {
    let (app, sink) = (App::prepare().await, Sink::start());
    let subscription = app.subscribe(&sink.url(), &["*"]).await;
    let (new, old) = (&subscription.secret, "whsec_b2xkIHNlY3JldCBvZiB0aGUgdGVzdA==");
    let sealed = MasterKey::from_base64(KEY).expect("a key").seal(subscription.id.as_bytes(), old.as_bytes());
    let rotate = "UPDATE webhook_subscriptions SET previous_secret_sealed = $1, previous_secret_hint = '',
        previous_secret_expires_at = now() + interval '1 day'";
    app.database.execute(rotate, &[&sealed]).await.expect("an update");
    let dispatcher = app.start();

    app.publish(&app.event("contact.created")).await;
    let request = sink.wait_for(1).await.remove(0);
    let both = format!("{} {}", standard(&request, new), standard(&request, old));
    assert_eq!(request.header("webhook-signature"), Some(both.as_str()));
    let bare = request.header("x-pulse-signature").expect("a signature").to_owned();
    assert!(signature::verify(old.as_bytes(), &request.body, &bare), "the one that receivers know");

    let expire = "previous_secret_expires_at = now() - interval '1 second'";
    app.set_subscription(subscription.id, expire).await;
    app.subscriptions_are_known().await;
    let event = app.event("contact.created");
    app.publish(&event).await;
    app.delivery_in(event.id, "succeeded").await;
    let request =
        sink.received().into_iter().find(|request| request.json()["event_id"] == event.id.to_string());
    let request = request.expect("it was delivered");
    assert_eq!(request.header("webhook-signature"), Some(standard(&request, new).as_str()));
    let bare = request.header("x-pulse-signature").expect("a signature").to_owned();
    assert!(signature::verify(new.as_bytes(), &request.body, &bare));
    app.stop(dispatcher, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_it_gets_signatures_by_the_keys_of_the_workspace_too() {
    let (app, sink, other) = (App::prepare().await, Sink::start(), Sink::start());
    let stranger = WorkspaceId::generate();
    app.add_workspace(stranger).await;
    add_key(&app, stranger, "NULL").await;
    let present = add_key(&app, app.workspace, "NULL").await;
    let previous = add_key(&app, app.workspace, "now() + interval '1 day'").await;
    add_key(&app, app.workspace, "now() - interval '1 second'").await;
    let asking = app.subscribe(&sink.url(), &["contact.created"]).await;
    app.set_subscription(asking.id, "ed25519 = true").await;
    let quiet = app.subscribe(&other.url(), &["contact.created"]).await;
    let dispatcher = app.start();

    app.publish(&app.event("contact.created")).await;

    let request = sink.wait_for(1).await.remove(0);
    let signatures: Vec<&str> = request.header("webhook-signature").expect("signatures").split(' ').collect();
    let [hmac, first, second] = signatures[..] else { panic!("three signatures: {signatures:?}") };
    assert_eq!(hmac, standard(&request, &asking.secret));
    assert!(is_signed(&request, present, first) && is_signed(&request, previous, second), "{signatures:?}");
    let request = other.wait_for(1).await.remove(0);
    assert_eq!(request.header("webhook-signature"), Some(standard(&request, &quiet.secret).as_str()));

    let expire = "UPDATE webhook_signing_keys SET expires_at = now() WHERE expires_at > now()";
    app.database.execute(expire, &[]).await.expect("an update");
    app.set_subscription(asking.id, "ed25519 = true").await;
    app.subscriptions_are_known().await;
    app.publish(&app.event("contact.created")).await;
    let request = sink.wait_for(2).await.remove(1);
    let (_, rest) = request.header("webhook-signature").expect("signatures").split_once(' ').expect("two");
    assert!(is_signed(&request, present, rest), "{rest}");
    app.stop(dispatcher, &[]).await;
}

/// Gives a workspace a signing key that expires at a time.
async fn add_key(app: &App, workspace: WorkspaceId, expires_at: &str) -> VerifyingKey {
    let (id, seed) = (Uuid::now_v7(), SigningKey::generate());
    let public = SigningKey::from_seed(&seed).expect("a seed").verifying();
    let sealed = MasterKey::from_base64(KEY).expect("a key").seal(id.as_bytes(), &seed);
    let sql = format!(
        "INSERT INTO webhook_signing_keys (workspace_id, id, public_key, private_key_sealed, expires_at)
         VALUES ($1, $2, $3, $4, {expires_at})"
    );
    app.database.execute(&sql, &[&workspace.0, &id, &public.to_string(), &sealed]).await.expect("a key");
    public
}

fn is_signed(request: &Received, key: VerifyingKey, signature: &str) -> bool {
    let id = request.header("webhook-id").expect("an id");
    let timestamp = request.header("webhook-timestamp").expect("a time").parse().expect("seconds");
    key.verify(id, timestamp, &request.body, signature)
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_of_the_subscription_go_along_and_are_masked_in_the_log() {
    let (app, sink) = (App::prepare().await, Sink::start());
    let subscription = app.subscribe(&sink.url(), &["*"]).await;
    let headers = br#"{"Authorization":"Bearer secret","Webhook-Id":"mine"}"#;
    let sealed = MasterKey::from_base64(KEY).expect("a key").seal(subscription.id.as_bytes(), headers);
    let sql = "UPDATE webhook_subscriptions SET headers_sealed = $1, headers = '{}'";
    app.database.execute(sql, &[&sealed]).await.expect("an update");
    let dispatcher = app.start();

    let event = app.event("contact.created");
    app.publish(&event).await;

    let request = sink.wait_for(1).await.remove(0);
    assert_eq!(request.header("authorization"), Some("Bearer secret"));
    assert_eq!(request.header("webhook-id"), Some(event.id.to_string().as_str()), "not to be overridden");
    let delivery = app.delivery_in(event.id, "succeeded").await;
    let sql = "SELECT request_headers::text FROM webhook_attempts WHERE delivery_id = $1";
    let logged: String = app.database.query_one(sql, &[&delivery.id]).await.expect("the attempt").get(0);
    let logged: serde_json::Value = serde_json::from_str(&logged).expect("JSON");
    assert_eq!(logged["authorization"], "***");
    assert_eq!(logged["webhook-id"], event.id.to_string());
    app.stop(dispatcher, &[]).await;
}
