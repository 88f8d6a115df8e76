//! Reading: related records, includes, sparse fields, sorts and filters by relationship (sections 5 and 7 to 11).

use serde_json::{Value, json};
use uuid::Uuid;

use super::get;
use crate::app::{App, errors};

/// A company with two contacts, one of them tagged.
async fn office(app: &App) -> (String, [String; 2], String) {
    let acme = app.create("companies", json!({ "name": "Acme" })).await;
    let vip = app.create("tags", json!({ "name": "vip" })).await;
    let mut contacts = Vec::new();
    for name in ["Ada", "Bob"] {
        let id = app.create("contacts", json!({ "first_name": name })).await;
        let link = json!({ "data": { "type": "companies", "id": acme } });
        assert_eq!(
            app.patch(&format!("/api/v1/contacts/{id}/relationships/company"), link).await.status,
            200
        );
        contacts.push(id);
    }
    let link = json!({ "data": [{ "type": "tags", "id": vip }] });
    assert_eq!(
        app.post(&format!("/api/v1/contacts/{}/relationships/tags", contacts[0]), link).await.status,
        200
    );
    let [ada, bob] = contacts.try_into().expect("two");
    (acme, [ada, bob], vip)
}

fn types(included: &Value) -> Vec<&str> {
    let mut types: Vec<&str> = included
        .as_array()
        .expect("included")
        .iter()
        .map(|one| one["type"].as_str().expect("a type"))
        .collect();
    types.sort_unstable();
    types
}

