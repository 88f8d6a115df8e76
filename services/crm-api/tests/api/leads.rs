//! Leads, and what becomes of them.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{Answer, App, errors};
use crate::deals::Board;

pub(crate) async fn convert(app: &App, lead: &str, body: Value) -> Answer {
    app.post(&format!("/api/v1/leads/{lead}/convert"), body).await
}

fn ada() -> Value {
    json!({
        "first_name": "Ada", "last_name": "Lovelace", "company_name": "Engines Ltd", "email": "ada@mail.engines.test",
        "phone": "+44 20 7946 0001", "value": "1000.00", "currency": "GBP", "source": "fair", "score": 80,
        "address": { "city": "London", "country": "GB" },
    })
}

async fn attributes(app: &App, resource: &str, id: &Value) -> Value {
    let id = id.as_str().unwrap_or_else(|| panic!("an id of {resource}"));
    app.get(&format!("/api/v1/{resource}/{id}")).await.json["data"]["attributes"].clone()
}

#[tokio::test]
async fn a_lead_becomes_a_contact_a_company_and_a_deal_in_one_go() {
    let app = App::spawn().await;
    let board = Board::of(&app, json!({}), &["New", "Talk"]).await;
    let user = app.get("/api/v1/users").await.ids().remove(0);
    let tag = app.create("tags", json!({ "name": "hot" })).await;
    let tags = json!({ "data": [{ "type": "tags", "id": tag }] });
    let lead = app.create_with("leads", ada(), &[("owner", "users", &user)]).await;
    app.post(&format!("/api/v1/leads/{lead}/relationships/tags"), tags).await;

    let converted = convert(&app, &lead, json!({})).await;
    assert_eq!(converted.status, 200, "{}", converted.json);
    let data = &converted.json["data"];
    assert_eq!(data["attributes"]["status"], "converted");
    assert!(data["attributes"]["converted_at"].is_string());
    let related = |name: &str| data["relationships"][name]["data"]["id"].clone();
    let (contact, company, deal) =
        (related("converted_contact"), related("converted_company"), related("converted_deal"));
    assert_eq!(related("converted_by"), json!(user));
    let created = |id: &Value| json!({ "id": id, "created": true });
    let expected =
        json!({ "contact": created(&contact), "company": created(&company), "deal": created(&deal) });
    assert_eq!(converted.json["meta"], expected);

    let made = attributes(&app, "contacts", &contact).await;
    assert_eq!((&made["full_name"], &made["lifecycle"]), (&json!("Ada Lovelace"), &json!("opportunity")));
    assert_eq!((&made["phone_e164"], &made["score"]), (&json!("+442079460001"), &json!(80)));
    let made = attributes(&app, "companies", &company).await;
    assert_eq!((&made["name"], &made["domain"]), (&json!("Engines Ltd"), &json!("mail.engines.test")));
    assert_eq!(made["billing_address"]["city"], "London");
    let made = attributes(&app, "deals", &deal).await;
    assert_eq!(
        (&made["name"], &made["amount"], &made["currency"]),
        (&json!("Engines Ltd"), &json!("1000.00"), &json!("GBP"))
    );
    let shown = app.get(&format!("/api/v1/deals/{}", deal.as_str().expect("an id"))).await;
    let leads_to = |name: &str| shown.json["data"]["relationships"][name]["data"]["id"].clone();
    assert_eq!((leads_to("stage"), leads_to("lead")), (json!(board.stages[0]), json!(lead)));
    assert_eq!(
        (leads_to("contact"), leads_to("company"), leads_to("owner")),
        (contact.clone(), company.clone(), json!(user))
    );
    for (resource, id) in [("contacts", &contact), ("deals", &deal), ("leads", &json!(lead))] {
        let tagged = app.get(&format!("/api/v1/{resource}?q[tags_name_eq]=hot")).await;
        assert_eq!(tagged.ids(), [id.as_str().expect("an id")], "{resource}");
    }

    // One request, one correlation, and the lead tells of it once.
    assert_eq!(
        app.events_of(&lead).await,
        ["lead.created", "lead.updated", "lead.updated", "lead.converted"]
    );
    let told = app.get("/api/v1/events?q[event_type_eq]=lead.converted").await;
    let told = &told.json["data"][0]["attributes"];
    assert_eq!(told["data"]["converted_deal_id"], deal);
    let together = format!(
        "/api/v1/events?q[correlation_id_eq]={}&sort=sequence",
        told["correlation_id"].as_str().expect("an id")
    );
    let types: Vec<Value> = app.get(&together).await.json["data"]
        .as_array()
        .expect("events")
        .iter()
        .map(|event| event["attributes"]["event_type"].clone())
        .collect();
    for kind in ["company.created", "contact.created", "deal.created", "lead.converted"] {
        assert!(types.contains(&json!(kind)), "{kind}: {types:?}");
    }
}

