//! Notes: Markdown, and what they are about.

use serde_json::{Value, json};

use crate::app::{App, errors};

fn note(body: &str, parent: (&str, &str)) -> Value {
    json!({ "data": {
        "type": "notes",
        "attributes": { "body": body },
        "relationships": { "parent": { "data": { "type": parent.0, "id": parent.1 } } },
    } })
}

#[tokio::test]
async fn a_note_is_shown_as_html_that_runs_nothing() {
    let app = App::spawn().await;
    let contact = app.create("contacts", json!({})).await;
    let body = "Call **Ada**\n\n<script>alert(1)</script>\n\n[x](javascript:alert(1))";
    let created = app.post("/api/v1/notes", note(body, ("contacts", &contact))).await;
    assert_eq!(created.status, 201, "{}", created.json);
    let attributes = &created.json["data"]["attributes"];
    assert_eq!(attributes["body"], body);
    assert_eq!(
        attributes["body_html"],
        "<p>Call <strong>Ada</strong></p>\n<p>&lt;script&gt;alert(1)&lt;/script&gt;\n</p>\n<p>x</p>\n"
    );
    assert_eq!(attributes["edited_at"], Value::Null);
    assert_eq!((&attributes["parent_type"], &attributes["parent_id"]), (&json!("contacts"), &json!(contact)));
    assert_eq!(created.json["data"]["relationships"]["author"]["data"]["type"], "users");

    let id = created.id();
    let change =
        |attributes: Value| json!({ "data": { "type": "notes", "id": id, "attributes": attributes } });
    let path = format!("/api/v1/notes/{id}");
    let pinned = app.patch(&path, change(json!({ "is_pinned": true, "body": body }))).await;
    assert_eq!(pinned.json["data"]["attributes"]["edited_at"], Value::Null, "{}", pinned.json);
    let edited = app.patch(&path, change(json!({ "body": "*New*" }))).await;
    assert_eq!(edited.json["data"]["attributes"]["body_html"], "<p><em>New</em></p>\n");
    assert!(edited.json["data"]["attributes"]["edited_at"].is_string());
}

#[tokio::test]
async fn a_note_is_about_a_record_of_the_workspace_and_of_the_right_type() {
    let app = App::spawn().await;
    let company = app.create("companies", json!({ "name": "Acme" })).await;
    let tag = app.create("tags", json!({ "name": "vip" })).await;
    let wrong = app.post("/api/v1/notes", note("x", ("tags", &tag))).await;
    let at = "/data/relationships/parent/data/type";
    assert_eq!((wrong.status, wrong.errors()), (409, errors([("wrong_type", at)])));
    let other = app.as_another_workspace().await;
    let foreign = other.post("/api/v1/notes", note("x", ("companies", &company))).await;
    let at = "/data/relationships/parent/data/id";
    assert_eq!((foreign.status, foreign.errors()), (404, errors([("related_not_found", at)])));
    let nobody = json!({ "data": { "type": "notes", "attributes": { "body": "x" } } });
    let nobody = app.post("/api/v1/notes", nobody).await;
    assert_eq!((nobody.status, nobody.errors()), (422, errors([("required", "/data")])));
}

#[tokio::test]
async fn a_note_calls_on_users() {
    let app = App::spawn().await;
    let company = app.create("companies", json!({ "name": "Acme" })).await;
    let user = app.get("/api/v1/users").await.ids().remove(0);
    let mut document = note("Please", ("companies", &company));
    document["data"]["relationships"]["mentions"] = json!({ "data": [{ "type": "users", "id": user }] });
    let created = app.post("/api/v1/notes", document).await;
    assert_eq!(created.status, 201, "{}", created.json);
    let found = app.get(&format!("/api/v1/notes?q[mentions_id_eq]={user}")).await;
    assert_eq!(found.ids(), [created.id()]);
}

#[tokio::test]
async fn a_purged_record_takes_all_along_that_is_about_it_alone() {
    let app = App::spawn().await;
    let contact = app.create("contacts", json!({})).await;
    let kept = app.create("contacts", json!({})).await;
    let tag = app.create("tags", json!({ "name": "vip" })).await;
    for parent in [&contact, &kept] {
        let parent = json!({ "data": { "type": "contacts", "id": parent } });
        for (resource, attributes, more) in [
            ("notes", json!({ "body": "x" }), json!({})),
            ("activities", json!({ "kind": "email" }), json!({})),
            ("tasks", json!({ "title": "x" }), json!({})),
            ("taggings", json!({}), json!({ "data": { "type": "tags", "id": tag } })),
        ] {
            let mut document = json!({ "data": {
                "type": resource, "attributes": attributes, "relationships": { "parent": parent },
            } });
            if more.get("data").is_some() {
                document["data"]["relationships"]["tag"] = more;
            }
            let created = app.post(&format!("/api/v1/{resource}"), document).await;
            assert_eq!(created.status, 201, "{}", created.json);
        }
    }
    let path = format!("/api/v1/contacts/{contact}");
    app.delete(&path).await;
    let purged = app.delete(&format!("{path}/purge")).await;
    assert_eq!(purged.status, 200, "{}", purged.json);
    for resource in ["notes", "activities", "tasks", "taggings"] {
        let left = app.get(&format!("/api/v1/{resource}")).await;
        assert_eq!(left.ids().len(), 1, "{resource}");
        assert_eq!(left.json["data"][0]["attributes"]["parent_id"], kept.as_str(), "{resource}");
    }
}
