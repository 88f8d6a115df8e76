//! One resource from its creation to its end.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{App, errors};

fn contact(attributes: Value) -> Value {
    json!({ "data": { "type": "contacts", "attributes": attributes } })
}

#[tokio::test]
async fn a_contact_lives_from_create_to_delete() {
    let app = App::spawn().await;
    let created = app
        .post("/api/v1/contacts", contact(json!({ "first_name": "Ada", "address": { "city": "London" } })))
        .await;
    assert_eq!(created.status, 201, "{}", created.json);
    let path = format!("/api/v1/contacts/{}", created.id());
    assert_eq!(created.header("location"), Some(path.as_str()));
    assert_eq!(created.json["data"]["links"]["self"], path.as_str());
    assert_eq!(created.json["data"]["attributes"]["lifecycle"], "lead");
    assert_eq!(created.json["data"]["attributes"]["address"]["city"], "London");

    let shown = app.get(&path).await;
    assert_eq!((shown.status, &shown.json["data"]), (200, &created.json["data"]));

    let change = json!({ "data": { "type": "contacts", "id": created.id(), "attributes": {
        "last_name": "Lovelace", "birthday": "1815-12-10", "created_at": "ignored when a record is sent back",
    } } });
    let updated = app.patch(&path, change).await;
    assert_eq!(updated.status, 200, "{}", updated.json);
    let attributes = &updated.json["data"]["attributes"];
    assert_eq!((&attributes["first_name"], &attributes["last_name"]), (&json!("Ada"), &json!("Lovelace")));
    assert_eq!(attributes["birthday"], "1815-12-10");
    assert_eq!(attributes["created_at"], created.json["data"]["attributes"]["created_at"]);

    let deleted = app.delete(&path).await;
    assert_eq!((deleted.status, &deleted.json["meta"]["deleted"]), (200, &json!(true)));
    for answer in [app.get(&path).await, app.delete(&path).await] {
        assert_eq!((answer.status, answer.errors()), (404, errors([("not_found", "")])));
    }
    assert_eq!(app.get("/api/v1/contacts").await.ids(), Vec::<String>::new());
}

#[tokio::test]
async fn everything_wrong_with_a_document_is_said_at_once_and_nothing_is_written() {
    let app = App::spawn().await;
    let answer = app
        .post(
            "/api/v1/contacts",
            contact(json!({
                "first_name": 7, "nick_name": "x", "full_name": "x", "lifecycle": "unicorn", "birthday": "someday",
                "phone": "0".repeat(51), "email": "nowhere", "do_not_email": null,
            })),
        )
        .await;
    let expected = [
        ("wrong_kind", "/data/attributes/first_name"),
        ("unknown_attribute", "/data/attributes/nick_name"),
        ("read_only_attribute", "/data/attributes/full_name"),
        ("invalid", "/data/attributes/lifecycle"),
        ("wrong_kind", "/data/attributes/birthday"),
        ("too_long", "/data/attributes/phone"),
        ("required", "/data/attributes/do_not_email"),
        ("invalid", "/data/attributes/email"),
    ];
    assert_eq!((answer.status, answer.errors()), (422, errors(expected)));
    assert_eq!(app.get("/api/v1/contacts").await.ids(), Vec::<String>::new());
    assert_eq!(app.get("/api/v1/events").await.ids(), Vec::<String>::new());
}

#[tokio::test]
async fn documents_of_the_wrong_shape_are_refused_with_a_pointer() {
    let app = App::spawn().await;
    let id = app.create("contacts", json!({})).await;
    let cases = [
        (Method::POST, "/api/v1/contacts".to_owned(), json!({}), 400, ("malformed_document", "")),
        (
            Method::POST,
            "/api/v1/contacts".to_owned(),
            json!({"data": []}),
            400,
            ("malformed_document", "/data"),
        ),
        (
            Method::POST,
            "/api/v1/contacts".to_owned(),
            json!({"data": {"type": "companies"}}),
            409,
            ("wrong_type", "/data/type"),
        ),
        (
            Method::POST,
            "/api/v1/contacts".to_owned(),
            json!({"data": {"type": "contacts", "id": "7"}}),
            422,
            ("invalid", "/data/id"),
        ),
        (
            Method::PATCH,
            format!("/api/v1/contacts/{id}"),
            json!({"data": {"type": "contacts", "id": Uuid::now_v7()}}),
            409,
            ("wrong_id", "/data/id"),
        ),
        (
            Method::POST,
            "/api/v1/companies".to_owned(),
            json!({"data": {"type": "companies", "attributes": {"employees": 1.5}}}),
            422,
            ("required", "/data"),
        ),
    ];
    for (method, path, body, status, (code, source)) in cases {
        let answer = app.send(method, &path, Some(&app.token), Some(&body)).await;
        let found = answer.errors();
        assert_eq!(answer.status, status, "{body}: {}", answer.json);
        assert_eq!(found[0], (code.to_owned(), source.to_owned()), "{body}");
    }
    let request = app.request(Method::POST, "/api/v1/contacts").header("Authorization", &app.token);
    let answer = App::answer(request.header("Content-Type", "application/json").body("{\"data\":")).await;
    assert_eq!((answer.status, answer.errors()), (400, errors([("malformed_json", "")])));
    let request = app.request(Method::POST, "/api/v1/contacts").header("Authorization", &app.token);
    let large = request.header("Content-Type", "application/json").body(" ".repeat(1024 * 1024 + 1));
    let answer = App::answer(large).await;
    assert_eq!((answer.status, answer.errors()), (413, errors([("payload_too_large", "")])));
}

