//! Custom fields: defined by a workspace, then filtered and sorted by like columns.

use serde_json::{Value, json};

use crate::app::{App, errors};

const FIELDS: &str = "/api/v1/custom_fields";
const CONTACTS: &str = "/api/v1/contacts";

async fn field(app: &App, resource: &str, key: &str, kind: &str, more: Value) -> String {
    let mut attributes = json!({ "resource": resource, "key": key, "label": key, "kind": kind });
    attributes.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    app.create("custom_fields", attributes).await
}

fn contact(custom: Value) -> Value {
    json!({ "data": { "type": "contacts", "attributes": { "custom_fields": custom } } })
}

async fn contact_with(app: &App, custom: Value) -> String {
    app.create("contacts", json!({ "custom_fields": custom })).await
}

#[tokio::test]
async fn values_of_every_kind_are_filtered_and_sorted_by() {
    let app = App::spawn().await;
    let choices = json!({ "choices": ["gold", "silver", "bronze"] });
    for (key, kind, more) in [
        ("nick", "text", json!({})),
        ("story", "long_text", json!({})),
        ("seats", "integer", json!({})),
        ("budget", "decimal", json!({})),
        ("partner", "boolean", json!({})),
        ("signed", "date", json!({})),
        ("seen", "datetime", json!({})),
        ("tier", "choice", choices.clone()),
        ("tiers", "multi_choice", choices),
        ("site", "url", json!({})),
        ("mail", "email", json!({})),
        ("line", "phone", json!({})),
    ] {
        field(&app, "contacts", key, kind, more).await;
    }
    let low = contact_with(&app, json!({
        "nick": "ann", "story": "once upon", "seats": 9, "budget": "9.5", "partner": false, "signed": "2026-01-31",
        "seen": "2026-01-31T12:00:00+02:00", "tier": "bronze", "tiers": ["gold"], "site": "http://a.example",
        "mail": "ANN@a.example", "line": "+1 (20) 30",
    })).await;
    let high = contact_with(&app, json!({
        "nick": "bob", "story": "the end", "seats": 10, "budget": "10.25", "partner": true, "signed": "2026-02-01",
        "seen": "2026-01-31T11:00:00Z", "tier": "gold", "tiers": ["silver", "gold"], "site": "http://b.example",
        "mail": "bob@b.example", "line": "999",
    })).await;
    let none = app.create("contacts", json!({})).await;
    let find = async |query: &str| app.get(&format!("{CONTACTS}?{query}")).await.ids();
    for (query, expected) in [
        ("q[custom_fields_nick_eq]=ann", vec![&low]),
        ("q[custom_fields_nick_not_eq]=ann", vec![&high]),
        ("q[custom_fields_story_cont]=UPON", vec![&low]),
        ("q[custom_fields_seats_gt]=9", vec![&high]),
        ("q[custom_fields_seats_in][]=9&q[custom_fields_seats_in][]=11", vec![&low]),
        ("q[custom_fields_seats_eq]=99999999999999999999", vec![]),
        ("q[custom_fields_budget_lteq]=9.50", vec![&low]),
        ("q[custom_fields_budget_eq]=10.250", vec![&high]),
        ("q[custom_fields_partner_true]=1", vec![&high]),
        ("q[custom_fields_partner_eq]=false", vec![&low]),
        ("q[custom_fields_signed_gteq]=2026-02-01", vec![&high]),
        ("q[custom_fields_seen_lt]=2026-01-31T10:30:00Z", vec![&low]),
        ("q[custom_fields_seen_eq]=2026-01-31T13:00:00%2B02:00", vec![&high]),
        ("q[custom_fields_tier_not_in][]=gold", vec![&low]),
        ("q[custom_fields_tiers_eq]=silver", vec![&high]),
        ("q[custom_fields_tiers_not_eq]=silver", vec![&low]),
        ("q[custom_fields_site_start]=http://b", vec![&high]),
        ("q[custom_fields_mail_eq]=ann@a.example", vec![&low]),
        ("q[custom_fields_line_eq]=%2B12030", vec![&low]),
        ("q[custom_fields_tiers_null]=1", vec![&none]),
        ("q[custom_fields_seats_blank]=1", vec![&none]),
        ("q[custom_fields_nick_or_custom_fields_tier_eq]=gold", vec![&high]),
        ("filter[custom_fields.tier]=gold,silver", vec![&high]),
    ] {
        assert_eq!(find(query).await, expected.into_iter().cloned().collect::<Vec<_>>(), "{query}");
    }
    // Nulls come last, or first where the order is reversed.
    for key in ["nick", "story", "seats", "budget", "partner", "signed", "site", "mail"] {
        let up = [low.clone(), high.clone(), none.clone()];
        assert_eq!(find(&format!("sort=custom_fields_{key}")).await, up, "{key}");
        let down = [none.clone(), high.clone(), low.clone()];
        assert_eq!(find(&format!("sort=-custom_fields.{key}")).await, down, "{key}");
    }
}

