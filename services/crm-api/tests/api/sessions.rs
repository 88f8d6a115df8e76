//! What lasts longer than a token: refreshing, signing out everywhere, and keys that change.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Answer, App, errors};

/// A key that does not sign at first.
const OTHER_KEY: &str = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";

async fn refresh(app: &App, token: &Value) -> Answer {
    let form = json!({ "refresh_token": token });
    app.send(Method::POST, "/api/v1/auth/refresh", None, Some(&form)).await
}

async fn status(app: &App, token: &str) -> u16 {
    app.send(Method::GET, "/api/v1/contacts", Some(token), None).await.status
}

#[tokio::test]
async fn a_refresh_token_gets_the_next_of_both_and_the_old_access_token_goes_on() {
    let app = App::spawn().await;
    let first = app.sign_in().await;
    let second = refresh(&app, &first.json["meta"]["refresh_token"]).await;
    assert_eq!((second.status, second.id()), (200, first.id()), "{}", second.json);
    assert_eq!(second.header("cache-control"), Some("no-store"));
    assert_ne!(second.json["meta"]["refresh_token"], first.json["meta"]["refresh_token"]);
    let expires_at = second.json["meta"]["token_expires_at"].as_str().expect("an instant");
    let left = expires_at.parse::<chrono::DateTime<chrono::Utc>>().expect("an instant") - chrono::Utc::now();
    assert!((14..=15).contains(&left.num_minutes()), "{left}");
    assert_eq!((status(&app, &first.token()).await, status(&app, &second.token()).await), (200, 200));
    let third = refresh(&app, &second.json["meta"]["refresh_token"]).await;
    assert_eq!(status(&app, &third.token()).await, 200);
}

#[tokio::test]
async fn a_refresh_whose_answer_was_lost_can_be_asked_for_again() {
    let app = App::spawn().await;
    let first = app.sign_in().await;
    let asked = join_all((0..4).map(|_| refresh(&app, &first.json["meta"]["refresh_token"]))).await;
    for answer in &asked {
        assert_eq!(answer.status, 200, "{}", answer.json);
        assert_eq!(answer.json["meta"]["refresh_token"], asked[0].json["meta"]["refresh_token"]);
    }
    assert_eq!(refresh(&app, &asked[3].json["meta"]["refresh_token"]).await.status, 200);
}

#[tokio::test]
async fn a_refresh_token_that_was_used_before_ends_the_session() {
    let app = App::spawn_with(|settings| settings.session.refresh_grace_seconds = 0).await;
    let first = app.sign_in().await;
    let second = refresh(&app, &first.json["meta"]["refresh_token"]).await;
    assert_eq!(second.status, 200, "{}", second.json);
    for _ in 0..2 {
        let stolen = refresh(&app, &first.json["meta"]["refresh_token"]).await;
        let expected = errors([("session_revoked", "/refresh_token")]);
        assert_eq!((stolen.status, stolen.errors()), (401, expected));
    }
    assert_eq!(status(&app, &second.token()).await, 401);
    assert_eq!(refresh(&app, &second.json["meta"]["refresh_token"]).await.status, 401);
    assert_eq!(status(&app, &app.token).await, 200);
    assert_eq!(app.events_of(&first.id()).await, ["session.revoked"]);
}

#[tokio::test]
async fn a_session_that_was_not_used_or_is_over_is_not_refreshed() {
    let app = App::spawn().await;
    let session = app.sign_in().await;
    let client = app.database.client().await;
    for (column, ago) in [("last_seen_at", "72 hours"), ("expires_at", "1 second")] {
        let age = format!("UPDATE user_sessions SET {column} = now() - interval '{ago}'");
        client.batch_execute(&age).await.expect("sessions age");
        let refused = refresh(&app, &session.json["meta"]["refresh_token"]).await;
        let expected = errors([("session_expired", "/refresh_token")]);
        assert_eq!((refused.status, refused.errors()), (401, expected), "{column}");
    }
}

