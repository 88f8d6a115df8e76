//! E-signatures: a request is sent, seen, signed or declined by secret addresses, in its order.

use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Answer, App, errors};

/// A request with recipients of these roles, each one place behind the other.
pub(crate) async fn request(app: &App, order: &str, roles: &[&str]) -> String {
    let request = app
        .create(
            "esignature_requests",
            json!({
                "title": "Contract", "signing_order": order,
                "documents": [{ "name": "contract.pdf", "sha256": "a".repeat(64), "pages": 3 }],
            }),
        )
        .await;
    for (index, role) in roles.iter().enumerate() {
        let added = add(app, &request, role, index + 1).await;
        assert_eq!(added.status, 201, "{}", added.json);
    }
    request
}

async fn add(app: &App, request: &str, role: &str, position: usize) -> Answer {
    let fields = if role == "signer" {
        json!([{ "key": "name", "type": "signature", "required": true }])
    } else {
        json!([])
    };
    let document = json!({ "data": { "type": "esignature_recipients",
        "attributes": {
            "name": role, "email": format!("{role}{position}@x.test"), "role": role, "position": position,
            "fields": fields,
        },
        "relationships": { "request": { "data": { "type": "esignature_requests", "id": request } } },
    } });
    app.post("/api/v1/esignature_recipients", document).await
}

/// Sends it, and returns the paths of its recipients in their order.
pub(crate) async fn send(app: &App, request: &str) -> Vec<String> {
    let sent = app.post(&format!("/api/v1/esignature_requests/{request}/send"), Value::Null).await;
    assert_eq!(sent.status, 200, "{}", sent.json);
    let links = sent.json["meta"]["links"].as_array().expect("links");
    links
        .iter()
        .map(|link| {
            format!("/api/v1/public/esignature_recipients/{}", link["token"].as_str().expect("a token"))
        })
        .collect()
}

pub(crate) async fn act(app: &App, path: &str, verb: &str, body: Value) -> Answer {
    App::answer(app.request(Method::POST, &format!("{path}/{verb}")).json(&body)).await
}

pub(crate) fn signature() -> Value {
    json!({ "fields": { "name": "Ada Lovelace" } })
}

async fn status(app: &App, request: &str) -> Value {
    app.get(&format!("/api/v1/esignature_requests/{request}")).await.json["data"]["attributes"]["status"]
        .clone()
}

async fn told(app: &App) -> Vec<String> {
    let events = app.get("/api/v1/events?sort=sequence&page[size]=100").await;
    let events = events.json["data"].as_array().expect("events").clone();
    events
        .iter()
        .map(|event| event["attributes"]["event_type"].as_str().expect("a type").to_owned())
        .collect()
}

#[tokio::test]
async fn a_parallel_request_is_complete_when_all_have_signed_or_approved() {
    let app = App::spawn().await;
    let request = request(&app, "parallel", &["signer", "approver", "viewer", "cc"]).await;
    let paths = send(&app, &request).await;
    assert_eq!(paths.len(), 3, "a copy needs no address");
    let [signer, approver, viewer] = [&paths[0], &paths[1], &paths[2]];

    let looked = App::answer(app.request(Method::GET, signer)).await;
    assert_eq!(looked.json["meta"]["request"]["title"], "Contract");
    assert_eq!(status(&app, &request).await, "sent", "looking records nothing");
    let viewed = act(&app, signer, "view", json!({})).await;
    assert_eq!(viewed.json["meta"]["recipient"]["status"], "viewed", "{}", viewed.json);
    assert_eq!(status(&app, &request).await, "viewed");

    let signed = App::answer(
        app.request(Method::POST, &format!("{signer}/sign")).header("User-Agent", "Pen/1").json(&signature()),
    )
    .await;
    assert_eq!(signed.status, 200, "{}", signed.json);
    assert_eq!(signed.json["meta"]["recipient"]["fields"][0]["value"], "Ada Lovelace");
    assert_eq!(status(&app, &request).await, "partially_signed");
    let recipient = app.get("/api/v1/esignature_recipients?q[role_eq]=signer").await.json["data"][0].clone();
    assert_eq!(recipient["attributes"]["ip"], "127.0.0.1");
    assert_eq!(recipient["attributes"]["user_agent"], "Pen/1");
    let again = act(&app, signer, "sign", signature()).await;
    assert_eq!((again.status, again.errors()), (409, errors([("state_conflict", "")])));
    assert_eq!(act(&app, viewer, "sign", json!({})).await.status, 403);

    assert_eq!(act(&app, approver, "sign", json!({})).await.status, 200);
    assert_eq!(status(&app, &request).await, "completed");
    assert_eq!(
        told(&app).await,
        [
            "esignature.sent",
            "esignature.viewed",
            "esignature.signed",
            "esignature.signed",
            "esignature.completed"
        ]
    );
}

#[tokio::test]
async fn in_a_sequential_request_everybody_waits_for_their_turn() {
    let app = App::spawn().await;
    let request = request(&app, "sequential", &["signer", "signer"]).await;
    let paths = send(&app, &request).await;
    let early = act(&app, &paths[1], "sign", signature()).await;
    assert_eq!((early.status, early.errors()), (409, errors([("state_conflict", "")])));
    assert_eq!(act(&app, &paths[0], "sign", signature()).await.status, 200);
    assert_eq!(act(&app, &paths[1], "sign", signature()).await.status, 200);
    assert_eq!(status(&app, &request).await, "completed");
}

