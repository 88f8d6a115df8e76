//! Forms: what the public sends becomes a submission and a contact, once, from the pages that may, and not for spam.

use pulse_service::http::REQUEST_ID;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Answer, App, errors};

/// A live form, and the address that it is sent to.
pub(crate) async fn form(app: &App, more: Value) -> (String, String) {
    let mut attributes = json!({
        "slug": "contact-us", "status": "live", "fields": [
            { "key": "mail", "type": "email", "required": true, "maps_to": "email" },
            { "key": "first", "type": "text", "maps_to": "first_name" },
            { "key": "size", "type": "select", "options": ["small", "large"] },
            { "key": "terms", "type": "checkbox", "required": true },
        ],
    });
    for (name, value) in more.as_object().expect("attributes") {
        attributes[name] = value.clone();
    }
    let document = json!({ "data": { "type": "forms", "attributes": attributes } });
    let made = app.post("/api/v1/forms", document).await;
    assert_eq!(made.status, 201, "{}", made.json);
    let key = made.json["data"]["attributes"]["public_key"].as_str().expect("a key");
    (made.id(), format!("/api/v1/public/forms/{key}/submissions"))
}

pub(crate) async fn send(app: &App, path: &str, body: Value) -> Answer {
    App::answer(app.request(Method::POST, path).json(&body)).await
}

async fn submissions(app: &App) -> Vec<Value> {
    let found = app.get("/api/v1/form_submissions?sort=created_at").await;
    found.json["data"].as_array().expect("a collection").clone()
}

#[tokio::test]
async fn a_submission_makes_a_contact_and_the_next_one_fills_in_what_is_not_known() {
    let app = App::spawn().await;
    let (id, path) = form(&app, json!({ "success": { "message": "Thanks!" } })).await;
    let page = "https://acme.test/?utm_source=ads&utm_campaign=may";
    let body = json!({ "mail": "ada@x.test", "terms": true, "size": "small", "_page_url": page });
    let sent = send(&app, &path, body).await;
    assert_eq!((sent.status, &sent.json["meta"]["message"]), (201, &json!("Thanks!")), "{}", sent.json);

    let contact = app.get("/api/v1/contacts").await.ids().remove(0);
    let kept = submissions(&app).await.remove(0);
    assert_eq!(kept["id"], sent.json["meta"]["submission_id"]);
    assert_eq!(
        kept["attributes"]["answers"],
        json!({ "mail": "ada@x.test", "size": "small", "terms": true })
    );
    assert_eq!(kept["attributes"]["utm"], json!({ "source": "ads", "campaign": "may" }));
    assert_eq!(kept["attributes"]["ip"], "127.0.0.0");
    assert_eq!(kept["relationships"]["contact"]["data"]["id"], contact);

    // Another capitalisation is the same person; what is known of them stays.
    for first in ["Ada", "Eve"] {
        let body = json!({ "mail": "ADA@x.test", "first": first, "terms": true });
        assert_eq!(send(&app, &path, body).await.status, 201);
    }
    let contacts = app.get("/api/v1/contacts").await;
    assert_eq!(contacts.ids(), [contact]);
    let attributes = &contacts.json["data"][0]["attributes"];
    assert_eq!((&attributes["first_name"], &attributes["email"]), (&json!("Ada"), &json!("ada@x.test")));
    let form = app.get(&format!("/api/v1/forms/{id}")).await;
    assert_eq!(form.json["data"]["attributes"]["submissions_count"], 3);
    let events = app.get("/api/v1/events?sort=sequence").await;
    let types: Vec<&Value> = events.json["data"]
        .as_array()
        .expect("events")
        .iter()
        .map(|event| &event["attributes"]["event_type"])
        .collect();
    let submitted = "form.submitted";
    assert_eq!(types, ["contact.created", submitted, "contact.updated", submitted, submitted]);
}

#[tokio::test]
async fn a_form_can_make_a_lead_instead() {
    let app = App::spawn().await;
    let (_, path) = form(&app, json!({ "creates": "lead" })).await;
    for first in [Value::Null, json!("Ada")] {
        let body = json!({ "mail": "ada@x.test", "first": first, "terms": true });
        assert_eq!(send(&app, &path, body).await.status, 201);
    }
    let leads = app.get("/api/v1/leads").await;
    assert_eq!(leads.ids().len(), 1);
    assert_eq!(leads.json["data"][0]["attributes"]["first_name"], "Ada");
    let kept = submissions(&app).await.remove(0);
    assert_eq!(kept["relationships"]["lead"]["data"]["id"], leads.ids()[0]);
    assert_eq!(app.get("/api/v1/contacts").await.ids().len(), 0);
}

