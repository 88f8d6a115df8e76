//! Companies, the contacts linked to them, and what both derive from what is typed.

use serde_json::{Value, json};

use crate::app::{App, errors};

#[tokio::test]
async fn a_number_with_an_international_prefix_has_one_form_and_any_other_none() {
    let app = App::spawn().await;
    let id = app.create("companies", json!({ "name": "Acme", "phone": "+44 (0)20 7946-0001" })).await;
    let path = format!("/api/v1/companies/{id}");
    assert_eq!(app.get(&path).await.json["data"]["attributes"]["phone_e164"], "+442079460001");
    assert_eq!(
        app.get("/api/v1/companies?q[phone_e164_eq]=%2B442079460001").await.ids(),
        std::slice::from_ref(&id)
    );
    let changed = app.change("companies", &id, json!({ "phone": "020 7946 0001" })).await;
    let attributes = &changed.json["data"]["attributes"];
    assert_eq!((&attributes["phone"], &attributes["phone_e164"]), (&json!("020 7946 0001"), &Value::Null));
}

#[tokio::test]
async fn the_full_name_follows_from_its_parts() {
    let app = App::spawn().await;
    for (attributes, full_name) in [
        (json!({ "first_name": "Ada", "last_name": "Lovelace" }), json!("Ada Lovelace")),
        (json!({ "last_name": "Lovelace" }), json!("Lovelace")),
        (json!({ "first_name": " " }), Value::Null),
    ] {
        let contact = app.create("contacts", attributes).await;
        let shown = app.get(&format!("/api/v1/contacts/{contact}")).await;
        assert_eq!(shown.json["data"]["attributes"]["full_name"], full_name);
    }
}

#[tokio::test]
async fn attributes_that_hold_json_say_which_member_is_wrong() {
    let app = App::spawn().await;
    let attributes = json!({
        "name": "Acme",
        "billing_address": { "city": 7, "country": "Germany", "planet": "Earth" },
        "shipping_address": [],
        "domains": ["acme.com", 7],
    });
    let refused = app.post_with("companies", attributes, &[]).await;
    let at = |at: &'static str| ("invalid", at);
    let expected = [
        at("/data/attributes/billing_address/city"),
        at("/data/attributes/billing_address/country"),
        at("/data/attributes/billing_address/planet"),
        at("/data/attributes/shipping_address"),
        at("/data/attributes/domains/1"),
    ];
    assert_eq!((refused.status, refused.errors()), (422, errors(expected)));
    let attributes = json!({ "emails": [{ "value": "a@x.test", "verified": "yes" }], "consent": {} });
    let refused = app.post_with("contacts", attributes, &[]).await;
    let expected = [at("/data/attributes/emails/0/verified"), at("/data/attributes/consent")];
    assert_eq!((refused.status, refused.errors()), (422, errors(expected)));
}

#[tokio::test]
async fn an_external_id_belongs_to_one_live_record_of_its_source() {
    let app = App::spawn().await;
    let outside = |source: &str| json!({ "name": "Acme", "external_source": source, "external_id": "7" });
    let first = app.create("companies", outside("shop")).await;
    app.create("companies", outside("bank")).await;
    app.create("companies", json!({ "name": "Acme", "external_id": "7" })).await;
    let again = app.post_with("companies", outside("shop"), &[]).await;
    assert_eq!(
        (again.status, again.errors()),
        (409, errors([("not_unique", "/data/attributes/external_id")]))
    );
    app.delete(&format!("/api/v1/companies/{first}")).await;
    app.create("companies", outside("shop")).await;
}