#[tokio::test]
async fn related_records_are_filtered_and_sorted_by_their_custom_fields() {
    let app = App::spawn().await;
    field(&app, "companies", "tier", "text", json!({})).await;
    let mut contacts = Vec::new();
    for tier in ["gold", "silver"] {
        let company =
            app.create("companies", json!({ "name": tier, "custom_fields": { "tier": tier } })).await;
        let document = json!({ "data": { "type": "contacts", "relationships": {
            "company": { "data": { "type": "companies", "id": company } },
        } } });
        contacts.push(app.post(CONTACTS, document).await.id());
    }
    let found = app.get(&format!("{CONTACTS}?q[company_custom_fields_tier_cont]=SIL")).await;
    assert_eq!(found.ids(), [contacts[1].clone()]);
    let found = app.get(&format!("{CONTACTS}?sort=-company.custom_fields.tier")).await;
    assert_eq!(found.ids(), [contacts[1].clone(), contacts[0].clone()]);
}

#[tokio::test]
async fn names_that_no_field_has_are_refused_with_those_that_exist() {
    let app = App::spawn().await;
    field(&app, "contacts", "tier", "text", json!({})).await;
    let answer = app.get(&format!("{CONTACTS}?q[custom_fields_rank_eq]=1&sort=custom_fields_rank")).await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.errors(),
        errors([("unknown_filter", "q[custom_fields_rank_eq]"), ("unknown_sort", "sort")])
    );
    assert_eq!(answer.json["errors"][0]["meta"]["allowed"], json!(["tier"]), "{}", answer.json);
    let answer = app.get(&format!("{CONTACTS}?q[custom_fields_tier_true]=1")).await;
    assert_eq!(answer.errors(), errors([("invalid_filter", "q[custom_fields_tier_true]")]));
}

#[tokio::test]
async fn all_mistakes_in_custom_fields_are_told_at_once() {
    let app = App::spawn().await;
    field(&app, "contacts", "seats", "integer", json!({})).await;
    field(&app, "contacts", "signed", "date", json!({})).await;
    field(&app, "contacts", "tier", "text", json!({ "required": true })).await;
    let answer = app.post(CONTACTS, contact(json!({ "seats": "x", "signed": "y", "rank": 1 }))).await;
    assert_eq!(answer.status, 422);
    assert_eq!(
        answer.errors(),
        errors([
            ("wrong_kind", "/data/attributes/custom_fields/seats"),
            ("wrong_kind", "/data/attributes/custom_fields/signed"),
            ("unknown_attribute", "/data/attributes/custom_fields/rank"),
            ("required", "/data/attributes/custom_fields"),
        ])
    );
    let answer = app.post(CONTACTS, json!({ "data": { "type": "contacts" } })).await;
    assert_eq!(answer.errors(), errors([("required", "/data")]));
    for (custom, code) in [(json!(null), "required"), (json!([]), "wrong_kind")] {
        let answer = app.post(CONTACTS, contact(custom)).await;
        assert_eq!(answer.errors(), errors([(code, "/data/attributes/custom_fields")]));
    }
}

#[tokio::test]
async fn keys_that_are_given_change_and_the_event_tells_from_what() {
    let app = App::spawn().await;
    field(&app, "contacts", "tier", "text", json!({})).await;
    field(&app, "contacts", "seats", "integer", json!({})).await;
    let id = contact_with(&app, json!({ "tier": "gold", "seats": 1 })).await;
    let path = format!("{CONTACTS}/{id}");
    let change = |custom: Value| {
        json!({ "data": {
        "type": "contacts", "id": id, "attributes": { "custom_fields": custom },
    } })
    };
    let answer = app.patch(&path, change(json!({ "seats": 2 }))).await;
    let custom = |answer: &crate::app::Answer| answer.json["data"]["attributes"]["custom_fields"].clone();
    assert_eq!(custom(&answer), json!({ "tier": "gold", "seats": 2 }));
    let tag = answer.header("etag").expect("a tag").to_owned();
    let answer = app.patch(&path, change(json!({ "seats": 2 }))).await;
    assert_eq!(answer.header("etag"), Some(tag.as_str()), "nothing differs");
    let answer = app.patch(&path, change(json!({ "tier": null }))).await;
    assert_eq!(custom(&answer), json!({ "seats": 2 }));
    let events = app.get("/api/v1/events?q[event_type_eq]=contact.updated&sort=sequence").await;
    let changes: Vec<_> = events.json["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|event| event["attributes"]["changes"]["custom_fields"].clone())
        .collect();
    assert_eq!(
        changes,
        [
            json!([{ "tier": "gold", "seats": 1 }, { "tier": "gold", "seats": 2 }]),
            json!([{ "tier": "gold", "seats": 2 }, { "seats": 2 }]),
        ]
    );
}

#[tokio::test]
async fn a_unique_value_belongs_to_one_live_record() {
    let app = App::spawn().await;
    field(&app, "contacts", "badge", "text", json!({ "unique_values": true })).await;
    let badge = || contact(json!({ "badge": "7" }));
    let first = app.post(CONTACTS, badge()).await.id();
    let answer = app.post(CONTACTS, badge()).await;
    assert_eq!(answer.status, 409);
    assert_eq!(answer.errors(), errors([("not_unique", "/data/attributes/custom_fields/badge")]));
    assert_eq!(answer.json["errors"][0]["meta"]["id"], json!(first));
    // Of many at once, one comes first.
    app.delete(&format!("{CONTACTS}/{first}")).await;
    let caller = app.caller();
    let many = futures_util::future::join_all((0..6).map(|_| caller.post(CONTACTS, badge()))).await;
    let mut statuses: Vec<u16> = many.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409]);
    let answer = app.post(&format!("{CONTACTS}/{first}/restore"), json!(null)).await;
    assert_eq!(answer.status, 409, "{}", answer.json);
}

