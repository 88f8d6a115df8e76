//! Passwords: changed by who knows them, set anew by who reads the mail.

use std::time::{Duration, Instant};

use pulse_testing::Mailbox;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Answer, App, errors};

const OWNER: &str = "owner@pulse.test";
const PASSWORD: &str = "correct horse battery";
const OTHER: &str = "another horse, another battery";

pub(crate) async fn spawn_with_mail() -> (App, Mailbox) {
    let mailbox = Mailbox::start().await;
    let url = mailbox.url();
    let app = App::spawn_with(|settings| settings.mail.smtp_url = Some(url.into())).await;
    (app, mailbox)
}

async fn sign_in(app: &App, email: &str, password: &str) -> u16 {
    let form = json!({ "email": email, "password": password });
    app.send(Method::POST, "/api/v1/auth/sign_in", None, Some(&form)).await.status
}

async fn send(app: &App, path: &str, token: Option<&str>, form: Value) -> Answer {
    app.send(Method::POST, &format!("/api/v1/auth/{path}"), token, Some(&form)).await
}

#[tokio::test]
async fn a_changed_password_ends_the_other_sessions_and_is_told_by_mail() {
    let (app, mailbox) = spawn_with_mail().await;
    let (mine, other) = (app.sign_in().await, app.sign_in().await);
    let form = json!({ "current_password": PASSWORD, "password": OTHER });
    let changed = send(&app, "password", Some(&mine.token()), form).await;
    assert_eq!((changed.status, &changed.json["meta"]["signed_out"]), (200, &json!(2)), "{}", changed.json);
    let contacts =
        async |token: &str| app.send(Method::GET, "/api/v1/contacts", Some(token), None).await.status;
    assert_eq!((contacts(&mine.token()).await, contacts(&other.token()).await), (200, 401));
    assert_eq!((sign_in(&app, OWNER, PASSWORD).await, sign_in(&app, OWNER, OTHER).await), (401, 201));
    let mail = mailbox.wait_for_nth(1, OWNER).await;
    assert_eq!(mail.header("Subject"), Some("Your password was changed"));
    assert!(!mail.data.contains(OTHER));
}

#[tokio::test]
async fn a_password_is_changed_by_who_knows_it_and_to_a_good_one() {
    let app = App::spawn().await;
    let form = json!({ "current_password": "wrong horse", "password": OTHER });
    let refused = send(&app, "password", Some(&app.token), form).await;
    assert_eq!(
        (refused.status, refused.errors()),
        (401, errors([("invalid_credentials", "/current_password")]))
    );
    for bad in ["short", "password1234", "owner@pulse.test1", "aaaaaaaaaaaaaaa"] {
        let form = json!({ "current_password": PASSWORD, "password": bad });
        let refused = send(&app, "password", Some(&app.token), form).await;
        assert_eq!((refused.status, refused.errors()), (422, errors([("invalid", "/password")])), "{bad}");
    }
    assert_eq!(send(&app, "password", None, json!({})).await.status, 401);
    assert_eq!(sign_in(&app, OWNER, PASSWORD).await, 201);
}

#[tokio::test]
async fn who_has_forgotten_a_password_sets_another_by_mail_once() {
    let (app, mailbox) = spawn_with_mail().await;
    let asked = send(&app, "password_reset", None, json!({ "email": "OWNER@pulse.test" })).await;
    assert_eq!((asked.status, &asked.json["meta"]["requested"]), (202, &json!(true)), "{}", asked.json);
    let mail = mailbox.wait_for_nth(1, OWNER).await;
    let token = mail.line("reset_");
    let link = format!("{}/reset-password#token={token}", app.settings.gateway.url);
    assert!(mail.data.contains(&link), "{}", mail.data);

    let weak =
        send(&app, "password_reset/confirm", None, json!({ "token": token, "password": "short" })).await;
    assert_eq!((weak.status, weak.errors()), (422, errors([("invalid", "/password")])));
    let form = json!({ "token": token, "password": OTHER });
    let set = send(&app, "password_reset/confirm", None, form.clone()).await;
    assert_eq!((set.status, &set.json["meta"]["signed_out"]), (200, &json!(1)), "{}", set.json);
    assert!(set.header("authorization").is_none());
    assert_eq!(app.get("/api/v1/contacts").await.status, 401);
    assert_eq!((sign_in(&app, OWNER, PASSWORD).await, sign_in(&app, OWNER, OTHER).await), (401, 201));
    let again = send(&app, "password_reset/confirm", None, form).await;
    assert_eq!((again.status, again.errors()), (401, errors([("invalid_token", "/token")])));
}

