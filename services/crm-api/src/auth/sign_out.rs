//! Ending one's own sessions, and finding out which one is one's own.

use actix_web::http::StatusCode;
use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse};
use pulse_jsonapi::document::{Links, Writer};
use pulse_jsonapi::{Code, Problem};
use pulse_store::audit::Action;
use serde_json::{Value, json};
use uuid::Uuid;

use super::cookie::Cookie;
use super::form::Form;
use super::{Caller, revocation};
use crate::resources::user_sessions::USER_SESSIONS;
use crate::{App, Error, answer};

/// The schema of what signing out everywhere is sent.
pub(super) fn everywhere_form() -> Value {
    json!({
        "type": "object",
        "properties": {
            "except_current": {
                "type": "boolean",
                "default": false,
                "description": "Whether the session of the request goes on.",
            },
        },
    })
}

/// The user and the session of a request.
///
/// # Errors
/// 403 for who has none.
pub(super) fn own(caller: &Caller) -> Result<(Uuid, Uuid), Problem> {
    let none = || Problem::new(Code::Forbidden, "This is for users who are signed in.");
    caller.user.zip(caller.session).ok_or_else(none)
}

/// The session that the request was made with.
pub(super) async fn current(
    request: HttpRequest,
    app: web::Data<App>,
    caller: Caller,
) -> Result<HttpResponse, Error> {
    let (_, session) = own(&caller)?;
    let record = app.engine().record(caller.act(), &USER_SESSIONS, session).await?;
    let mut writer = Writer::single(&Links::new(record.path()));
    record.write_object(&pulse_resource::plan::Fields::default(), writer.resource());
    Ok(answer::fetched(&request, writer.finish(None), Some(&record)))
}

/// Ends the session that the request was made with.
pub(super) async fn sign_out(
    request: HttpRequest,
    app: web::Data<App>,
    caller: Caller,
) -> Result<HttpResponse, Error> {
    let (_, session) = own(&caller)?;
    let mut transaction = app.engine().begin(caller.act()).await?;
    let ended = revocation::end(&mut transaction, session, Action::SignOut).await;
    app.engine().end(transaction, ended, caller.act(), None).await?;
    let mut response = told(&json!({ "signed_out": true }));
    for cookie in Cookie::ALL {
        if cookie.read(request.headers(), &app.0.settings.session).is_some() {
            cookie.clear(&mut response, &app.0.settings.session)?;
        }
    }
    Ok(response)
}

/// Ends all sessions of the user.
pub(super) async fn everywhere(
    app: web::Data<App>,
    caller: Caller,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let (user, session) = own(&caller)?;
    let mut form = Form::read(payload).await?;
    let but = form.flag("except_current").then_some(session);
    form.finish()?;
    let mut transaction = app.engine().begin(caller.act()).await?;
    let ended = revocation::end_all(&mut transaction, user, but).await;
    let ended = app.engine().end(transaction, ended, caller.act(), None).await?;
    Ok(told(&json!({ "signed_out": ended })))
}

/// A document that has nothing but this to say.
pub(super) fn told(meta: &Value) -> HttpResponse {
    answer::document(StatusCode::OK, Writer::meta_only(&Links::none()).finish(Some(meta)))
}
