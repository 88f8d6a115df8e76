//! Signing keys of a workspace: who rotates them, what is published of them, and what a dispatcher reads.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use pulse_domain::seal::MasterKey;
use pulse_domain::signature::asymmetric::{SigningKey, VerifyingKey};
use pulse_testing::KEY;
use reqwest::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use serde_json::{Value, json};
use uuid::Uuid;

use super::subscribe;
use crate::app::{Answer, App, Caller, errors};

const ROTATE: &str = "/api/v1/webhook_signing_keys/rotate";
const PROMOTE: &str = "/api/v1/webhook_signing_keys/promote";

/// The address of a workspace's key set, below that of the service.
async fn address(caller: &Caller<'_>) -> String {
    let answer = caller.get("/api/v1/webhook_signing_keys/key_set").await;
    let url = answer.json["meta"]["url"].as_str().unwrap_or_else(|| panic!("a URL: {}", answer.json));
    url[url.find("/api/v1/").expect("it is below the API")..].to_owned()
}

/// The public keys of a set, as `whpk_…`.
async fn published(app: &App, address: &str) -> Vec<String> {
    let response = app.send_raw(reqwest::Method::GET, address, None).await;
    assert_eq!(response.status(), 200);
    let set: Value = response.json().await.expect("JSON");
    let keys = set["keys"].as_array().expect("keys");
    keys.iter().map(|key| key["whpk"].as_str().expect("a text").to_owned()).collect()
}

fn public_key(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.json);
    answer.json["data"]["attributes"]["public_key"].as_str().expect("a key").to_owned()
}

#[tokio::test]
async fn a_workspace_has_a_key_from_the_start_whose_private_part_is_sealed() {
    let app = App::spawn().await;
    let listed = app.get("/api/v1/webhook_signing_keys").await.json;
    let attributes = &listed["data"][0]["attributes"];
    assert_eq!((listed["data"].as_array().map(Vec::len), &attributes["expires_at"]), (Some(1), &Value::Null));
    let sql = "SELECT id, private_key_sealed FROM webhook_signing_keys WHERE public_key = $1";
    let public = attributes["public_key"].as_str().expect("a key");
    let row = app.database.client().await.query_one(sql, &[&public]).await.expect("one row");
    let (id, sealed): (Uuid, Vec<u8>) = (row.get(0), row.get(1));
    let seed = MasterKey::from_base64(KEY).expect("a key").open(id.as_bytes(), &sealed).expect("it opens");
    assert_eq!(SigningKey::from_seed(&seed).expect("a seed").verifying().to_string(), public);
    assert!(!listed.to_string().contains("sealed"));
}

#[tokio::test]
async fn the_key_set_is_for_everybody_and_may_be_kept() {
    let app = App::spawn().await;
    let address = address(&app.caller()).await;
    let response = app.send_raw(reqwest::Method::GET, &address, None).await;
    let header = |name| response.headers().get(name).expect("a header").to_str().expect("text").to_owned();
    assert_eq!(header(CACHE_CONTROL), "public, max-age=300");
    assert_eq!(header(CONTENT_TYPE), "application/json");
    let tag = header(ETAG);
    let set: Value = response.json().await.expect("JSON");
    let key = &set["keys"][0];
    assert_eq!((&key["kty"], &key["crv"], &key["alg"]), (&json!("OKP"), &json!("Ed25519"), &json!("EdDSA")));
    let public: VerifyingKey = key["whpk"].as_str().expect("a text").parse().expect("a key");
    assert_eq!(key["x"], BASE64_URL_SAFE_NO_PAD.encode(public.bytes()));
    let id = app.get("/api/v1/webhook_signing_keys").await.ids().remove(0);
    assert_eq!(key["kid"], id);

    let again = app.request(reqwest::Method::GET, &address).header(IF_NONE_MATCH, &tag).send().await;
    assert_eq!(again.expect("an answer").status(), 304);
    let nobodys = format!("/api/v1/public/webhook_keys/{}", Uuid::now_v7());
    for unknown in [nobodys.as_str(), "/api/v1/public/webhook_keys/nobody"] {
        assert_eq!(app.send_raw(reqwest::Method::GET, unknown, None).await.status(), 404, "{unknown}");
    }
}