#[tokio::test]
async fn two_who_sign_at_once_complete_the_request_once() {
    let app = App::spawn().await;
    let request = request(&app, "parallel", &["signer", "signer"]).await;
    let paths = send(&app, &request).await;
    let (first, second) =
        tokio::join!(act(&app, &paths[0], "sign", signature()), act(&app, &paths[1], "sign", signature()));
    assert_eq!((first.status, second.status), (200, 200));
    assert_eq!(status(&app, &request).await, "completed");
    let completed = told(&app).await.into_iter().filter(|kind| kind == "esignature.completed").count();
    assert_eq!(completed, 1);
}

#[tokio::test]
async fn one_who_declines_ends_the_request() {
    let app = App::spawn().await;
    let request = request(&app, "parallel", &["signer", "approver"]).await;
    let paths = send(&app, &request).await;
    let declined = act(&app, &paths[1], "decline", json!({ "reason": "Too dear" })).await;
    assert_eq!(declined.status, 200, "{}", declined.json);
    let shown = app.get(&format!("/api/v1/esignature_requests/{request}")).await;
    assert_eq!(shown.json["data"]["attributes"]["declined_reason"], "Too dear");
    assert_eq!(act(&app, &paths[0], "sign", signature()).await.status, 409);
    let cancel = app.post(&format!("/api/v1/esignature_requests/{request}/cancel"), Value::Null).await;
    assert_eq!(cancel.status, 409);
    assert!(told(&app).await.contains(&"esignature.declined".to_owned()));
}

#[tokio::test]
async fn what_was_sent_stays_as_it_was_sent() {
    let app = App::spawn().await;
    let request = request(&app, "parallel", &["signer"]).await;
    send(&app, &request).await;
    let path = format!("/api/v1/esignature_requests/{request}");
    let again = app.post(&format!("{path}/send"), Value::Null).await;
    assert_eq!((again.status, again.errors()), (409, errors([("state_conflict", "")])));
    assert_eq!(add(&app, &request, "signer", 2).await.status, 409);
    let recipient = app.get("/api/v1/esignature_recipients").await.ids().remove(0);
    let one = format!("/api/v1/esignature_recipients/{recipient}");
    assert_eq!(app.delete(&one).await.status, 409);
    let change = json!({ "data": { "type": "esignature_recipients", "id": recipient, "attributes": {
        "email": "eve@x.test",
    } } });
    assert_eq!(app.patch(&one, change).await.status, 409);
    let change = json!({ "data": { "type": "esignature_requests", "id": request, "attributes": {
        "documents": [], "message": "Please",
    } } });
    let refused = app.patch(&path, change).await;
    assert_eq!(refused.errors(), errors([("state_conflict", "/data/attributes/documents")]));
}

#[tokio::test]
async fn a_request_that_is_not_complete_is_not_sent() {
    let app = App::spawn().await;
    let request = app
        .create("esignature_requests", json!({ "title": "Empty", "expires_at": "2020-01-01T00:00:00Z" }))
        .await;
    let refused = app.post(&format!("/api/v1/esignature_requests/{request}/send"), Value::Null).await;
    let conflict = ("state_conflict", "");
    assert_eq!((refused.status, refused.errors()), (409, errors([conflict, conflict, conflict])));
}

#[tokio::test]
async fn a_request_whose_time_is_over_expires_when_somebody_comes() {
    let app = App::spawn().await;
    let request = request(&app, "parallel", &["signer"]).await;
    let paths = send(&app, &request).await;
    let change = json!({ "data": { "type": "esignature_requests", "id": request, "attributes": {
        "expires_at": "2020-01-01T00:00:00Z",
    } } });
    assert_eq!(app.patch(&format!("/api/v1/esignature_requests/{request}"), change).await.status, 200);
    assert_eq!(act(&app, &paths[0], "sign", signature()).await.status, 409);
    assert_eq!(status(&app, &request).await, "expired");
}

#[tokio::test]
async fn what_is_filled_in_is_checked_and_an_unknown_address_is_not_there() {
    let app = App::spawn().await;
    let request = request(&app, "parallel", &["signer"]).await;
    let paths = send(&app, &request).await;
    let wrong = act(&app, &paths[0], "sign", json!({ "fields": { "shoe": 44 } })).await;
    assert_eq!(
        (wrong.status, wrong.errors()),
        (422, errors([("required", ""), ("unknown_attribute", "/fields/shoe")]))
    );
    let unknown = format!("/api/v1/public/esignature_recipients/sign_{}", "x".repeat(43));
    for verb in ["view", "sign", "decline"] {
        assert_eq!(act(&app, &unknown, verb, json!({})).await.status, 404);
    }
    let stored =
        app.database.client().await.query_one("SELECT token_digest FROM esignature_recipients", &[]).await;
    let token = paths[0].rsplit('/').next().expect("a token");
    assert_eq!(stored.expect("one row").get::<_, Vec<u8>>(0), pulse_domain::token::digest(token));
}
