//! Users: invited, demoted and let go by admins, and teams of them.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use pulse_store::schema::users;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{App, errors};

const PASSWORD: &str = "correct horse battery";

pub(crate) async fn sign_in(app: &App, email: &str) -> (u16, String) {
    let form = json!({ "email": email, "password": PASSWORD });
    let answer = app.send(Method::POST, "/api/v1/auth/sign_in", None, Some(&form)).await;
    (answer.status, answer.header("authorization").unwrap_or_default().to_owned())
}

/// Gives a user the password of the owner.
pub(crate) async fn accept(app: &App, user: &str) {
    let mut connection = app.database.pool().get().await.expect("a connection");
    let digest: Option<String> = users::table
        .filter(users::email.eq("owner@pulse.test"))
        .select(users::password_digest)
        .first(&mut connection)
        .await
        .expect("the owner");
    let user: uuid::Uuid = user.parse().expect("an id");
    diesel::update(users::table.filter(users::id.eq(user)))
        .set(users::password_digest.eq(digest))
        .execute(&mut connection)
        .await
        .expect("a password");
}

async fn owner(app: &App) -> String {
    app.get("/api/v1/users?q[role_eq]=owner").await.ids().remove(0)
}

#[tokio::test]
async fn an_invited_user_signs_in_once_there_is_a_password_and_until_deactivated() {
    let app = App::spawn().await;
    let user = app.create("users", json!({ "name": "Ben", "email": "Ben@pulse.test" })).await;
    let path = format!("/api/v1/users/{user}");
    let shown = app.get(&path).await.json["data"]["attributes"].clone();
    assert_eq!(
        (&shown["status"], &shown["role"], &shown["active"], &shown["timezone"]),
        (&json!("invited"), &json!("rep"), &json!(true), &json!("UTC"))
    );
    assert_eq!(sign_in(&app, "ben@pulse.test").await.0, 401);

    accept(&app, &user).await;
    let (status, token) = sign_in(&app, "ben@pulse.test").await;
    assert_eq!(status, 201);
    let shown = app.get(&path).await.json["data"]["attributes"].clone();
    assert_eq!(shown["status"], "active");
    assert!(shown["last_signed_in_at"].is_string());

    assert_eq!(app.change("users", &user, json!({ "active": false })).await.status, 200);
    let ended = app.send(Method::GET, "/api/v1/contacts", Some(&token), None).await;
    assert_eq!((ended.status, ended.errors()), (401, errors([("session_revoked", "Authorization")])));
    assert_eq!(sign_in(&app, "ben@pulse.test").await.0, 401);
    assert_eq!(app.get(&path).await.json["data"]["attributes"]["status"], "inactive");
}

#[tokio::test]
async fn a_deleted_user_is_refused_on_the_next_request() {
    let app = App::spawn().await;
    let user = app.create("users", json!({ "name": "Ben", "email": "ben@pulse.test" })).await;
    accept(&app, &user).await;
    let (_, token) = sign_in(&app, "ben@pulse.test").await;
    app.delete(&format!("/api/v1/users/{user}")).await;
    assert_eq!(app.send(Method::GET, "/api/v1/contacts", Some(&token), None).await.status, 401);
    assert_eq!(sign_in(&app, "ben@pulse.test").await.0, 401);
}

#[tokio::test]
async fn only_admins_write_users_and_teams() {
    let app = App::spawn().await;
    let user = app.create("users", json!({ "name": "Ben", "email": "ben@pulse.test" })).await;
    let team = app.create("teams", json!({ "name": "North" })).await;
    accept(&app, &user).await;
    let (_, token) = sign_in(&app, "ben@pulse.test").await;
    let new =
        |kind: &str| json!({ "data": { "type": kind, "attributes": { "name": "x", "email": "x@x.test" } } });
    let change = json!({ "data": { "type": "users", "id": user, "attributes": { "role": "owner" } } });
    let members = json!({ "data": [{ "type": "users", "id": user }] });
    for (method, path, body) in [
        (Method::POST, "/api/v1/users".to_owned(), Some(new("users"))),
        (Method::DELETE, format!("/api/v1/users/{user}"), None),
        (Method::POST, format!("/api/v1/users/{user}/restore"), None),
        (Method::DELETE, format!("/api/v1/users/{user}/purge"), None),
        (Method::POST, format!("/api/v1/teams/{team}/relationships/users"), Some(members)),
        (Method::DELETE, format!("/api/v1/teams/{team}"), None),
    ] {
        let answer = app.send(method.clone(), &path, Some(&token), body.as_ref()).await;
        assert_eq!((answer.status, answer.errors()), (403, errors([("forbidden", "")])), "{method} {path}");
    }
    let refused =
        app.send(Method::PATCH, &format!("/api/v1/users/{user}"), Some(&token), Some(&change)).await;
    assert_eq!((refused.status, refused.errors()), (403, errors([("forbidden", "/data/attributes/role")])));
    assert_eq!(app.send(Method::GET, "/api/v1/users", Some(&token), None).await.ids().len(), 2);
}

