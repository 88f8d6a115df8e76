//! Whether what happens keeps to the catalogue: every type of event that the API can bring about is brought about, and what is
//! sent of it, in every payload version, is what its JSON Schema says.

use std::collections::{BTreeSet, HashMap};

use crm_api::resources::RESOURCES;
use jsonschema::Validator;
use pulse_domain::catalogue::KINDS;
use pulse_domain::{Event, EventId, RecordId, WorkspaceId, catalogue, payload};
use pulse_testing::Mailbox;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{Answer, App};
use crate::deals::Board;
use crate::passwords::spawn_with_mail;
use crate::{bookings, esignature, forms, leads, sample, second_factors};

const PASSWORD: &str = "correct horse battery";

/// What webhook-dispatcher tells, and not the API: of receivers that fail.
const OF_RECEIVERS: [&str; 2] = ["webhook_subscription.failing", "webhook_subscription.disabled"];

/// Everything in the journal, as it goes out on the bus.
pub(super) async fn journal(app: &App) -> Vec<Event> {
    let mut events = Vec::new();
    for page in 1.. {
        let list = app.get(&format!("/api/v1/events?sort=sequence&page[size]=100&page[number]={page}")).await;
        let rows = list.json["data"].as_array().expect("a collection");
        events.extend(rows.iter().map(event));
        if rows.len() < 100 {
            break;
        }
    }
    events
}

fn event(row: &Value) -> Event {
    let attributes = &row["attributes"];
    let text = |name: &str| attributes[name].as_str().expect("a text").to_owned();
    let id = |text: &str| text.parse::<Uuid>().expect("an id");
    let raw = |name: &str| serde_json::value::to_raw_value(&attributes[name]).expect("JSON");
    Event {
        id: EventId(id(row["id"].as_str().expect("an id"))),
        workspace_id: WorkspaceId::generate(),
        kind: text("event_type"),
        occurred_at: text("occurred_at").parse().expect("an instant"),
        resource: text("resource_type"),
        record_id: RecordId(id(&text("record_id"))),
        data: raw("data"),
        changes: (!attributes["changes"].is_null()).then(|| raw("changes")),
        correlation_id: id(&text("correlation_id")),
        sequence: attributes["sequence"].as_i64().expect("a number"),
    }
}

#[tokio::test]
async fn what_is_sent_of_every_event_of_the_api_is_what_its_schema_says() {
    let (app, mailbox) = spawn_with_mail().await;
    change_every_record(&app).await;
    work_on_deals_and_tickets(&app).await;
    keep_bookings(&app).await;
    sign(&app).await;
    let form = forms::form(&app, json!({})).await.1;
    good(forms::send(&app, &form, json!({ "mail": "eve@x.test", "terms": true })).await);
    // Last: they end sessions, and change how the owner signs in.
    let app = let_users_come_and_go(app, &mailbox).await;

    let validators = validators(&app).await;
    let mut seen = BTreeSet::new();
    for event in journal(&app).await {
        let kind = catalogue::find(&event.kind).expect("it is in the catalogue");
        assert_eq!(event.resource, kind.resource, "{}", kind.name);
        for version in payload::VERSIONS {
            let body = payload::render(version, &event).expect("it is rendered");
            let body: Value = serde_json::from_slice(&body).expect("JSON");
            let validator = &validators[&(event.kind.clone(), version)];
            let faults: Vec<String> = validator.iter_errors(&body).map(|fault| fault.to_string()).collect();
            assert!(faults.is_empty(), "{} {version}: {faults:?} in {body}", event.kind);
        }
        seen.insert(event.kind);
    }
    let unseen: Vec<_> = KINDS.iter().map(|kind| kind.name).filter(|name| !seen.contains(*name)).collect();
    assert_eq!(unseen, OF_RECEIVERS);
}

/// The schemas by event type and payload version.
async fn validators(app: &App) -> HashMap<(String, i32), Validator> {
    let list = app.get("/api/v1/event_types").await;
    let mut validators = HashMap::new();
    for shown in list.json["data"].as_array().expect("a collection") {
        let kind = shown["id"].as_str().expect("an id");
        for version in payload::VERSIONS {
            let schema = &shown["attributes"]["schemas"][version.to_string()];
            let validator = jsonschema::options().should_validate_formats(true).build(schema);
            validators.insert((kind.to_owned(), version), validator.expect("a schema"));
        }
    }
    validators
}

#[track_caller]
fn good(answer: Answer) -> Answer {
    assert!((200..300).contains(&answer.status), "{}", answer.json);
    answer
}

/// Creates, changes, deletes and restores a record of each resource that tells of it.
async fn change_every_record(app: &App) {
    let caller = app.caller();
    for resource in RESOURCES.iter().filter(|resource| resource.events.is_some() && resource.actions.create) {
        let sample = sample::create(&caller, resource).await;
        if resource.actions.update {
            let names = ["name", "title", "subject", "body", "first_name", "summary"];
            let name = names.iter().find(|name| resource.attribute(name).is_some());
            let name = name.unwrap_or_else(|| panic!("{} has an attribute to change", resource.name));
            good(app.change(resource.name, &sample.id, json!({ *name: "Another" })).await);
        }
        if resource.actions.destroy && resource.has_trash() {
            good(caller.send(Method::DELETE, &sample.path(), None).await);
            good(caller.send(Method::POST, &format!("{}/restore", sample.path()), None).await);
        }
    }
    // With somewhere for their relationships to lead to.
    let company = app.create("companies", json!({ "name": "Acme" })).await;
    let related = [("company", "companies", company.as_str())];
    let contact = app.create_with("contacts", json!({ "last_name": "Lovelace" }), &related).await;
    let steps = json!([{ "title": "Ask", "after_days": 3 }]);
    let sequence = app.create("sequences", json!({ "name": "Review", "steps": steps })).await;
    let start = format!("/api/v1/sequences/{sequence}/start");
    good(app.post(&start, json!({ "contact_id": contact, "enrollment_id": Uuid::now_v7() })).await);
}

