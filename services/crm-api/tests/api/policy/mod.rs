//! Who may do what, as callers meet it.

mod owners;
mod reach;
mod routes;
mod stale;
mod tokens;

use serde_json::json;

use crate::app::{App, Caller};
use crate::users::{accept, sign_in};

/// A user of a role and their id, signed in.
pub(crate) async fn member<'a>(app: &'a App, role: &str) -> (String, Caller<'a>) {
    let email = format!("{}@pulse.test", uuid::Uuid::now_v7());
    let user = app.create("users", json!({ "name": role, "email": email, "role": role })).await;
    accept(app, &user).await;
    let (status, token) = sign_in(app, &email).await;
    assert_eq!(status, 201);
    (user, app.bearer(token))
}

/// Makes an API token of the owner.
pub(crate) async fn token<'a>(app: &'a App, attributes: serde_json::Value) -> (String, Caller<'a>) {
    let mut all = json!({ "name": "Program" });
    all.as_object_mut().expect("an object").extend(attributes.as_object().expect("an object").clone());
    let made = app.post_with("api_tokens", all, &[]).await;
    assert_eq!(made.status, 201, "{}", made.json);
    let token = made.json["meta"]["token"].as_str().expect("a token");
    (made.id(), app.bearer(format!("Bearer {token}")))
}
