//! Rotation of secrets, as the receiver's owner sees it and as a dispatcher reads it.

use chrono::{DateTime, Utc};
use pulse_domain::seal::MasterKey;
use pulse_testing::KEY;
use serde_json::{Value, json};
use uuid::Uuid;

use super::subscribe;
use crate::app::{Answer, App, errors};

/// The secrets of a subscription, the previous one with its end.
async fn secrets(app: &App, id: &str) -> (String, Option<(String, DateTime<Utc>)>) {
    let id: Uuid = id.parse().expect("an id");
    let sql = "SELECT secret_sealed, previous_secret_sealed, previous_secret_expires_at
        FROM webhook_subscriptions WHERE id = $1";
    let row = app.database.client().await.query_one(sql, &[&id]).await.expect("one row");
    let key = MasterKey::from_base64(KEY).expect("a key");
    let open = |sealed: Vec<u8>| {
        let opened = key.open(id.as_bytes(), &sealed).expect("it opens for its subscription");
        String::from_utf8(opened).expect("a text")
    };
    let previous = row.get::<_, Option<Vec<u8>>>(1).map(open);
    (open(row.get(0)), previous.zip(row.get(2)))
}

async fn act(app: &App, id: &str, action: &str, body: Value) -> Answer {
    app.post(&format!("/api/v1/webhook_subscriptions/{id}/{action}"), body).await
}

fn secret(answer: &Answer) -> String {
    answer.json["meta"]["secret"].as_str().unwrap_or_else(|| panic!("a secret: {}", answer.json)).to_owned()
}

#[tokio::test]
async fn a_rotated_secret_is_shown_once_and_the_previous_one_stays_good_for_a_day() {
    let app = App::spawn().await;
    let created = subscribe(&app, json!({})).await;
    let (id, first) = (created.id(), secret(&created));

    let rotated = act(&app, &id, "rotate_secret", json!({})).await;
    assert_eq!(rotated.status, 200, "{}", rotated.json);
    let second = secret(&rotated);
    assert_ne!(first, second);
    let (present, previous) = secrets(&app, &id).await;
    let (previous, until) = previous.expect("a previous secret");
    assert_eq!((present, previous), (second.clone(), first.clone()));
    let seconds = (until - Utc::now()).num_seconds();
    assert!((86_300..=86_400).contains(&seconds), "{seconds}");

    let shown = app.get(&format!("/api/v1/webhook_subscriptions/{id}")).await.json;
    let attributes = &shown["data"]["attributes"];
    assert_eq!(attributes["secret_hint"], format!("{}…", &second[..10]));
    assert_eq!(attributes["previous_secret_hint"], format!("{}…", &first[..10]));
    assert!(!shown.to_string().contains(&second) && !shown.to_string().contains(&first));
}

#[tokio::test]
async fn promoting_ends_the_previous_secret() {
    let app = App::spawn().await;
    let id = subscribe(&app, json!({})).await.id();
    let conflict = errors([("state_conflict", "")]);
    let answer = act(&app, &id, "promote_secret", json!({})).await;
    assert_eq!((answer.status, answer.errors()), (409, conflict.clone()));

    let rotated = act(&app, &id, "rotate_secret", json!({ "overlap_seconds": 604_800 })).await;
    let promoted = act(&app, &id, "promote_secret", json!({})).await;
    assert_eq!(promoted.status, 200, "{}", promoted.json);
    assert_eq!(promoted.json["data"]["attributes"]["previous_secret_expires_at"], Value::Null);
    assert_eq!(secrets(&app, &id).await, (secret(&rotated), None));
    let answer = act(&app, &id, "promote_secret", json!({})).await;
    assert_eq!((answer.status, answer.errors()), (409, conflict));
}

#[tokio::test]
async fn two_secrets_are_good_at_most_unless_they_are_compromised() {
    let app = App::spawn().await;
    let created = subscribe(&app, json!({})).await;
    let id = created.id();
    let second = secret(&act(&app, &id, "rotate_secret", json!({})).await);
    let answer = act(&app, &id, "rotate_secret", json!({})).await;
    assert_eq!((answer.status, answer.errors()), (409, errors([("state_conflict", "")])));
    let (present, previous) = secrets(&app, &id).await;
    assert_eq!((present, previous.map(|(secret, _)| secret)), (second, Some(secret(&created))));

    let third = act(&app, &id, "rotate_secret", json!({ "compromised": true })).await;
    assert_eq!(third.status, 200, "{}", third.json);
    assert_eq!(secrets(&app, &id).await, (secret(&third), None));
}

#[tokio::test]
async fn a_secret_can_be_rotated_again_when_the_previous_one_has_expired() {
    let app = App::spawn().await;
    let id = subscribe(&app, json!({})).await.id();
    let second = secret(&act(&app, &id, "rotate_secret", json!({ "overlap_seconds": 60 })).await);
    let expire = "UPDATE webhook_subscriptions SET previous_secret_expires_at = now() - interval '1 second'";
    app.database.client().await.batch_execute(expire).await.expect("time passes");
    let third = secret(&act(&app, &id, "rotate_secret", json!({})).await);
    let (present, previous) = secrets(&app, &id).await;
    assert_eq!((present, previous.map(|(secret, _)| secret)), (third, Some(second)));
}

#[tokio::test]
async fn an_overlap_is_a_week_at_most_and_nothing_for_what_is_compromised() {
    let app = App::spawn().await;
    let id = subscribe(&app, json!({})).await.id();
    for wrong in [json!({ "overlap_seconds": 604_801 }), json!({ "overlap_seconds": 1, "compromised": true })]
    {
        let answer = act(&app, &id, "rotate_secret", wrong.clone()).await;
        assert_eq!(
            (answer.status, answer.errors()),
            (422, errors([("invalid", "/overlap_seconds")])),
            "{wrong}"
        );
    }
    for malformed in [json!({ "overlap_seconds": -1 }), json!({ "overlap": 1 })] {
        let answer = act(&app, &id, "rotate_secret", malformed.clone()).await;
        assert_eq!(
            (answer.status, answer.errors()),
            (400, errors([("malformed_document", "")])),
            "{malformed}"
        );
    }
    assert_eq!(secrets(&app, &id).await.1, None);
}

#[tokio::test]
async fn the_secret_of_another_workspace_is_out_of_reach() {
    let app = App::spawn().await;
    let id = subscribe(&app, json!({})).await.id();
    let other = app.as_another_workspace().await;
    for action in ["rotate_secret", "promote_secret"] {
        let answer = other.post(&format!("/api/v1/webhook_subscriptions/{id}/{action}"), json!({})).await;
        assert_eq!((answer.status, answer.errors()), (404, errors([("not_found", "")])), "{action}");
    }
}
