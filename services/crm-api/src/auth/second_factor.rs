//! Codes of an authenticator app as a second factor: adding it, removing it, and what sign-in asks of it.
//!
//! A factor that was added counts once a code has shown that the app knows it. Ten recovery codes come with it; they
//! are shown once and good once each. Wrong codes are counted for the user, wherever they come from: only somebody who
//! has the password gets to guess.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{self, Payload};
use chrono::Utc;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use pulse_domain::WorkspaceId;
use pulse_domain::totp::{self, Secret};
use pulse_jsonapi::document::{Links, Writer};
use pulse_jsonapi::{Code, Problem};
use pulse_resource::write::Transaction;
use pulse_service::http::Origin;
use pulse_store::audit::Action;
use pulse_store::schema::{recovery_codes, second_factors};
use serde_json::{Value, json};
use uuid::Uuid;

use super::form::Form;
use super::throttle::Attempt;
use super::{Caller, confirm, sign_out};
use crate::mail::{self, letter};
use crate::resources::users::USERS;
use crate::{App, Error, answer};

/// What an app shows beside the address.
const ISSUER: &str = "Pulse";

/// The schema of what adding one is sent.
pub(super) fn add_form() -> Value {
    json!({ "type": "object", "required": ["password"], "properties": { "password": password() } })
}

/// The schema of what confirming one is sent.
pub(super) fn confirm_form() -> Value {
    json!({ "type": "object", "required": ["otp"], "properties": { "otp": otp() } })
}

/// The schema of what removing one is sent.
pub(super) fn remove_form() -> Value {
    json!({
        "type": "object",
        "required": ["password", "otp"],
        "properties": { "password": password(), "otp": otp() },
    })
}

fn password() -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": 255, "writeOnly": true })
}

/// The schema of a code.
pub(super) fn otp() -> Value {
    json!({
        "type": "string",
        "minLength": 6,
        "maxLength": 32,
        "writeOnly": true,
        "description": "Six digits of the app, or a recovery code.",
    })
}

/// A factor, as it is stored.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = second_factors)]
struct Stored {
    sealed: Vec<u8>,
    confirmed_at: Option<chrono::DateTime<Utc>>,
    used_period: Option<i64>,
}

impl Stored {
    async fn of(
        connection: &mut AsyncPgConnection,
        workspace: WorkspaceId,
        user: Uuid,
    ) -> QueryResult<Option<Self>> {
        let found = second_factors::table.find((workspace.0, user)).select(Self::as_select());
        found.first(connection).await.optional()
    }

    fn secret(&self, app: &App, user: Uuid) -> anyhow::Result<Secret> {
        let bytes = app.0.master_key.open(user.as_bytes(), &self.sealed)?;
        Secret::from_bytes(&bytes).ok_or_else(|| anyhow::anyhow!("a stored secret has 20 bytes"))
    }

    fn period_of(&self, secret: &Secret, code: &str) -> Option<i64> {
        let used = self.used_period.and_then(|period| u64::try_from(period).ok());
        let now = u64::try_from(Utc::now().timestamp()).ok()?;
        secret.period_of(code, now, used).and_then(|period| i64::try_from(period).ok())
    }
}

/// How somebody has shown the factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// By a code of the app.
    Code,
    /// By a recovery code.
    Recovery,
}

/// Whether signing in as a user asks for a code.
pub(super) async fn is_needed(app: &App, workspace: WorkspaceId, user: Uuid) -> Result<bool, Error> {
    let mut connection = app.0.pool.get().await?;
    let stored = Stored::of(&mut connection, workspace, user).await?;
    Ok(stored.is_some_and(|stored| stored.confirmed_at.is_some()))
}

/// Uses a code up; `None` where it is wrong. Guesses are counted.
///
/// # Errors
/// 429 after too many.
pub(super) async fn show(
    app: &App,
    origin: &Origin,
    workspace: WorkspaceId,
    user: Uuid,
    code: &str,
) -> Result<Option<Shown>, Error> {
    let attempt = Attempt::at("second factor", &user.to_string());
    attempt.begin(app, origin.client, None).await?;
    let mut connection = app.0.pool.get().await?;
    let Some(stored) = Stored::of(&mut connection, workspace, user).await? else { return Ok(None) };
    let secret = stored.secret(app, user)?;
    let shown =
        match stored.period_of(&secret, code) {
            Some(period) => {
                let factor = second_factors::table.find((workspace.0, user));
                // Of those who send one code at once, one has used it.
                let unused =
                    second_factors::used_period.is_null().or(second_factors::used_period
                        .lt(period.into_sql::<diesel::sql_types::BigInt>().nullable()));
                let used = diesel::update(factor).filter(unused).set(second_factors::used_period.eq(period));
                (used.execute(&mut connection).await? == 1).then_some(Shown::Code)
            }
            None => {
                let digest = totp::recovery_digest(code);
                let code = recovery_codes::table.find((workspace.0, user, digest.as_slice()));
                (diesel::delete(code).execute(&mut connection).await? == 1).then_some(Shown::Recovery)
            }
        };
    drop(connection);
    if shown.is_some() {
        attempt.give_back(app, true).await?;
    }
    Ok(shown)
}

