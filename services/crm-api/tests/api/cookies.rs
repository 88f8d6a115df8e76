//! Sessions of browsers: cookies, and what keeps other sites from using them.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::app::{Answer, App, errors};

/// What a browser keeps of a sign-in.
struct Browser {
    cookies: Vec<(String, String)>,
    csrf: String,
}

impl Browser {
    /// Takes over what an answer sets.
    fn of(answer: &Answer) -> Self {
        let set = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().expect("ASCII"));
        let cookies = set.map(|cookie| {
            let pair = cookie.split(';').next().expect("a pair");
            let (name, value) = pair.split_once('=').expect("a name");
            (name.to_owned(), value.to_owned())
        });
        let csrf = answer.header("x-csrf-token").expect("a token").to_owned();
        Self { cookies: cookies.collect(), csrf }
    }

    fn cookies(&self) -> String {
        let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("; ")
    }

    /// A request as a page of ours makes it, but for the token.
    fn request(&self, app: &App, method: Method, path: &str) -> RequestBuilder {
        app.request(method, path).header("Cookie", self.cookies()).header("Sec-Fetch-Site", "same-origin")
    }
}

fn form() -> Value {
    json!({ "email": "owner@pulse.test", "password": "correct horse battery", "cookie": true })
}

fn contact() -> Value {
    json!({ "data": { "type": "contacts", "attributes": { "first_name": "Ada" } } })
}

async fn sign_in(app: &App) -> Answer {
    app.send(Method::POST, "/api/v1/auth/sign_in", None, Some(&form())).await
}

async fn post(request: RequestBuilder) -> Answer {
    App::answer(request.header("Content-Type", "application/vnd.api+json").body(contact().to_string())).await
}

fn mismatch(source: &str) -> (u16, Vec<(String, String)>) {
    (403, errors([("csrf_mismatch", source)]))
}

#[tokio::test]
async fn a_browser_signs_in_without_seeing_a_token() {
    let app = App::spawn_without_relay().await;
    let signed_in = sign_in(&app).await;
    assert_eq!(signed_in.status, 201, "{}", signed_in.json);
    assert_eq!((signed_in.header("authorization"), &signed_in.json["meta"]), (None, &Value::Null));
    let cookies: Vec<_> = signed_in.headers.get_all("set-cookie").iter().collect();
    let session = cookies[0].to_str().expect("ASCII");
    assert!(session.starts_with("__Host-pulse_session="), "{session}");
    for attribute in ["; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax", "; Max-Age="] {
        assert!(session.contains(attribute), "{session}");
    }
    assert!(!session.contains("Domain"), "{session}");
    let csrf = cookies[1].to_str().expect("ASCII");
    assert!(csrf.starts_with("__Host-pulse_csrf=") && !csrf.contains("HttpOnly"), "{csrf}");

    let browser = Browser::of(&signed_in);
    let listed = App::answer(browser.request(&app, Method::GET, "/api/v1/contacts")).await;
    assert_eq!(listed.status, 200, "{}", listed.json);
    let shown = App::answer(browser.request(&app, Method::GET, "/auth/session")).await;
    assert_eq!(shown.id(), signed_in.id());
}

#[tokio::test]
async fn what_changes_something_needs_the_token_of_the_session() {
    let app = App::spawn_without_relay().await;
    let (browser, other) = (Browser::of(&sign_in(&app).await), Browser::of(&sign_in(&app).await));
    let request = || browser.request(&app, Method::POST, "/api/v1/contacts");
    let made = post(request().header("X-CSRF-Token", &browser.csrf)).await;
    assert_eq!(made.status, 201, "{}", made.json);

    let refused = mismatch("X-CSRF-Token");
    for token in [None, Some(""), Some("nonsense"), Some(other.csrf.as_str())] {
        let request =
            token.into_iter().fold(request(), |request, token| request.header("X-CSRF-Token", token));
        let answer = post(request).await;
        assert_eq!((answer.status, answer.errors()), refused, "{token:?}");
    }
    // The token of another session is not good, though it is in the cookie as well.
    let mixed = format!("__Host-pulse_session={}; __Host-pulse_csrf={}", browser.cookies[0].1, other.csrf);
    let request = app.request(Method::POST, "/api/v1/contacts").header("Cookie", mixed);
    let answer = post(request.header("X-CSRF-Token", &other.csrf)).await;
    assert_eq!((answer.status, answer.errors()), refused);
    // Nor is the header without the cookie.
    let session = format!("__Host-pulse_session={}", browser.cookies[0].1);
    let request = app.request(Method::POST, "/api/v1/contacts").header("Cookie", session);
    let answer = post(request.header("X-CSRF-Token", &browser.csrf)).await;
    assert_eq!((answer.status, answer.errors()), refused);
    assert_eq!(app.get("/api/v1/contacts").await.ids().len(), 1);
}

