//! Taggings: tagging a record here or through its relationship is the same.

use serde_json::{Value, json};

use crate::app::{App, errors};

fn tagging(tag: &str, parent: (&str, &str)) -> Value {
    json!({ "data": { "type": "taggings", "relationships": {
        "tag": { "data": { "type": "tags", "id": tag } },
        "parent": { "data": { "type": parent.0, "id": parent.1 } },
    } } })
}

#[tokio::test]
async fn a_tag_given_by_either_way_is_the_same_row() {
    let app = App::spawn().await;
    let tag = app.create("tags", json!({ "name": "vip" })).await;
    for (parent, attributes) in [
        ("contacts", json!({})),
        ("companies", json!({ "name": "Acme" })),
        ("tickets", json!({ "subject": "Broken" })),
    ] {
        let id = app.create(parent, attributes).await;
        let links = format!("/api/v1/{parent}/{id}/relationships/tags");
        let identifier = json!([{ "type": "tags", "id": tag }]);

        let created = app.post("/api/v1/taggings", tagging(&tag, (parent, &id))).await;
        assert_eq!(created.status, 201, "{}", created.json);
        assert_eq!(app.get(&links).await.json["data"], identifier);
        let again = app.post("/api/v1/taggings", tagging(&tag, (parent, &id))).await;
        let expected = errors([("not_unique", "/data/relationships/tag")]);
        assert_eq!((again.status, again.errors()), (409, expected));
        assert_eq!(app.post(&links, json!({ "data": identifier })).await.status, 200);
        let found = app.get(&format!("/api/v1/taggings?q[parent_id_eq]={id}")).await;
        assert_eq!(found.ids(), [created.id()]);

        let removed = app.delete(&format!("/api/v1/taggings/{}", created.id())).await;
        assert_eq!(removed.status, 200, "{}", removed.json);
        assert_eq!(app.get(&links).await.json["data"], json!([]));
        assert_eq!(app.patch(&links, json!({ "data": identifier })).await.status, 200);
        let found = app.get(&format!("/api/v1/{parent}/{id}/taggings?include=tag")).await;
        assert_eq!(found.json["included"][0]["id"], tag.as_str());
    }
}

#[tokio::test]
async fn either_way_tells_that_the_record_changed() {
    let app = App::spawn().await;
    let tag = app.create("tags", json!({ "name": "vip" })).await;
    let contact = app.create("contacts", json!({})).await;
    let created = app.post("/api/v1/taggings", tagging(&tag, ("contacts", &contact))).await;
    app.delete(&format!("/api/v1/taggings/{}", created.id())).await;
    let events = app.get(&format!("/api/v1/events?q[record_id_eq]={contact}&sort=sequence")).await;
    let events = events.json["data"].as_array().expect("events").clone();
    let changes: Vec<&Value> = events.iter().map(|event| &event["attributes"]["changes"]).collect();
    assert_eq!(
        changes,
        [&Value::Null, &json!({ "tags": { "added": [tag] } }), &json!({ "tags": { "removed": [tag] } })]
    );
    assert_eq!(events[2]["attributes"]["event_type"], "contact.updated");
}

#[tokio::test]
async fn a_record_takes_many_tags_at_once() {
    let app = App::spawn().await;
    let contact = app.create("contacts", json!({})).await;
    let mut tags = Vec::new();
    for name in ["a", "b", "c", "d"] {
        tags.push(app.create("tags", json!({ "name": name })).await);
    }
    let tag = |tag: &str| app.post("/api/v1/taggings", tagging(tag, ("contacts", &contact)));
    let (a, b, c, d) = tokio::join!(tag(&tags[0]), tag(&tags[1]), tag(&tags[2]), tag(&tags[3]));
    for answer in [a, b, c, d] {
        assert_eq!(answer.status, 201, "{}", answer.json);
    }
}

#[tokio::test]
async fn a_tag_in_the_trash_marks_nothing_until_it_is_taken_out() {
    let app = App::spawn().await;
    let tag = app.create("tags", json!({ "name": "vip" })).await;
    let contact = app.create("contacts", json!({})).await;
    app.post("/api/v1/taggings", tagging(&tag, ("contacts", &contact))).await;
    let path = format!("/api/v1/contacts/{contact}");
    app.delete(&format!("/api/v1/tags/{tag}")).await;
    assert_eq!(app.get(&format!("{path}/relationships/tags")).await.json["data"], json!([]));
    let shown = app.get(&format!("{path}?include=tags")).await;
    assert_eq!(shown.json["included"], json!([]));
    assert_eq!(shown.json["data"]["relationships"]["tags"]["data"], json!([]));
    assert_eq!(app.get("/api/v1/contacts?q[tags_name_eq]=vip").await.ids(), Vec::<String>::new());

    app.post(&format!("/api/v1/tags/{tag}/restore"), Value::Null).await;
    assert_eq!(app.get("/api/v1/contacts?q[tags_name_eq]=vip").await.ids(), [contact]);
    app.delete(&format!("/api/v1/tags/{tag}")).await;
    assert_eq!(app.delete(&format!("/api/v1/tags/{tag}/purge")).await.status, 200);
    assert_eq!(app.get("/api/v1/taggings").await.ids(), Vec::<String>::new());
}

#[tokio::test]
async fn a_tag_and_a_record_of_another_workspace_are_not_there() {
    let app = App::spawn().await;
    let tag = app.create("tags", json!({ "name": "vip" })).await;
    let contact = app.create("contacts", json!({})).await;
    let other = app.as_another_workspace().await;
    let refused = other.post("/api/v1/taggings", tagging(&tag, ("contacts", &contact))).await;
    let expected = errors([
        ("related_not_found", "/data/relationships/tag/data/id"),
        ("related_not_found", "/data/relationships/parent/data/id"),
    ]);
    assert_eq!((refused.status, refused.errors()), (404, expected));
    let wrong = app.post("/api/v1/taggings", tagging(&tag, ("users", &contact))).await;
    let expected = errors([("wrong_type", "/data/relationships/parent/data/type")]);
    assert_eq!((wrong.status, wrong.errors()), (409, expected));
}