#[tokio::test]
async fn what_is_included_is_what_was_asked_for() {
    let app = App::spawn().await;
    let (acme, [ada, bob], _) = office(&app).await;
    let one = format!("/api/v1/contacts/{ada}");
    // 5.4, 5.7
    assert_eq!(app.get(&one).await.json.get("included"), None);
    assert_eq!(app.get(&format!("{one}?include=")).await.json["included"], json!([]));
    // 5.6: what lies on the way is included too, and what is primary data is not.
    let deep = app.get(&format!("{one}?include=company.contacts,tags")).await;
    assert_eq!(types(&deep.json["included"]), ["companies", "contacts", "tags"]);
    // On the address of a relationship, a path starts with it.
    let link = format!("/api/v1/companies/{acme}/relationships/contacts");
    let linked = app.get(&format!("{link}?include=contacts.tags&page[size]=1&sort=")).await;
    assert_eq!(linked.status, 400, "linkage cannot be sorted");
    let linked = app.get(&format!("{link}?include=contacts.tags&fields[contacts]=first_name")).await;
    assert_eq!(linked.ids().len(), 2);
    assert_eq!(linked.json["data"][0].get("attributes"), None);
    assert_eq!(types(&linked.json["included"]), ["contacts", "contacts", "tags"]);
    let attributes: Vec<&Value> =
        linked.json["included"].as_array().into_iter().flatten().map(|one| &one["attributes"]).collect();
    assert!(attributes.contains(&&json!({ "first_name": "Ada" })), "{attributes:?}");
    let to_one =
        app.get(&format!("/api/v1/contacts/{bob}/relationships/company?include=company.contacts")).await;
    assert_eq!(to_one.json["data"]["id"], acme.as_str());
    assert_eq!(types(&to_one.json["included"]), ["companies", "contacts", "contacts"]);
    for refused in [
        format!("{one}?include=friends"),
        format!("{one}?include=company.friends"),
        format!("{one}?include=company.contacts.company.contacts"),
        format!("{link}?include=tags"),
        format!("{link}?include=contacts.friends"),
    ] {
        let answer = app.get(&refused).await;
        assert_eq!(
            (answer.status, answer.errors()),
            (400, errors([("unknown_include", "include")])),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn related_records_are_read_like_any_collection() {
    let app = App::spawn().await;
    let (acme, [ada, bob], _) = office(&app).await;
    let related = format!("/api/v1/companies/{acme}/contacts");
    assert_eq!(app.get(&format!("{related}?sort=first_name")).await.ids(), [ada.clone(), bob.clone()]);
    assert_eq!(app.get(&format!("{related}?sort=-first_name")).await.ids(), [bob.clone(), ada.clone()]);
    assert_eq!(
        app.get(&format!("{related}?filter[first_name_eq]=Bob")).await.ids(),
        std::slice::from_ref(&bob)
    );
    let page = app.get(&format!("{related}?sort=first_name&page[size]=1&include=tags")).await;
    assert_eq!((page.ids(), types(&page.json["included"])), (vec![ada.clone()], vec!["tags"]));
    assert_eq!(page.json["meta"], json!({ "total": 2, "page": { "total": 2 } }));
    assert_eq!(
        app.get(page.json["links"]["next"].as_str().expect("a next page")).await.ids(),
        std::slice::from_ref(&bob)
    );
    // 7.5, 7.8, 7.10
    let tagless = app.get(&format!("/api/v1/contacts/{bob}/tags")).await;
    assert_eq!((tagless.status, &tagless.json["data"]), (200, &json!([])));
    for missing in [
        format!("/api/v1/companies/{}/contacts", Uuid::now_v7()),
        format!("/api/v1/companies/{}/relationships/contacts", Uuid::now_v7()),
        format!("/api/v1/companies/{acme}/friends"),
        format!("/api/v1/companies/{acme}/relationships/friends"),
    ] {
        assert_eq!(app.get(&missing).await.status, 404, "{missing}");
    }
}

#[tokio::test]
async fn fields_are_those_that_were_asked_for() {
    let app = App::spawn().await;
    let (acme, [ada, _], _) = office(&app).await;
    let path = format!("/api/v1/contacts/{ada}");
    let narrow = app
        .get(&format!("{path}?include=company&fields[contacts]=first_name,company&fields[companies]="))
        .await;
    assert_eq!(narrow.json["data"]["attributes"], json!({ "first_name": "Ada" }));
    let relationships = narrow.json["data"]["relationships"].as_object().expect("relationships");
    assert_eq!(relationships.keys().collect::<Vec<_>>(), ["company"]);
    let company = &narrow.json["included"][0];
    assert_eq!((&company["id"], &company["attributes"]), (&json!(acme), &json!({})));
    assert_eq!(company.get("relationships"), None);
    // 8.7: what is dropped by a fieldset is included all the same.
    let dropped = app.get(&format!("{path}?include=company&fields[contacts]=first_name")).await;
    assert_eq!(types(&dropped.json["included"]), ["companies"]);
    for (query, parameter) in
        [("fields[contacts]=nick", "fields[contacts]"), ("fields[pets]=x", "fields[pets]")]
    {
        let answer = app.get(&format!("{path}?{query}")).await;
        assert_eq!((answer.status, answer.errors()), (400, errors([("unknown_field", parameter)])));
    }
}

#[tokio::test]
async fn a_relationship_is_filtered_by_the_ids_it_leads_to() {
    let app = App::spawn().await;
    let (acme, [ada, bob], vip) = office(&app).await;
    let other = app.create("companies", json!({ "name": "Other" })).await;
    let nobody = Uuid::now_v7();
    let sorted =
        async |query: String| app.get(&format!("/api/v1/contacts?sort=first_name&{query}")).await.ids();
    let both = [ada.clone(), bob.clone()];
    assert_eq!(sorted(format!("filter[company]={acme}")).await, both);
    assert_eq!(sorted(format!("filter[company]={other},{acme}")).await, both);
    assert_eq!(sorted(format!("filter[company][]={other}&filter[company][]={acme}")).await, both);
    assert_eq!(sorted(format!("filter[company]={other}&filter[company]={acme}")).await, both);
    assert_eq!(sorted(format!("filter[company]={other}")).await, Vec::<String>::new());
    assert_eq!(sorted(format!("filter[tags]={vip},{nobody}")).await, std::slice::from_ref(&ada));
    assert_eq!(
        sorted(format!("filter[company]={acme}&filter[tags]={vip}")).await,
        std::slice::from_ref(&ada)
    );
    assert_eq!(sorted(format!("filter[id]={bob},{ada}")).await, both);
    assert_eq!(sorted(format!("filter%5Bid%5D={bob}%2C{nobody}")).await, std::slice::from_ref(&bob));
    assert_eq!(sorted(format!("filter[company_id]={acme}")).await, both, "as clients name a foreign key");
    for (query, code) in [("filter[company]=7", "invalid_filter"), ("filter[friends]=7", "unknown_filter")] {
        let answer = app.get(&format!("/api/v1/contacts?{query}")).await;
        assert_eq!((answer.status, answer.errors()[0].0.as_str()), (400, code), "{query}");
    }
}

#[tokio::test]
async fn pages_by_number_cover_everything_once() {
    let app = App::spawn().await;
    for index in 0..5 {
        app.create("tags", json!({ "name": format!("tag {index}"), "color": "same" })).await;
    }
    let mut seen = Vec::new();
    let mut next = Some("/api/v1/tags?sort=color&page[size]=2&fields[tags]=name".to_owned());
    while let Some(path) = next {
        let page = app.get(&path).await;
        seen.extend(page.ids());
        assert!(page.json["links"]["first"].is_string() && page.json["links"]["last"].is_string());
        next = page.json["links"]["next"].as_str().map(str::to_owned);
        assert!(next.iter().all(|next| next.contains("fields[tags]=name")), "10.5");
    }
    let unique: std::collections::HashSet<&String> = seen.iter().collect();
    assert_eq!((seen.len(), unique.len()), (5, 5));
    let past = app.get("/api/v1/tags?page[number]=9").await;
    assert_eq!((past.ids().len(), &past.json["links"]["next"]), (0, &Value::Null));
    let uncounted = app.get("/api/v1/tags?page[total]=false").await;
    assert_eq!(uncounted.json.get("meta"), None);
    assert_eq!(get(&app, "/api/v1/tags?page[size]=101", &[]).await.status, 400);
}
