//! Creating, updating and deleting (sections 14, 15 and 17).

use crm_api::resources::RESOURCES;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{App, errors};
use crate::sample;

#[tokio::test]
async fn a_new_record_is_answered_where_it_is_and_as_it_was_asked_for() {
    let app = App::spawn().await;
    let acme = app.create("companies", json!({ "name": "Acme" })).await;
    let id = Uuid::now_v7().to_string();
    let document = json!({
        "data": {
            "type": "contacts", "id": id, "lid": "new", "attributes": { "first_name": "Ada", "@note": 1 },
            "relationships": { "company": { "data": { "type": "companies", "id": acme } } }, "@other": 2,
        },
        "meta": { "sent": "by hand" }, "unknown": 1,
    });
    let answer = app
        .post("/api/v1/contacts?include=company&fields[contacts]=first_name,company", document.clone())
        .await;
    assert_eq!(answer.status, 201, "{}", answer.json);
    let path = format!("/api/v1/contacts/{id}");
    // 14.6, 14.7
    assert_eq!(answer.header("location"), Some(path.as_str()));
    assert_eq!(answer.json["data"]["links"]["self"], path.as_str());
    // 5.9, 8.4
    assert_eq!(answer.json["data"]["attributes"], json!({ "first_name": "Ada" }));
    assert_eq!(answer.json["included"][0]["id"], acme.as_str());
    let again = app.get(answer.json["links"]["self"].as_str().expect("a link")).await;
    assert_eq!(again.json, answer.json, "2.8");
    assert_eq!(app.post("/api/v1/contacts", document).await.status, 409, "14.4");
}

#[tokio::test]
async fn nothing_is_written_when_the_answer_cannot_be_given() {
    let app = App::spawn().await;
    for (query, code) in [("include=friends", "unknown_include"), ("sort=name", "unknown_parameter")] {
        let document = json!({ "data": { "type": "companies", "attributes": { "name": "Acme" } } });
        let answer = app.post(&format!("/api/v1/companies?{query}"), document).await;
        assert_eq!((answer.status, answer.errors()[0].0.as_str()), (400, code));
    }
    assert_eq!(app.get("/api/v1/companies").await.ids(), Vec::<String>::new());
}

#[tokio::test]
async fn a_lid_names_the_new_resource_and_nothing_else() {
    let app = App::spawn().await;
    let document = |link: Value| json!({ "data": { "type": "contacts", "lid": "a", "relationships": { "company": { "data": link } } } });
    let answer = app.post("/api/v1/contacts", document(json!({ "type": "contacts", "lid": "a" }))).await;
    let expected = errors([("wrong_type", "/data/relationships/company/data/type")]);
    assert_eq!((answer.status, answer.errors()), (409, expected), "it is a contact and not a company");
    let answer = app.post("/api/v1/contacts", document(json!({ "type": "companies", "lid": "b" }))).await;
    let expected = errors([("malformed_document", "/data/relationships/company/data/lid")]);
    assert_eq!((answer.status, answer.errors()), (400, expected));
    assert_eq!(app.post("/api/v1/contacts", document(Value::Null)).await.status, 201);
}

#[tokio::test]
async fn every_record_that_is_sent_back_whole_stays_as_it_is() {
    let app = App::spawn().await;
    let caller = app.caller();
    for resource in RESOURCES.iter().filter(|resource| resource.actions.create && resource.actions.update) {
        let sample = sample::create(&caller, resource).await;
        let before = app.get(&sample.path()).await;
        // 15.8: attributes that cannot be set and relationships that cannot be changed here are in it.
        let names: Vec<&str> = resource.relationships.iter().map(|relationship| relationship.name).collect();
        let whole = app.get(&format!("{}?include={}", sample.path(), names.join(","))).await;
        for document in [&before.json, &whole.json] {
            let echo = app.patch(&sample.path(), json!({ "data": document["data"] })).await;
            assert_eq!(echo.status, 200, "{}: {}", resource.name, echo.json);
            assert_eq!(echo.json["data"], before.json["data"], "{}", resource.name);
            assert_eq!(echo.header("etag"), before.header("etag"), "{}: nothing has changed", resource.name);
        }
    }
}

#[tokio::test]
async fn an_update_that_changes_nothing_changes_no_version() {
    let app = App::spawn().await;
    let id = app
        .create(
            "contacts",
            json!({ "first_name": "Ada", "birthday": "1815-12-10", "address": { "city": "London" } }),
        )
        .await;
    let path = format!("/api/v1/contacts/{id}");
    let before = app.get(&path).await;
    let change =
        |attributes: Value| json!({ "data": { "type": "contacts", "id": id, "attributes": attributes } });
    for attributes in [
        json!({ "first_name": "Ada" }),
        json!({ "last_name": null, "birthday": "1815-12-10" }),
        json!({ "address": { "city": "London" }, "do_not_email": false }),
        json!({}),
    ] {
        let same = app.patch(&path, change(attributes)).await;
        assert_eq!((same.status, &same.json["data"]), (200, &before.json["data"]));
        assert_eq!(same.header("etag"), before.header("etag"));
    }
    let changed = app.patch(&path, change(json!({ "first_name": "Ada", "last_name": "L" }))).await;
    assert_ne!(changed.header("etag"), before.header("etag"));
    assert_ne!(
        changed.json["data"]["attributes"]["updated_at"],
        before.json["data"]["attributes"]["updated_at"]
    );
    let events = app.get("/api/v1/events?q[event_type_eq]=contact.updated").await;
    assert_eq!(events.ids().len(), 1);
}