#[tokio::test]
async fn a_token_can_be_had_anew() {
    let app = App::spawn_without_relay().await;
    let mut browser = Browser::of(&sign_in(&app).await);
    for path in ["/auth/csrf", "/api/v1/auth/csrf"] {
        let answer = App::answer(browser.request(&app, Method::GET, path)).await;
        assert_eq!(
            (answer.status, answer.header("cache-control")),
            (200, Some("no-store")),
            "{}",
            answer.json
        );
        let given = Browser::of(&answer);
        assert_eq!(answer.json["meta"]["csrf_token"], given.csrf);
        assert_eq!(given.cookies, [("__Host-pulse_csrf".to_owned(), given.csrf.clone())]);
        browser.cookies[1] = given.cookies[0].clone();
        let request = browser.request(&app, Method::POST, "/api/v1/contacts");
        assert_eq!(post(request.header("X-CSRF-Token", &given.csrf)).await.status, 201);
    }
    // One that was made for nobody is good for nobody.
    let given = Browser::of(&app.send(Method::GET, "/auth/csrf", None, None).await);
    browser.cookies[1] = given.cookies[0].clone();
    let request = browser.request(&app, Method::POST, "/api/v1/contacts");
    let answer = post(request.header("X-CSRF-Token", &given.csrf)).await;
    assert_eq!((answer.status, answer.errors()), mismatch("X-CSRF-Token"));
}

#[tokio::test]
async fn a_bearer_token_wins_over_a_cookie_and_needs_nothing_else() {
    let app = App::spawn_without_relay().await;
    let browser = Browser::of(&sign_in(&app).await);
    let request = browser.request(&app, Method::POST, "/api/v1/contacts").header("Authorization", &app.token);
    assert_eq!(post(request).await.status, 201);
    let request = app.request(Method::POST, "/api/v1/contacts").header("Cookie", "__Host-pulse_session=x");
    assert_eq!(post(request.header("Authorization", &app.token)).await.status, 201);
    let wrong = browser.request(&app, Method::GET, "/api/v1/contacts").header("Authorization", "Bearer x");
    assert_eq!(App::answer(wrong).await.status, 401, "the cookie does not step in");
}

#[tokio::test]
async fn the_token_of_a_cookie_opens_nothing_elsewhere() {
    let app = App::spawn_without_relay().await;
    let browser = Browser::of(&sign_in(&app).await);
    let as_bearer = format!("Bearer {}", browser.cookies[0].1);
    assert_eq!(app.send(Method::GET, "/api/v1/contacts", Some(&as_bearer), None).await.status, 401);
    let as_cookie = app.token.replace("Bearer ", "__Host-pulse_session=");
    let request = app.request(Method::GET, "/api/v1/contacts").header("Cookie", as_cookie);
    assert_eq!(App::answer(request).await.errors(), errors([("invalid_token", "Cookie")]));
}

