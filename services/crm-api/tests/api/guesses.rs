//! Guessing: slowed down, whether the account is there or not, and without keeping anybody out.

use pulse_service::network::Networks;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Answer, App, errors};

const OWNER: &str = "owner@pulse.test";
const PASSWORD: &str = "correct horse battery";

/// A sign-in, as the gateway hands it on from an address.
async fn sign_in(app: &App, from: &str, email: &str, password: &str) -> Answer {
    let form: Value = json!({ "email": email, "password": password });
    let request = app.request(Method::POST, "/api/v1/auth/sign_in").header("X-Forwarded-For", from);
    App::answer(request.header("Content-Type", "application/json").body(form.to_string())).await
}

async fn spawn(change: impl FnOnce(&mut crm_api::settings::SignIn)) -> App {
    App::spawn_with(|settings| {
        settings.http.trusted_proxies = "127.0.0.1/32".parse::<Networks>().expect("a network");
        change(&mut settings.sign_in);
    })
    .await
}

fn is_slowed_down(answer: &Answer) -> bool {
    if answer.status != 429 {
        return false;
    }
    assert_eq!(answer.errors(), errors([("rate_limited", "")]));
    let seconds: u64 = answer.header("retry-after").expect("when to come back").parse().expect("seconds");
    assert!((1..=900).contains(&seconds), "{seconds}");
    true
}

#[tokio::test]
async fn some_guesses_are_free_and_then_even_the_right_password_has_to_wait() {
    for email in [OWNER, "nobody@pulse.test"] {
        let app = spawn(|sign_in| sign_in.free_attempts = 3).await;
        for _ in 0..3 {
            assert_eq!(sign_in(&app, "192.0.2.1", email, "wrong").await.status, 401);
        }
        assert!(is_slowed_down(&sign_in(&app, "192.0.2.1", email, PASSWORD).await), "{email}");
        // Neither is anybody else there, nor the user elsewhere.
        assert_eq!(sign_in(&app, "192.0.2.2", OWNER, PASSWORD).await.status, 201);
        app.sign_up("somebody@else.test").await;
        assert_eq!(sign_in(&app, "192.0.2.1", "somebody@else.test", PASSWORD).await.status, 201);
    }
}

#[tokio::test]
async fn guesses_that_are_made_at_once_count_each() {
    let app = spawn(|sign_in| sign_in.free_attempts = 3).await;
    let guesses = (0..12).map(|_| sign_in(&app, "192.0.2.1", OWNER, "wrong"));
    let answers = futures_util::future::join_all(guesses).await;
    let looked_at = answers.iter().filter(|answer| answer.status == 401).count();
    assert_eq!(looked_at, 3);
    assert_eq!(answers.iter().filter(|answer| is_slowed_down(answer)).count(), 9);
}

#[tokio::test]
async fn a_right_password_and_time_let_guesses_be_forgotten() {
    let app = spawn(|sign_in| sign_in.free_attempts = 2).await;
    for _ in 0..3 {
        assert_eq!(sign_in(&app, "192.0.2.1", OWNER, "wrong").await.status, 401);
        assert_eq!(sign_in(&app, "192.0.2.1", OWNER, PASSWORD).await.status, 201);
    }
    for _ in 0..2 {
        assert_eq!(sign_in(&app, "192.0.2.1", OWNER, "wrong").await.status, 401);
    }
    assert!(is_slowed_down(&sign_in(&app, "192.0.2.1", OWNER, PASSWORD).await));
    let client = app.database.client().await;
    let age = "UPDATE attempts SET last_at = last_at - interval '2 seconds'";
    client.batch_execute(age).await.expect("time passes");
    assert_eq!(sign_in(&app, "192.0.2.1", OWNER, PASSWORD).await.status, 201);
}

#[tokio::test]
async fn who_tries_one_password_on_many_accounts_is_slowed_down_too() {
    let app = spawn(|sign_in| sign_in.free_attempts_per_network = 4).await;
    for number in 0..4 {
        let email = format!("user-{number}@pulse.test");
        assert_eq!(sign_in(&app, "2001:db8:1:2::1", &email, "wrong").await.status, 401);
    }
    assert!(is_slowed_down(&sign_in(&app, "2001:db8:1:2::9", OWNER, "wrong").await));
    assert_eq!(sign_in(&app, "2001:db8:1:3::1", OWNER, PASSWORD).await.status, 201);
}

#[tokio::test]
async fn guesses_from_everywhere_slow_an_account_down_but_not_where_its_user_is() {
    let app = spawn(|sign_in| sign_in.free_attempts_per_account = 4).await;
    assert_eq!(sign_in(&app, "198.51.100.7", OWNER, PASSWORD).await.status, 201);
    for number in 1..=4 {
        assert_eq!(sign_in(&app, &format!("192.0.2.{number}"), OWNER, "wrong").await.status, 401);
    }
    assert!(is_slowed_down(&sign_in(&app, "192.0.2.9", OWNER, PASSWORD).await));
    assert_eq!(sign_in(&app, "198.51.100.7", OWNER, PASSWORD).await.status, 201);
}

#[tokio::test]
async fn a_failed_sign_in_is_on_record_where_there_is_such_a_user() {
    let app = spawn(|_| {}).await;
    assert_eq!(sign_in(&app, "192.0.2.1", OWNER, "wrong").await.status, 401);
    assert_eq!(sign_in(&app, "192.0.2.1", "nobody@pulse.test", "wrong").await.status, 401);
    let log = app.get("/api/v1/audit_log?q[action_eq]=refuse_sign_in").await;
    assert_eq!(log.ids().len(), 1);
    let line = &log.json["data"][0]["attributes"];
    assert_eq!((&line["ip"], &line["actor_type"]), (&json!("192.0.2.1"), &json!("system")));
}

#[tokio::test]
async fn failures_take_the_same_time_to_a_tenth_of_a_second() {
    let app = spawn(|_| {}).await;
    for email in [OWNER, "nobody@pulse.test"] {
        let began = std::time::Instant::now();
        assert_eq!(sign_in(&app, "192.0.2.1", email, "wrong").await.status, 401);
        assert!(began.elapsed() >= std::time::Duration::from_millis(100), "{email}");
    }
}

#[tokio::test]
async fn addresses_that_are_taken_cannot_be_gone_through() {
    let app = spawn(|sign_in| sign_in.free_attempts_per_network = 2).await;
    let form = json!({ "workspace_name": "A", "name": "A", "email": OWNER, "password": PASSWORD });
    let sign_up = async || app.send(Method::POST, "/api/v1/auth/sign_up", None, Some(&form)).await;
    for _ in 0..2 {
        assert_eq!(sign_up().await.status, 409);
    }
    assert!(is_slowed_down(&sign_up().await));
}