#[tokio::test]
async fn the_token_of_a_mail_is_good_until_the_next_one_or_for_an_hour() {
    let (app, mailbox) = spawn_with_mail().await;
    let ask = async || send(&app, "password_reset", None, json!({ "email": OWNER })).await;
    ask().await;
    let first = mailbox.wait_for_nth(1, OWNER).await.line("reset_");
    ask().await;
    let second = mailbox.wait_for_nth(2, OWNER).await.line("reset_");
    let try_it = async |token: &str| {
        let form = json!({ "token": token, "password": OTHER });
        send(&app, "password_reset/confirm", None, form).await.status
    };
    assert_eq!(try_it(&first).await, 401);
    let client = app.database.client().await;
    client.batch_execute("UPDATE mail_tokens SET expires_at = now()").await.expect("an hour passes");
    assert_eq!(try_it(&second).await, 401);
}

#[tokio::test]
async fn asking_for_a_reset_tells_nobody_who_has_an_account() {
    let (app, mailbox) = spawn_with_mail().await;
    let mut answers = Vec::new();
    for email in [OWNER, "nobody@pulse.test"] {
        let began = Instant::now();
        let answer = send(&app, "password_reset", None, json!({ "email": email })).await;
        assert!(began.elapsed() >= Duration::from_millis(100));
        answers.push((answer.status, answer.json));
    }
    assert_eq!(answers[0], answers[1]);
    mailbox.wait_for_nth(1, OWNER).await;
    assert_eq!(mailbox.offered(), 1);
}

#[tokio::test]
async fn an_address_counts_once_a_mail_was_read_there() {
    let (app, mailbox) = spawn_with_mail().await;
    let form = json!({ "email": "ada@elsewhere.test", "password": PASSWORD });
    let wrong = json!({ "email": "ada@elsewhere.test", "password": "wrong" });
    let refused = send(&app, "email", Some(&app.token), wrong).await;
    assert_eq!((refused.status, refused.errors()), (401, errors([("invalid_credentials", "/password")])));
    assert_eq!(send(&app, "email", Some(&app.token), form).await.status, 202);
    let token = mailbox.wait_for_nth(1, "ada@elsewhere.test").await.line("mail_");
    assert_eq!(sign_in(&app, "ada@elsewhere.test", PASSWORD).await, 401);

    assert_eq!(send(&app, "email/confirm", None, json!({ "token": token })).await.status, 200);
    assert_eq!(sign_in(&app, "ada@elsewhere.test", PASSWORD).await, 201);
    assert_eq!(sign_in(&app, OWNER, PASSWORD).await, 401);
    let told = mailbox.wait_for_nth(1, OWNER).await;
    assert!(told.data.contains("ada@elsewhere.test"), "{}", told.data);
    assert_eq!(send(&app, "email/confirm", None, json!({ "token": token })).await.status, 401);
}

#[tokio::test]
async fn an_address_of_somebody_else_is_not_given_away() {
    let (app, mailbox) = spawn_with_mail().await;
    app.sign_up("somebody@else.test").await;
    let form = json!({ "email": "Somebody@else.test", "password": PASSWORD });
    assert_eq!(send(&app, "email", Some(&app.token), form).await.status, 202);
    let token = mailbox.wait_for_nth(1, "Somebody@else.test").await.line("mail_");
    let refused = send(&app, "email/confirm", None, json!({ "token": token })).await;
    assert_eq!((refused.status, refused.errors()), (409, errors([("not_unique", "/token")])));
    assert_eq!(sign_in(&app, OWNER, PASSWORD).await, 201);
}
