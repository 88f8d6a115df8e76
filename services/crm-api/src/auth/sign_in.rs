//! Sign-in and sign-out.

use actix_web::http::StatusCode;
use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use pulse_domain::WorkspaceId;
use pulse_jsonapi::document::{Links, Writer};
use pulse_jsonapi::{Code, Problem};
use pulse_service::http::Origin;
use pulse_store::schema::{user_sessions, users};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Caller;
use super::form::Form;
use super::session::{self, Device};
use crate::{App, Error, answer};

diesel::define_sql_function! {
    /// Lower case, as the unique index over addresses has it.
    fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

/// The schema of what sign-in is sent.
pub(super) fn form() -> Value {
    json!({
        "type": "object",
        "required": ["email", "password"],
        "properties": {
            "email": { "type": "string", "minLength": 1, "maxLength": 255, "examples": ["ada@acme.example"] },
            "password": { "type": "string", "minLength": 1, "maxLength": 255, "writeOnly": true },
        },
    })
}

pub(super) async fn sign_in(
    request: HttpRequest,
    app: web::Data<App>,
    origin: Origin,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let mut form = Form::read(payload).await?;
    let email = form.text("email", 255);
    let password = form.text("password", 255);
    form.finish()?;
    let mut connection = app.0.pool.get().await?;
    let found: Option<(Uuid, Uuid, Option<String>)> = users::table
        .filter(lower(users::email).eq(lower(&email)))
        .filter(users::active.and(users::deleted_at.is_null()))
        .select((users::workspace_id, users::id, users::password_digest))
        .first(&mut connection)
        .await
        .optional()?;
    // Comparing takes a while, and others need connections meanwhile.
    drop(connection);
    let stored = found.as_ref().and_then(|(_, _, digest)| digest.as_deref());
    let matches = app.0.passwords.matches(&password, stored).await?;
    let Some((workspace, user, _)) = found.filter(|_| matches) else {
        // One answer for both mistakes: it must not tell who has an account.
        return Err(Problem::new(Code::InvalidCredentials, "The address or the password is wrong.").into());
    };
    let mut connection = app.0.pool.get().await?;
    let device = Device::of(&request, &origin);
    let opened = session::open(&app, &mut connection, &device, WorkspaceId(workspace), user).await?;
    drop(connection);
    session::answer(&app, &origin, opened).await
}

/// Ends the session that the request was made with.
pub(super) async fn sign_out(app: web::Data<App>, caller: Caller) -> Result<HttpResponse, Error> {
    let Some(session) = caller.session else {
        return Err(Problem::new(Code::Forbidden, "Only a user's session can be ended.").into());
    };
    let mut connection = app.0.pool.get().await?;
    diesel::update(user_sessions::table.find((caller.workspace.0, session)))
        .set(user_sessions::revoked_at.eq(diesel::dsl::now))
        .execute(&mut connection)
        .await?;
    let meta = json!({ "signed_out": true });
    Ok(answer::document(StatusCode::OK, Writer::meta_only(&Links::none()).finish(Some(&meta))))
}