#[tokio::test]
async fn a_converted_lead_stays_as_it_is() {
    let app = App::spawn().await;
    let lead = app.create("leads", ada()).await;
    let first =
        convert(&app, &lead, json!({ "deal": { "mode": "none" }, "company": { "mode": "none" } })).await;
    let contact = first.json["meta"]["contact"]["id"].clone();
    let ids = json!({ "contact_id": contact, "company_id": null, "deal_id": null });
    for answer in [
        convert(&app, &lead, json!({})).await,
        app.change("leads", &lead, json!({ "first_name": "Eve" })).await,
        app.change("leads", &lead, json!({ "status": "new" })).await,
    ] {
        assert_eq!((answer.status, answer.errors()), (409, errors([("already_converted", "")])));
        assert_eq!(answer.json["errors"][0]["meta"], ids);
    }
    assert_eq!(app.get("/api/v1/contacts").await.ids().len(), 1);
    assert_eq!(attributes(&app, "contacts", &contact).await["lifecycle"], "sql");
    // And the only way there is to convert it.
    let other = app.create("leads", json!({})).await;
    let refused = app.change("leads", &other, json!({ "status": "converted" })).await;
    assert_eq!((refused.status, refused.errors()), (422, errors([("invalid", "/data/attributes/status")])));
}

#[tokio::test]
async fn two_conversions_at_once_make_one_contact() {
    let app = App::spawn().await;
    Board::of(&app, json!({}), &["New"]).await;
    let lead = app.create("leads", ada()).await;
    let (one, other) = tokio::join!(convert(&app, &lead, json!({})), convert(&app, &lead, json!({})));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    for resource in ["contacts", "companies", "deals"] {
        assert_eq!(app.get(&format!("/api/v1/{resource}")).await.ids().len(), 1, "{resource}");
    }
}

#[tokio::test]
async fn those_who_are_known_are_linked_and_completed() {
    let app = App::spawn().await;
    let owner = app.get("/api/v1/users").await.ids().remove(0);
    let engines = app.create("companies", json!({ "name": "Engines", "domain": "Engines.test" })).await;
    let known = json!({ "first_name": "Augusta", "email": "ADA@mail.engines.test" });
    let contact = app.create_with("contacts", known, &[("owner", "users", &owner)]).await;
    let lead = app.create("leads", ada()).await;
    let body = json!({ "deal": { "mode": "none" }, "contact": { "attributes": { "title": "Countess" } } });
    let converted = convert(&app, &lead, body).await;
    let linked = |id: &str| json!({ "id": id, "created": false });
    assert_eq!(converted.json["meta"], json!({ "company": linked(&engines), "contact": linked(&contact) }));
    let made = attributes(&app, "contacts", &json!(contact)).await;
    assert_eq!((&made["first_name"], &made["last_name"]), (&json!("Augusta"), &json!("Lovelace")));
    assert_eq!((&made["title"], &made["phone_e164"]), (&json!("Countess"), &json!("+442079460001")));
    let made = attributes(&app, "companies", &json!(engines)).await;
    assert_eq!((&made["name"], &made["domain"]), (&json!("Engines"), &json!("Engines.test")));
    let shown = app.get(&format!("/api/v1/contacts/{contact}")).await;
    assert_eq!(shown.json["data"]["relationships"]["company"]["data"]["id"], json!(engines));
    assert_eq!(shown.json["data"]["relationships"]["owner"]["data"]["id"], json!(owner));
}

#[tokio::test]
async fn a_number_is_known_where_an_address_is_not_and_a_name_never() {
    let app = App::spawn().await;
    app.create("contacts", json!({ "first_name": "Ada", "last_name": "Lovelace" })).await;
    let by_number = app.create("contacts", json!({ "phone": "0044 2079460001" })).await;
    let same_name = app.create("companies", json!({ "name": " engines LTD " })).await;
    let mut lead = ada();
    lead["email"] = json!("ada@gmail.com");
    let lead = app.create("leads", lead).await;

    let preview = app.get(&format!("/api/v1/leads/{lead}/conversion_preview")).await;
    assert_eq!(preview.status, 200, "{}", preview.json);
    let meta = &preview.json["meta"];
    assert_eq!((&meta["contact"]["mode"], &meta["contact"]["id"]), (&json!("link"), &json!(by_number)));
    assert_eq!(meta["contact"]["candidates"], json!([{ "id": by_number, "reason": "phone" }]));
    assert_eq!(meta["contact"]["attributes"]["first_name"], "Ada");
    assert_eq!(
        (&meta["company"]["mode"], &meta["company"]["attributes"]["domain"]),
        (&json!("create"), &Value::Null)
    );
    assert_eq!(meta["company"]["candidates"], json!([{ "id": same_name, "reason": "name" }]));
    // Without a pipeline there can be no deal.
    assert_eq!(
        (&meta["convertible"], &meta["problems"][0]["code"]),
        (&json!(false), &json!("state_conflict"))
    );
    assert_eq!(app.get("/api/v1/companies").await.ids().len(), 1, "a preview writes nothing");

    assert_eq!(convert(&app, &lead, json!({})).await.status, 409);
    let converted = convert(&app, &lead, json!({ "deal": { "mode": "none" } })).await;
    assert_eq!(converted.json["meta"]["contact"], json!({ "id": by_number, "created": false }));
    assert_eq!(converted.json["meta"]["company"]["created"], true);
    let preview = app.get(&format!("/api/v1/leads/{lead}/conversion_preview")).await;
    assert_eq!(preview.json["meta"]["problems"][0]["code"], "already_converted");
}