async fn work_on_deals_and_tickets(app: &App) {
    let board = Board::of(app, json!({}), &["New", "Talk"]).await;
    let lead = app.create("leads", json!({ "last_name": "Hopper", "company_name": "Navy" })).await;
    good(leads::convert(app, &lead, json!({})).await);
    let deal = board.deal(app, 0, json!({})).await;
    good(board.move_to(app, &deal, 1).await);
    for (verb, body) in [("win", Value::Null), ("lose", json!({ "reason": "price" }))] {
        good(app.post(&format!("/api/v1/deals/{deal}/{verb}"), body).await);
    }
    let ticket = app.create("tickets", json!({ "subject": "Broken" })).await;
    let reply = json!({ "body": "Mended.", "status": "solved" });
    good(app.post(&format!("/api/v1/tickets/{ticket}/reply"), reply).await);
    let call = app.create("calls", json!({ "direction": "outbound", "status": "in_progress" })).await;
    good(app.post(&format!("/api/v1/calls/{call}/complete"), json!({ "outcome": "interested" })).await);
}

async fn keep_bookings(app: &App) {
    let moved = good(bookings::book(app, (1, 2), "confirmed").await).id();
    let to = json!({ "starts_at": "2026-01-31T03:00:00Z", "ends_at": "2026-01-31T04:00:00Z" });
    good(bookings::act(app, &moved, "reschedule", to).await);
    for (hour, status, verb) in [
        (5, "pending", "confirm"),
        (7, "pending", "decline"),
        (9, "confirmed", "cancel"),
        (11, "confirmed", "complete"),
        (13, "confirmed", "no_show"),
    ] {
        let booking = good(bookings::book(app, (hour, hour + 1), status).await).id();
        good(bookings::act(app, &booking, verb, json!({})).await);
    }
}

async fn sign(app: &App) {
    let signed = esignature::request(app, "parallel", &["signer"]).await;
    let path = esignature::send(app, &signed).await.remove(0);
    good(esignature::act(app, &path, "view", json!({})).await);
    good(esignature::act(app, &path, "sign", esignature::signature()).await);
    let declined = esignature::request(app, "parallel", &["signer"]).await;
    let path = esignature::send(app, &declined).await.remove(0);
    good(esignature::act(app, &path, "decline", json!({ "reason": "Too dear" })).await);
    let cancelled = esignature::request(app, "parallel", &["signer"]).await;
    esignature::send(app, &cancelled).await;
    good(app.post(&format!("/api/v1/esignature_requests/{cancelled}/cancel"), Value::Null).await);
    let expired = esignature::request(app, "parallel", &["signer"]).await;
    let path = esignature::send(app, &expired).await.remove(0);
    let past = json!({ "expires_at": "2020-01-01T00:00:00Z" });
    good(app.change("esignature_requests", &expired, past).await);
    assert_eq!(esignature::act(app, &path, "sign", esignature::signature()).await.status, 409);
}

/// A user is invited, joins, changes and leaves, and the owner changes how they sign in; returns the service with a session
/// that is still good.
async fn let_users_come_and_go(mut app: App, mailbox: &Mailbox) -> App {
    let ben = app.create("users", json!({ "name": "Ben", "email": "ben@pulse.test" })).await;
    let token = mailbox.wait_for_nth(1, "ben@pulse.test").await.line("inv_");
    let form = json!({ "token": token, "password": PASSWORD });
    good(app.send(Method::POST, "/api/v1/auth/invitations/accept", None, Some(&form)).await);
    for change in [json!({ "role": "manager" }), json!({ "active": false }), json!({ "active": true })] {
        good(app.change("users", &ben, change).await);
    }
    good(app.delete(&format!("/api/v1/users/{ben}")).await);
    good(app.post(&format!("/api/v1/users/{ben}/restore"), Value::Null).await);

    let (secret, _) = second_factors::add(&app).await;
    let code = secret.code(second_factors::later(0));
    let form = json!({ "password": PASSWORD, "otp": code });
    good(second_factors::send(&app, Method::DELETE, "totp", form).await);
    let form = json!({ "email": "ada@elsewhere.test", "password": PASSWORD });
    good(second_factors::send(&app, Method::POST, "email", form).await);
    let token = mailbox.wait_for_nth(1, "ada@elsewhere.test").await.line("mail_");
    good(second_factors::send(&app, Method::POST, "email/confirm", json!({ "token": token })).await);
    let form = json!({ "current_password": PASSWORD, "password": "another horse, another battery" });
    good(second_factors::send(&app, Method::POST, "password", form).await);
    let form = json!({ "email": "ada@elsewhere.test", "password": "another horse, another battery" });
    app.token = good(app.send(Method::POST, "/api/v1/auth/sign_in", None, Some(&form)).await).token();
    app
}
