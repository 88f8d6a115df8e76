//! Which bodies are read, which answers are sent, and as what (sections 1 and 2 of the checklist).

use reqwest::Method;
use serde_json::json;

use super::{JSON_API, ask, get};
use crate::app::{App, errors};

const ATOMIC: &str = "application/vnd.api+json;ext=\"https://jsonapi.org/ext/atomic-of-another-kind\"";
const CHARSET: &str = "application/vnd.api+json; charset=utf-8";
const CURSORS: &str = "https://jsonapi.org/profiles/ethanresnick/cursor-pagination";

#[tokio::test]
async fn a_body_is_read_as_json_api_or_json_and_as_nothing_else() {
    let app = App::spawn().await;
    let document = json!({ "data": { "type": "tags", "attributes": { "name": "a" } } });
    for (index, good) in [
        JSON_API,
        "Application/VND.API+json",
        "application/vnd.api+json;profile=\"https://example.com/unknown\"",
        "application/json",
        "application/json; charset=utf-8",
    ]
    .into_iter()
    .enumerate()
    {
        let document = json!({ "data": { "type": "tags", "attributes": { "name": index.to_string() } } });
        let answer =
            ask(&app, Method::POST, "/api/v1/tags", &[("Content-Type", good)], Some(&document)).await;
        assert_eq!((answer.status, answer.header("content-type")), (201, Some(JSON_API)), "{good}");
    }
    // 1.5, 1.6, 1.7, 13.8
    for bad in [CHARSET, ATOMIC, "text/plain", "application/x-www-form-urlencoded", "nonsense"] {
        let answer = ask(&app, Method::POST, "/api/v1/tags", &[("Content-Type", bad)], Some(&document)).await;
        assert_eq!(answer.status, 415, "{bad}");
        assert_eq!(answer.errors(), errors([("unsupported_media_type", "Content-Type")]), "{bad}");
        assert_eq!(answer.header("vary"), Some("Accept"), "{bad}");
    }
    let answer = ask(&app, Method::POST, "/api/v1/tags", &[], Some(&document)).await;
    assert_eq!((answer.status, answer.errors()), (415, errors([("unsupported_media_type", "Content-Type")])));
}

#[tokio::test]
async fn a_body_that_is_not_read_may_be_called_anything() {
    let app = App::spawn().await;
    for (media_type, status) in
        [(JSON_API, 200), ("application/json", 200), ("text/plain", 200), (CHARSET, 415)]
    {
        let answer = get(&app, "/api/v1/tags", &[("Content-Type", media_type)]).await;
        assert_eq!(answer.status, status, "{media_type}");
    }
    let bodies =
        [None, Some(json!({})), Some(json!({ "data": { "type": "tags", "id": "x" } })), Some(json!("any"))];
    for (index, body) in bodies.iter().enumerate() {
        let id = app.create("tags", json!({ "name": index.to_string() })).await;
        let headers = if index % 2 == 0 { vec![("Content-Type", "text/plain")] } else { Vec::new() };
        let path = format!("/api/v1/tags/{id}");
        let answer = ask(&app, Method::DELETE, &path, &headers, body.as_ref()).await;
        assert_eq!((answer.status, answer.json.get("data")), (200, None), "{body:?}");
        assert_eq!(answer.json["links"].get("self"), None, "there is nothing to fetch again");
    }
}

#[tokio::test]
async fn an_answer_is_sent_to_whoever_accepts_it_and_says_what_it_depends_on() {
    let app = App::spawn().await;
    for good in [
        "*/*",
        "application/*",
        "application/json",
        "APPLICATION/vnd.api+JSON;q=0.3",
        &format!("{CHARSET}, {JSON_API}"),
        &format!("{ATOMIC}, */*;q=0.1"),
        "text/html, application/vnd.api+json;profile=\"https://example.com/unknown\"",
    ] {
        let answer = get(&app, "/api/v1/tags", &[("Accept", good)]).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(JSON_API)), "{good}");
        assert_eq!(answer.header("vary"), Some("Accept"), "{good}");
    }
    for bad in [CHARSET, ATOMIC, "text/html", &format!("{JSON_API};q=0"), &format!("{CHARSET}, {ATOMIC}")] {
        let answer = get(&app, "/api/v1/tags", &[("Accept", bad)]).await;
        assert_eq!((answer.status, answer.errors()), (406, errors([("not_acceptable", "Accept")])), "{bad}");
        assert_eq!(answer.header("vary"), Some("Accept"), "{bad}");
    }
    for path in
        ["/api/v1/nothing", "/nothing", "/api/v1/tags/7", "/api/v1/tags?page[size]=%FF", "/api/v1/auth/x"]
    {
        let answer = app.get(path).await;
        assert!(answer.status == 404 || answer.status == 400, "{path}");
        assert_eq!(answer.header("vary"), Some("Accept"), "{path}");
        assert!(!answer.errors().is_empty(), "{path}");
    }
}

#[tokio::test]
async fn a_profile_that_is_asked_for_is_applied_and_named() {
    let app = App::spawn().await;
    let id = app.create("tags", json!({ "name": "a" })).await;
    let published = "http://jsonapi.org/profiles/ethanresnick/cursor-pagination/";
    for spelling in [CURSORS, published] {
        let accept = format!("{JSON_API};profile=\"https://example.com/unknown {spelling}\"");
        let named = format!("{JSON_API};profile=\"{spelling}\"");
        let one = format!("/api/v1/tags/{id}");
        for path in [one.as_str(), "/api/v1/tags", "/api/v1/tags?page[size]=2"] {
            let answer = get(&app, path, &[("Accept", &accept)]).await;
            assert_eq!(answer.header("content-type"), Some(named.as_str()), "{path}");
            assert_eq!(answer.json["jsonapi"], json!({ "version": "1.1", "profile": [spelling] }), "{path}");
            assert_eq!(answer.json["links"]["self"], json!({ "href": path, "type": named }), "{path}");
            assert_eq!(answer.header("vary"), Some("Accept"), "{path}");
        }
        let list = get(&app, "/api/v1/tags", &[("Accept", &accept)]).await;
        assert!(list.json["data"][0]["meta"]["page"]["cursor"].is_string());
        // A page by its number is not what the profile is about.
        let numbered = get(&app, "/api/v1/tags?page[number]=1", &[("Accept", &accept)]).await;
        assert_eq!(numbered.header("content-type"), Some(JSON_API));
        assert_eq!(numbered.json["data"][0].get("meta"), None);
    }
    // 1.14: a body negotiates nothing.
    let document = json!({
        "jsonapi": { "profile": [CURSORS], "ext": ["https://example.com/x"] },
        "data": { "type": "tags", "attributes": { "name": "b" } },
    });
    let answer = app.post("/api/v1/tags", document).await;
    assert_eq!((answer.status, answer.header("content-type")), (201, Some(JSON_API)));
    assert_eq!(answer.json["jsonapi"], json!({ "version": "1.1" }));
}
