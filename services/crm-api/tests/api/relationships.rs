//! Relationships: related records and the links themselves.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{App, errors};

#[tokio::test]
async fn a_to_one_relationship_is_set_read_and_cleared_at_its_own_address() {
    let app = App::spawn().await;
    let ada = app.create("contacts", json!({ "first_name": "Ada" })).await;
    let acme = app.create("companies", json!({ "name": "Acme" })).await;
    let link = format!("/api/v1/contacts/{ada}/relationships/company");
    let related = format!("/api/v1/contacts/{ada}/company");

    let empty = app.get(&link).await;
    assert_eq!((empty.status, &empty.json["data"]), (200, &Value::Null));
    let empty = app.get(&related).await;
    assert_eq!((empty.status, &empty.json["data"]), (200, &Value::Null));

    let identifier = json!({ "type": "companies", "id": acme });
    let set = app.patch(&link, json!({ "data": identifier })).await;
    assert_eq!((set.status, &set.json["data"]), (200, &identifier));
    assert_eq!(app.get(&related).await.json["data"]["attributes"]["name"], "Acme");
    assert_eq!(
        app.get(&format!("/api/v1/companies/{acme}/contacts")).await.ids(),
        std::slice::from_ref(&ada)
    );

    let cleared = app.patch(&link, json!({ "data": null })).await;
    assert_eq!((cleared.status, &cleared.json["data"]), (200, &Value::Null));
    app.patch(&link, json!({ "data": identifier })).await;
    app.delete(&format!("/api/v1/companies/{acme}")).await;
    let trashed = app.get(&related).await;
    assert_eq!((trashed.status, &trashed.json["data"]), (200, &Value::Null), "the trash is nowhere");
    let refused = app.post(&link, json!({ "data": identifier })).await;
    assert_eq!((refused.status, refused.errors()), (403, errors([("forbidden", "")])));
}

#[tokio::test]
async fn a_to_many_relationship_is_added_to_removed_from_and_replaced() {
    let app = App::spawn().await;
    let ada = app.create("contacts", json!({})).await;
    let mut tags = Vec::new();
    for name in ["a", "b", "c"] {
        tags.push(json!({ "type": "tags", "id": app.create("tags", json!({ "name": name })).await }));
    }
    let link = format!("/api/v1/contacts/{ada}/relationships/tags");
    let linked = async || {
        let mut data = app.get(&link).await.json["data"].as_array().expect("a collection").clone();
        data.sort_by_key(|identifier| identifier["id"].to_string());
        data
    };
    for _ in 0..2 {
        // Adding what is there already succeeds and changes nothing.
        assert_eq!(app.post(&link, json!({ "data": [tags[0], tags[1]] })).await.status, 200);
        assert_eq!(linked().await, tags[..2]);
    }
    for _ in 0..2 {
        let removed = json!({ "data": [tags[0]] });
        assert_eq!(app.send(Method::DELETE, &link, Some(&app.token), Some(&removed)).await.status, 200);
        assert_eq!(linked().await, tags[1..2]);
    }
    assert_eq!(app.patch(&link, json!({ "data": [tags[0], tags[2]] })).await.status, 200);
    assert_eq!(linked().await, [tags[0].clone(), tags[2].clone()]);
    assert_eq!(app.get(&format!("/api/v1/contacts/{ada}/tags?sort=-name")).await.ids().len(), 2);
    let page = app.get(&format!("{link}?page[size]=1")).await;
    assert_eq!((page.ids().len(), &page.json["meta"]["total"]), (1, &json!(2)));
    let next = app.get(page.json["links"]["next"].as_str().expect("a second page")).await;
    assert_ne!(next.ids(), page.ids());
    let refused = app.get(&format!("{link}?sort=name")).await;
    assert_eq!((refused.status, refused.errors()), (400, errors([("unknown_parameter", "sort")])));

    let events = app.get("/api/v1/events?sort=sequence&q[event_type_eq]=contact.updated").await;
    let changes: Vec<&Value> = events.json["data"]
        .as_array()
        .expect("a collection")
        .iter()
        .map(|event| &event["attributes"]["changes"]["tags"])
        .collect();
    assert_eq!(changes.len(), 3, "what changed nothing is no event");
    assert_eq!(changes[0]["added"].as_array().map(Vec::len), Some(2));
    assert_eq!(changes[1]["removed"].as_array().map(Vec::len), Some(1));
    assert_eq!(changes[2]["replaced"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_link_to_nothing_or_to_the_wrong_type_is_refused_and_nothing_changes() {
    let app = App::spawn().await;
    let ada = app.create("contacts", json!({})).await;
    let vip = app.create("tags", json!({ "name": "vip" })).await;
    let nobody = Uuid::now_v7();
    let tags = format!("/api/v1/contacts/{ada}/relationships/tags");
    let company = format!("/api/v1/contacts/{ada}/relationships/company");
    let cases = [
        (
            app.post(
                &tags,
                json!({ "data": [{ "type": "tags", "id": vip }, { "type": "tags", "id": nobody }] }),
            )
            .await,
            404,
            ("related_not_found", "/data/1/id"),
        ),
        (
            app.post(&tags, json!({ "data": [{ "type": "companies", "id": vip }] })).await,
            409,
            ("wrong_type", "/data/0/type"),
        ),
        (app.post(&tags, json!({ "data": null })).await, 400, ("malformed_document", "/data")),
        (app.patch(&company, json!({ "data": [] })).await, 400, ("malformed_document", "/data")),
        (
            app.patch(&company, json!({ "data": { "type": "tags", "id": vip } })).await,
            409,
            ("wrong_type", "/data/type"),
        ),
        (
            app.patch(&company, json!({ "data": { "type": "companies", "id": nobody } })).await,
            404,
            ("related_not_found", "/data/id"),
        ),
    ];
    for (answer, status, expected) in cases {
        assert_eq!((answer.status, answer.errors()), (status, errors([expected])));
    }
    assert_eq!(app.get(&tags).await.json["data"], json!([]));
    let document = json!({ "data": { "type": "contacts", "relationships": {
        "company": { "data": { "type": "companies", "id": nobody } },
        "tags": { "data": [{ "type": "tags", "id": nobody }] },
        "tasks": { "data": [] },
        "friends": { "data": [] },
    } } });
    let answer = app.post("/api/v1/contacts", document).await;
    let expected =
        [("forbidden", "/data/relationships/tasks"), ("unknown_relationship", "/data/relationships/friends")];
    assert_eq!((answer.status, answer.errors()), (400, errors(expected)));
}

#[tokio::test]
async fn every_link_of_a_resource_can_be_followed() {
    let app = App::spawn().await;
    let ada = app.create("contacts", json!({})).await;
    let shown = app.get(&format!("/api/v1/contacts/{ada}")).await;
    let relationships = shown.json["data"]["relationships"].as_object().expect("relationships").clone();
    assert!(!relationships.is_empty());
    for (name, relationship) in relationships {
        for link in ["self", "related"] {
            let path = relationship["links"][link].as_str().expect("a link");
            let answer = app.get(path).await;
            assert_eq!(
                (answer.status, answer.json["links"]["self"].as_str().is_some()),
                (200, true),
                "{name} {link}"
            );
        }
    }
    let answer = app.get(&format!("/api/v1/contacts/{}/company", Uuid::now_v7())).await;
    assert_eq!(answer.status, 404);
}
