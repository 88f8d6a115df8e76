//! Sign-in.

use actix_web::http::StatusCode;
use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use pulse_domain::WorkspaceId;
use pulse_jsonapi::{Code, Problem};
use pulse_service::http::Origin;
use pulse_store::schema::users;
use serde_json::{Value, json};
use uuid::Uuid;

use super::csrf;
use super::device::Device;
use super::form::Form;
use super::session;
use crate::{App, Error};

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
            "cookie": {
                "type": "boolean",
                "default": false,
                "description": "Whether the session is in a cookie, for browsers; no token is answered then.",
            },
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
    let by_cookie = form.flag("cookie");
    form.finish()?;
    if by_cookie {
        // Another site could sign somebody in as itself, and watch what they do.
        csrf::require_own_page(&app, request.headers())?;
    }
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
    let device = Device::of(&request, &origin);
    let act = session::act(WorkspaceId(workspace), user, &origin);
    let mut transaction = app.engine().begin(&act).await?;
    let opened = session::open(&app, &mut transaction, &device, user).await;
    let grant = app.engine().end(transaction, opened, &act, None).await?;
    if by_cookie {
        return session::answer_by_cookie(&app, &origin, StatusCode::CREATED, grant).await;
    }
    session::answer(&app, &origin, StatusCode::CREATED, grant).await
}
