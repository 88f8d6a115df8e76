//! Second factors: added, asked for, used once, and removed.

use chrono::Utc;
use pulse_domain::totp::Secret;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Answer, App, errors};

const PASSWORD: &str = "correct horse battery";

/// Seconds after now, of which codes are made: each code is good once, so tests use those of neighbouring periods.
pub(crate) fn later(seconds: i64) -> u64 {
    u64::try_from(Utc::now().timestamp() + seconds).expect("after 1970")
}

pub(crate) async fn send(app: &App, method: Method, path: &str, form: Value) -> Answer {
    app.send(method, &format!("/api/v1/auth/{path}"), Some(&app.token), Some(&form)).await
}

async fn sign_in(app: &App, otp: Option<&str>) -> Answer {
    let form = json!({ "email": "owner@pulse.test", "password": PASSWORD, "otp": otp });
    app.send(Method::POST, "/api/v1/auth/sign_in", None, Some(&form)).await
}

/// Adds a factor, and returns its secret and the recovery codes.
pub(crate) async fn add(app: &App) -> (Secret, Vec<String>) {
    let added = send(app, Method::POST, "totp", json!({ "password": PASSWORD })).await;
    assert_eq!(added.status, 201, "{}", added.json);
    let uri = added.json["meta"]["otpauth_uri"].as_str().expect("a URI");
    assert!(uri.starts_with("otpauth://totp/Pulse:owner%40pulse.test?secret="), "{uri}");
    assert_eq!(added.header("cache-control"), Some("no-store"));
    let client = app.database.client().await;
    let row = client.query_one("SELECT user_id, sealed FROM second_factors", &[]).await.expect("a factor");
    let (user, sealed): (uuid::Uuid, Vec<u8>) = (row.get(0), row.get(1));
    let key = pulse_domain::seal::MasterKey::from_base64(pulse_testing::KEY).expect("a key");
    let bytes = key.open(user.as_bytes(), &sealed).expect("it is sealed for its user");
    let secret = Secret::from_bytes(&bytes).expect("a secret");
    assert_eq!(added.json["meta"]["secret"], secret.text());

    assert_eq!(sign_in(app, None).await.status, 201, "it does not count yet");
    let confirmed = send(app, Method::POST, "totp/confirm", json!({ "otp": secret.code(later(-30)) })).await;
    assert_eq!(confirmed.status, 200, "{}", confirmed.json);
    let codes = confirmed.json["meta"]["recovery_codes"].as_array().expect("codes").clone();
    let codes: Vec<String> = codes.iter().map(|code| code.as_str().expect("a text").to_owned()).collect();
    assert_eq!(codes.len(), 10);
    (secret, codes)
}

#[tokio::test]
async fn signing_in_asks_for_a_code_that_is_good_once() {
    let app = App::spawn().await;
    let (secret, _) = add(&app).await;
    let asked = sign_in(&app, None).await;
    assert_eq!((asked.status, asked.errors()), (401, errors([("second_factor_required", "/otp")])));
    let code = secret.code(later(0));
    let signed_in = sign_in(&app, Some(&code)).await;
    assert_eq!(signed_in.status, 201, "{}", signed_in.json);
    for wrong in [code.as_str(), "abc", &secret.code(later(86_400))] {
        let refused = sign_in(&app, Some(wrong)).await;
        assert_eq!((refused.status, refused.errors()), (401, errors([("invalid_second_factor", "/otp")])));
    }
}

#[tokio::test]
async fn a_recovery_code_stands_in_for_the_app_once() {
    let app = App::spawn().await;
    let (_, codes) = add(&app).await;
    let typed = codes[3].replace('-', "").to_uppercase();
    assert_eq!(sign_in(&app, Some(&typed)).await.status, 201);
    assert_eq!(sign_in(&app, Some(&codes[3])).await.status, 401);
    assert_eq!(sign_in(&app, Some(&codes[4])).await.status, 201);
    let used = app.get("/api/v1/audit_log?q[action_eq]=use_recovery_code").await;
    assert_eq!(used.ids().len(), 2);
}

#[tokio::test]
async fn a_wrong_password_is_told_before_anything_of_the_factor() {
    let app = App::spawn().await;
    add(&app).await;
    let form = json!({ "email": "owner@pulse.test", "password": "wrong", "otp": "123456" });
    let refused = app.send(Method::POST, "/api/v1/auth/sign_in", None, Some(&form)).await;
    assert_eq!((refused.status, refused.errors()), (401, errors([("invalid_credentials", "")])));
}

#[tokio::test]
async fn guessing_codes_is_slowed_down_wherever_it_comes_from() {
    let app = App::spawn_with(|settings| settings.sign_in.free_attempts = 3).await;
    let (secret, _) = add(&app).await;
    let confirm = |otp: String| json!({ "password": PASSWORD, "otp": otp });
    for _ in 0..3 {
        let wrong = send(&app, Method::DELETE, "totp", confirm("000000".to_owned())).await;
        assert_eq!(wrong.status, 401, "{}", wrong.json);
    }
    let refused = sign_in(&app, Some(&secret.code(later(30)))).await;
    assert_eq!((refused.status, refused.errors()), (429, errors([("rate_limited", "")])));
}

#[tokio::test]
async fn a_factor_is_removed_by_who_has_it_and_the_password() {
    let app = App::spawn().await;
    let (secret, _) = add(&app).await;
    let second = send(&app, Method::POST, "totp", json!({ "password": PASSWORD })).await;
    assert_eq!((second.status, second.errors()), (409, errors([("state_conflict", "")])));
    let code = secret.code(later(0));
    let wrong = send(&app, Method::DELETE, "totp", json!({ "password": "wrong", "otp": code })).await;
    assert_eq!((wrong.status, wrong.errors()), (401, errors([("invalid_credentials", "/password")])));
    let removed = send(&app, Method::DELETE, "totp", json!({ "password": PASSWORD, "otp": code })).await;
    assert_eq!(removed.status, 200, "{}", removed.json);
    assert_eq!(sign_in(&app, None).await.status, 201);
    let user = app.get("/api/v1/users").await.ids().remove(0);
    assert_eq!(app.events_of(&user).await, ["user.second_factor_added", "user.second_factor_removed"]);
}