#[tokio::test]
async fn a_deleted_field_hides_its_values_until_it_is_restored() {
    let app = App::spawn().await;
    let old = field(&app, "contacts", "tier", "text", json!({})).await;
    let id = contact_with(&app, json!({ "tier": "gold" })).await;
    let shown = async || {
        app.get(&format!("{CONTACTS}/{id}")).await.json["data"]["attributes"]["custom_fields"].clone()
    };
    app.delete(&format!("{FIELDS}/{old}")).await;
    assert_eq!(shown().await, json!({}));
    let answer = app.get(&format!("{CONTACTS}?q[custom_fields_tier_eq]=gold")).await;
    assert_eq!(answer.status, 400);
    // Another field under the key, of another kind, finds no old values.
    let new = field(&app, "contacts", "tier", "integer", json!({})).await;
    assert_eq!(shown().await, json!({}));
    assert!(app.get(&format!("{CONTACTS}?q[custom_fields_tier_gt]=0")).await.ids().is_empty());
    let answer = app.post(&format!("{FIELDS}/{old}/restore"), json!(null)).await;
    assert_eq!(answer.status, 409, "{}", answer.json);
    app.delete(&format!("{FIELDS}/{new}")).await;
    assert_eq!(app.post(&format!("{FIELDS}/{old}/restore"), json!(null)).await.status, 200);
    assert_eq!(shown().await, json!({ "tier": "gold" }));
}

#[tokio::test]
async fn what_identifies_a_field_does_not_change() {
    let app = App::spawn().await;
    let id = field(&app, "contacts", "tier", "choice", json!({ "choices": ["a"] })).await;
    let path = format!("{FIELDS}/{id}");
    let change = |attributes: Value| json!({ "data": { "type": "custom_fields", "id": id, "attributes": attributes } });
    let answer =
        app.patch(&path, change(json!({ "resource": "deals", "key": "rank", "kind": "text" }))).await;
    assert_eq!(answer.status, 422);
    let at = |name: &str| ("invalid".to_owned(), format!("/data/attributes/{name}"));
    assert_eq!(answer.errors()[..3], [at("resource"), at("key"), at("kind")]);
    let answer = app.patch(&path, change(json!({ "choices": null }))).await;
    assert_eq!(answer.errors(), errors([("required", "/data/attributes/choices")]));
    let answer = app.patch(&path, change(json!({ "unique_values": true }))).await;
    assert_eq!(answer.errors(), errors([("invalid", "/data/attributes/unique_values")]));
    let answer =
        app.patch(&path, change(json!({ "key": "tier", "label": "Rank", "choices": ["a", "b"] }))).await;
    assert_eq!(answer.status, 200, "{}", answer.json);
    let twin = json!({ "data": { "type": "custom_fields", "attributes": {
        "resource": "contacts", "key": "tier", "label": "Twin", "kind": "text",
    } } });
    let answer = app.post(FIELDS, twin).await;
    assert_eq!(answer.errors(), errors([("not_unique", "/data/attributes/key")]));
}

#[tokio::test]
async fn fields_of_another_workspace_do_not_exist() {
    let app = App::spawn().await;
    field(&app, "contacts", "tier", "text", json!({})).await;
    contact_with(&app, json!({ "tier": "gold" })).await;
    let other = app.as_another_workspace().await;
    let answer = other.get(&format!("{CONTACTS}?q[custom_fields_tier_eq]=gold")).await;
    assert_eq!(answer.status, 400);
    let answer = other.post(CONTACTS, contact(json!({ "tier": "gold" }))).await;
    assert_eq!(answer.errors(), errors([("unknown_attribute", "/data/attributes/custom_fields/tier")]));
}
