//! The trash: deleted records can be restored, and removed for good.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{App, errors};
use crate::policy::member;

async fn restore(app: &App, path: &str) -> crate::app::Answer {
    app.post(&format!("{path}/restore"), Value::Null).await
}

#[tokio::test]
async fn a_restored_record_is_as_it_was_and_tells_so() {
    let app = App::spawn().await;
    let contact = app.create("contacts", json!({ "first_name": "Ada", "email": "ada@x.test" })).await;
    let path = format!("/api/v1/contacts/{contact}");
    assert_eq!(app.delete(&path).await.status, 200);
    assert_eq!(app.get(&path).await.status, 404);

    let restored = restore(&app, &path).await;
    assert_eq!(restored.status, 200, "{}", restored.json);
    assert_eq!(restored.json["data"]["attributes"]["first_name"], "Ada");
    assert_eq!(app.get(&path).await.status, 200);
    // Again changes nothing: one event tells of it.
    assert_eq!(restore(&app, &path).await.status, 200);
    let events = app.get(&format!("/api/v1/events?q[record_id_eq]={contact}")).await;
    let mut types: Vec<&str> = events.json["data"]
        .as_array()
        .expect("a collection")
        .iter()
        .map(|event| event["attributes"]["event_type"].as_str().expect("a type"))
        .collect();
    types.sort_unstable();
    assert_eq!(types, ["contact.created", "contact.deleted", "contact.restored"]);
}

#[tokio::test]
async fn a_record_whose_unique_value_was_taken_stays_in_the_trash() {
    let app = App::spawn().await;
    let contact = app.create("contacts", json!({ "email": "ada@x.test" })).await;
    let path = format!("/api/v1/contacts/{contact}");
    app.delete(&path).await;
    app.create("contacts", json!({ "email": "ada@x.test" })).await;
    let refused = restore(&app, &path).await;
    assert_eq!((refused.status, refused.errors()), (409, errors([("not_unique", "")])));
    assert_eq!(app.get(&path).await.status, 404);
}

#[tokio::test]
async fn a_purged_record_is_gone_with_its_links_and_only_out_of_the_trash() {
    let app = App::spawn().await;
    let contact = app.create("contacts", json!({ "email": "ada@x.test" })).await;
    let tag = app.create("tags", json!({ "name": "vip" })).await;
    let path = format!("/api/v1/contacts/{contact}");
    app.post(&format!("{path}/relationships/tags"), json!({ "data": [{ "type": "tags", "id": tag }] })).await;

    let refused = app.delete(&format!("{path}/purge")).await;
    assert_eq!((refused.status, refused.errors()), (409, errors([("state_conflict", "")])));
    app.delete(&path).await;
    assert_eq!(app.delete(&format!("{path}/purge")).await.status, 200);
    assert_eq!(app.delete(&format!("{path}/purge")).await.status, 404);
    assert_eq!(restore(&app, &path).await.status, 404);
    let mut connection = app.database.pool().get().await.expect("a connection");
    let links: i64 =
        pulse_store::schema::taggings::table.count().get_result(&mut connection).await.expect("a count");
    assert_eq!(links, 0);
}

#[tokio::test]
async fn only_an_admin_purges_and_nobody_reaches_the_trash_of_another_workspace() {
    let app = App::spawn().await;
    let contact = app.create("contacts", json!({ "email": "ada@x.test" })).await;
    let path = format!("/api/v1/contacts/{contact}");
    app.delete(&path).await;
    let other = app.as_another_workspace().await;
    assert_eq!(other.send(Method::POST, &format!("{path}/restore"), None).await.status, 404);
    assert_eq!(other.send(Method::DELETE, &format!("{path}/purge"), None).await.status, 404);

    let (_, manager) = member(&app, "manager").await;
    let refused = manager.send(Method::DELETE, &format!("{path}/purge"), None).await;
    assert_eq!((refused.status, refused.errors()), (403, errors([("forbidden", "")])));
    assert_eq!(manager.send(Method::POST, &format!("{path}/restore"), None).await.status, 200);
}

#[tokio::test]
async fn lists_find_what_is_in_the_trash_when_they_are_asked_to() {
    let app = App::spawn().await;
    let kept = app.create("companies", json!({ "name": "Kept" })).await;
    let gone = app.create("companies", json!({ "name": "Gone" })).await;
    app.delete(&format!("/api/v1/companies/{gone}")).await;
    let found = async |query: &str| app.get(&format!("/api/v1/companies?{query}&sort=name")).await.ids();
    assert_eq!(found("").await, [kept.as_str()]);
    assert_eq!(found("q[trashed]=false").await, [kept.as_str()]);
    assert_eq!(found("q[trashed]=true").await, [gone.as_str()]);
    assert_eq!(found("filter[with_trashed]=1").await, [gone.as_str(), kept.as_str()]);
    assert_eq!(found("q[trashed]=1&q[m]=or&q[name_eq]=Kept&q[name_start]=K").await, Vec::<String>::new());
    assert_eq!(app.get("/api/v1/companies?q[trashed]=1").await.json["meta"]["total"], 1);
    let answer = app.get("/api/v1/companies?q[trashed]=maybe").await;
    assert_eq!((answer.status, answer.errors()), (400, errors([("invalid_filter", "q[trashed]")])));
    // Somebody else's trash is not to be seen.
    let other = app.as_another_workspace().await;
    assert_eq!(other.get("/api/v1/companies?q[with_trashed]=1").await.ids(), Vec::<String>::new());
}
