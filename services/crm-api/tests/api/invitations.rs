//! Invitations: a mail, a password, a session; and what others are told of it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Answer, App, errors};
use crate::passwords::spawn_with_mail;

const PASSWORD: &str = "correct horse battery";
const BEN: &str = "ben@pulse.test";

async fn accept(app: &App, form: Value) -> Answer {
    app.send(Method::POST, "/api/v1/auth/invitations/accept", None, Some(&form)).await
}

#[tokio::test]
async fn who_is_made_a_user_is_mailed_and_signs_in_by_choosing_a_password() {
    let (app, mailbox) = spawn_with_mail().await;
    let user = app.create("users", json!({ "name": "Ben", "email": BEN, "role": "manager" })).await;
    let mail = mailbox.wait_for_nth(1, BEN).await;
    assert_eq!(mail.header("Subject"), Some("Your invitation to Acme"));
    assert!(mail.data.contains("invited by Ada Owner"), "{}", mail.data);
    let token = mail.line("inv_");

    let weak = accept(&app, json!({ "token": token, "password": "ben@pulse.test" })).await;
    assert_eq!((weak.status, weak.errors()), (422, errors([("invalid", "/password")])));
    let joined = accept(&app, json!({ "token": token, "password": PASSWORD, "name": "Ben B." })).await;
    assert_eq!(joined.status, 201, "{}", joined.json);
    let shown = app.send(Method::GET, &format!("/api/v1/users/{user}"), Some(&joined.token()), None).await;
    let shown = &shown.json["data"]["attributes"];
    assert_eq!((&shown["status"], &shown["name"]), (&json!("active"), &json!("Ben B.")));
    let again = accept(&app, json!({ "token": token, "password": PASSWORD })).await;
    assert_eq!((again.status, again.errors()), (401, errors([("invalid_token", "/token")])));

    app.change("users", &user, json!({ "role": "rep" })).await;
    app.change("users", &user, json!({ "active": false })).await;
    app.change("users", &user, json!({ "active": true })).await;
    app.delete(&format!("/api/v1/users/{user}")).await;
    assert_eq!(
        app.events_of(&user).await,
        [
            "user.invited",
            "user.activated",
            "user.role_changed",
            "user.suspended",
            "user.reactivated",
            "user.deleted"
        ]
    );
    let events = app.get(&format!("/api/v1/events?q[record_id_eq]={user}")).await.json.to_string();
    assert!(!events.contains("digest") && !events.contains("inv_"), "{events}");
}

#[tokio::test]
async fn an_invitation_that_is_sent_again_voids_the_one_before() {
    let (app, mailbox) = spawn_with_mail().await;
    let user = app.create("users", json!({ "name": "Ben", "email": BEN })).await;
    let first = mailbox.wait_for_nth(1, BEN).await.line("inv_");
    let path = format!("/api/v1/users/{user}/invite");
    assert_eq!(app.post(&path, Value::Null).await.status, 200);
    let second = mailbox.wait_for_nth(2, BEN).await.line("inv_");
    assert_eq!(accept(&app, json!({ "token": first, "password": PASSWORD })).await.status, 401);
    assert_eq!(accept(&app, json!({ "token": second, "password": PASSWORD })).await.status, 201);
    let refused = app.post(&path, Value::Null).await;
    assert_eq!((refused.status, refused.errors()), (409, errors([("state_conflict", "")])));
}

#[tokio::test]
async fn an_invitation_to_who_has_left_or_another_address_opens_nothing() {
    let (app, mailbox) = spawn_with_mail().await;
    let user = app.create("users", json!({ "name": "Ben", "email": BEN })).await;
    let token = mailbox.wait_for_nth(1, BEN).await.line("inv_");
    app.change("users", &user, json!({ "email": "ben@elsewhere.test" })).await;
    assert_eq!(accept(&app, json!({ "token": token, "password": PASSWORD })).await.status, 401);

    app.post(&format!("/api/v1/users/{user}/invite"), Value::Null).await;
    let token = mailbox.wait_for_nth(1, "ben@elsewhere.test").await.line("inv_");
    app.delete(&format!("/api/v1/users/{user}")).await;
    assert_eq!(accept(&app, json!({ "token": token, "password": PASSWORD })).await.status, 401);
}

#[tokio::test]
async fn a_token_of_one_kind_opens_no_other_door() {
    let (app, mailbox) = spawn_with_mail().await;
    app.create("users", json!({ "name": "Ben", "email": BEN })).await;
    let token = mailbox.wait_for_nth(1, BEN).await.line("inv_");
    let form = json!({ "token": token, "password": PASSWORD });
    for path in ["password_reset/confirm", "email/confirm"] {
        let path = format!("/api/v1/auth/{path}");
        let refused = app.send(Method::POST, &path, None, Some(&form)).await;
        assert_eq!((refused.status, refused.errors()), (401, errors([("invalid_token", "/token")])));
    }
}
