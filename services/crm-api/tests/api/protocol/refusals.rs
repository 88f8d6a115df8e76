//! Errors (section 13): their members, what they lead to, and the pages about them.

use pulse_jsonapi::Code;
use reqwest::Method;
use serde_json::json;

use super::ask;
use crate::app::App;

#[tokio::test]
async fn an_error_says_everything_about_itself() {
    let app = App::spawn().await;
    let document = json!({ "data": { "type": "tags", "attributes": { "name": 7, "colour": "red" } } });
    let answer = app.post("/api/v1/tags", document).await;
    assert_eq!(answer.status, 422);
    let errors = answer.json["errors"].as_array().expect("errors");
    assert_eq!(errors.len(), 2, "13.10: all at once");
    for error in errors {
        for member in ["id", "status", "code", "title", "detail"] {
            assert!(error[member].is_string(), "13.3, 13.4 {member}");
        }
        let page = error["links"]["type"].as_str().expect("13.16: a page about the kind");
        assert_eq!(page, format!("/api/v1/errors/{}", error["code"].as_str().expect("a code")));
        let pointer = error["source"]["pointer"].as_str().expect("a pointer");
        assert!(pointer.starts_with("/data/attributes/"), "13.6 {pointer}");
    }
}

#[tokio::test]
async fn every_code_has_a_page_for_people() {
    let app = App::spawn().await;
    let read = async |method: Method, path: &str| {
        let request = app.request(method, path).header("Accept", "text/plain");
        let response = request.send().await.expect("an answer");
        let media_type = response.headers()["content-type"].to_str().expect("text").to_owned();
        (response.status().as_u16(), media_type, response.text().await.expect("a text"))
    };
    for code in Code::ALL {
        let (status, media_type, page) = read(Method::GET, &format!("/api/v1/errors/{}", code.name())).await;
        assert_eq!((status, media_type.as_str()), (200, "text/plain; charset=utf-8"));
        assert!(page.contains(code.title()) && page.contains(code.meaning()), "{page}");
    }
    let (status, _, all) = read(Method::GET, "/api/v1/errors/").await;
    assert_eq!(status, 200);
    assert!(Code::ALL.iter().all(|code| all.contains(code.name())));
    assert_eq!(read(Method::GET, "/api/v1/errors/none").await.0, 404);
    assert_eq!(read(Method::POST, "/api/v1/errors").await.0, 405);
}

#[tokio::test]
async fn the_status_is_the_most_general_one() {
    let app = App::spawn().await;
    // 13.11
    let nobody = app.send(Method::GET, "/api/v1/tags", None, None).await;
    assert_eq!((nobody.status, nobody.header("www-authenticate")), (401, Some("Bearer")));
    // 13.13
    for body in ["{", "", "[1", "\u{0}"] {
        let request = app.request(Method::POST, "/api/v1/tags").header("Authorization", &app.token);
        let answer = App::answer(request.header("Content-Type", "application/json").body(body)).await;
        assert_eq!((answer.status, answer.errors()[0].0.as_str()), (400, "malformed_json"), "{body:?}");
    }
    // 13.15: 403 and 422 together
    let document = json!({ "data": {
        "type": "companies", "attributes": { "name": 7 }, "relationships": { "contacts": { "data": [] } },
    } });
    let answer = app.post("/api/v1/companies", document).await;
    assert_eq!((answer.status, answer.errors().len()), (400, 2), "{}", answer.json);
    // 13.5, 13.8
    let answer = ask(&app, Method::GET, "/api/v1/tags", &[("Accept", "text/html")], None).await;
    assert_eq!(answer.json["errors"][0]["source"], json!({ "header": "Accept" }));
}