/// The company that a contact names, and the links of the contact as company, role and whether it is the primary one.
async fn employment(app: &App, contact: &str) -> (Value, Vec<(String, Value, Value)>) {
    let shown = app.get(&format!("/api/v1/contacts/{contact}?include=contact_companies")).await;
    let named = shown.json["data"]["relationships"]["company"]["data"]["id"].clone();
    let included = shown.json["included"].as_array().cloned().unwrap_or_default();
    let mut links: Vec<_> = included
        .iter()
        .map(|link| {
            let company = link["relationships"]["company"]["data"]["id"].as_str().expect("a company");
            let attributes = &link["attributes"];
            (company.to_owned(), attributes["role"].clone(), attributes["is_primary"].clone())
        })
        .collect();
    links.sort_by_key(|(company, ..)| company.clone());
    (named, links)
}

#[tokio::test]
async fn a_contact_has_several_companies_and_one_of_them_is_the_primary_one() {
    let app = App::spawn().await;
    let acme = app.create("companies", json!({ "name": "Acme" })).await;
    let labs = app.create("companies", json!({ "name": "Labs" })).await;
    let ada = app.create_with("contacts", json!({}), &[("company", "companies", &acme)]).await;
    assert_eq!(employment(&app, &ada).await, (json!(acme), vec![(acme.clone(), Value::Null, json!(true))]));

    let ends = [("contact", "contacts", ada.as_str()), ("company", "companies", labs.as_str())];
    let link = app.create_with("contact_companies", json!({ "role": "Adviser" }), &ends).await;
    assert_eq!(
        app.get(&format!("/api/v1/contacts/{ada}/companies?sort=name")).await.ids(),
        [acme.clone(), labs.clone()]
    );
    assert_eq!(app.get(&format!("/api/v1/companies/{labs}/people")).await.ids(), std::slice::from_ref(&ada));
    assert_eq!(
        app.get("/api/v1/contacts?q[contact_companies_role_eq]=Adviser").await.ids(),
        std::slice::from_ref(&ada)
    );
    let twice = app.post_with("contact_companies", json!({}), &ends).await;
    assert_eq!(
        (twice.status, twice.errors()),
        (409, errors([("not_unique", "/data/relationships/company")]))
    );

    // The link says which company the contact names, and the contact which link is the primary one.
    assert_eq!(app.change("contact_companies", &link, json!({ "is_primary": true })).await.status, 200);
    let both = |primary: &str| {
        let mut links = vec![
            (acme.clone(), Value::Null, json!(primary == acme)),
            (labs.clone(), json!("Adviser"), json!(primary == labs)),
        ];
        links.sort_by_key(|(company, ..)| company.clone());
        links
    };
    assert_eq!(employment(&app, &ada).await, (json!(labs), both(&labs)));
    let name = json!({ "data": { "type": "companies", "id": acme } });
    app.patch(&format!("/api/v1/contacts/{ada}/relationships/company"), name).await;
    assert_eq!(employment(&app, &ada).await, (json!(acme), both(&acme)));
    app.change("contact_companies", &link, json!({ "is_primary": true })).await;
    assert_eq!(app.delete(&format!("/api/v1/contact_companies/{link}")).await.status, 200);
    assert_eq!(app.get(&format!("/api/v1/contact_companies/{link}")).await.status, 404);
    assert_eq!(employment(&app, &ada).await, (Value::Null, vec![(acme.clone(), Value::Null, json!(false))]));
}

#[tokio::test]
async fn contacts_have_managers_and_companies_have_parents() {
    let app = App::spawn().await;
    let grace = app.create("contacts", json!({ "first_name": "Grace" })).await;
    let ada = app.create_with("contacts", json!({}), &[("manager", "contacts", &grace)]).await;
    assert_eq!(app.get(&format!("/api/v1/contacts/{grace}/reports")).await.ids(), std::slice::from_ref(&ada));
    assert_eq!(app.get("/api/v1/contacts?q[manager_first_name_eq]=Grace").await.ids(), [ada]);
    let acme = app.create("companies", json!({ "name": "Acme" })).await;
    let labs =
        app.create_with("companies", json!({ "name": "Labs" }), &[("parent", "companies", &acme)]).await;
    assert_eq!(app.get(&format!("/api/v1/companies/{acme}/subsidiaries")).await.ids(), [labs]);
}