#[tokio::test]
async fn what_a_page_of_another_site_sends_is_refused() {
    let app = App::spawn_with(|settings| settings.gateway.url = "https://crm.example".into()).await;
    let browser = Browser::of(&sign_in(&app).await);
    let sent = |headers: &[(&'static str, &'static str)]| {
        let request = app.request(Method::POST, "/api/v1/contacts").header("Cookie", browser.cookies());
        let request = request.header("X-CSRF-Token", &browser.csrf);
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
    };
    for headers in [
        [("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.example")].as_slice(),
        &[("Sec-Fetch-Site", "same-site"), ("Origin", "https://evil.crm.example")],
        &[("Sec-Fetch-Site", "cross-site")],
        &[("Origin", "https://evil.example")],
        &[("Origin", "http://crm.example")],
        &[("Origin", "null")],
    ] {
        let answer = post(sent(headers)).await;
        assert_eq!((answer.status, answer.errors()), mismatch("Origin"), "{headers:?}");
        let request = app.request(Method::POST, "/auth/sign_in").json(&form());
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let answer = App::answer(request).await;
        assert_eq!((answer.status, answer.errors()), mismatch("Origin"), "sign-in: {headers:?}");
    }
    for headers in [
        [("Sec-Fetch-Site", "same-origin"), ("Origin", "https://crm.example")].as_slice(),
        &[("Origin", "https://crm.example")],
        &[("Sec-Fetch-Site", "none")],
        &[],
    ] {
        assert_eq!(post(sent(headers)).await.status, 201, "{headers:?}");
    }
}

#[tokio::test]
async fn a_form_of_another_site_cannot_sign_in() {
    let app = App::spawn_without_relay().await;
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        let request = app.request(Method::POST, "/auth/sign_in").header("Content-Type", kind);
        assert_eq!(App::answer(request.body(form().to_string())).await.status, 415, "{kind}");
    }
}

#[tokio::test]
async fn signing_out_takes_the_cookies_away_and_ends_the_session() {
    let app = App::spawn_without_relay().await;
    let browser = Browser::of(&sign_in(&app).await);
    let request = browser.request(&app, Method::DELETE, "/auth/sign_out");
    let answer = App::answer(request.header("X-CSRF-Token", &browser.csrf)).await;
    assert_eq!(answer.status, 200, "{}", answer.json);
    let cleared: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
    assert_eq!(cleared.len(), 2);
    assert!(cleared.iter().all(|cookie| cookie.to_str().expect("ASCII").contains("=; Path=/; Max-Age=0;")));
    let late = App::answer(browser.request(&app, Method::GET, "/api/v1/contacts")).await;
    assert_eq!((late.status, late.json["errors"][0]["code"].as_str()), (401, Some("session_revoked")));
}

#[tokio::test]
async fn a_session_that_was_not_used_for_long_has_ended() {
    let app = App::spawn_without_relay().await;
    let browser = Browser::of(&sign_in(&app).await);
    let client = app.database.client().await;
    let idle = "UPDATE user_sessions SET last_seen_at = now() - interval '72 hours'";
    client.batch_execute(idle).await.expect("time passes");
    let late = App::answer(browser.request(&app, Method::GET, "/api/v1/contacts")).await;
    assert_eq!((late.status, late.json["errors"][0]["code"].as_str()), (401, Some("session_expired")));
}

#[tokio::test]
async fn without_https_the_cookies_have_other_names() {
    let app = App::spawn_with(|settings| settings.session.insecure_cookies = true).await;
    let signed_in = sign_in(&app).await;
    let browser = Browser::of(&signed_in);
    let names: Vec<_> = browser.cookies.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["pulse_session", "pulse_csrf"]);
    let set = signed_in.headers.get_all("set-cookie").iter();
    assert!(set.map(|value| value.to_str().expect("ASCII")).all(|value| !value.contains("Secure")));
    let request = browser.request(&app, Method::POST, "/api/v1/contacts");
    assert_eq!(post(request.header("X-CSRF-Token", &browser.csrf)).await.status, 201);
}

/// Every address that changes something, from the document that is made of the routes.
#[tokio::test]
async fn nothing_can_be_changed_by_cookie_alone() {
    let app = App::spawn_without_relay().await;
    let browser = Browser::of(&sign_in(&app).await);
    let document = app.send(Method::GET, "/api/v1/openapi.json", None, None).await.json;
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        if path.starts_with("/api/v1/public/") {
            continue; // Nobody is signed in there.
        }
        for method in [Method::POST, Method::PATCH, Method::DELETE] {
            if item.get(method.as_str().to_lowercase()).is_none() {
                continue;
            }
            let path = path.replace("{id}", "01934e5a-0000-7000-8000-000000000001");
            let answer = App::answer(browser.request(&app, method.clone(), &path)).await;
            assert_eq!((answer.status, answer.errors()), mismatch("X-CSRF-Token"), "{method} {path}");
            asked += 1;
        }
    }
    assert!(asked > 150, "{asked}");
}