#[tokio::test]
async fn duplicates_are_linked_refused_or_made_as_asked() {
    let app = App::spawn().await;
    let contact = app.create("contacts", json!({ "phone": "+442079460001" })).await;
    let lead = app.create("leads", ada()).await;
    let body = |how: &str, mode: &str| {
        json!({
            "on_duplicate": how, "contact": { "mode": mode }, "company": { "mode": "none" },
            "deal": { "mode": "none" },
        })
    };
    for mode in ["auto", "create"] {
        let refused = convert(&app, &lead, body("error", mode)).await;
        assert_eq!((refused.status, refused.errors()), (409, errors([("not_unique", "")])));
        let candidates = json!([{ "id": contact, "reason": "phone" }]);
        assert_eq!(refused.json["errors"][0]["meta"]["candidates"], candidates);
    }
    let made = convert(&app, &lead, body("create", "auto")).await;
    assert_eq!(made.json["meta"]["contact"]["created"], true);

    // An address is one contact's alone, whatever is asked.
    let twin = app.create("leads", ada()).await;
    let refused = convert(&app, &twin, body("create", "create")).await;
    assert_eq!((refused.status, refused.errors()), (409, errors([("not_unique", "")])));
    let named = json!({ "contact": { "mode": "link", "id": contact }, "company": { "mode": "none" }, "deal": { "mode": "none" },
        "owner_id": null });
    assert_eq!(convert(&app, &twin, named).await.status, 409, "it would get the address of the other");
    let own = json!({ "contact": { "mode": "link", "id": contact, "attributes": { "email": "a@x.test" } },
        "company": { "mode": "none" }, "deal": { "mode": "none" } });
    assert_eq!(
        convert(&app, &twin, own).await.json["meta"]["contact"],
        json!({ "id": contact, "created": false })
    );
}

#[tokio::test]
async fn everything_wrong_with_a_conversion_is_said_and_nothing_is_written() {
    let app = App::spawn().await;
    let board = Board::of(&app, json!({}), &["New", "Talk"]).await;
    app.change("stages", &board.stages[1], json!({ "required_fields": ["next_step"] })).await;
    let lead = app.create("leads", json!({ "first_name": "Ada" })).await;
    let nobody = Uuid::now_v7();
    let body = json!({
        "contact": { "mode": "link", "id": nobody },
        "company": { "mode": "create", "attributes": { "employees": "many" } },
        "deal": { "attributes": { "amount": "x" }, "stage_id": board.stages[1] },
        "owner_id": nobody,
    });
    let refused = convert(&app, &lead, body).await;
    let expected = [
        ("related_not_found", "/owner_id"),
        ("related_not_found", "/contact/id"),
        ("required", ""),
        ("wrong_kind", "/company/attributes/employees"),
        ("wrong_kind", "/deal/attributes/amount"),
    ];
    assert_eq!(refused.errors(), errors(expected));
    for (body, status, expected) in [
        (json!({ "contact": { "mode": "none" } }), 422, ("invalid", "/contact/mode")),
        (json!({ "contact": { "mode": "link" } }), 422, ("required", "/contact")),
        (json!({ "contacts": {} }), 400, ("malformed_document", "")),
        (json!({ "deal": { "pipeline_id": nobody } }), 404, ("related_not_found", "/deal/pipeline_id")),
        (json!({ "deal": { "stage_id": nobody } }), 404, ("related_not_found", "/deal/stage_id")),
        // A rule of the stage, found when the contact is written already.
        (json!({ "deal": { "stage_id": board.stages[1] } }), 422, ("required", "")),
    ] {
        let refused = convert(&app, &lead, body.clone()).await;
        assert_eq!((refused.status, refused.errors()), (status, errors([expected])), "{body}");
    }
    for resource in ["contacts", "companies", "deals"] {
        assert_eq!(app.get(&format!("/api/v1/{resource}")).await.ids(), Vec::<String>::new(), "{resource}");
    }
    assert_eq!(app.events_of(&lead).await, ["lead.created"]);
    let other = app.as_another_workspace().await;
    assert_eq!(other.post(&format!("/api/v1/leads/{lead}/convert"), json!({})).await.status, 404);
    assert_eq!(other.get(&format!("/api/v1/leads/{lead}/conversion_preview")).await.status, 404);
}