#[tokio::test]
async fn a_rotated_key_stays_in_the_set_until_it_expires_or_its_successor_is_promoted() {
    let app = App::spawn().await;
    let address = address(&app.caller()).await;
    let first = published(&app, &address).await.remove(0);
    let second = public_key(&app.post(ROTATE, json!({})).await);
    assert_eq!(published(&app, &address).await, [second.clone(), first.clone()]);
    let previous = app.get("/api/v1/webhook_signing_keys?q[expires_at_present]=1").await.json;
    assert_eq!(previous["data"][0]["attributes"]["public_key"], first);
    let until: DateTime<Utc> = previous["data"][0]["attributes"]["expires_at"]
        .as_str()
        .and_then(|text| text.parse().ok())
        .expect("a time");
    let seconds = (until - Utc::now()).num_seconds();
    assert!((86_300..=86_400).contains(&seconds), "{seconds}");

    assert_eq!(public_key(&app.post(PROMOTE, json!({})).await), second);
    assert_eq!(published(&app, &address).await, std::slice::from_ref(&second));
    let answer = app.post(PROMOTE, json!({})).await;
    assert_eq!((answer.status, answer.errors()), (409, errors([("state_conflict", "")])));

    let third = public_key(&app.post(ROTATE, json!({ "overlap_seconds": 60 })).await);
    assert_eq!(published(&app, &address).await, [third.clone(), second]);
    let expire = "UPDATE webhook_signing_keys SET expires_at = now() WHERE expires_at > now()";
    app.database.client().await.batch_execute(expire).await.expect("time passes");
    assert_eq!(published(&app, &address).await, std::slice::from_ref(&third));
    let fourth = public_key(&app.post(ROTATE, json!({})).await);
    assert_eq!(published(&app, &address).await, [fourth, third]);
}

#[tokio::test]
async fn two_keys_are_good_at_most_and_a_compromised_one_ends_both() {
    let app = App::spawn().await;
    let address = address(&app.caller()).await;
    public_key(&app.post(ROTATE, json!({})).await);
    let answer = app.post(ROTATE, json!({})).await;
    assert_eq!((answer.status, answer.errors()), (409, errors([("state_conflict", "")])));
    let third = public_key(&app.post(ROTATE, json!({ "compromised": true })).await);
    assert_eq!(published(&app, &address).await, [third]);
    for wrong in [json!({ "overlap_seconds": 604_801 }), json!({ "overlap_seconds": 1, "compromised": true })]
    {
        let answer = app.post(ROTATE, wrong.clone()).await;
        assert_eq!(
            (answer.status, answer.errors()),
            (422, errors([("invalid", "/overlap_seconds")])),
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn rotations_at_the_same_time_leave_one_present_key() {
    let app = App::spawn().await;
    let caller = app.caller();
    let compromised = || caller.post(ROTATE, json!({ "compromised": true }));
    let (one, two, three) = tokio::join!(compromised(), compromised(), compromised());
    let made = [public_key(&one), public_key(&two), public_key(&three)];
    let left = published(&app, &address(&caller).await).await;
    assert!(left.len() == 1 && made.contains(&left[0]), "{left:?}");
}

#[tokio::test]
async fn a_rotation_is_on_record_and_touches_no_other_workspace() {
    let app = App::spawn().await;
    let other = app.as_another_workspace().await;
    let theirs = address(&other).await;
    let before = published(&app, &theirs).await;
    public_key(&app.post(ROTATE, json!({})).await);
    assert_eq!(published(&app, &theirs).await, before);
    let log = app.get("/api/v1/audit_log?q[resource_type_eq]=webhook_signing_keys&sort=action").await.json;
    let lines = log["data"].as_array().expect("lines").iter();
    let actions: Vec<_> = lines.map(|line| line["attributes"]["action"].clone()).collect();
    assert_eq!(actions, ["create", "update"]);
    assert!(!log.to_string().contains("private_key"));
}

#[tokio::test]
async fn a_rotation_is_told_to_dispatchers_by_a_new_version_of_the_subscriptions_that_are_signed_for() {
    let app = App::spawn().await;
    let asking = subscribe(&app, json!({ "ed25519": true })).await;
    assert_eq!(asking.json["data"]["attributes"]["ed25519"], true);
    let quiet = subscribe(&app, json!({})).await;
    assert_eq!(quiet.json["data"]["attributes"]["ed25519"], false);
    let before = [version(&app, &asking.id()).await, version(&app, &quiet.id()).await];
    public_key(&app.post(ROTATE, json!({})).await);
    let after = [version(&app, &asking.id()).await, version(&app, &quiet.id()).await];
    assert_ne!(before[0], after[0]);
    assert_eq!(before[1], after[1]);
    let shown = app.get(&format!("/api/v1/webhook_subscriptions/{}", asking.id())).await;
    assert_eq!(shown.json["data"]["attributes"], asking.json["data"]["attributes"]);
}

/// What tells a version of a subscription from another where dispatchers read it.
async fn version(app: &App, id: &str) -> String {
    let id: Uuid = id.parse().expect("an id");
    let sql = "SELECT xmin::text FROM webhook_subscriptions WHERE id = $1";
    app.database.client().await.query_one(sql, &[&id]).await.expect("one row").get(0)
}
