//! Lists: filters, sorting, pages, includes, fieldsets.

use serde_json::{Value, json};

use crate::app::{App, errors};

async fn people(app: &App) -> [String; 3] {
    let ada = json!({ "first_name": "Ada", "last_name": "Lovelace", "email": "ada@x.test", "birthday": "1815-12-10" });
    let grace = json!({ "first_name": "Grace", "last_name": "Hopper", "birthday": "1906-12-09" });
    let alan = json!({ "first_name": "Alan", "last_name": "", "lifecycle": "customer" });
    [
        app.create("contacts", ada).await,
        app.create("contacts", grace).await,
        app.create("contacts", alan).await,
    ]
}

async fn found(app: &App, query: &str) -> Vec<String> {
    let mut ids = app.get(&format!("/api/v1/contacts?{query}")).await.ids();
    ids.sort();
    ids
}

fn sorted<const N: usize>(ids: [&String; N]) -> Vec<String> {
    let mut ids: Vec<String> = ids.into_iter().cloned().collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn every_predicate_finds_what_it_says() {
    let app = App::spawn().await;
    let [ada, grace, alan] = people(&app).await;
    let cases = [
        ("q[first_name_eq]=Ada", sorted([&ada])),
        ("q[first_name_eq]=ada", sorted([])),
        ("q[first_name_not_eq]=Ada", sorted([&grace, &alan])),
        ("q[last_name_cont]=LOVE", sorted([&ada])),
        ("q%5Blast_name_cont%5D=ove", sorted([&ada])),
        ("q[last_name_cont]=%25", sorted([])),
        ("q[first_name_in][]=Ada&q[first_name_in][]=Alan", sorted([&ada, &alan])),
        ("q[birthday_gt]=1900-01-01", sorted([&grace])),
        ("q[birthday_lt]=1900-01-01", sorted([&ada])),
        ("q[last_name_present]=1", sorted([&ada, &grace])),
        ("q[last_name_blank]=1", sorted([&alan])),
        ("q[email_present]=0", sorted([&grace, &alan])),
        ("filter[lifecycle_eq]=customer", sorted([&alan])),
        ("q[first_name_or_last_name_cont]=a", sorted([&ada, &grace, &alan])),
        ("q[first_name_eq]=Ada&q[last_name_eq]=Hopper", sorted([])),
        ("q[m]=or&q[first_name_eq]=Ada&q[last_name_eq]=Hopper", sorted([&ada, &grace])),
        ("q[g][0][m]=or&q[g][0][first_name_eq]=Ada&q[g][0][last_name_eq]=Hopper", sorted([&ada, &grace])),
        ("q[first_name_eq]=", sorted([&ada, &grace, &alan])),
        (&format!("q[id_eq]={ada}"), sorted([&ada])),
        (&format!("q[id_in][]={ada}&q[id_in][]={grace}"), sorted([&ada, &grace])),
    ];
    for (query, expected) in cases {
        assert_eq!(found(&app, query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn filters_reach_through_relationships() {
    let app = App::spawn().await;
    let [ada, grace, alan] = people(&app).await;
    let acme = app.create("companies", json!({ "name": "Acme" })).await;
    let vip = app.create("tags", json!({ "name": "vip" })).await;
    let work = |id: &str| json!({ "data": { "type": "companies", "id": id } });
    app.patch(&format!("/api/v1/contacts/{ada}/relationships/company"), work(&acme)).await;
    let tagged = json!({ "data": [{ "type": "tags", "id": vip }] });
    app.post(&format!("/api/v1/contacts/{grace}/relationships/tags"), tagged).await;
    let cases = [
        ("q[company_name_eq]=Acme", sorted([&ada])),
        (&format!("q[company_id_eq]={acme}"), sorted([&ada])),
        ("q[company_id_blank]=1", sorted([&grace, &alan])),
        ("q[company_industry_blank]=1", sorted([&ada, &grace, &alan])),
        ("q[tags_name_eq]=vip", sorted([&grace])),
        ("q[tags_name_not_eq]=vip", sorted([&ada, &alan])),
        ("q[company_contacts_first_name_eq]=Ada", sorted([&ada])),
    ];
    for (query, expected) in cases {
        assert_eq!(found(&app, query).await, expected, "{query}");
    }
    let companies = async |query: &str| app.get(&format!("/api/v1/companies?{query}")).await.ids();
    assert_eq!(companies("q[contacts_first_name_eq]=Ada").await, std::slice::from_ref(&acme));
    // One contact has to be both.
    app.patch(&format!("/api/v1/contacts/{grace}/relationships/company"), work(&acme)).await;
    let both = "q[contacts_first_name_eq]=Ada&q[contacts_last_name_eq]";
    assert_eq!(companies(&format!("{both}=Lovelace")).await, [acme]);
    assert_eq!(companies(&format!("{both}=Hopper")).await, Vec::<String>::new());
}

#[tokio::test]
async fn conditions_on_one_path_ask_for_one_record_wherever_they_stand() {
    let app = App::spawn().await;
    let mut ids = Vec::new();
    // Each company with the contacts that work there.
    for (name, people) in [
        ("both", [("Ada", Some("Lovelace")), ("Grace", None)].as_slice()),
        ("each", &[("Ada", Some("Hopper")), ("Grace", Some("Lovelace"))]),
        ("none", &[]),
    ] {
        let company = app.create("companies", json!({ "name": name })).await;
        for (first, last) in people {
            let document = json!({ "data": {
                "type": "contacts",
                "attributes": { "first_name": first, "last_name": last },
                "relationships": { "company": { "data": { "type": "companies", "id": company } } },
            } });
            assert_eq!(app.post("/api/v1/contacts", document).await.status, 201);
        }
        ids.push(company);
    }
    let [both, each, none] = &ids[..] else { panic!("three companies") };
    let ada = "q[contacts_first_name_eq]=Ada";
    let group = "q[g][0][m]=or&q[g][0][contacts_last_name_eq]=Lovelace";
    let cases = [
        (format!("{ada}&q[contacts_last_name_eq]=Lovelace"), sorted([both])),
        (format!("{ada}&{group}&q[g][0][contacts_last_name_eq_any][]=x"), sorted([both])),
        (format!("{ada}&{group}&q[g][0][name_eq]=each"), sorted([both, each])),
        (format!("{ada}&{group}&q[g][0][name_eq]=none"), sorted([both])),
        ("q[contacts_first_name_eq]=Grace&q[contacts_last_name_null]=1".to_owned(), sorted([both])),
        ("q[contacts_last_name_null]=1".to_owned(), sorted([both, none])),
        (format!("{ada}&q[contacts_last_name_not_eq]=Lovelace"), sorted([])),
        ("q[contacts_last_name_not_eq]=Hopper".to_owned(), sorted([both, none])),
        ("q[contacts_last_name_not_null]=1".to_owned(), sorted([both, each])),
        (
            "q[m]=or&q[contacts_last_name_eq]=Hopper&q[contacts_first_name_null]=1".to_owned(),
            sorted([each, none]),
        ),
    ];
    for (query, expected) in cases {
        let answer = app.get(&format!("/api/v1/companies?{query}")).await;
        let mut found = answer.ids();
        found.sort();
        assert_eq!((&found, &answer.json["meta"]["total"]), (&expected, &json!(expected.len())), "{query}");
    }
    // Of several the first counts, among those that the filter asks for; where there is none is null, which is last.
    let in_order = async |query: &str| app.get(&format!("/api/v1/companies?{query}")).await.ids();
    assert_eq!(in_order("sort=contacts.last_name,name").await, [each.as_str(), both, none]);
    assert_eq!(in_order("q[s]=contacts_last_name+desc").await, [none.as_str(), both, each]);
    assert_eq!(in_order(&format!("{ada}&q[s]=contacts_last_name+desc")).await, [both.as_str(), each]);
    let answer = app.get("/api/v1/companies?sort=-contacts.last_name&page[size]=1&page[after]=x").await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn what_asks_for_too_much_or_is_no_text_is_refused_by_name() {
    let app = App::spawn().await;
    let names = vec!["last_name"; 40].join("_or_");
    let values = "x".repeat(30);
    let list: String = values.chars().map(|_| format!("&q[{names}_cont_any][]=x")).collect();
    let ids = "&q[id_in][]=x".repeat(1_001);
    let sorts = vec!["last_name"; 17].join(",");
    let wide = format!("q[{names}_cont_any][]");
    for (query, code, parameter) in [
        (&list[1..], "invalid_filter", wide.as_str()),
        (&ids[1..], "invalid_parameter", "q[id_in][]"),
        (&format!("sort={sorts}"), "invalid_parameter", "sort"),
        ("q[last_name_eq]=a%00b", "invalid_filter", "q[last_name_eq]"),
        ("q[last_name_eq]=%FF", "invalid_parameter", "q[last_name_eq]"),
        ("q[score_cont]=4", "invalid_filter", "q[score_cont]"),
        ("q[id_start]=0", "invalid_filter", "q[id_start]"),
    ] {
        let answer = app.get(&format!("/api/v1/contacts?{query}")).await;
        assert_eq!((answer.status, answer.errors()), (400, errors([(code, parameter)])));
    }
}

#[tokio::test]
async fn mistakes_in_parameters_are_named_all_at_once() {
    let app = App::spawn().await;
    let query = "q[nick_name_eq]=x&q[birthday_gt]=someday&sort=-mood&include=unicorns&fields[contacts]=mood&page[size]=0";
    let answer = app.get(&format!("/api/v1/contacts?{query}")).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.errors()[0], ("invalid_page".to_owned(), "page[size]".to_owned()));

    let query = "q[nick_name_eq]=x&q[birthday_gt]=someday&sort=-mood&include=unicorns&fields[contacts]=mood";
    let answer = app.get(&format!("/api/v1/contacts?{query}")).await;
    let expected = [
        ("unknown_filter", "q[nick_name_eq]"),
        ("unknown_sort", "sort"),
        ("unknown_include", "include"),
        ("unknown_field", "fields[contacts]"),
    ];
    assert_eq!((answer.status, answer.errors()), (400, errors(expected)));
    let answer = app.get("/api/v1/contacts?q[birthday_gt]=someday").await;
    assert_eq!((answer.status, answer.errors()), (400, errors([("invalid_filter", "q[birthday_gt]")])));
    let answer = app.get("/api/v1/contacts?colour=red").await;
    assert_eq!((answer.status, answer.errors()), (400, errors([("unknown_parameter", "colour")])));
    // What is not declared cannot be asked for, whether the table has it or not.
    for hidden in ["workspace_id", "deleted_at", "address", "company_password_digest"] {
        let answer = app.get(&format!("/api/v1/contacts?q[{hidden}_eq]=x")).await;
        assert_eq!(answer.errors()[0].0, "unknown_filter", "{hidden}");
    }
}

#[tokio::test]
async fn lists_are_sorted_and_paged_and_say_how_many_there_are() {
    let app = App::spawn().await;
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(
            app.create("contacts", json!({ "first_name": format!("n{number}"), "last_name": "same" })).await,
        );
    }
    let newest: Vec<String> = ids.iter().rev().cloned().collect();
    assert_eq!(app.get("/api/v1/contacts").await.ids(), newest);
    assert_eq!(app.get("/api/v1/contacts?sort=first_name").await.ids(), ids);
    assert_eq!(app.get("/api/v1/contacts?sort=last_name,-first_name").await.ids(), newest);
    assert_eq!(app.get("/api/v1/contacts?q[s]=first_name+desc").await.ids(), newest);

    let mut path = "/api/v1/contacts?sort=first_name&page[size]=2".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = app.get(&path).await;
        seen.extend(page.ids());
        assert_eq!(page.json["meta"]["total"], 5);
        match page.json["links"]["next"].as_str() {
            Some(next) => path = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, ids);
    let uncounted = app.get("/api/v1/contacts?page[size]=2&page[total]=false").await;
    assert_eq!((&uncounted.json["meta"], uncounted.json["links"]["next"].is_string()), (&Value::Null, true));
    assert_eq!(app.get("/api/v1/contacts?page[number]=9").await.ids(), Vec::<String>::new());
    let large = app.get("/api/v1/contacts?page[size]=101").await;
    assert_eq!((large.status, large.errors()), (400, errors([("page_too_large", "page[size]")])));
}

#[tokio::test]
async fn included_records_stand_once_and_are_linked() {
    let app = App::spawn().await;
    let acme = app.create("companies", json!({ "name": "Acme" })).await;
    let vip = app.create("tags", json!({ "name": "vip" })).await;
    for name in ["Ada", "Grace"] {
        let document = json!({ "data": { "type": "contacts", "attributes": { "first_name": name }, "relationships": {
            "company": { "data": { "type": "companies", "id": acme } },
            "tags": { "data": [{ "type": "tags", "id": vip }] },
        } } });
        let created = app.post("/api/v1/contacts", document).await;
        assert_eq!(created.status, 201, "{}", created.json);
    }
    let answer =
        app.get("/api/v1/contacts?include=company.contacts,tags&sort=company.name&fields[tags]=name").await;
    let data = answer.json["data"].as_array().expect("a collection");
    assert_eq!(data.len(), 2);
    for contact in data {
        assert_eq!(contact["relationships"]["company"]["data"]["id"], acme.as_str());
        assert_eq!(contact["relationships"]["tags"]["data"], json!([{ "type": "tags", "id": vip }]));
    }
    let included = answer.json["included"].as_array().expect("included");
    let names: Vec<&Value> = included.iter().map(|record| &record["type"]).collect();
    assert_eq!(names, ["companies", "tags"], "each once, and primary data not again");
    assert_eq!(included[0]["relationships"]["contacts"]["data"].as_array().map(Vec::len), Some(2));
    assert_eq!(included[1]["attributes"], json!({ "name": "vip" }));
    let none = app.get("/api/v1/contacts?include=").await;
    assert_eq!(none.json["included"], json!([]), "asked for, and empty");
    assert_eq!(app.get("/api/v1/contacts").await.json["included"], Value::Null);
}

#[tokio::test]
async fn sparse_fieldsets_show_nothing_else() {
    let app = App::spawn().await;
    let id = app.create("contacts", json!({ "first_name": "Ada" })).await;
    let answer = app.get(&format!("/api/v1/contacts/{id}?fields[contacts]=first_name,company")).await;
    let data = answer.json["data"].as_object().expect("one resource");
    assert_eq!(data["attributes"], json!({ "first_name": "Ada" }));
    assert_eq!(
        data["relationships"].as_object().map(|all| all.keys().cloned().collect()),
        Some(vec!["company".to_owned()])
    );
    let answer = app.get(&format!("/api/v1/contacts/{id}?fields[contacts]=")).await;
    assert_eq!(answer.json["data"]["attributes"], json!({}));
}

#[tokio::test]
async fn an_include_that_leads_to_too_much_is_refused() {
    let app = App::spawn().await;
    let acme = app.create("companies", json!({ "name": "Acme" })).await;
    let crowd = "INSERT INTO contacts (workspace_id, id, company_id)
        SELECT workspace_id, gen_random_uuid(), id FROM companies, generate_series(1, 1001)";
    app.database.client().await.execute(crowd, &[]).await.expect("a crowd");
    let answer = app.get(&format!("/api/v1/companies/{acme}?include=contacts")).await;
    assert_eq!((answer.status, answer.errors()), (400, errors([("invalid_parameter", "include")])));
    assert_eq!(app.get(&format!("/api/v1/companies/{acme}/contacts")).await.json["meta"]["total"], 1001);
}
