//! Two workspaces on one service: nothing of one is ever seen, counted, named or touched by the other, at any address of
//! any resource.

use crm_api::resources::RESOURCES;
use pulse_resource::{Link, Relationship, Resource};
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Answer, App, Caller};
use crate::sample::{self, Sample};

#[tokio::test]
async fn no_address_of_any_resource_shows_or_changes_a_record_of_another_workspace() {
    let app = App::spawn().await;
    let (owner, stranger) = (app.caller(), app.as_another_workspace().await);
    for resource in RESOURCES.iter().filter(|resource| resource.actions.create) {
        let record = sample::create(&owner, resource).await;
        let before = owner.get(&record.path()).await.json;
        direct(&stranger, &record).await;
        through_relationships(&stranger, &record).await;
        assert_eq!(owner.get(&record.path()).await.json, before, "{} was changed", resource.name);
    }
}

/// Every address below the record's own.
async fn direct(stranger: &Caller<'_>, record: &Sample) {
    let path = record.path();
    let resource = record.resource;
    let mut calls = vec![(Method::GET, path.clone(), None)];
    if resource.actions.update {
        let body = json!({ "data": { "type": resource.name, "id": record.id, "attributes": {} } });
        calls.push((Method::PATCH, path.clone(), Some(body)));
    }
    if resource.actions.destroy {
        calls.push((Method::DELETE, path.clone(), None));
        if resource.has_trash() {
            calls.push((Method::POST, format!("{path}/restore"), None));
            calls.push((Method::DELETE, format!("{path}/purge"), None));
        }
    }
    for relationship in resource.relationships {
        calls.push((Method::GET, format!("{path}/{}", relationship.name), None));
        let link = format!("{path}/relationships/{}", relationship.name);
        calls.push((Method::GET, link.clone(), None));
        let data = if relationship.to_one() { Value::Null } else { json!([]) };
        if changeable(resource, relationship) {
            calls.push((Method::PATCH, link, Some(json!({ "data": data }))));
        }
    }
    for (method, path, body) in calls {
        let answer = stranger.send(method.clone(), &path, body.as_ref()).await;
        assert_eq!(answer.status, 404, "{method} {path}: {}", answer.json);
    }
}

fn changeable(resource: &Resource, relationship: &Relationship) -> bool {
    match relationship.link {
        Link::BelongsTo { nullable, writable, .. } | Link::BelongsToAny { nullable, writable, .. } => {
            resource.actions.update && writable && nullable
        }
        Link::Through { .. } => true,
        _ => false,
    }
}

/// Lists, filters, includes and sorts of the resource, and links to the record from the stranger's own.
async fn through_relationships(stranger: &Caller<'_>, record: &Sample) {
    let list = format!("/api/v1/{}", record.resource.path());
    let own = sample::create(stranger, record.resource).await;
    let unseen = |answer: &Answer, query: &str| {
        assert_eq!(answer.status, 200, "{list}?{query}: {}", answer.json);
        // The links of a page repeat its query, so the id that was asked for may stand there.
        let data = [&answer.json["data"], &answer.json["included"]].map(Value::to_string).concat();
        for id in record.ids() {
            assert!(!data.contains(id), "{list}?{query} shows {id}");
        }
        if query.starts_with("q[") {
            assert_eq!(answer.json["meta"]["total"], 0, "{list}?{query} counts");
        }
    };
    let mut queries = vec![String::new(), format!("q[id_eq]={}", record.id)];
    for relationship in record.resource.relationships {
        let name = relationship.name;
        queries.push(format!("include={name}"));
        if matches!(relationship.link, Link::BelongsTo { .. }) {
            queries.push(format!("sort={name}.id"));
        }
        if relationship.single_target().is_some_and(|target| target.store == record.resource.store) {
            for id in record.ids() {
                queries.push(format!("q[{name}_id_eq]={id}"));
            }
        }
    }
    for query in queries {
        unseen(&stranger.get(&format!("{list}?{query}")).await, &query);
    }
    for needed in &record.needed {
        for relationship in record.resource.relationships {
            if leads_to(relationship, needed.resource) && changeable(record.resource, relationship) {
                refuse(stranger, &own, relationship, needed).await;
            }
        }
    }
    for relationship in own.resource.relationships {
        let foreign = Sample { resource: record.resource, id: record.id.clone(), needed: Vec::new() };
        if leads_to(relationship, record.resource) && changeable(record.resource, relationship) {
            refuse(stranger, &own, relationship, &foreign).await;
        }
    }
}

fn leads_to(relationship: &Relationship, resource: &Resource) -> bool {
    relationship.targets().iter().any(|target| target.name == resource.name)
}

/// A record of another workspace cannot be linked to.
async fn refuse(stranger: &Caller<'_>, own: &Sample, relationship: &Relationship, foreign: &Sample) {
    let identifier = json!({ "type": foreign.resource.name, "id": foreign.id });
    let data = if relationship.to_one() { identifier } else { json!([identifier]) };
    let link = format!("{}/relationships/{}", own.path(), relationship.name);
    let answer = stranger.patch(&link, json!({ "data": data })).await;
    assert_eq!(answer.status, 404, "{link}: {}", answer.json);
}

#[tokio::test]
async fn every_list_of_another_workspace_is_empty() {
    let app = App::spawn().await;
    let owner = app.caller();
    for resource in RESOURCES.iter().filter(|resource| resource.actions.create) {
        sample::create(&owner, resource).await;
    }
    let other = app.as_another_workspace().await;
    for resource in RESOURCES {
        let answer = other.get(&format!("/api/v1/{}", resource.path())).await;
        let expected = match resource.name {
            // The owner, who signed in, which is on record, and the key that a workspace begins with.
            "users" | "user_sessions" | "audit_log" | "webhook_signing_keys" => 1,
            _ => 0,
        };
        assert_eq!(answer.ids().len(), expected, "{}", resource.name);
        assert_eq!(answer.json["meta"]["total"], Value::from(expected), "{}", resource.name);
    }
}