#[tokio::test]
async fn a_client_may_choose_the_id_once() {
    let app = App::spawn().await;
    let id = Uuid::now_v7().to_string();
    let document = json!({ "data": { "type": "contacts", "id": id, "attributes": { "first_name": "Ada" } } });
    let created = app.post("/api/v1/contacts", document.clone()).await;
    assert_eq!((created.status, created.id()), (201, id.clone()));
    let again = app.post("/api/v1/contacts", document.clone()).await;
    assert_eq!((again.status, again.errors()), (409, errors([("id_taken", "/data/id")])));
    // A record in the trash keeps its id, and another workspace has ids of its own.
    app.delete(&format!("/api/v1/contacts/{id}")).await;
    assert_eq!(app.post("/api/v1/contacts", document.clone()).await.status, 409);
    let other = app.as_another_workspace().await;
    assert_eq!(other.post("/api/v1/contacts", document).await.status, 201);
}

#[tokio::test]
async fn a_unique_value_names_its_holder_and_is_free_again_when_that_is_in_the_trash() {
    let app = App::spawn().await;
    let holder = app.create("contacts", json!({ "email": "ada@x.test" })).await;
    let taken = app.post("/api/v1/contacts", contact(json!({ "email": "ADA@x.test" }))).await;
    assert_eq!((taken.status, taken.errors()), (409, errors([("not_unique", "/data/attributes/email")])));
    assert_eq!(taken.json["errors"][0]["meta"]["id"], holder.as_str());
    app.delete(&format!("/api/v1/contacts/{holder}")).await;
    app.create("contacts", json!({ "email": "ADA@x.test" })).await;
}

#[tokio::test]
async fn a_stale_version_is_not_overwritten() {
    let app = App::spawn().await;
    let id = app.create("contacts", json!({ "first_name": "Ada" })).await;
    let path = format!("/api/v1/contacts/{id}");
    let read = app.get(&path).await.header("etag").expect("a version").to_owned();
    let patch = |tag: String, name: &str| {
        let body = json!({ "data": { "type": "contacts", "id": id, "attributes": { "first_name": name } } });
        let request = app.request(Method::PATCH, &path).header("Authorization", &app.token);
        App::answer(
            request.header("If-Match", tag).header("Content-Type", "application/json").body(body.to_string()),
        )
    };
    assert_eq!(patch(read.clone(), "Augusta").await.status, 200);
    let stale = patch(read, "Annabella").await;
    assert_eq!((stale.status, stale.errors()), (412, errors([("stale", "If-Match")])));
    assert_eq!(patch("\"other\"".into(), "Annabella").await.status, 412);
    assert_eq!(patch("*".into(), "Ada").await.status, 200);
}

#[tokio::test]
async fn decimals_integers_and_texts_come_back_as_they_were_sent() {
    let app = App::spawn().await;
    let name = " ünïcode \"quoted\"\n\u{1F980} ";
    let id = app
        .create(
            "companies",
            json!({ "name": name, "employees": -2147483648i64, "annual_revenue": "1234567890123456.5" }),
        )
        .await;
    let attributes = app.get(&format!("/api/v1/companies/{id}")).await.json["data"]["attributes"].clone();
    assert_eq!(attributes["name"], name);
    assert_eq!(attributes["employees"], -2147483648i64);
    assert_eq!(attributes["annual_revenue"], "1234567890123456.50");
    for wrong in [json!("1.001"), json!("12345678901234567"), json!("NaN"), json!(true)] {
        let document = json!({ "data": { "type": "companies", "attributes": { "name": "x", "annual_revenue": wrong } } });
        let answer = app.post("/api/v1/companies", document).await;
        assert_eq!(answer.status, 422, "{wrong}");
        assert_eq!(answer.errors()[0].1, "/data/attributes/annual_revenue");
    }
}

#[tokio::test]
async fn days_and_instants_that_clients_could_not_read_are_refused() {
    let app = App::spawn().await;
    for day in ["-5000-01-01", "+12345-01-01", "2026-02-30", "2026-01-01T00:00:00Z"] {
        let document = json!({ "data": { "type": "contacts", "attributes": { "birthday": day } } });
        let answer = app.post("/api/v1/contacts", document).await;
        assert_eq!(answer.errors(), errors([("wrong_kind", "/data/attributes/birthday")]), "{day}");
    }
    for instant in ["0000-01-01T00:00:00+12:00", "9999-12-31T23:59:59-01:00", "2026-01-01"] {
        let document =
            json!({ "data": { "type": "tasks", "attributes": { "title": "x", "due_at": instant } } });
        let answer = app.post("/api/v1/tasks", document).await;
        assert_eq!(answer.errors(), errors([("wrong_kind", "/data/attributes/due_at")]), "{instant}");
    }
}