#[tokio::test]
async fn what_is_no_refresh_token_gets_nothing() {
    let app = App::spawn().await;
    let session = app.sign_in().await;
    let access = session.token().trim_start_matches("Bearer ").to_owned();
    let of_nobody = format!("ref_{}", "A".repeat(64));
    for text in ["nonsense", "ref_", &access, &of_nobody] {
        let refused = refresh(&app, &json!(text)).await;
        let expected = errors([("invalid_token", "/refresh_token")]);
        let too_long = errors([("too_long", "/refresh_token")]);
        assert!(refused.errors() == expected || refused.errors() == too_long, "{}", refused.json);
    }
    let token = session.json["meta"]["refresh_token"].as_str().expect("a token");
    let refused = app.send(Method::GET, "/api/v1/contacts", Some(&format!("Bearer {token}")), None).await;
    assert_eq!((refused.status, refused.errors()), (401, errors([("invalid_token", "Authorization")])));
}

#[tokio::test]
async fn signing_out_everywhere_ends_all_sessions_or_all_others() {
    let app = App::spawn().await;
    let (first, second) = (app.sign_in().await, app.sign_in().await);
    let path = "/api/v1/auth/sign_out_everywhere";
    let others = json!({ "except_current": true });
    let answer = app.send(Method::POST, path, Some(&first.token()), Some(&others)).await;
    assert_eq!((answer.status, &answer.json["meta"]["signed_out"]), (200, &json!(2)), "{}", answer.json);
    assert_eq!((status(&app, &first.token()).await, status(&app, &second.token()).await), (200, 401));

    let third = app.sign_in().await;
    assert_eq!(app.send(Method::POST, path, Some(&third.token()), Some(&json!({}))).await.status, 200);
    assert_eq!((status(&app, &first.token()).await, status(&app, &third.token()).await), (401, 401));

    let wrong = json!({ "except_current": "yes" });
    let fourth = app.sign_in().await;
    let refused = app.send(Method::POST, path, Some(&fourth.token()), Some(&wrong)).await;
    assert_eq!((refused.status, refused.errors()), (422, errors([("wrong_kind", "/except_current")])));
}

#[tokio::test]
async fn a_session_says_where_it_is_and_which_is_ones_own() {
    let app = App::spawn().await;
    let form = json!({ "email": "owner@pulse.test", "password": "correct horse battery" });
    let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
    let request = app.request(Method::POST, "/auth/sign_in").header("User-Agent", firefox);
    let answer = App::answer(request.header("Content-Type", "application/json").body(form.to_string())).await;
    let shown = &answer.json["data"]["attributes"];
    assert_eq!((&shown["device"], &shown["ip"]), (&json!("Firefox on Linux"), &json!("127.0.0.1")));
    let own = app.send(Method::GET, "/api/v1/auth/session", Some(&answer.token()), None).await;
    assert_eq!((own.status, own.id()), (200, answer.id()));
}

#[tokio::test]
async fn signing_in_and_out_is_on_record() {
    let app = App::spawn().await;
    let session = app.sign_in().await;
    let id = session.id();
    app.send(Method::DELETE, "/api/v1/auth/sign_out", Some(&session.token()), None).await;
    let log = app.get(&format!("/api/v1/audit_log?q[record_id_eq]={id}&sort=at")).await;
    let actions: Vec<_> = log.json["data"]
        .as_array()
        .expect("lines")
        .iter()
        .map(|line| line["attributes"]["action"].clone())
        .collect();
    assert_eq!(actions, ["sign_in", "sign_out"]);
    assert_eq!(app.events_of(&id).await, ["session.revoked"]);
    let event = app.get(&format!("/api/v1/events?q[record_id_eq]={id}")).await;
    let text = event.json.to_string();
    assert!(!text.contains("digest") && !text.contains("refresh_token"), "{text}");
}

#[tokio::test]
async fn a_key_that_no_longer_signs_is_good_until_it_is_taken_off() {
    let app = App::spawn_with(|settings| {
        settings.security.accepted_session_keys = OTHER_KEY.into();
    })
    .await;
    let mut turned = app.settings.security.clone();
    turned.accepted_session_keys = turned.session_key.clone();
    turned.session_key = OTHER_KEY.into();
    let token = app.token.trim_start_matches("Bearer ").to_owned();
    let claims = turned.session_keys().expect("keys").verify(&token).expect("the old key verifies");
    let token = turned.session_keys().expect("keys").sign(&claims).expect("the other key signs");
    assert_eq!(status(&app, &format!("Bearer {token}")).await, 200);
    turned.accepted_session_keys = "".into();
    turned.session_keys().expect("keys").verify(&app.token).expect_err("the old key is off the ring");
}
