//! Setting another password: knowing the one before, or by means of a mail.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{self, Payload};
use chrono::Utc;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use pulse_jsonapi::document::{Links, Writer};
use pulse_jsonapi::{Code, Problem};
use pulse_resource::Error as Refused;
use pulse_resource::write::Transaction;
use pulse_service::http::Origin;
use pulse_store::audit::Action;
use pulse_store::schema::users;
use serde_json::{Value, json};
use uuid::Uuid;

use super::even::evenly;
use super::form::Form;
use super::mail_token::{self, Opens};
use super::sign_in::by_address;
use super::throttle::Attempt;
use super::{Caller, password_rules, revocation, session, sign_out};
use crate::mail::{self, letter};
use crate::resources::users::USERS;
use crate::{App, Error, answer};

/// The schema of a password that is to be set.
pub(super) fn schema() -> Value {
    json!({
        "type": "string", "minLength": password_rules::MIN, "maxLength": password_rules::MAX, "writeOnly": true,
    })
}

/// The schema of what changing one is sent.
pub(super) fn change_form() -> Value {
    json!({
        "type": "object",
        "required": ["current_password", "password"],
        "properties": {
            "current_password": { "type": "string", "minLength": 1, "maxLength": 255, "writeOnly": true },
            "password": schema(),
        },
    })
}

/// The schema of what asking for a mail is sent.
pub(super) fn ask_form() -> Value {
    json!({
        "type": "object",
        "required": ["email"],
        "properties": { "email": { "type": "string", "minLength": 1, "maxLength": 255 } },
    })
}

/// The schema of what is sent with the token of a mail.
pub(super) fn confirm_form() -> Value {
    json!({
        "type": "object",
        "required": ["token", "password"],
        "properties": {
            "token": { "type": "string", "minLength": 1, "maxLength": 255, "writeOnly": true },
            "password": schema(),
        },
    })
}

/// Changes the password of who asks; their other sessions end.
pub(super) async fn change(
    app: web::Data<App>,
    origin: Origin,
    caller: Caller,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let (user, session) = sign_out::own(&caller)?;
    let mut form = Form::read(payload).await?;
    let current = form.text("current_password", 255);
    let password = form.text("password", password_rules::MAX);
    let (name, email) = super::confirm::about(&app, &caller, user).await?;
    form.judge(&password, &[&name, &email]);
    let at = form.pointer("current_password");
    form.finish()?;
    super::confirm::password(&app, &origin, &caller, user, &current, &at).await?;
    let digest = app.0.passwords.digest(&password).await?;
    let mut transaction = app.engine().begin(caller.act()).await?;
    let done = async {
        set(&app, &mut transaction, user, &digest, Action::ChangePassword).await?;
        revocation::end_all(&mut transaction, user, Some(session)).await
    }
    .await;
    let ended = app.engine().end(transaction, done, caller.act(), None).await?;
    app.0.mails.wake();
    Ok(sign_out::told(&json!({ "password_changed": true, "signed_out": ended })))
}

/// Mails a token to who has forgotten their password. The answer, and the time it takes, say nothing of who there is.
pub(super) async fn ask(
    app: web::Data<App>,
    origin: Origin,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let mut form = Form::read(payload).await?;
    let email = form.text("email", 255);
    form.finish()?;
    Attempt::from_network("password reset", origin.client).begin(&app, origin.client, None).await?;
    evenly(send_token(&app, &origin, &email)).await?;
    let meta = json!({ "requested": true });
    Ok(answer::document(StatusCode::ACCEPTED, Writer::meta_only(&Links::none()).finish(Some(&meta))))
}

async fn send_token(app: &web::Data<App>, origin: &Origin, email: &str) -> Result<(), Error> {
    // Nobody's mailbox is filled by others; whether it would have been is not told either.
    match Attempt::at("password reset", email).begin(app, origin.client, None).await {
        Err(Error::TooMany(_)) => return Ok(()),
        other => other?,
    }
    // Who was invited and has no password yet needs the invitation, which says who sent it.
    let Some(account) = by_address(app, email).await?.filter(|account| account.password.is_some()) else {
        return Ok(());
    };
    let act = session::act(account.workspace, account.user, origin);
    let mut transaction = app.engine().begin(&act).await?;
    let queued = async {
        let token = mail_token::issue(&mut transaction, account.user, Opens::PasswordReset, None).await?;
        let letter = letter::password_reset(letter::Links::of(&app.0.settings), &token);
        mail::queue(app, &mut transaction, &account.email, &letter).await
    }
    .await;
    app.engine().end(transaction, queued, &act, None).await?;
    app.0.mails.wake();
    Ok(())
}

/// Sets the password of who shows the token of a mail; all of their sessions end. It signs nobody in: a second factor
/// is asked for as ever.
pub(super) async fn confirm(
    app: web::Data<App>,
    origin: Origin,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let mut form = Form::read(payload).await?;
    let token = form.text("token", 255);
    let password = form.text("password", password_rules::MAX);
    let at = form.pointer("token");
    form.check()?;
    let found = mail_token::find(&app, &token, Opens::PasswordReset, &at).await?;
    form.judge(&password, &[&found.name, &found.address]);
    form.finish()?;
    let digest = app.0.passwords.digest(&password).await?;
    let act = session::act(found.workspace(), found.user, &origin);
    let mut transaction = app.engine().begin(&act).await?;
    let done = async {
        mail_token::redeem(&mut transaction, &found, &at).await?;
        set(&app, &mut transaction, found.user, &digest, Action::ResetPassword).await?;
        revocation::end_all(&mut transaction, found.user, None).await
    }
    .await;
    let ended = app.engine().end(transaction, done, &act, None).await?;
    app.0.mails.wake();
    Ok(sign_out::told(&json!({ "password_changed": true, "signed_out": ended })))
}

/// Writes a password, tells of it, and voids what else would set one.
async fn set(
    app: &App,
    transaction: &mut Transaction,
    user: Uuid,
    digest: &str,
    action: Action,
) -> Result<(), Refused> {
    write(transaction, user, digest).await?;
    mail_token::void(transaction, user, &[Opens::PasswordReset, Opens::Address]).await?;
    let record = transaction.lock(&USERS, user, None).await?;
    transaction.log(action, &USERS, user, None).await?;
    transaction.emit("user.password_changed", &record, None).await?;
    if let Some(email) = record.get("email").as_str() {
        let letter = letter::password_changed(letter::Links::of(&app.0.settings));
        mail::queue(app, transaction, email, &letter).await?;
    }
    Ok(())
}

/// Writes the digest of a password.
pub(super) async fn write(transaction: &mut Transaction, user: Uuid, digest: &str) -> Result<(), Refused> {
    let found = users::table.find((transaction.workspace().0, user));
    let written = diesel::update(found.filter(users::active.and(users::deleted_at.is_null())))
        .set((
            users::password_digest.eq(digest),
            users::updated_at.eq(Utc::now()),
            users::lock_version.eq(users::lock_version + 1),
        ))
        .execute(transaction.connection())
        .await?;
    match written {
        1 => Ok(()),
        _ => Err(Problem::new(Code::StateConflict, "The user has left the workspace.").into()),
    }
}
