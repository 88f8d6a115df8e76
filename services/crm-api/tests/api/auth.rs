//! Signing up, in and out.

use chrono::Utc;
use pulse_domain::Role;
use pulse_domain::claims::{ISSUER, SESSION_AUDIENCE, Session};
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use crate::app::{App, errors};

#[tokio::test]
async fn a_user_signs_in_by_three_forms_of_body_and_two_addresses() {
    let app = App::spawn().await;
    let fields = json!({ "email": "Owner@Pulse.test", "password": "correct horse battery" });
    let forms = [
        fields.clone(),
        json!({ "user": fields }),
        json!({ "data": { "type": "user_sessions", "attributes": fields } }),
    ];
    for path in ["/api/v1/auth/sign_in", "/auth/sign_in"] {
        for form in &forms {
            let answer = app.send(Method::POST, path, None, Some(form)).await;
            assert_eq!(answer.status, 201, "{}", answer.json);
            let token = answer.header("authorization").expect("a token").to_owned();
            assert!(token.starts_with("Bearer "));
            assert_eq!(answer.header("access-control-expose-headers"), Some("Authorization"));
            assert_eq!(answer.json["data"]["type"], "user_sessions");
            let path = format!("/api/v1/user_sessions/{}", answer.id());
            assert_eq!(app.send(Method::GET, &path, Some(&token), None).await.status, 200);
        }
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_get_the_same_answer() {
    let app = App::spawn().await;
    let mut answers = Vec::new();
    for email in ["owner@pulse.test", "nobody@pulse.test"] {
        let form = json!({ "email": email, "password": "wrong" });
        let mut answer = app.send(Method::POST, "/auth/sign_in", None, Some(&form)).await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        answer.json["errors"][0]["id"].take();
        answers.push(answer.json);
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0]["errors"][0]["code"], "invalid_credentials");
}

#[tokio::test]
async fn everything_wrong_with_a_sign_up_is_said_at_once() {
    let app = App::spawn().await;
    let form = json!({ "user": { "name": 7, "email": "nowhere", "password": "short" } });
    let answer = app.send(Method::POST, "/api/v1/auth/sign_up", None, Some(&form)).await;
    let expected = [
        ("required", "/user"),
        ("wrong_kind", "/user/name"),
        ("invalid", "/user/email"),
        ("invalid", "/user/password"),
    ];
    assert_eq!((answer.status, answer.errors()), (422, errors(expected)));

    let form = json!({
        "workspace_name": "A", "name": "A", "email": "OWNER@pulse.test", "password": "correct horse battery",
    });
    let answer = app.send(Method::POST, "/api/v1/auth/sign_up", None, Some(&form)).await;
    assert_eq!((answer.status, answer.errors()), (409, errors([("not_unique", "/email")])));

    let request =
        app.request(Method::POST, "/auth/sign_up").header("Content-Type", "application/json").body("{");
    let answer = App::answer(request).await;
    assert_eq!((answer.status, answer.errors()), (400, errors([("malformed_json", "")])));
}

#[tokio::test]
async fn a_signed_out_session_is_refused_on_the_next_request_and_others_go_on() {
    let app = App::spawn().await;
    let form = json!({ "email": "owner@pulse.test", "password": "correct horse battery" });
    let other = app.send(Method::POST, "/auth/sign_in", None, Some(&form)).await;
    let other = other.header("authorization").expect("a token").to_owned();
    assert_eq!(app.send(Method::DELETE, "/api/v1/auth/sign_out", Some(&other), None).await.status, 200);
    let refused = app.send(Method::GET, "/api/v1/contacts", Some(&other), None).await;
    assert_eq!((refused.status, refused.errors()), (401, errors([("session_revoked", "Authorization")])));
    assert_eq!(app.get("/api/v1/contacts").await.status, 200);
}

#[tokio::test]
async fn a_signed_out_session_changes_nothing_and_is_told_nothing() {
    let app = App::spawn().await;
    let id = app.create("contacts", json!({ "last_name": "Lovelace" })).await;
    let form = json!({ "email": "owner@pulse.test", "password": "correct horse battery" });
    let other = app.send(Method::POST, "/auth/sign_in", None, Some(&form)).await;
    let other = other.header("authorization").expect("a token").to_owned();
    assert_eq!(app.send(Method::DELETE, "/api/v1/auth/sign_out", Some(&other), None).await.status, 200);

    let path = format!("/api/v1/contacts/{id}");
    let new = json!({ "data": { "type": "contacts", "attributes": { "last_name": "New" } } });
    let change =
        json!({ "data": { "type": "contacts", "id": id, "attributes": { "last_name": "Changed" } } });
    let requests = [
        (Method::POST, "/api/v1/contacts", Some(&new)),
        (Method::PATCH, &path, Some(&change)),
        (Method::DELETE, &path, None),
        (Method::GET, &path, None),
        (Method::GET, "/api/v1/analytics/events", None),
        // These are refused for other reasons too, which are none of its business.
        (Method::POST, "/api/v1/contacts", Some(&change)),
        (Method::PUT, "/api/v1/contacts", None),
        (Method::GET, "/api/v1/contacts?q[no_such_name_eq]=1", None),
        (Method::GET, "/api/v1/contacts/00000000-0000-0000-0000-000000000000", None),
    ];
    for (method, path, body) in requests {
        let refused = app.send(method.clone(), path, Some(&other), body).await;
        let expected = errors([("session_revoked", "Authorization")]);
        assert_eq!((refused.status, refused.errors()), (401, expected), "{method} {path}");
    }
    let left = app.get("/api/v1/contacts").await;
    assert_eq!(left.ids(), [id]);
    assert_eq!(left.json["data"][0]["attributes"]["last_name"], "Lovelace");
}

#[tokio::test]
async fn tokens_that_are_none_of_ours_are_refused_by_name() {
    let app = App::spawn().await;
    let keys = app.settings.security.session_keys().expect("keys");
    let now = Utc::now().timestamp();
    let sign = |exp: i64| {
        let (sub, jti) = (Uuid::now_v7(), Uuid::new_v4());
        let workspace = pulse_domain::WorkspaceId::generate();
        let (iss, aud) = (ISSUER.into(), SESSION_AUDIENCE.into());
        let claims = Session { iss, aud, sub, workspace, role: Role::Owner, jti, iat: now, exp };
        format!("Bearer {}", keys.sign(&claims).expect("signs"))
    };
    let cases = [
        (None, "unauthenticated"),
        (Some("Basic b3duZXI6cGFzcw==".to_owned()), "unauthenticated"),
        (Some("Bearer nonsense".to_owned()), "invalid_token"),
        (Some(sign(now - 3_600)), "token_expired"),
        (Some(sign(now + 3_600)), "invalid_token"),
    ];
    for (token, code) in cases {
        let answer = app.send(Method::GET, "/api/v1/contacts", token.as_deref(), None).await;
        assert_eq!((answer.status, answer.errors()), (401, errors([(code, "Authorization")])));
        let challenge = match code {
            "unauthenticated" => "Bearer",
            _ => r#"Bearer error="invalid_token""#,
        };
        assert_eq!(answer.header("www-authenticate"), Some(challenge));
    }
}

#[tokio::test]
async fn what_is_not_json_api_is_refused_before_anything_else() {
    let app = App::spawn().await;
    let with = |name: &'static str, value: &'static str| {
        let request = app.request(Method::POST, "/api/v1/contacts").header("Authorization", &app.token);
        request.header(name, value)
    };
    let answer = App::answer(with("Content-Type", "text/plain").body("{}")).await;
    assert_eq!((answer.status, answer.errors()), (415, errors([("unsupported_media_type", "Content-Type")])));
    assert_eq!(answer.header("vary"), Some("Accept"));
    assert_eq!(answer.header("x-request-id"), answer.json["errors"][0]["id"].as_str());
    let answer = App::answer(with("Accept", "text/html").body("")).await;
    assert_eq!((answer.status, answer.errors()), (406, errors([("not_acceptable", "Accept")])));
    let answer = app.get("/api/v1/unicorns").await;
    assert_eq!((answer.status, answer.errors()), (404, errors([("not_found", "")])));
    let answer = app.send(Method::PUT, "/api/v1/contacts", Some(&app.token), None).await;
    assert_eq!((answer.status, answer.errors()), (405, errors([("method_not_allowed", "")])));
    assert_eq!(answer.header("allow"), Some("GET, HEAD, POST"));
}
