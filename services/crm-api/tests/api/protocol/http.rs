//! HTTP (section 20): methods, HEAD, trailing slashes, what is at no address.

use crm_api::resources::RESOURCES;
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use super::{JSON_API, ask};
use crate::app::{App, errors};

#[tokio::test]
async fn every_address_says_which_methods_it_answers() {
    let app = App::spawn().await;
    let id = Uuid::now_v7();
    for resource in RESOURCES {
        let list = format!("/api/v1/{}", resource.path());
        let of_record = match (resource.actions.update, resource.actions.destroy) {
            (true, true) => "GET, HEAD, PATCH, DELETE",
            (true, false) => "GET, HEAD, PATCH",
            (false, true) => "GET, HEAD, DELETE",
            (false, false) => "GET, HEAD",
        };
        let mut addresses = vec![
            (list.clone(), if resource.actions.create { "GET, HEAD, POST" } else { "GET, HEAD" }),
            (format!("{list}/{id}"), of_record),
        ];
        for relationship in resource.relationships {
            addresses.push((format!("{list}/{id}/{}", relationship.name), "GET, HEAD"));
            let link = format!("{list}/{id}/relationships/{}", relationship.name);
            addresses.push((link, "GET, HEAD, PATCH, POST, DELETE"));
        }
        for (path, allow) in addresses {
            let answer = app.send(Method::PUT, &path, Some(&app.token), Some(&json!({}))).await;
            assert_eq!((answer.status, answer.header("allow")), (405, Some(allow)), "{path}");
            assert_eq!(answer.errors()[0].0, "method_not_allowed", "{path}");
        }
    }
    for (method, path, allow) in [
        (Method::GET, "/api/v1/auth/sign_in".to_owned(), "POST"),
        (Method::POST, "/api/v1/auth/sign_out".to_owned(), "DELETE"),
        (Method::GET, format!("/api/v1/sequences/{id}/start"), "POST"),
        (Method::DELETE, format!("/api/v1/workflows/{id}/variables"), "GET, HEAD"),
        (Method::GET, format!("/api/v1/contacts/{id}/purge"), "DELETE"),
        (Method::POST, "/api/v1/errors/stale".to_owned(), "GET, HEAD"),
    ] {
        let answer = app.send(method, &path, Some(&app.token), None).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allow)), "{path}");
    }
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let app = App::spawn().await;
    let ada = app.create("contacts", json!({ "first_name": "Ada" })).await;
    let workflow = app.create("workflows", json!({ "name": "x", "definition": { "steps": [] } })).await;
    for path in [
        "/api/v1/contacts".to_owned(),
        "/api/v1/contacts?page[size]=1".to_owned(),
        format!("/api/v1/contacts/{ada}"),
        format!("/api/v1/contacts/{ada}/company"),
        format!("/api/v1/contacts/{ada}/relationships/tags"),
        format!("/api/v1/workflows/{workflow}/variables"),
        "/api/v1/contacts/7".to_owned(),
        "/api/v1/contacts?x=1".to_owned(),
        "/api/v1/errors/stale".to_owned(),
        "/api/v1/openapi.json".to_owned(),
    ] {
        let request = |method: Method| app.request(method, &path).header("Authorization", &app.token).send();
        let get = request(Method::GET).await.expect("an answer");
        let head = request(Method::HEAD).await.expect("an answer");
        assert_eq!(get.status(), head.status(), "{path}");
        for name in ["content-type", "content-length", "etag", "vary"] {
            // The id of a request is in what is refused, but as long each time.
            assert_eq!(get.headers().get(name), head.headers().get(name), "{path} {name}");
        }
        assert_eq!(head.bytes().await.expect("a body").len(), 0, "{path}");
    }
}

#[tokio::test]
async fn a_trailing_slash_changes_nothing() {
    let app = App::spawn().await;
    let document = json!({ "data": { "type": "contacts", "attributes": { "first_name": "Ada" } } });
    let created = app.post("/api/v1/contacts/", document).await;
    assert_eq!(created.status, 201, "{}", created.json);
    let path = created.header("location").expect("an address").to_owned();
    assert!(!path.ends_with('/'));
    for path in [
        "/api/v1/contacts".to_owned(),
        "/api/v1/analytics/events".to_owned(),
        path.clone(),
        format!("{path}/tags"),
        format!("{path}/relationships/company"),
    ] {
        let plain = app.get(&path).await;
        for slashed in [format!("{path}/"), format!("{path}//"), format!("{path}/?")] {
            let answer = app.get(&slashed).await;
            assert_eq!((answer.status, &answer.json), (200, &plain.json), "{slashed}");
        }
    }
    let found = app.get("/api/v1/contacts/?filter[first_name_eq]=Ada&page[size]=1").await;
    assert_eq!(found.ids().len(), 1);
    assert_eq!(found.json["links"]["self"], "/api/v1/contacts?filter[first_name_eq]=Ada&page[size]=1");
    let body =
        json!({ "data": { "type": "contacts", "id": created.id(), "attributes": { "last_name": "L" } } });
    assert_eq!(app.patch(&format!("{path}/"), body).await.status, 200);
    assert_eq!(app.delete(&format!("{path}/")).await.status, 200);
}

#[tokio::test]
async fn post_can_stand_for_patch_and_delete() {
    let app = App::spawn().await;
    let id = app.create("tags", json!({ "name": "a" })).await;
    let path = format!("/api/v1/tags/{id}");
    let body = json!({ "data": { "type": "tags", "id": id, "attributes": { "name": "b" } } });
    let send = async |method: Method, instead: &str| {
        let headers = [("X-HTTP-Method-Override", instead), ("Content-Type", JSON_API)];
        ask(&app, method, &path, &headers, Some(&body)).await
    };
    let patched = send(Method::POST, "PATCH").await;
    assert_eq!((patched.status, &patched.json["data"]["attributes"]["name"]), (200, &json!("b")));
    for unknown in ["GET", "PUT", "patch", "nonsense", ""] {
        let answer = send(Method::POST, unknown).await;
        let expected = errors([("invalid_header", "X-HTTP-Method-Override")]);
        assert_eq!((answer.status, answer.errors()), (400, expected), "{unknown}");
    }
    // It is POST alone that stands for something else.
    assert_eq!(send(Method::GET, "DELETE").await.status, 200);
    assert_eq!(app.get(&path).await.status, 200);
    assert_eq!(send(Method::POST, "DELETE").await.status, 200);
    assert_eq!(app.get(&path).await.status, 404);
}

#[tokio::test]
async fn nothing_is_at_other_addresses() {
    let app = App::spawn().await;
    let id = Uuid::now_v7();
    for path in [
        "/".to_owned(),
        "/api".to_owned(),
        "/api/v1".to_owned(),
        "/api/v1/".to_owned(),
        "/api/v1/pets".to_owned(),
        "/api/v1/Contacts".to_owned(),
        "/api/v1/contacts/7".to_owned(),
        "/api/v1/contacts/%FF".to_owned(),
        "/api/v1/contacts/../contacts".to_owned(),
        format!("/api/v1/contacts/{id}x"),
        format!("/api/v1/contacts/{id}/relationships"),
        format!("/api/v1/contacts/{id}/company/name"),
    ] {
        let answer = app.get(&path).await;
        assert!(answer.status == 404 || path.contains(".."), "{path}: {}", answer.status);
        if answer.status == 404 {
            assert_eq!(answer.errors()[0].0, "not_found", "{path}");
        }
    }
}
