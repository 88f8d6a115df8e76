//! The addresses of relationships (section 16), for every relationship of every resource.

use crm_api::resources::RESOURCES;
use pulse_resource::Link;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::ask;
use crate::app::{App, errors};
use crate::sample;

#[tokio::test]
async fn every_relationship_does_what_its_kind_allows() {
    let app = App::spawn().await;
    let caller = app.caller();
    for resource in RESOURCES.iter().filter(|resource| resource.actions.create) {
        let sample = sample::create(&caller, resource).await;
        for relationship in resource.relationships {
            let link = format!("{}/relationships/{}", sample.path(), relationship.name);
            let shown = app.get(&link).await;
            assert_eq!(shown.status, 200, "{link}");
            let same = json!({ "data": shown.json["data"] });
            let (patch, others) = match relationship.link {
                _ if !resource.actions.update => (403, 403),
                Link::BelongsTo { writable: true, .. } | Link::BelongsToAny { writable: true, .. } => {
                    (200, 403)
                }
                Link::Through { .. } => (200, 200),
                _ => (403, 403),
            };
            for (method, status) in [(Method::PATCH, patch), (Method::POST, others), (Method::DELETE, others)]
            {
                let answer = app.send(method.clone(), &link, Some(&app.token), Some(&same)).await;
                assert_eq!(answer.status, status, "{method} {link}: {}", answer.json);
                if status == 200 {
                    assert_eq!(answer.json["data"], shown.json["data"], "16.2 {method} {link}");
                }
            }
            let put = app.send(Method::PUT, &link, Some(&app.token), Some(&same)).await;
            assert_eq!(
                (put.status, put.header("allow")),
                (405, Some("GET, HEAD, PATCH, POST, DELETE")),
                "{link}"
            );
            // 16.8
            let malformed =
                if relationship.to_one() { json!({ "data": [] }) } else { json!({ "data": null }) };
            if patch == 200 {
                for wrong in [malformed, json!({}), json!({ "data": 7 }), json!({ "data": { "id": "x" } })] {
                    let answer = app.patch(&link, wrong.clone()).await;
                    assert_eq!(answer.status, 400, "{link} {wrong}: {}", answer.json);
                }
            }
        }
    }
}

#[tokio::test]
async fn linkage_changes_as_a_whole_or_not_at_all() {
    let app = App::spawn().await;
    let ada = app.create("contacts", json!({})).await;
    let link = format!("/api/v1/contacts/{ada}/relationships/tags");
    let mut tags = Vec::new();
    for name in ["a", "b"] {
        tags.push(json!({ "type": "tags", "id": app.create("tags", json!({ "name": name })).await }));
    }
    let nobody = json!({ "type": "tags", "id": Uuid::now_v7() });
    // 16.4: no doubles
    let twice = app.post(&link, json!({ "data": [tags[0], tags[0]] })).await;
    assert_eq!((twice.status, &twice.json["data"]), (200, &json!([tags[0]])));
    assert_eq!(app.post(&link, json!({ "data": [tags[0]] })).await.json["meta"]["total"], 1);
    // 16.3, 16.9, 16.10
    for method in [Method::PATCH, Method::POST] {
        let body = json!({ "data": [tags[1], nobody] });
        let answer = app.send(method, &link, Some(&app.token), Some(&body)).await;
        assert_eq!((answer.status, answer.errors()), (404, errors([("related_not_found", "/data/1/id")])));
        assert_eq!(app.get(&link).await.json["data"], json!([tags[0]]));
    }
    // 16.5: what is not there is as good as removed.
    for _ in 0..2 {
        let body = json!({ "data": [tags[0], nobody] });
        let answer = app.send(Method::DELETE, &link, Some(&app.token), Some(&body)).await;
        assert_eq!((answer.status, &answer.json["data"]), (200, &json!([])));
    }
    // A body of DELETE is read here, so its media type matters.
    let body = json!({ "data": [] });
    for (media_type, status) in [("application/json", 200), ("text/plain", 415)] {
        let headers = [("Content-Type", media_type)];
        assert_eq!(
            ask(&app, Method::DELETE, &link, &headers, Some(&body)).await.status,
            status,
            "{media_type}"
        );
    }
}

#[tokio::test]
async fn linkage_of_an_older_version_is_not_overwritten() {
    let app = App::spawn().await;
    let ada = app.create("contacts", json!({})).await;
    let tag = json!({ "type": "tags", "id": app.create("tags", json!({ "name": "a" })).await });
    let acme = json!({ "type": "companies", "id": app.create("companies", json!({ "name": "Acme" })).await });
    let path = format!("/api/v1/contacts/{ada}");
    for (name, data) in [("tags", json!([tag])), ("company", acme)] {
        let link = format!("{path}/relationships/{name}");
        let old = app.get(&path).await.header("etag").expect("a version").to_owned();
        let change = async |tag: &str, data: &Value| {
            let headers = [("If-Match", tag), ("Content-Type", "application/json")];
            ask(&app, Method::PATCH, &link, &headers, Some(&json!({ "data": data }))).await
        };
        let changed = change(&old, &data).await;
        assert_eq!(changed.status, 200, "{}", changed.json);
        let stale = change(&old, &data).await;
        assert_eq!((stale.status, stale.errors()), (412, errors([("stale", "If-Match")])));
        let new = changed.header("etag").expect("a version").to_owned();
        assert_eq!(change(&new, &data).await.status, 200);
    }
}
