//! Bodies in the shape of the published browser SDK, by both of its transports.

use reqwest::header::{CONTENT_TYPE, COOKIE, ORIGIN, USER_AGENT};
use serde_json::json;

use crate::app::{Answer, App};

const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

#[tokio::test(flavor = "multi_thread")]
async fn a_beacon_and_a_fetch_of_one_browser_are_one_visitor() {
    let app = App::spawn().await;
    let pageview = format!(
        r#"{{"type":"pageview","data":{{"visitor_fingerprint":null,"session_id":"0c7a1e9e-8d0e-4b52-9b1c-2f1a4b7f2f10","url":"https://shop.example/a?b=c","path":"/a","title":"","referrer":"https://www.google.com/","referrer_source":"google.com","locale":"de-CH","utm_source":"news"}},"token":"{}"}}"#,
        app.public
    );
    let beacon = app
        .post()
        .header(CONTENT_TYPE, "text/plain;charset=utf-8")
        .header(USER_AGENT, BROWSER)
        .header(ORIGIN, "https://shop.example")
        .header(COOKIE, "session=1")
        .body(pageview);
    let answer = Answer::read(beacon.send().await.expect("an answer")).await;
    assert_eq!((answer.status, answer.header("set-cookie")), (202, None));

    let event = format!(
        r#"{{"type":"event","data":{{"visitor_fingerprint":null,"session_id":"0c7a1e9e-8d0e-4b52-9b1c-2f1a4b7f2f10","event_name":"signup","event_data":{{"plan":"pro","seats":3}},"url":"https://shop.example/a","path":"/a"}},"token":"{}"}}"#,
        app.public
    );
    let fetch = app
        .post()
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, BROWSER)
        .header(ORIGIN, "https://shop.example")
        .header("X-API-Token", &app.public)
        .body(event);
    assert_eq!(fetch.send().await.expect("an answer").status().as_u16(), 202);

    let other = json!({ "session_id": "other", "event_name": "signup" });
    assert_eq!(app.ingest(&app.public, "event", &other).await.status, 202);
    app.stored(3).await;

    let rows = app
        .query(
            "SELECT kind, visitor_fingerprint, url, title, referrer_source, locale, utm_source, name, data::text,
                    occurred_at = received_at, workspace_id, site_id
               FROM analytics.events ORDER BY id",
        )
        .await;
    let text = |row: usize, column: usize| rows[row].get::<_, Option<String>>(column);
    assert_eq!(text(0, 0).as_deref(), Some("pageview"));
    let fingerprint = text(0, 1).expect("derived");
    assert!(fingerprint.len() == 64 && fingerprint.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(text(0, 2).as_deref(), Some("https://shop.example/a?b=c"));
    assert_eq!(text(0, 3), None, "an empty title says nothing");
    assert_eq!(text(0, 4).as_deref(), Some("google.com"));
    assert_eq!(text(0, 5).as_deref(), Some("de-CH"));
    assert_eq!(text(0, 6).as_deref(), Some("news"));
    assert_eq!(text(1, 1), Some(fingerprint.clone()));
    assert_eq!(text(1, 7).as_deref(), Some("signup"));
    assert_eq!(text(1, 8).as_deref(), Some(r#"{"plan": "pro", "seats": 3}"#));
    assert_ne!(text(2, 1), Some(fingerprint), "another User-Agent is another visitor");
    assert!(rows.iter().all(|row| row.get::<_, bool>(9)));
    assert!(rows.iter().all(|row| row.get::<_, uuid::Uuid>(10) == app.workspace));
    assert!(rows.iter().all(|row| row.get::<_, uuid::Uuid>(11) == app.site));
    app.stop().await;
}
