//! Saved views: what one asks for is checked when it is written.

use serde_json::{Value, json};

use crate::app::{Answer, App, errors};

async fn save(app: &App, attributes: Value) -> Answer {
    app.post("/api/v1/saved_views", json!({ "data": { "type": "saved_views", "attributes": attributes } }))
        .await
}

#[tokio::test]
async fn a_view_keeps_conditions_order_and_columns() {
    let app = App::spawn().await;
    let q = json!({ "last_name_cont": "love & more", "score_gteq": 3, "g": { "0": { "m": "or", "email_present": true } } });
    let saved = save(
        &app,
        json!({
            "name": "Hot", "resource": "contacts", "q": q, "sort": "-created_at,company.name",
            "columns": ["last_name", "company"], "shared": true,
        }),
    )
    .await;
    assert_eq!(saved.status, 201, "{}", saved.json);
    assert_eq!(saved.json["data"]["attributes"]["q"], q);
    let user = app.get("/api/v1/users").await.ids().remove(0);
    assert_eq!(saved.json["data"]["relationships"]["owner"]["data"]["id"], user);
}

#[tokio::test]
async fn what_no_list_would_answer_cannot_be_saved() {
    let app = App::spawn().await;
    let wrong = save(&app, json!({
        "name": "x", "resource": "contacts", "q": { "first_name_cont": "a", "shoe_size_eq": 7 }, "sort": "shoe_size",
        "columns": ["first_name", "shoe_size"],
    }))
    .await;
    let at = |place: &'static str| ("invalid", place);
    let expected =
        errors([at("/data/attributes/q"), at("/data/attributes/sort"), at("/data/attributes/columns/1")]);
    assert_eq!((wrong.status, wrong.errors()), (422, expected));
    let unknown = save(&app, json!({ "name": "x", "resource": "ghosts" })).await;
    assert_eq!((unknown.status, unknown.errors()), (422, errors([at("/data/attributes/resource")])));
}

#[tokio::test]
async fn a_change_is_checked_together_with_what_stays() {
    let app = App::spawn().await;
    let saved =
        save(&app, json!({ "name": "x", "resource": "contacts", "q": { "first_name_cont": "a" } })).await;
    let change = async |attributes: Value| {
        let document =
            json!({ "data": { "type": "saved_views", "id": saved.id(), "attributes": attributes } });
        app.patch(&format!("/api/v1/saved_views/{}", saved.id()), document).await
    };
    let refused = change(json!({ "resource": "companies" })).await;
    assert_eq!((refused.status, refused.errors()), (422, errors([("invalid", "/data/attributes/q")])));
    let both = change(json!({ "resource": "companies", "q": { "name_cont": "a" } })).await;
    assert_eq!(both.status, 200, "{}", both.json);
    let sort = change(json!({ "sort": "first_name" })).await;
    assert_eq!((sort.status, sort.errors()), (422, errors([("invalid", "/data/attributes/sort")])));
}
