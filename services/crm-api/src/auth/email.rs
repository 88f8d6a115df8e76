//! Another address for a user: it counts once somebody has read a mail there.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{self, Payload};
use chrono::Utc;
use diesel::prelude::*;
use diesel::result::DatabaseErrorKind::UniqueViolation;
use diesel::result::Error::DatabaseError;
use diesel_async::RunQueryDsl;
use pulse_jsonapi::document::{Links, Writer};
use pulse_jsonapi::{Code, Problem};
use pulse_resource::Error::Database;
use pulse_service::http::Origin;
use pulse_store::audit::Action;
use pulse_store::schema::users;
use serde_json::{Value, json};

use super::form::Form;
use super::mail_token::{self, Opens};
use super::{Caller, confirm, is_address, session, sign_out};
use crate::mail::{self, letter};
use crate::resources::users::USERS;
use crate::{App, Error, answer};

/// The schema of what asking for it is sent.
pub(super) fn ask_form() -> Value {
    json!({
        "type": "object",
        "required": ["email", "password"],
        "properties": {
            "email": { "type": "string", "minLength": 3, "maxLength": 255 },
            "password": { "type": "string", "minLength": 1, "maxLength": 255, "writeOnly": true },
        },
    })
}

/// The schema of what confirming it is sent.
pub(super) fn confirm_form() -> Value {
    json!({
        "type": "object",
        "required": ["token"],
        "properties": { "token": { "type": "string", "minLength": 1, "maxLength": 255, "writeOnly": true } },
    })
}

/// Mails a token to the address that a user wants. Whether somebody else has it is not told: who reads its mail is.
pub(super) async fn ask(
    app: web::Data<App>,
    origin: Origin,
    caller: Caller,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let (user, _) = sign_out::own(&caller)?;
    let mut form = Form::read(payload).await?;
    let email = form.text("email", 255);
    let password = form.text("password", 255);
    if !email.is_empty() && !is_address(&email) {
        form.fault(Code::Invalid, "email", "email is not an e-mail address.".into());
    }
    let at = form.pointer("password");
    form.finish()?;
    confirm::password(&app, &origin, &caller, user, &password, &at).await?;
    let mut transaction = app.engine().begin(caller.act()).await?;
    let queued = async {
        let token = mail_token::issue(&mut transaction, user, Opens::Address, Some(&email)).await?;
        let letter = letter::email_change(letter::Links::of(&app.0.settings), &token);
        mail::queue(&app, &mut transaction, &email, &letter).await
    }
    .await;
    app.engine().end(transaction, queued, caller.act(), None).await?;
    app.0.mails.wake();
    let meta = json!({ "requested": true });
    Ok(answer::document(StatusCode::ACCEPTED, Writer::meta_only(&Links::none()).finish(Some(&meta))))
}

/// Gives a user the address that the token was mailed to, and tells the one before.
pub(super) async fn confirm(
    app: web::Data<App>,
    origin: Origin,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let mut form = Form::read(payload).await?;
    let token = form.text("token", 255);
    let at = form.pointer("token");
    form.finish()?;
    let found = mail_token::find(&app, &token, Opens::Address, &at).await?;
    let email = found.email.clone().ok_or_else(|| anyhow::anyhow!("such a token has an address"))?;
    let act = session::act(found.workspace(), found.user, &origin);
    let mut transaction = app.engine().begin(&act).await?;
    let done = async {
        mail_token::redeem(&mut transaction, &found, &at).await?;
        mail_token::void(&mut transaction, found.user, &[Opens::PasswordReset]).await?;
        let user = users::table.find((found.workspace, found.user));
        diesel::update(user)
            .set((
                users::email.eq(&email),
                users::updated_at.eq(Utc::now()),
                users::lock_version.eq(users::lock_version + 1),
            ))
            .execute(transaction.connection())
            .await?;
        let record = transaction.lock(&USERS, found.user, None).await?;
        let changes = serde_json::value::to_raw_value(&json!({ "email": [found.address, email] })).ok();
        transaction.log(Action::ChangeEmail, &USERS, found.user, changes.clone()).await?;
        transaction.emit("user.email_changed", &record, changes).await?;
        mail::queue(&app, &mut transaction, &found.address, &letter::email_changed(&email)).await
    }
    .await;
    app.engine().end(transaction, done, &act, None).await.map_err(|error| match error {
        Database(DatabaseError(UniqueViolation, _)) => {
            Problem::new(Code::NotUnique, "Another account has this address.").at_pointer(&at).into()
        }
        other => Error::from(other),
    })?;
    app.0.mails.wake();
    Ok(sign_out::told(&json!({ "email_changed": true })))
}
