//! `ETag`, `If-None-Match` and `If-Match` (20.3 and 20.4).

use reqwest::Method;
use serde_json::json;

use super::{ask, get};
use crate::app::{App, errors};

#[tokio::test]
async fn what_a_client_has_already_is_not_sent_again() {
    let app = App::spawn().await;
    let acme = app.create("companies", json!({ "name": "Acme" })).await;
    let ada = app.create("contacts", json!({ "first_name": "Ada" })).await;
    let one = format!("/api/v1/contacts/{ada}");
    let link = json!({ "data": { "type": "companies", "id": acme } });
    app.patch(&format!("{one}/relationships/company"), link).await;
    for path in [
        one.clone(),
        format!("{one}?include=company"),
        format!("{one}?fields[contacts]=first_name"),
        "/api/v1/contacts".to_owned(),
        "/api/v1/contacts?page[size]=1&include=company".to_owned(),
        format!("{one}/company"),
        format!("{one}/tags"),
        format!("{one}/relationships/company"),
        format!("{one}/relationships/tags"),
    ] {
        let first = app.get(&path).await;
        let tag = first.header("etag").unwrap_or_else(|| panic!("{path} has a version")).to_owned();
        for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            let again = get(&app, &path, &[("If-None-Match", &known)]).await;
            assert_eq!((again.status, again.json.is_null()), (304, true), "{path} {known}");
            assert_eq!(
                (again.header("etag"), again.header("vary")),
                (Some(tag.as_str()), Some("Accept")),
                "{path}"
            );
        }
        let other = get(&app, &path, &[("If-None-Match", "\"other\"")]).await;
        assert_eq!((other.status, other.header("etag")), (200, Some(tag.as_str())), "{path}");
        assert_eq!(app.get(&path).await.json, first.json, "{path}");
    }
}

#[tokio::test]
async fn a_document_has_changed_when_anything_in_it_has() {
    let app = App::spawn().await;
    let acme = app.create("companies", json!({ "name": "Acme" })).await;
    let ada = app.create("contacts", json!({ "first_name": "Ada" })).await;
    let one = format!("/api/v1/contacts/{ada}");
    let link = json!({ "data": { "type": "companies", "id": acme } });
    app.patch(&format!("{one}/relationships/company"), link).await;
    let tag = async |path: &str| app.get(path).await.header("etag").expect("a version").to_owned();
    let shown = format!("{one}?include=company");
    let (bare, with_company, list) = (tag(&one).await, tag(&shown).await, tag("/api/v1/companies").await);
    assert_ne!(bare, with_company);
    let rename = json!({ "data": { "type": "companies", "id": acme, "attributes": { "name": "Zeta" } } });
    app.patch(&format!("/api/v1/companies/{acme}"), rename).await;
    assert_eq!(tag(&one).await, bare);
    for (path, old) in [(shown.as_str(), &with_company), ("/api/v1/companies", &list)] {
        assert_ne!(&tag(path).await, old, "{path}");
        assert_eq!(get(&app, path, &[("If-None-Match", old)]).await.status, 200, "{path}");
    }
    // Either tag names the version of the contact, which has not changed.
    for (index, known) in [&bare, &with_company].into_iter().enumerate() {
        let body =
            json!({ "data": { "type": "contacts", "id": ada, "attributes": { "first_name": "Ada" } } });
        let headers = [("If-Match", known.as_str()), ("Content-Type", "application/json")];
        assert_eq!(ask(&app, Method::PATCH, &one, &headers, Some(&body)).await.status, 200, "{index}");
    }
}

#[tokio::test]
async fn a_write_asks_for_the_version_of_the_record() {
    let app = App::spawn().await;
    let id = app.create("tags", json!({ "name": "a" })).await;
    let path = format!("/api/v1/tags/{id}");
    let first = app.get(&path).await.header("etag").expect("a version").to_owned();
    let body = json!({ "data": { "type": "tags", "id": id, "attributes": { "name": "b" } } });
    let change = async |method: Method, tag: &str| {
        let headers = [("If-Match", tag), ("Content-Type", "application/json")];
        ask(&app, method, &path, &headers, Some(&body)).await
    };
    let changed = change(Method::PATCH, &first).await;
    assert_eq!(changed.status, 200);
    for method in [Method::PATCH, Method::DELETE] {
        for stale in [first.as_str(), "\"v0\"", "\"other\"", "W/\"v1\""] {
            let answer = change(method.clone(), stale).await;
            assert_eq!(
                (answer.status, answer.errors()),
                (412, errors([("stale", "If-Match")])),
                "{method} {stale}"
            );
        }
    }
    let second = changed.header("etag").expect("a version").to_owned();
    assert_eq!(
        app.get(&path).await.header("etag"),
        Some(second.as_str()),
        "the answer to a write has it too"
    );
    let several = format!("{first}, {second}");
    assert_eq!(change(Method::PATCH, &several).await.status, 200);
    assert_eq!(change(Method::PATCH, "*").await.status, 200);
    assert_eq!(change(Method::DELETE, &second).await.status, 200);
}