#[tokio::test]
async fn two_submissions_of_one_person_at_once_make_one_contact() {
    let app = App::spawn().await;
    let (_, path) = form(&app, json!({})).await;
    let body = json!({ "mail": "ada@x.test", "terms": true });
    let (first, second) = tokio::join!(send(&app, &path, body.clone()), send(&app, &path, body.clone()));
    assert_eq!((first.status, second.status), (201, 201));
    assert_eq!(app.get("/api/v1/contacts").await.ids().len(), 1);
}

#[tokio::test]
async fn a_form_of_a_browser_is_read_and_answered_by_its_redirect() {
    let app = App::spawn().await;
    let (_, path) = form(&app, json!({ "success": { "redirect_url": "https://acme.test/thanks" } })).await;
    let request = app
        .request(Method::POST, &path)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body("mail=ada%40x.test&first=Ada+L&terms=on&size=");
    let sent = request.send().await.expect("an answer");
    assert_eq!(sent.status().as_u16(), 303);
    assert_eq!(sent.headers()["location"], "https://acme.test/thanks");
    assert!(sent.headers().contains_key(REQUEST_ID));
    let contact = app.get("/api/v1/contacts?q[first_name_eq]=Ada L").await;
    assert_eq!(contact.ids().len(), 1);
}

#[tokio::test]
async fn everything_that_is_wrong_with_answers_is_said_at_once() {
    let app = App::spawn().await;
    let (_, path) = form(&app, json!({})).await;
    let body =
        json!({ "mail": "nobody", "first": "x".repeat(300), "size": "huge", "shoe": 44, "_session_id": 7 });
    let refused = send(&app, &path, body).await;
    assert_eq!(refused.status, 422, "{}", refused.json);
    assert_eq!(
        refused.errors(),
        errors([
            ("unknown_attribute", "/shoe"),
            ("invalid", "/mail"),
            ("invalid", "/size"),
            ("required", ""),
            ("too_long", "/first"),
            ("wrong_kind", "/_session_id"),
        ])
    );
    for (body, status, code) in [
        ("[]", 400, "malformed_document"),
        ("{", 400, "malformed_json"),
        (r#"{"first":"\u0000"}"#, 422, "invalid"),
    ] {
        let answer = App::answer(app.request(Method::POST, &path).body(body)).await;
        assert_eq!((answer.status, answer.errors()[0].0.as_str()), (status, code), "{body}");
    }
    let large = format!(r#"{{"first":"{}"}}"#, "x".repeat(70_000));
    assert_eq!(App::answer(app.request(Method::POST, &path).body(large)).await.status, 413);
    assert_eq!(submissions(&app).await.len(), 0);
    assert_eq!(app.get("/api/v1/contacts").await.ids().len(), 0);
}

#[tokio::test]
async fn spam_is_answered_like_anything_else_and_kept_apart() {
    let app = App::spawn().await;
    let (id, path) = form(&app, json!({ "spam": { "honeypot": "website", "min_seconds": 3 } })).await;
    let body = |more: Value| {
        let mut body = json!({ "mail": "ada@x.test", "terms": true, "website": "", "_elapsed_seconds": 10 });
        for (name, value) in more.as_object().expect("an object") {
            body[name] = value.clone();
        }
        body
    };
    for spam in
        [json!({ "website": "buy" }), json!({ "_elapsed_seconds": 1 }), json!({ "_elapsed_seconds": null })]
    {
        let sent = send(&app, &path, body(spam)).await;
        assert_eq!(sent.status, 201, "{}", sent.json);
    }
    assert_eq!(app.get("/api/v1/contacts").await.ids().len(), 0);
    assert_eq!(app.get("/api/v1/events").await.ids().len(), 0);
    assert_eq!(send(&app, &path, body(json!({}))).await.status, 201);
    let statuses: Vec<Value> =
        submissions(&app).await.iter().map(|kept| kept["attributes"]["status"].clone()).collect();
    assert_eq!(statuses, ["spam", "spam", "spam", "accepted"]);
    let form = app.get(&format!("/api/v1/forms/{id}")).await;
    assert_eq!(form.json["data"]["attributes"]["submissions_count"], 1);
}

#[tokio::test]
async fn what_comes_again_under_the_same_key_is_stored_once() {
    let app = App::spawn().await;
    let (_, path) = form(&app, json!({})).await;
    let body = json!({ "mail": "ada@x.test", "terms": true });
    let once = async || {
        App::answer(app.request(Method::POST, &path).header("Idempotency-Key", "one").json(&body)).await
    };
    let (first, second) = (once().await, once().await);
    assert_eq!((first.status, second.status), (201, 200));
    assert_eq!(first.json["meta"]["submission_id"], second.json["meta"]["submission_id"]);
    assert_eq!(submissions(&app).await.len(), 1);
}

#[tokio::test]
async fn only_pages_of_the_allowed_origins_may_send_a_form() {
    let app = App::spawn().await;
    let (_, path) = form(&app, json!({ "allowed_origins": ["https://acme.test"] })).await;
    let call = async |method: Method, origin: &str| {
        let request = app.request(method, &path).header("Origin", origin);
        App::answer(request.json(&json!({ "mail": "ada@x.test", "terms": true }))).await
    };
    let allowed = |answer: &Answer| answer.header("access-control-allow-origin").map(str::to_owned);
    let preflight = call(Method::OPTIONS, "https://acme.test").await;
    assert_eq!((preflight.status, allowed(&preflight).as_deref()), (204, Some("https://acme.test")));
    let sent = call(Method::POST, "https://acme.test").await;
    assert_eq!((sent.status, allowed(&sent).as_deref()), (201, Some("https://acme.test")));
    for method in [Method::OPTIONS, Method::POST] {
        let refused = call(method, "https://evil.test").await;
        assert_eq!((refused.status, allowed(&refused)), (403, None));
        assert_eq!(refused.errors(), errors([("forbidden", "Origin")]));
    }
    assert_eq!(submissions(&app).await.len(), 1);
    let shown = App::answer(app.request(Method::GET, path.trim_end_matches("/submissions"))).await;
    assert_eq!(shown.json["meta"]["fields"][0]["key"], "mail");
    assert!(!shown.json.to_string().contains("maps_to"));
}

#[tokio::test]
async fn drafts_are_not_there_closed_forms_refuse_and_an_address_has_a_quota() {
    let app = App::spawn().await;
    let (id, path) = form(&app, json!({ "status": "draft" })).await;
    let body = json!({ "mail": "ada@x.test", "terms": true });
    assert_eq!(send(&app, &path, body.clone()).await.status, 404);
    let set = async |status: &str| {
        let attributes = json!({ "status": status });
        let document = json!({ "data": { "type": "forms", "id": id, "attributes": attributes } });
        assert_eq!(app.patch(&format!("/api/v1/forms/{id}"), document).await.status, 200);
    };
    set("closed").await;
    let closed = send(&app, &path, body.clone()).await;
    assert_eq!((closed.status, closed.errors()), (409, errors([("state_conflict", "")])));
    set("live").await;
    let mut sent = send(&app, &path, body.clone()).await;
    for _ in 0..app.settings.forms.submissions_per_hour.get() {
        if sent.status != 201 {
            break;
        }
        sent = send(&app, &path, body.clone()).await;
    }
    assert_eq!((sent.status, sent.errors()), (429, errors([("rate_limited", "")])));
    assert!(sent.header("retry-after").is_some());
}

#[tokio::test]
async fn a_form_that_makes_no_sense_is_refused_with_all_that_is_wrong() {
    let app = App::spawn().await;
    let attributes = json!({
        "slug": "a b", "spam": { "honeypot": "mail" }, "allowed_origins": ["https://acme.test/"],
        "success": { "redirect_url": "javascript:alert(1)" },
        "fields": [
            { "key": "mail", "type": "email" },
            { "key": "mail", "type": "text" },
            { "key": "_x", "type": "select" },
            { "key": "y", "type": "colour" },
        ],
    });
    let document = json!({ "data": { "type": "forms", "attributes": attributes } });
    let refused = app.post("/api/v1/forms", document).await;
    let at = |place: &'static str| ("invalid", place);
    assert_eq!(
        refused.errors(),
        errors([
            at("/data/attributes/slug"),
            at("/data/attributes/fields/3"),
            at("/data/attributes/fields/1"),
            at("/data/attributes/fields/2"),
            at("/data/attributes/fields/2"),
            at("/data/attributes/spam/honeypot"),
            at("/data/attributes/allowed_origins/0"),
            at("/data/attributes/success/redirect_url"),
        ])
    );
    let attributes =
        json!({ "slug": "x", "fields": [{ "key": "a", "type": "text", "maps_to": "score_card" }] });
    let document = json!({ "data": { "type": "forms", "attributes": attributes } });
    let refused = app.post("/api/v1/forms", document).await;
    assert_eq!((refused.status, refused.errors()), (422, errors([at("/data/attributes/fields/0/maps_to")])));
}
