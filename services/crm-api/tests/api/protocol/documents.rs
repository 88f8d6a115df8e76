//! The shape of what is answered (sections 2 to 6 and 13), for every resource.

use std::collections::HashSet;

use crm_api::resources::RESOURCES;
use pulse_jsonapi::names::is_member_name;
use serde_json::Value;

use crate::app::App;
use crate::sample;

fn members(object: &Value) -> Vec<&str> {
    object.as_object().unwrap_or_else(|| panic!("an object: {object}")).keys().map(String::as_str).collect()
}

/// Says what is wrong with a document that JSON:API would say too.
fn check(document: &Value, at: &str) {
    let known = ["jsonapi", "links", "data", "included", "meta", "errors"];
    let top = members(document);
    assert!(top.iter().all(|member| known.contains(member)), "2.5 {at}: {top:?}");
    assert!(["data", "errors", "meta"].iter().any(|member| top.contains(member)), "2.2 {at}");
    assert!(!(top.contains(&"data") && top.contains(&"errors")), "2.3 {at}");
    assert!(!top.contains(&"included") || top.contains(&"data"), "2.4 {at}");
    assert_eq!(document["jsonapi"]["version"], "1.1", "6.4 {at}");
    if let Some(links) = document.get("links") {
        check_links(links, at);
    }
    let mut known = HashSet::new();
    for resource in primary(document).iter().chain(document["included"].as_array().into_iter().flatten()) {
        check_resource(resource, at);
        // Linkage may have the resource that it identifies beside it.
        let is_object = resource.get("links").is_some();
        assert!(!is_object || known.insert((resource["type"].clone(), resource["id"].clone())), "5.3 {at}");
    }
    check_full_linkage(document, at);
}

fn primary(document: &Value) -> Vec<Value> {
    match document.get("data") {
        Some(Value::Array(data)) => data.clone(),
        Some(Value::Null) | None => Vec::new(),
        Some(one) => vec![one.clone()],
    }
}

fn check_links(links: &Value, at: &str) {
    for (name, link) in links.as_object().unwrap_or_else(|| panic!("6.1 {at}")) {
        let is_link = match link {
            Value::Null => true,
            Value::String(text) => text.starts_with('/'),
            object => {
                object["href"].is_string()
                    && members(object).iter().all(|name| ["href", "type"].contains(name))
            }
        };
        assert!(is_link, "6.1 {at} {name}: {link}");
    }
}

fn check_resource(resource: &Value, at: &str) {
    let known = ["type", "id", "attributes", "relationships", "links", "meta"];
    assert!(members(resource).iter().all(|member| known.contains(member)), "3.9 {at}: {resource}");
    assert!(resource["type"].is_string() && resource["id"].is_string(), "3.2 {at}");
    let mut fields = HashSet::from(["id", "type"]);
    for group in ["attributes", "relationships"] {
        for name in resource.get(group).map(members).unwrap_or_default() {
            assert!(is_member_name(name) && fields.insert(name), "3.5, 6.5 {at}: {name}");
        }
    }
    if resource.get("attributes").is_some() {
        assert!(resource["links"]["self"].is_string(), "3.10 {at}");
    }
    for (name, relationship) in resource["relationships"].as_object().into_iter().flatten() {
        assert!(relationship["links"]["self"].is_string(), "4.1, 4.3 {at} {name}");
        assert!(relationship["links"]["related"].is_string(), "4.6 {at} {name}");
        for identifier in primary(relationship) {
            let known = ["type", "id", "meta"];
            assert!(members(&identifier).iter().all(|member| known.contains(member)), "3.12 {at} {name}");
            assert!(identifier["type"].is_string() && identifier["id"].is_string(), "3.12 {at} {name}");
        }
    }
}

/// Every included resource is led to from the primary data.
fn check_full_linkage(document: &Value, at: &str) {
    let Some(included) = document["included"].as_array() else { return };
    let key = |identifier: &Value| (identifier["type"].clone(), identifier["id"].clone());
    let leads = |resource: &Value| -> Vec<(Value, Value)> {
        let relationships = resource["relationships"].as_object().into_iter().flatten();
        relationships.flat_map(|(_, relationship)| primary(relationship)).map(|found| key(&found)).collect()
    };
    let mut open: Vec<(Value, Value)> = Vec::new();
    for resource in primary(document) {
        open.push(key(&resource));
        open.extend(leads(&resource));
    }
    let mut reached = HashSet::new();
    while let Some(next) = open.pop() {
        if reached.insert(next.clone()) {
            open.extend(included.iter().filter(|resource| key(resource) == next).flat_map(leads));
        }
    }
    for resource in included {
        assert!(reached.contains(&key(resource)), "5.2 {at}: {resource}");
    }
}

#[tokio::test]
async fn every_document_about_every_resource_is_one_of_json_api() {
    let app = App::spawn().await;
    let caller = app.caller();
    for resource in RESOURCES {
        let list = format!("/api/v1/{}", resource.path());
        let mut paths = vec![list.clone()];
        if resource.actions.create {
            let sample = sample::create(&caller, resource).await;
            paths.push(sample.path());
            for relationship in resource.relationships {
                paths.push(format!("{}/{}", sample.path(), relationship.name));
                paths.push(format!("{}/relationships/{}", sample.path(), relationship.name));
                paths.push(format!("{}?include={}", sample.path(), relationship.name));
                let this = format!("{}/relationships/{}", sample.path(), relationship.name);
                paths.push(format!("{this}?include={}", relationship.name));
            }
        }
        let includes: Vec<&str> =
            resource.relationships.iter().map(|relationship| relationship.name).collect();
        paths.push(format!("{list}?include={}", includes.join(",")));
        for path in paths {
            let answer = app.get(&path).await;
            assert_eq!(
                (answer.status, answer.header("content-type")),
                (200, Some(super::JSON_API)),
                "{path}"
            );
            check(&answer.json, &path);
            assert_eq!(answer.json["links"]["self"], path, "2.8");
            assert_eq!(answer.json["links"]["describedby"], "/api/v1/openapi.json", "6.8 {path}");
            assert_eq!(answer.json.get("included").is_some(), path.contains("include="), "5.4 {path}");
        }
        for missing in
            [format!("{list}/{}", uuid::Uuid::now_v7()), format!("{list}/7"), format!("{list}/7/x")]
        {
            let answer = app.get(&missing).await;
            assert_eq!(answer.status, 404, "{missing}");
            check(&answer.json, &missing);
        }
    }
}
