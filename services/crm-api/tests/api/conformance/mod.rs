//! What holds for every declared resource; adding one adds to these tests.

mod life;
mod openapi;
mod tenants;

use std::collections::{BTreeSet, HashSet};

use crm_api::resources::RESOURCES;
use pulse_jsonapi::names::is_member_name;
use pulse_jsonapi::ransack::{Kind, PREDICATES, Predicate, Shape};
use pulse_resource::{Attribute, check};

use crate::app::App;

#[tokio::test]
async fn declarations_agree_with_the_database() {
    let database = pulse_testing::Database::create().await;
    let mut connection = database.pool().get().await.expect("a connection");
    for resource in RESOURCES {
        let faults = check::faults(resource, &mut connection).await.expect("the catalogue");
        assert_eq!(faults, Vec::<String>::new(), "{}", resource.name);
    }
}

#[test]
fn names_follow_json_api_and_do_not_collide() {
    let mut types = HashSet::new();
    for resource in RESOURCES {
        assert!(types.insert(resource.name), "{} twice", resource.name);
        assert!(is_member_name(resource.name));
        let mut fields = HashSet::from(["id", "type"]);
        let attributes = resource.attributes.iter().map(|attribute| attribute.name);
        for name in attributes.chain(resource.relationships.iter().map(|relationship| relationship.name)) {
            assert!(is_member_name(name) && fields.insert(name), "{}.{name}", resource.name);
            // A filter key could be read in two ways otherwise.
            assert!(!name.contains("_or_") && !name.contains("_and_"), "{}.{name}", resource.name);
            assert!(Predicate::split(name).is_none(), "{}.{name}", resource.name);
        }
        for name in resource.scope_names() {
            assert!(is_member_name(name) && fields.insert(name), "{}.{name}", resource.name);
            assert!(Predicate::split(name).is_none(), "{}.{name}", resource.name);
        }
        if let Some(events) = resource.events {
            for name in events.names() {
                assert!(pulse_domain::catalogue::find(name).is_some(), "{name} is not in the catalogue");
            }
        }
    }
}

/// A value that can be read as the attribute's kind.
fn sample(attribute: &Attribute) -> &'static str {
    match attribute.kind {
        Kind::Text | Kind::Json => "x",
        Kind::Integer | Kind::BigInteger | Kind::Decimal { .. } | Kind::Float => "1",
        Kind::Boolean => "true",
        Kind::Date => "2026-01-31",
        Kind::DateTime => "2026-01-31T12:00:00Z",
        Kind::Uuid => "01234567-89ab-7def-8123-456789abcdef",
    }
}

#[tokio::test]
async fn every_filterable_attribute_takes_every_predicate_of_its_kind_and_refuses_the_others() {
    let app = App::spawn().await;
    for resource in RESOURCES {
        for attribute in resource.attributes.iter().filter(|attribute| attribute.filterable) {
            // All that fit in one request, and all that do not in another, of which each is told.
            let (fitting, others): (Vec<_>, Vec<_>) =
                PREDICATES.iter().partition(|predicate| predicate.applies_to(attribute.kind));
            let get = async |predicates: &[&Predicate]| {
                let pairs = predicates.iter().map(|predicate| {
                    let value = if predicate.shape == Shape::Flag { "1" } else { sample(attribute) };
                    format!("{}={value}", key(attribute, predicate))
                });
                let query = pairs.collect::<Vec<_>>().join("&");
                app.get(&format!("/api/v1/{}?{query}&page[size]=1", resource.path())).await
            };
            let taken = get(&fitting).await;
            assert_eq!(taken.status, 200, "{}.{}: {}", resource.name, attribute.name, taken.json);
            if others.is_empty() {
                continue;
            }
            let refused = get(&others).await;
            let keys = others.iter().map(|predicate| key(attribute, predicate).replace("[]", ""));
            let named = refused.errors().into_iter().map(|(_, source)| source.replace("[]", ""));
            assert_eq!(
                (refused.status, named.collect::<BTreeSet<_>>()),
                (400, keys.collect::<BTreeSet<_>>()),
                "{}.{}",
                resource.name,
                attribute.name
            );
        }
    }
}

/// The parameter of a predicate.
fn key(attribute: &Attribute, predicate: &Predicate) -> String {
    let list = if predicate.shape == Shape::List { "[]" } else { "" };
    format!("q[{}_{}]{list}", attribute.name, predicate.name)
}

#[tokio::test]
async fn every_list_can_be_sorted_included_and_narrowed_as_declared() {
    let app = App::spawn().await;
    for resource in RESOURCES {
        let path = format!("/api/v1/{}", resource.path());
        for attribute in resource.attributes {
            let answer = app.get(&format!("{path}?sort=-{}", attribute.name)).await;
            assert_eq!(
                answer.status,
                if attribute.sortable { 200 } else { 400 },
                "{path} {}",
                attribute.name
            );
            let filtered = app.get(&format!("{path}?q[{}_null]=1", attribute.name)).await;
            assert_eq!(
                filtered.status,
                if attribute.filterable { 200 } else { 400 },
                "{path} {}",
                attribute.name
            );
        }
        for relationship in resource.relationships {
            let answer = app.get(&format!("{path}?include={}", relationship.name)).await;
            assert_eq!(answer.status, 200, "{path} {}: {}", relationship.name, answer.json);
            let through =
                matches!(relationship.single_target(), Some(target) if target.store == resource.store);
            let answer = app.get(&format!("{path}?sort={}.id,-id", relationship.name)).await;
            assert_eq!(answer.status, if through { 200 } else { 400 }, "{path} {}", relationship.name);
        }
        for scope in resource.scope_names() {
            let answer = app.get(&format!("{path}?q[{scope}]=true&filter[{scope}]=1")).await;
            assert_eq!(answer.status, 200, "{path} {scope}: {}", answer.json);
        }
        let fields: Vec<&str> = resource.attributes.iter().map(|attribute| attribute.name).collect();
        let answer = app.get(&format!("{path}?fields[{}]={}", resource.name, fields.join(","))).await;
        assert_eq!(answer.status, 200, "{path}");
    }
}

#[tokio::test]
async fn every_route_refuses_a_request_without_a_credential() {
    let app = App::spawn().await;
    let id = uuid::Uuid::now_v7();
    for resource in RESOURCES {
        let path = format!("/api/v1/{}", resource.path());
        let mut paths = vec![path.clone(), format!("{path}/{id}")];
        for relationship in resource.relationships {
            paths.push(format!("{path}/{id}/{}", relationship.name));
            paths.push(format!("{path}/{id}/relationships/{}", relationship.name));
        }
        for path in paths {
            let answer = app.send(reqwest::Method::GET, &path, None, None).await;
            assert_eq!(answer.status, 401, "{path}");
            assert_eq!(answer.errors()[0].0, "unauthenticated", "{path}");
        }
    }
}
