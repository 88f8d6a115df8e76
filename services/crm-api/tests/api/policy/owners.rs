//! Users as records: their own profile, and what decides about rights.

use reqwest::Method;
use serde_json::json;

use super::member;
use crate::app::{App, errors};

#[tokio::test]
async fn users_change_their_profile_and_not_their_rights() {
    let app = App::spawn().await;
    let (id, rep) = member(&app, "rep").await;
    let (other, _) = member(&app, "rep").await;
    let team = app.create("teams", json!({ "name": "North" })).await;
    let path = format!("/api/v1/users/{id}");
    let change =
        |id: &str, attributes| json!({ "data": { "type": "users", "id": id, "attributes": attributes } });
    assert_eq!(rep.patch(&path, change(&id, json!({ "title": "Dr" }))).await.status, 200);
    let wanted = json!({ "role": "admin", "active": false, "email": "other@pulse.test" });
    let refused = rep.patch(&path, change(&id, wanted)).await;
    let mut found = refused.errors();
    found.sort();
    let at = |name: &'static str| ("forbidden", name);
    let expected = ["active", "email", "role"].map(|name| format!("/data/attributes/{name}"));
    let expected: Vec<_> = expected.iter().map(|at| ("forbidden".to_owned(), at.clone())).collect();
    assert_eq!((refused.status, found), (403, expected));
    // A record that is sent back whole changes none of it.
    let whole = rep.get(&path).await.json["data"]["attributes"].clone();
    assert_eq!(rep.patch(&path, change(&id, whole)).await.status, 200);
    let teams = json!({ "data": [{ "type": "teams", "id": team }] });
    let joined = rep.post(&format!("{path}/relationships/teams"), teams.clone()).await;
    assert_eq!((joined.status, joined.errors()), (403, errors([at("/data")])));
    let joined = json!({ "data": { "type": "users", "id": id, "relationships": { "teams": teams } } });
    let joined = rep.patch(&path, joined).await;
    assert_eq!((joined.status, joined.errors()), (403, errors([at("/data/relationships/teams")])));
    let other_path = format!("/api/v1/users/{other}");
    assert_eq!(rep.patch(&other_path, change(&other, json!({ "title": "Dr" }))).await.status, 403);
    assert_eq!(rep.send(Method::DELETE, &path, None).await.status, 403);
}

#[tokio::test]
async fn only_an_owner_writes_an_owner() {
    let app = App::spawn().await;
    let (id, admin) = member(&app, "admin").await;
    let owner = app.get("/api/v1/users?q[role_eq]=owner").await.ids().remove(0);
    let set = |id: &str, role: &str| json!({ "data": { "type": "users", "id": id, "attributes": { "role": role } } });
    let new = json!({ "data": { "type": "users", "attributes": { "name": "X", "email": "x@x.test", "role": "owner" } } });
    let rename = json!({ "data": { "type": "users", "id": owner, "attributes": { "email": "x@x.test" } } });
    let path = |id: &str| format!("/api/v1/users/{id}");
    for (method, path, body) in [
        (Method::POST, "/api/v1/users".to_owned(), Some(new)),
        (Method::PATCH, path(&id), Some(set(&id, "owner"))),
        (Method::PATCH, path(&owner), Some(set(&owner, "rep"))),
        (Method::PATCH, path(&owner), Some(rename)),
        (Method::DELETE, path(&owner), None),
    ] {
        let refused = admin.send(method.clone(), &path, body.as_ref()).await;
        assert_eq!((refused.status, refused.errors()), (403, errors([("forbidden", "")])), "{method} {path}");
    }
    // A former owner who lies in the trash is one still.
    let second = json!({ "name": "B", "email": "b@pulse.test", "role": "owner" });
    let second = app.create("users", second).await;
    assert_eq!(app.delete(&path(&second)).await.status, 200);
    let restore = format!("{}/restore", path(&second));
    assert_eq!(admin.send(Method::POST, &restore, None).await.status, 403);
    assert_eq!(admin.patch(&path(&id), set(&id, "admin")).await.status, 200);
}
