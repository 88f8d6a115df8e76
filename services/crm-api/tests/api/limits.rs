//! Limits: who is counted together, against what, and how a client learns of it.

use chrono::Utc;
use pulse_domain::WorkspaceId;
use pulse_domain::claims::{INTERNAL_AUDIENCE, Internal};
use pulse_service::credential::InternalKey;
use pulse_testing::eventually;
use pulse_testing::redis::Redis;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{Answer, App, errors};

/// A service that believes its clients' `X-Forwarded-For`.
async fn behind_a_proxy(change: impl FnOnce(&mut crm_api::settings::Limits)) -> App {
    App::spawn_with(|settings| {
        settings.http.trusted_proxies = "127.0.0.1".parse().expect("networks");
        change(&mut settings.limits);
    })
    .await
}

async fn from(app: &App, address: &str, path: &str, token: Option<&str>) -> Answer {
    let request = app.request(Method::GET, path).header("X-Forwarded-For", address);
    App::answer(match token {
        Some(token) => request.header("Authorization", token),
        None => request,
    })
    .await
}

/// The five headers, as far as they do not depend on the time.
fn standing(answer: &Answer) -> Option<(&str, &str, &str, &str)> {
    answer.header("x-ratelimit-reset")?.parse::<u32>().expect("whole seconds");
    let left = answer.header("ratelimit")?.split_once(";t=").expect("a time").0;
    Some((
        answer.header("ratelimit-policy")?,
        left,
        answer.header("x-ratelimit-limit")?,
        answer.header("x-ratelimit-remaining")?,
    ))
}

#[tokio::test]
async fn every_answer_says_how_its_client_stands() {
    let app = App::spawn_with(|settings| {
        settings.limits.read_per_minute = 100;
        settings.limits.write_per_minute = 200;
    })
    .await;
    let reads = [
        ("/api/v1/contacts", 200),
        ("/api/v1/contacts?x=1", 400),
        ("/api/v1/contacts/7", 404),
        ("/api/v1/unicorns", 404),
        ("/nowhere", 404),
        ("/api/v1/auth/sign_in", 405),
        ("/api/v1/openapi.json", 200),
    ];
    for (index, (path, status)) in reads.into_iter().enumerate() {
        let request = app.request(Method::GET, path).header("Authorization", &app.token);
        let answer = App::answer(request).await;
        let left = 99 - index;
        let expected =
            ("\"read\";q=100;w=60", format!("\"read\";r={left}"), "100".to_owned(), left.to_string());
        let said = standing(&answer).unwrap_or_else(|| panic!("{path}: {:?}", answer.headers));
        assert_eq!(
            (answer.status, said),
            (status, (expected.0, expected.1.as_str(), expected.2.as_str(), expected.3.as_str())),
            "{path}"
        );
    }
    let written = app.post("/api/v1/contacts", json!({ "data": null })).await;
    assert_eq!((written.status, standing(&written).map(|said| said.1)), (400, Some("\"write\";r=199")));
    let unknown = app.send(Method::GET, "/api/v1/contacts", None, None).await;
    assert_eq!((unknown.status, standing(&unknown).map(|said| said.1)), (401, Some("\"read\";r=99")));
    let request =
        app.request(Method::POST, "/api/v1/contacts").header("Content-Type", "text/plain").body("x");
    let unread = App::answer(request).await;
    assert_eq!((unread.status, standing(&unread).map(|said| said.1)), (415, Some("\"write\";r=199")));
}

#[tokio::test]
async fn a_limit_that_is_used_up_refuses_with_a_time_and_leaves_the_others() {
    let app = App::spawn_with(|settings| {
        settings.limits.read_per_minute = 2;
        settings.limits.write_per_minute = 2;
    })
    .await;
    for _ in 0..2 {
        assert_eq!(app.get("/api/v1/contacts").await.status, 200);
    }
    for path in ["/api/v1/contacts", "/api/v1/unicorns"] {
        let refused = app.get(path).await;
        assert_eq!((refused.status, refused.errors()), (429, errors([("rate_limited", "")])), "{path}");
        let wait: u32 = refused.header("retry-after").expect("a time").parse().expect("whole seconds");
        assert!((1..=30).contains(&wait), "{wait}");
        assert_eq!(standing(&refused), Some(("\"read\";q=2;w=60", "\"read\";r=0", "2", "0")));
    }
    let id = app.create("contacts", json!({ "first_name": "Ada" })).await;
    let path = format!("/api/v1/contacts/{id}");
    // What stands for another method counts as that.
    let request = app.request(Method::POST, &path).header("Authorization", &app.token);
    assert_eq!(App::answer(request.header("X-HTTP-Method-Override", "DELETE")).await.status, 200);
    assert_eq!(app.delete(&path).await.status, 429);
}