/// Makes a secret for who asks, and shows it. It counts once it is confirmed.
pub(super) async fn add(
    app: web::Data<App>,
    origin: Origin,
    caller: Caller,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let (user, _) = sign_out::own(&caller)?;
    let mut form = Form::read(payload).await?;
    let password = form.text("password", 255);
    let at = form.pointer("password");
    form.finish()?;
    confirm::password(&app, &origin, &caller, user, &password, &at).await?;
    let (_, email) = confirm::about(&app, &caller, user).await?;
    let secret = Secret::generate();
    let sealed = app.0.master_key.seal(user.as_bytes(), secret.bytes());
    let mut connection = app.0.pool.get().await?;
    let unconfirmed = second_factors::table.find((caller.workspace.0, user));
    diesel::delete(unconfirmed.filter(second_factors::confirmed_at.is_null()))
        .execute(&mut connection)
        .await?;
    let written = diesel::insert_into(second_factors::table)
        .values((
            second_factors::workspace_id.eq(caller.workspace.0),
            second_factors::user_id.eq(user),
            second_factors::sealed.eq(sealed),
        ))
        .on_conflict_do_nothing()
        .execute(&mut connection)
        .await?;
    if written == 0 {
        let detail = "There is a second factor already: remove it first.";
        return Err(Problem::new(Code::StateConflict, detail).into());
    }
    let meta = json!({ "secret": secret.text(), "otpauth_uri": secret.uri(ISSUER, &email) });
    Ok(uncached(answer::document(StatusCode::CREATED, Writer::meta_only(&Links::none()).finish(Some(&meta)))))
}

/// Lets the factor count, and shows the recovery codes.
pub(super) async fn confirm(
    app: web::Data<App>,
    origin: Origin,
    caller: Caller,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let (user, _) = sign_out::own(&caller)?;
    let mut form = Form::read(payload).await?;
    let otp = form.text("otp", 32);
    let at = form.pointer("otp");
    form.finish()?;
    let mut connection = app.0.pool.get().await?;
    let stored = Stored::of(&mut connection, caller.workspace, user).await?;
    drop(connection);
    if stored.is_none_or(|stored| stored.confirmed_at.is_some()) {
        return Err(Problem::new(Code::StateConflict, "No second factor waits to be confirmed.").into());
    }
    if show(&app, &origin, caller.workspace, user, &otp).await? != Some(Shown::Code) {
        return Err(wrong(&at).into());
    }
    let codes = totp::recovery_codes();
    let mut transaction = app.engine().begin(caller.act()).await?;
    let done = async {
        let factor = second_factors::table.find((caller.workspace.0, user));
        diesel::update(factor)
            .set(second_factors::confirmed_at.eq(Utc::now()))
            .execute(transaction.connection())
            .await?;
        let rows: Vec<_> = codes
            .iter()
            .map(|code| {
                (
                    recovery_codes::workspace_id.eq(caller.workspace.0),
                    recovery_codes::user_id.eq(user),
                    recovery_codes::code_digest.eq(totp::recovery_digest(code).to_vec()),
                )
            })
            .collect();
        diesel::insert_into(recovery_codes::table).values(rows).execute(transaction.connection()).await?;
        told(&app, &mut transaction, user, true).await
    }
    .await;
    app.engine().end(transaction, done, caller.act(), None).await?;
    app.0.mails.wake();
    Ok(uncached(sign_out::told(&json!({ "recovery_codes": codes }))))
}

/// Removes the factor of who knows the password and has a code.
pub(super) async fn remove(
    app: web::Data<App>,
    origin: Origin,
    caller: Caller,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let (user, _) = sign_out::own(&caller)?;
    let mut form = Form::read(payload).await?;
    let password = form.text("password", 255);
    let otp = form.text("otp", 32);
    let (at, otp_at) = (form.pointer("password"), form.pointer("otp"));
    form.finish()?;
    confirm::password(&app, &origin, &caller, user, &password, &at).await?;
    if !is_needed(&app, caller.workspace, user).await? {
        return Err(Problem::new(Code::StateConflict, "There is no second factor.").into());
    }
    if show(&app, &origin, caller.workspace, user, &otp).await?.is_none() {
        return Err(wrong(&otp_at).into());
    }
    let mut transaction = app.engine().begin(caller.act()).await?;
    let done = async {
        let factor = second_factors::table.find((caller.workspace.0, user));
        diesel::delete(factor).execute(transaction.connection()).await?;
        let codes = recovery_codes::table.filter(recovery_codes::workspace_id.eq(caller.workspace.0));
        diesel::delete(codes.filter(recovery_codes::user_id.eq(user)))
            .execute(transaction.connection())
            .await?;
        told(&app, &mut transaction, user, false).await
    }
    .await;
    app.engine().end(transaction, done, caller.act(), None).await?;
    app.0.mails.wake();
    Ok(sign_out::told(&json!({ "second_factor_removed": true })))
}

/// Tells of a factor that was added or removed.
async fn told(
    app: &App,
    transaction: &mut Transaction,
    user: Uuid,
    added: bool,
) -> Result<(), pulse_resource::Error> {
    let record = transaction.lock(&USERS, user, None).await?;
    let (action, kind) = match added {
        true => (Action::AddSecondFactor, "user.second_factor_added"),
        false => (Action::RemoveSecondFactor, "user.second_factor_removed"),
    };
    transaction.log(action, &USERS, user, None).await?;
    transaction.emit(kind, &record, None).await?;
    let email = record.get("email").as_str().unwrap_or_default().to_owned();
    mail::queue(app, transaction, &email, &letter::second_factor(added)).await
}

/// A code that is not the right one.
pub(super) fn wrong(at: &str) -> Problem {
    Problem::new(Code::InvalidSecondFactor, "The code is wrong, or was used.").at_pointer(at)
}

/// Secrets stay in no cache.
fn uncached(mut response: HttpResponse) -> HttpResponse {
    use actix_web::http::header;
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}