#[tokio::test]
async fn an_update_replaces_what_is_given_and_keeps_the_rest() {
    let app = App::spawn().await;
    let acme = app.create("companies", json!({ "name": "Acme" })).await;
    let tag = app.create("tags", json!({ "name": "vip" })).await;
    let ada = app.create("contacts", json!({ "first_name": "Ada", "last_name": "L" })).await;
    let path = format!("/api/v1/contacts/{ada}");
    let update = |data: Value| {
        let mut document = json!({ "data": { "type": "contacts", "id": ada } });
        document["data"]
            .as_object_mut()
            .expect("an object")
            .extend(data.as_object().expect("an object").clone());
        app.patch(&path, document)
    };
    let company = json!({ "data": { "type": "companies", "id": acme } });
    let linked = update(json!({ "relationships": { "company": company, "tags": { "data": [{ "type": "tags", "id": tag }] } } })).await;
    assert_eq!(linked.status, 200, "{}", linked.json);
    let renamed = app
        .patch(
            &format!("{path}?include=tags&fields[contacts]=last_name,company"),
            json!({ "data": { "type": "contacts", "id": ada, "attributes": { "first_name": null } } }),
        )
        .await;
    assert_eq!(renamed.json["data"]["attributes"], json!({ "last_name": "L" }));
    assert_eq!(renamed.json["data"]["relationships"]["company"]["data"], company["data"]);
    assert_eq!(renamed.json["included"][0]["id"], tag.as_str());
    // 15.1, 15.4, 15.12, 15.13
    for (data, status, code, source) in [
        (json!({ "id": Uuid::now_v7() }), 409, "wrong_id", "/data/id"),
        (json!({ "type": "tags" }), 409, "wrong_type", "/data/type"),
        (
            json!({ "relationships": { "company": {} } }),
            400,
            "malformed_document",
            "/data/relationships/company",
        ),
        (
            json!({ "relationships": { "company": { "meta": {} } } }),
            400,
            "malformed_document",
            "/data/relationships/company",
        ),
        (
            json!({ "relationships": { "company": { "data": { "type": "companies", "id": Uuid::now_v7() } } }, "attributes": { "last_name": "x" } }),
            404,
            "related_not_found",
            "/data/relationships/company/data/id",
        ),
        (
            json!({ "relationships": { "tasks": { "data": [{ "type": "tasks", "id": Uuid::now_v7() }] } }, "attributes": { "last_name": "x" } }),
            403,
            "forbidden",
            "/data/relationships/tasks",
        ),
    ] {
        let answer = update(data.clone()).await;
        assert_eq!((answer.status, answer.errors()), (status, errors([(code, source)])), "{data}");
    }
    assert_eq!(app.get(&path).await.json["data"]["attributes"]["last_name"], "L", "15.16");
    let upper = json!({ "data": { "type": "contacts", "id": ada.to_uppercase() } });
    assert_eq!(app.patch(&path, upper).await.status, 200, "the same id");
    let missing = format!("/api/v1/contacts/{}", Uuid::now_v7());
    let id = missing.rsplit('/').next().expect("an id");
    assert_eq!(app.patch(&missing, json!({ "data": { "type": "contacts", "id": id } })).await.status, 404);
}

#[tokio::test]
async fn what_is_deleted_is_gone_from_everything() {
    let app = App::spawn().await;
    let acme = app.create("companies", json!({ "name": "Acme" })).await;
    let tag = app.create("tags", json!({ "name": "vip" })).await;
    let document = json!({ "data": { "type": "contacts", "relationships": {
        "company": { "data": { "type": "companies", "id": acme } },
        "tags": { "data": [{ "type": "tags", "id": tag }] },
    } } });
    let ada = app.post("/api/v1/contacts", document).await.id();
    for path in [format!("/api/v1/companies/{acme}"), format!("/api/v1/tags/{tag}")] {
        assert_eq!(app.delete(&path).await.status, 200);
        for method in [Method::GET, Method::DELETE] {
            let answer = app.send(method, &path, Some(&app.token), None).await;
            assert_eq!((answer.status, answer.errors()), (404, errors([("not_found", "")])), "17.3");
        }
    }
    // 17.4
    let shown = app.get(&format!("/api/v1/contacts/{ada}?include=company,tags")).await;
    assert_eq!(shown.json["included"], json!([]));
    assert_eq!(shown.json["data"]["relationships"]["company"]["data"], Value::Null);
    assert_eq!(shown.json["data"]["relationships"]["tags"]["data"], json!([]));
    for (name, empty) in [("company", Value::Null), ("tags", json!([]))] {
        for path in [name.to_owned(), format!("relationships/{name}")] {
            let answer = app.get(&format!("/api/v1/contacts/{ada}/{path}")).await;
            assert_eq!((answer.status, &answer.json["data"]), (200, &empty), "{path}");
        }
    }
}