#[tokio::test]
async fn a_user_is_counted_wherever_they_are_and_everybody_else_by_address() {
    let app = behind_a_proxy(|limits| limits.read_per_minute = 2).await;
    let other = app.sign_up("other@pulse.test").await;
    let contacts = async |address: &str, token: Option<&str>| {
        from(&app, address, "/api/v1/contacts", token).await.status
    };
    let ada = Some(app.token.as_str());
    assert_eq!(contacts("192.0.2.1", ada).await, 200);
    assert_eq!(contacts("2001:db8::1", ada).await, 200);
    assert_eq!(contacts("192.0.2.2", ada).await, 429);
    assert_eq!(contacts("192.0.2.1", Some(&other)).await, 200);
    // The address of a user is not used up by what they do.
    assert_eq!(contacts("192.0.2.1", None).await, 401);
    // Tokens that are none of ours count as their sender's address.
    assert_eq!(contacts("192.0.2.1", Some("Bearer a.b.c")).await, 401);
    assert_eq!(contacts("192.0.2.1", Some("Bearer c.b.a")).await, 429);
    assert_eq!(contacts("192.0.2.3", Some("Bearer c.b.a")).await, 401);
    // An API token that is nobody's is not counted as itself: each guess is another one.
    for (guess, status) in [("Bearer pat_a", 401), ("Bearer pat_b", 401), ("Bearer pat_c", 429)] {
        assert_eq!(contacts("192.0.2.4", Some(guess)).await, status, "{guess}");
    }
    // An IPv6 customer has as many addresses as they like.
    assert_eq!(contacts("2001:db8:1:2::1", None).await, 401);
    assert_eq!(contacts("2001:db8:1:2::2", None).await, 401);
    assert_eq!(contacts("2001:db8:1:2:3::3", None).await, 429);
    assert_eq!(contacts("2001:db8:1:3::1", None).await, 401);
    // Only the proxy's word counts, and of what it hands on, the part that a client cannot write.
    assert_eq!(contacts("198.51.100.7, 2001:db8:1:2::9", None).await, 429);
}

#[tokio::test]
async fn sign_ins_are_counted_by_address_whatever_they_are_called() {
    let app = behind_a_proxy(|limits| limits.sign_in_per_minute = 4).await;
    let form = json!({ "email": "owner@pulse.test", "password": "wrong" });
    let sign_in = async |path: &str, address: &str, token: Option<&str>| {
        let mut request = app.request(Method::POST, path).header("X-Forwarded-For", address);
        if let Some(token) = token {
            request = request.header("Authorization", token);
        }
        App::answer(request.json(&form)).await
    };
    let first = sign_in("/api/v1/auth/sign_in", "192.0.2.1", None).await;
    let expected = ("\"sign_in\";q=4;w=60", "\"sign_in\";r=3", "4", "3");
    assert_eq!((first.status, standing(&first)), (401, Some(expected)));
    assert_eq!(sign_in("/auth/sign_in/", "192.0.2.1", None).await.status, 401);
    assert_eq!(sign_in("/auth/sign%5Fin", "192.0.2.1", None).await.status, 401);
    assert_eq!(sign_in("/auth/sign_up", "192.0.2.1", None).await.status, 422);
    assert_eq!(sign_in("/auth/sign_in", "192.0.2.1", Some(&app.token)).await.status, 429);
    assert_eq!(sign_in("/auth/sign_in", "192.0.2.2", None).await.status, 401);
    assert_eq!(from(&app, "192.0.2.1", "/api/v1/contacts", Some(&app.token)).await.status, 200);
}

#[tokio::test]
async fn services_are_not_counted_and_zero_is_no_limit() {
    let app = App::spawn_with(|settings| {
        settings.limits.read_per_minute = 1;
        settings.limits.write_per_minute = 0;
    })
    .await;
    let key = InternalKey::new(&app.settings.security.internal_key).expect("a key");
    let now = Utc::now().timestamp();
    let claims = Internal {
        aud: INTERNAL_AUDIENCE.into(),
        sub: "incoming-trigger".into(),
        workspace: WorkspaceId::generate(),
        correlation: Uuid::now_v7(),
        run: None,
        iat: now,
        exp: now + 60,
    };
    let token = format!("Bearer {}", key.sign(&claims).expect("signs"));
    for _ in 0..3 {
        let answer = app.send(Method::GET, "/api/v1/contacts", Some(&token), None).await;
        assert_eq!((answer.status, standing(&answer)), (200, None));
        let written = app.post("/api/v1/contacts", Value::Null).await;
        assert_eq!((written.status, standing(&written)), (400, None));
    }
}

#[tokio::test]
async fn two_replicas_count_in_one_store() {
    let redis = Redis::start().await;
    let replica = || {
        App::spawn_with(|settings| {
            settings.limits.store = Some(redis.url().into());
            settings.limits.read_per_minute = 100;
        })
    };
    let (one, other) = (replica().await, replica().await);
    let left = async |app: &App| {
        let answer = app.send(Method::GET, "/api/v1/contacts", None, None).await;
        assert_eq!(answer.status, 401);
        answer.header("x-ratelimit-remaining").expect("a number").parse::<u32>().expect("a number")
    };
    eventually("both count in the store", async || {
        let (first, second) = (left(&one).await, left(&other).await);
        (second + 1 == first).then_some(())
    })
    .await;
}
