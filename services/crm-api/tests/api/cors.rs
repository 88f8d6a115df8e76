//! Pages of other origins.

use reqwest::Method;
use serde_json::json;

use crate::app::{Answer, App, errors};

const PAGE: &str = "https://app.example.com";

async fn with(origins: &str) -> App {
    App::spawn_with(|settings| {
        settings.cors.origins = origins.parse().expect("origins");
        settings.limits.read_per_minute = 3;
    })
    .await
}

async fn preflight(app: &App, path: &str, origin: &str) -> Answer {
    let request = app.request(Method::OPTIONS, path).header("Origin", origin);
    App::answer(request.header("Access-Control-Request-Method", "PATCH")).await
}

async fn from(app: &App, path: &str, origin: &str) -> Answer {
    let request = app.request(Method::GET, path).header("Origin", origin);
    App::answer(request.header("Authorization", &app.token)).await
}

fn list(answer: &Answer, name: &str) -> Vec<String> {
    answer.header(name).unwrap_or_default().split(", ").map(str::to_ascii_lowercase).collect()
}

#[tokio::test]
async fn a_page_of_an_origin_that_is_allowed_uses_the_api_with_its_cookies() {
    let app = with(&format!("https://other.example.com,{PAGE}")).await;
    // More than the limit: a preflight shows nothing and is not counted.
    for path in
        ["/api/v1/contacts", "/api/v1/contacts/7", "/auth/sign_in", "/api/v1/auth/sign_in", "/api/v1/x"]
    {
        let asked = preflight(&app, path, PAGE).await;
        assert_eq!((asked.status, asked.header("access-control-allow-origin")), (204, Some(PAGE)), "{path}");
        assert_eq!(asked.header("access-control-allow-credentials"), Some("true"));
        assert_eq!(asked.header("access-control-max-age"), Some("600"));
        assert_eq!(asked.header("vary"), Some("Origin"));
        let methods = list(&asked, "access-control-allow-methods");
        assert!(
            ["get", "post", "patch", "delete"].iter().all(|method| methods.contains(&(*method).to_owned()))
        );
        let headers = list(&asked, "access-control-allow-headers");
        for name in
            ["authorization", "content-type", "if-match", "idempotency-key", "x-csrf-token", "x-api-token"]
        {
            assert!(headers.contains(&name.to_owned()), "{name}");
        }
    }
    for (path, status) in
        [("/api/v1/contacts", 200), ("/api/v1/x", 404), ("/api/v1/x?y", 404), ("/api/v1/contacts", 429)]
    {
        let answer = from(&app, path, PAGE).await;
        assert_eq!(
            (answer.status, answer.header("access-control-allow-origin")),
            (status, Some(PAGE)),
            "{path}"
        );
        let exposed = list(&answer, "access-control-expose-headers");
        for name in answer.headers.keys().map(reqwest::header::HeaderName::as_str) {
            let is_ours = ["etag", "location", "retry-after", "ratelimit", "x-ratelimit", "x-request-id"];
            let is_to_be_seen = is_ours.iter().any(|known| name.starts_with(known));
            assert!(!is_to_be_seen || exposed.contains(&name.to_owned()), "{name}");
        }
        let vary: Vec<_> =
            answer.headers.get_all("vary").iter().map(|value| value.to_str().expect("text")).collect();
        assert_eq!(vary, ["Accept", "Origin"], "{path}");
    }
    let form = json!({ "email": "owner@pulse.test", "password": "correct horse battery" });
    let signed_in =
        App::answer(app.request(Method::POST, "/auth/sign_in").header("Origin", PAGE).json(&form)).await;
    assert_eq!(signed_in.status, 201);
    assert!(list(&signed_in, "access-control-expose-headers").contains(&"authorization".to_owned()));
}

#[tokio::test]
async fn a_page_of_another_origin_is_told_nothing() {
    let app = with(PAGE).await;
    for origin in ["https://app.example.com.evil.test", "http://app.example.com", "null"] {
        let asked = preflight(&app, "/api/v1/contacts", origin).await;
        assert_eq!((asked.status, asked.header("access-control-allow-origin")), (401, None), "{origin}");
        assert_eq!(asked.header("access-control-allow-headers"), None, "{origin}");
    }
    let answer = from(&app, "/api/v1/contacts", "https://evil.example.com").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, None));
    assert_eq!(answer.header("access-control-allow-credentials"), None);
}

#[tokio::test]
async fn everybody_may_come_without_cookies_and_nobody_unless_it_is_set() {
    let app = with("*").await;
    let asked = preflight(&app, "/api/v1/contacts", PAGE).await;
    assert_eq!((asked.status, asked.header("access-control-allow-origin")), (204, Some("*")));
    assert_eq!(asked.header("access-control-allow-credentials"), None);
    let answer = from(&app, "/api/v1/contacts", PAGE).await;
    assert_eq!(
        (answer.header("access-control-allow-origin"), answer.header("vary")),
        (Some("*"), Some("Accept"))
    );

    let app = App::spawn().await;
    let refused = preflight(&app, "/api/v1/auth/sign_in", PAGE).await;
    assert_eq!((refused.status, refused.errors()), (405, errors([("method_not_allowed", "")])));
    assert_eq!(from(&app, "/api/v1/contacts", PAGE).await.header("access-control-allow-origin"), None);
}
