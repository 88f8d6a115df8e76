//! Query parameters, on every method (section 12), and the settings that change how they are read.

use crm_api::settings::Unknown;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{App, errors};

#[tokio::test]
async fn an_unknown_parameter_is_refused_on_every_method_and_nothing_is_done() {
    let app = App::spawn().await;
    let ada = app.create("contacts", json!({ "first_name": "Ada" })).await;
    let one = format!("/api/v1/contacts/{ada}");
    let new = json!({ "data": { "type": "contacts", "attributes": { "first_name": "Eve" } } });
    let change = json!({ "data": { "type": "contacts", "id": ada, "attributes": { "first_name": "Eve" } } });
    let links = json!({ "data": [] });
    let requests: [(Method, String, Option<Value>); 11] = [
        (Method::GET, "/api/v1/contacts".into(), None),
        (Method::POST, "/api/v1/contacts".into(), Some(new)),
        (Method::GET, one.clone(), None),
        (Method::PATCH, one.clone(), Some(change)),
        (Method::DELETE, one.clone(), None),
        (Method::POST, format!("{one}/restore"), None),
        (Method::GET, format!("{one}/company"), None),
        (Method::GET, format!("{one}/relationships/tags"), None),
        (Method::PATCH, format!("{one}/relationships/tags"), Some(links.clone())),
        (Method::POST, format!("{one}/relationships/tags"), Some(links.clone())),
        (Method::DELETE, format!("{one}/relationships/tags"), Some(links)),
    ];
    for (method, path, body) in requests {
        // 12.1, 12.4, 12.7: none of these is a parameter of ours.
        for (query, name) in [
            ("nothing=1", "nothing"),
            ("camelCase=1", "camelCase"),
            ("atomic:operations=1", "atomic:operations"),
            ("stats%5Btotal%5D=count", "stats[total]"),
            ("page[offset]=1", "page[offset]"),
        ] {
            let answer =
                app.send(method.clone(), &format!("{path}?{query}"), Some(&app.token), body.as_ref()).await;
            let expected = errors([("unknown_parameter", name)]);
            assert_eq!((answer.status, answer.errors()), (400, expected), "{method} {path}?{query}");
        }
        // 12.2
        for (query, name) in
            [("fields[contacts=x", "fields[contacts"), ("page]=1", "page]"), ("[a]=1", "[a]")]
        {
            let answer =
                app.send(method.clone(), &format!("{path}?{query}"), Some(&app.token), body.as_ref()).await;
            let expected = errors([("invalid_parameter", name)]);
            assert_eq!((answer.status, answer.errors()), (400, expected), "{method} {path}?{query}");
        }
    }
    assert_eq!(app.get(&one).await.json["data"]["attributes"]["first_name"], "Ada");
    assert_eq!(app.get("/api/v1/contacts").await.ids(), [ada]);
}

#[tokio::test]
async fn actions_take_no_parameters_either() {
    let app = App::spawn().await;
    let id = Uuid::now_v7();
    for (method, path) in [
        (Method::POST, "/api/v1/auth/sign_in".to_owned()),
        (Method::DELETE, "/api/v1/auth/sign_out".to_owned()),
        (Method::POST, format!("/api/v1/sequences/{id}/start")),
        (Method::POST, format!("/api/v1/webhook_deliveries/{id}/replay")),
        (Method::GET, format!("/api/v1/workflows/{id}/variables")),
    ] {
        let answer = app.send(method, &format!("{path}?include=x"), Some(&app.token), Some(&json!({}))).await;
        assert_eq!(
            (answer.status, answer.errors()),
            (400, errors([("unknown_parameter", "include")])),
            "{path}"
        );
    }
    assert_eq!(app.get("/api/v1/tags").await.status, 200, "the session has not been ended");
}

#[tokio::test]
async fn encoded_and_raw_spellings_mean_the_same() {
    let app = App::spawn().await;
    let id = app.create("contacts", json!({ "first_name": "Ada Maria", "last_name": "a+b" })).await;
    for query in [
        "q[first_name_eq]=Ada+Maria",
        "q%5Bfirst_name_eq%5D=Ada%20Maria",
        "filter%5Bfirst_name_in%5D=Bob%2CAda+Maria&page%5Bsize%5D=1",
        "filter[last_name_eq]=a%2Bb&include=company%2Ctags",
        "filter[first_name_in]=Bob&filter[first_name_in]=Ada+Maria",
        "sort=first_name%2C-last_name&include[]=company&include[]=tags",
    ] {
        assert_eq!(
            app.get(&format!("/api/v1/contacts?{query}")).await.ids(),
            std::slice::from_ref(&id),
            "{query}"
        );
    }
}

#[tokio::test]
async fn settings_turn_q_off_and_let_unknown_filters_pass() {
    let app = App::spawn_with(|settings| {
        settings.api.q = false;
        settings.filters.unknown = Unknown::Ignore;
    })
    .await;
    let ada = app.create("contacts", json!({ "first_name": "Ada" })).await;
    let bob = app.create("contacts", json!({ "first_name": "Bob" })).await;
    let refused = app.get("/api/v1/contacts?q[first_name_eq]=Ada").await;
    let expected = errors([("unknown_parameter", "q[first_name_eq]")]);
    assert_eq!((refused.status, refused.errors()), (400, expected));
    let found = async |query: &str| app.get(&format!("/api/v1/contacts?sort=first_name&{query}")).await.ids();
    assert_eq!(found("filter[nick_name_eq]=x&filter[first_name_eq]=Bob").await, std::slice::from_ref(&bob));
    assert_eq!(found("filter[nonsense]=x&filter[s]=nick_name+desc").await, [ada, bob]);
    // What is JSON:API's own is refused as ever.
    assert_eq!(app.get("/api/v1/contacts?sort=nick_name").await.errors(), errors([("unknown_sort", "sort")]));
}