#[tokio::test]
async fn the_last_owner_stays() {
    let app = App::spawn().await;
    let owner = owner(&app).await;
    for attributes in [json!({ "role": "admin" }), json!({ "active": false })] {
        let refused = app.change("users", &owner, attributes).await;
        assert_eq!((refused.status, refused.errors()), (409, errors([("state_conflict", "")])));
    }
    assert_eq!(app.delete(&format!("/api/v1/users/{owner}")).await.status, 409);
    assert_eq!(
        app.get("/api/v1/users?q[role_eq]=owner&q[active_true]=1").await.ids(),
        std::slice::from_ref(&owner)
    );

    let second = json!({ "name": "Cleo", "email": "cleo@pulse.test", "role": "owner" });
    app.create("users", second).await;
    assert_eq!(app.change("users", &owner, json!({ "role": "admin" })).await.status, 200);
}

#[tokio::test]
async fn two_owners_who_leave_at_once_do_not_both() {
    let app = App::spawn().await;
    let first = owner(&app).await;
    let second = app.create("users", json!({ "name": "B", "email": "b@pulse.test", "role": "owner" })).await;
    let role = json!({ "role": "rep" });
    let (one, other) =
        tokio::join!(app.change("users", &first, role.clone()), app.change("users", &second, role));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert!(matches!(statuses, [200, 401 | 403 | 409]), "{statuses:?}");
}

#[tokio::test]
async fn everything_wrong_with_a_user_is_said_at_once() {
    let app = App::spawn().await;
    let wrong = json!({
        "name": "Ben", "email": "ben", "role": "king", "timezone": "9", "locale": "e n",
        "working_hours": { "monday": [["18:00", "09:00"]] },
    });
    let refused = app.post_with("users", wrong, &[]).await;
    let at = |at: &'static str| ("invalid", at);
    let expected = [
        at("/data/attributes/role"),
        at("/data/attributes/email"),
        at("/data/attributes/timezone"),
        at("/data/attributes/locale"),
        at("/data/attributes/working_hours"),
    ];
    assert_eq!((refused.status, refused.errors()), (422, errors(expected)));
    let sound = json!({
        "name": "Ben", "email": "ben@pulse.test", "timezone": "America/Argentina/Buenos_Aires", "locale": "pt-BR",
        "working_hours": { "monday": [["09:00", "12:00"], ["13:00", "17:30"]], "sunday": [] },
    });
    app.create("users", sound).await;
    let taken = app.post_with("users", json!({ "name": "B", "email": "BEN@pulse.test" }), &[]).await;
    assert_eq!((taken.status, taken.errors()), (409, errors([("not_unique", "/data/attributes/email")])));
}

#[tokio::test]
async fn a_team_has_users_and_records() {
    let app = App::spawn().await;
    let owner = owner(&app).await;
    let team = app.create_with("teams", json!({ "name": "North" }), &[("manager", "users", &owner)]).await;
    let members = json!({ "data": [{ "type": "users", "id": owner }] });
    assert_eq!(app.post(&format!("/api/v1/teams/{team}/relationships/users"), members).await.status, 200);
    assert_eq!(app.get(&format!("/api/v1/users/{owner}/teams")).await.ids(), std::slice::from_ref(&team));
    assert_eq!(app.get("/api/v1/users?q[teams_name_eq]=North").await.ids(), std::slice::from_ref(&owner));
    let ends = [("team", "teams", team.as_str()), ("owner", "users", owner.as_str())];
    let contact = app.create_with("contacts", json!({}), &ends).await;
    assert_eq!(
        app.get(&format!("/api/v1/teams/{team}/contacts")).await.ids(),
        std::slice::from_ref(&contact)
    );
    app.delete(&format!("/api/v1/teams/{team}")).await;
    app.delete(&format!("/api/v1/teams/{team}/purge")).await;
    let shown = app.get(&format!("/api/v1/contacts/{contact}")).await;
    assert_eq!(shown.json["data"]["relationships"]["team"]["data"], Value::Null);
}
