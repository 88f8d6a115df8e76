//! What lists cost on a large table: the plans of the statements that the service really sends, and their number.

use std::sync::Mutex;

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use serde_json::json;
use tokio_postgres::Client;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::app::App;

/// Statements that the service has sent, since the last time somebody looked. A test has a process of its own.
static SENT: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Listener;

impl Instrumentation for Listener {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::FinishQuery { query, .. } = event {
            SENT.lock().expect("no panic").push(query.to_string());
        }
    }
}

/// A service whose statements are listened to.
async fn spawn() -> App {
    set_default_instrumentation(|| Some(Box::new(Listener))).expect("nobody else listens");
    App::spawn_without_relay().await
}

/// The queries that a request leads to.
async fn sent(app: &App, path: &str) -> Vec<String> {
    SENT.lock().expect("no panic").clear();
    let answer = app.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.json);
    let mut sent = std::mem::take(&mut *SENT.lock().expect("no panic"));
    // A connection that was opened for it begins with settings of its own.
    sent.retain(|sql| sql.starts_with("SELECT"));
    sent
}

async fn workspace(client: &Client) -> Uuid {
    client.query_one("SELECT id FROM workspaces", &[]).await.expect("one workspace").get(0)
}

/// 200,000 contacts of one workspace, made by the database; the index of trigrams is made after them, which is faster.
async fn fill(client: &Client) {
    let index = "SELECT indexdef FROM pg_indexes WHERE indexname = 'contacts_search_idx'";
    let index: String = client.query_one(index, &[]).await.expect("the index").get(0);
    let contacts = "
        DROP INDEX contacts_search_idx;
        INSERT INTO contacts (workspace_id, id, first_name, last_name, email, phone, created_at)
        SELECT w.id, gen_random_uuid(), 'First' || n % 97, substr(md5((n % 5000)::text), 1, 9), 'c' || n || '@mail.example',
               '+44 ' || n, now() - make_interval(secs => n)
          FROM workspaces w CROSS JOIN generate_series(1, 200000) n;";
    client.batch_execute(contacts).await.expect("contacts are made");
    client.batch_execute(&index).await.expect("the index is made");
    client.batch_execute("ANALYZE contacts").await.expect("statistics are made");
}

#[tokio::test]
async fn common_filters_and_orders_of_200_000_contacts_are_served_by_indexes() {
    let app = spawn().await;
    let client = app.database.client().await;
    fill(&client).await;
    let workspace = workspace(&client).await;
    let name = "SELECT last_name, email, id FROM contacts WHERE email = 'c77@mail.example'";
    let known = client.query_one(name, &[]).await.expect("a contact");
    let (last_name, email, id): (String, String, Uuid) = (known.get(0), known.get(1), known.get(2));
    let inside = &last_name[1..8];

    // Parameters of a request, the value that they bind, and what the plan must name.
    let expectations: &[(String, Option<&(dyn ToSql + Sync)>, &str)] = &[
        (format!("q[last_name_cont]={inside}"), Some(&format!("%{inside}%")), "contacts_search_idx"),
        (format!("q[last_name_start]={inside}"), Some(&format!("{inside}%")), "contacts_search_idx"),
        (format!("q[last_name_end]={inside}"), Some(&format!("%{inside}")), "contacts_search_idx"),
        ("q[email_cont]=c4711@mail".into(), Some(&"%c4711@mail%"), "contacts_search_idx"),
        (format!("q[last_name_eq]={last_name}"), Some(&last_name), "contacts_last_name_idx"),
        (format!("q[email_eq]={email}"), Some(&email), "contacts_email_idx"),
        (format!("q[id_eq]={id}"), Some(&id), "contacts_pkey"),
        // Common: the newest are looked through until there are enough.
        ("q[last_name_cont]=a&sort=-created_at".into(), Some(&"%a%"), "contacts_newest_idx"),
        ("sort=-created_at".into(), None, "contacts_newest_idx"),
        ("sort=created_at".into(), None, "contacts_newest_idx"),
        (String::new(), None, "contacts_newest_idx"),
    ];
    for (query, value, index) in expectations {
        let page = sent(&app, &format!("/api/v1/contacts?{query}&page[size]=25&page[total]=false"))
            .await
            .into_iter()
            .find(|sql| sql.contains("FROM contacts"))
            .expect("a list reads its table");
        let mut values: Vec<&(dyn ToSql + Sync)> = vec![&workspace];
        values.extend(value);
        values.extend([&26i64 as &(dyn ToSql + Sync), &0i64]);
        let rows = client.query(&format!("EXPLAIN {page}"), &values).await.expect(&page);
        let plan: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        let plan = plan.join("\n");
        assert!(plan.contains(index) && !plan.contains("Seq Scan"), "{query}\n{page}\n{plan}");
    }
}

#[tokio::test]
async fn what_is_included_costs_one_statement_for_each_relationship() {
    let app = spawn().await;
    let tag = app.create("tags", json!({ "name": "Customer" })).await;
    for number in 0..30 {
        let company = app.create("companies", json!({ "name": format!("Company {number}") })).await;
        let contact = json!({ "data": {
            "type": "contacts",
            "attributes": { "last_name": format!("Name {number}") },
            "relationships": {
                "company": { "data": { "type": "companies", "id": company } },
                "tags": { "data": [{ "type": "tags", "id": tag }] },
            },
        } });
        assert_eq!(app.post("/api/v1/contacts", contact).await.status, 201);
    }
    let bare = sent(&app, "/api/v1/contacts?page[size]=50").await;
    let full = sent(&app, "/api/v1/contacts?page[size]=50&include=company,tags").await;
    assert_eq!(full.len(), bare.len() + 2, "{full:#?}");
    // The session and the page: a page that is the last one tells the total by itself.
    assert_eq!(bare.len(), 2, "{bare:#?}");
}
