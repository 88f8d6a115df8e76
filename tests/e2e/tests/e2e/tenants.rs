//! Two workspaces: none can read, change or link to what is the other's, by any way there is.

use reqwest::Method;
use serde_json::{Value, json};

use crate::api::Api;
use crate::order::Workflow;
use crate::stack::Stack;

/// Every list that a workspace has something in.
const LISTS: [&str; 10] = [
    "companies",
    "contacts",
    "events",
    "ingest_sites",
    "ingest_tokens",
    "sequences",
    "tags",
    "webhook_deliveries",
    "webhook_subscriptions",
    "workflows",
];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_another_workspace_can_be_seen_changed_or_linked() {
    let stack = Stack::start().await;
    let (theirs, api) = (Api::sign_up(&stack).await, Api::sign_up(&stack).await);
    let sink = pulse_testing::Sink::start();
    theirs.subscribe(&sink.url(), &["contact.created"]).await;
    let company = theirs.create("companies", json!({"name": "Theirs"})).await.id;
    let tag = theirs.create("tags", json!({"name": "Theirs"})).await.id;
    let contact = contact_with(&theirs, &company, &tag).await;
    theirs.website().await;
    let workflow = Workflow::create(&theirs).await;
    let sequence = id(&theirs.list("sequences").await[0]);
    let delivery = id(&theirs.list_of(1, "webhook_deliveries?q[state_eq]=succeeded").await[0]);
    let shown = theirs.get(&format!("/api/v1/contacts/{contact}?include=company,tags")).await.expect(200);

    for list in LISTS {
        assert!(!theirs.list(list).await.is_empty(), "{list}");
        assert!(api.list(list).await.is_empty(), "{list}");
        let known = id(&theirs.list(list).await[0]);
        let refused = api.get(&format!("/api/v1/{list}/{known}")).await.expect(404);
        assert_eq!(refused.error().0, "not_found", "{list}");
    }

    let mine = api.create("contacts", json!({"first_name": "Mine"})).await.id;
    let own_sequence = api.create("sequences", json!({"name": "Mine", "steps": []})).await.id;
    let change = json!({"data": {"type": "contacts", "id": contact, "attributes": {"first_name": "Taken"}}});
    let to_company = json!({"data": {"type": "companies", "id": company}});
    let to_tags = json!({"data": [{"type": "tags", "id": tag}]});
    let linked = json!({"data": {"type": "contacts", "relationships": {"company": to_company}}});
    let tagged = json!({"data": {"type": "contacts", "relationships": {"tags": to_tags}}});
    let start = json!({"contact_id": contact});
    let nothing = json!({});
    let table: [(Method, String, &Value, &str); 13] = [
        (Method::PATCH, format!("contacts/{contact}"), &change, "not_found"),
        (Method::DELETE, format!("contacts/{contact}"), &nothing, "not_found"),
        (Method::GET, format!("contacts/{contact}/company"), &nothing, "not_found"),
        (Method::GET, format!("contacts/{contact}/relationships/tags"), &nothing, "not_found"),
        (Method::POST, format!("contacts/{contact}/relationships/tags"), &to_tags, "not_found"),
        (Method::POST, format!("contacts/{mine}/relationships/tags"), &to_tags, "related_not_found"),
        (Method::PATCH, format!("contacts/{mine}/relationships/company"), &to_company, "related_not_found"),
        (Method::POST, "contacts".to_owned(), &linked, "related_not_found"),
        (Method::POST, "contacts".to_owned(), &tagged, "related_not_found"),
        (Method::POST, format!("sequences/{sequence}/start"), &json!({"contact_id": mine}), "not_found"),
        (Method::POST, format!("sequences/{own_sequence}/start"), &start, "related_not_found"),
        (Method::POST, format!("webhook_deliveries/{delivery}/replay"), &nothing, "not_found"),
        (Method::GET, format!("workflows/{}/variables", workflow.id()), &nothing, "not_found"),
    ];
    for (method, path, body, code) in table {
        let what = format!("{method} {path}");
        let headers = [("content-type", "application/json")];
        let refused = api.send(method, &format!("/api/v1/{path}"), &headers, body.to_string()).await;
        assert_eq!((refused.status, refused.error().0.as_str()), (404, code), "{what}: {}", refused.body);
    }

    for filter in
        [format!("q[id_eq]={contact}"), "q[company_name_eq]=Theirs".into(), "q[tags_name_eq]=Theirs".into()]
    {
        assert!(api.list(&format!("contacts?{filter}")).await.is_empty(), "{filter}");
        assert_eq!(theirs.list(&format!("contacts?{filter}")).await.len(), 1, "{filter}");
    }
    // An id is one of its workspace: that it is taken elsewhere can neither be seen nor be used.
    let twin = json!({"data": {"type": "contacts", "id": contact, "attributes": {"first_name": "Twin"}}});
    api.post("/api/v1/contacts", &twin).await.expect(201);
    let own = api.get(&format!("/api/v1/contacts/{contact}?include=company,tags")).await.expect(200).json();
    assert_eq!((&own["data"]["attributes"]["first_name"], &own["included"]), (&json!("Twin"), &json!([])));

    let after = theirs.get(&format!("/api/v1/contacts/{contact}?include=company,tags")).await.expect(200);
    assert_eq!(after.body, shown.body);
    assert_eq!(api.list("contacts").await.len(), 2);
    assert_eq!(sink.received().len(), 1);
}

async fn contact_with(api: &Api, company: &str, tag: &str) -> String {
    let document = json!({"data": {
        "type": "contacts",
        "attributes": {"first_name": "Grace"},
        "relationships": {
            "company": {"data": {"type": "companies", "id": company}},
            "tags": {"data": [{"type": "tags", "id": tag}]},
        },
    }});
    id(&api.post("/api/v1/contacts", &document).await.expect(201).json()["data"])
}

fn id(record: &Value) -> String {
    record["id"].as_str().expect("a record has an id").to_owned()
}
