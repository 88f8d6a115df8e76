//! Sign-in: an address, its password, and a code where the user has a second factor. Guesses are slowed down, and a
//! failure tells neither by its text nor by the time it takes who has an account.

use actix_web::http::StatusCode;
use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use pulse_domain::WorkspaceId;
use pulse_jsonapi::{Code, Problem};
use pulse_resource::{Act, Actor};
use pulse_service::http::Origin;
use pulse_store::audit::Action;
use pulse_store::schema::users;
use serde_json::{Value, json};
use uuid::Uuid;

use super::csrf;
use super::device::Device;
use super::even::failing_evenly;
use super::form::Form;
use super::second_factor::{self, Shown};
use super::session;
use super::throttle::Attempt;
use crate::resources::users::USERS;
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
            "otp": second_factor::otp(),
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
    let otp = form.optional_text("otp", 32);
    let otp_at = form.pointer("otp");
    form.finish()?;
    if by_cookie {
        // Another site could sign somebody in as itself, and watch what they do.
        csrf::require_own_page(&app, request.headers())?;
    }
    let given = Given { email: &email, password: &password, otp: otp.as_deref(), otp_at: &otp_at };
    let (account, shown) = failing_evenly(prove(&app, &origin, given)).await?;
    let device = Device::of(&request, &origin);
    let act = session::act(account.workspace, account.user, &origin);
    let mut transaction = app.engine().begin(&act).await?;
    let opened = async {
        if shown == Some(Shown::Recovery) {
            transaction.log(Action::UseRecoveryCode, &USERS, account.user, None).await?;
        }
        session::open(&app, &mut transaction, &device, account.user).await
    }
    .await;
    let grant = app.engine().end(transaction, opened, &act, None).await?;
    if by_cookie {
        return session::answer_by_cookie(&app, &origin, StatusCode::CREATED, grant).await;
    }
    session::answer(&app, &origin, StatusCode::CREATED, grant).await
}

/// What somebody shows to prove who they are.
#[derive(Clone, Copy)]
struct Given<'a> {
    email: &'a str,
    password: &'a str,
    otp: Option<&'a str>,
    otp_at: &'a str,
}

/// Finds out whose password, and code, these are.
async fn prove(app: &App, origin: &Origin, given: Given<'_>) -> Result<(Account, Option<Shown>), Error> {
    let account = by_address(app, given.email).await?;
    let attempt = Attempt::to_sign_in(given.email, origin.client);
    attempt.begin(app, origin.client, account.as_ref()).await?;
    let stored = account.as_ref().and_then(|account| account.password.as_deref());
    let matches = match app.0.passwords.matches(given.password, stored).await {
        Ok(matches) => matches,
        Err(busy) => {
            attempt.give_back(app, false).await?;
            return Err(busy);
        }
    };
    let Some(account) = account else { return Err(refused()) };
    if !matches {
        note_refusal(app, origin, &account).await?;
        return Err(refused());
    }
    let mut shown = None;
    if second_factor::is_needed(app, account.workspace, account.user).await? {
        let Some(otp) = given.otp else {
            attempt.give_back(app, false).await?;
            let detail = "Send a code of the authenticator app, or a recovery code, along as otp.";
            return Err(Problem::new(Code::SecondFactorRequired, detail).at_pointer(given.otp_at).into());
        };
        shown = second_factor::show(app, origin, account.workspace, account.user, otp).await?;
        if shown.is_none() {
            note_refusal(app, origin, &account).await?;
            return Err(second_factor::wrong(given.otp_at).into());
        }
    }
    attempt.give_back(app, true).await?;
    Ok((account, shown))
}

/// One answer for an address that is not known and a password that is wrong: it must not tell who has an account.
fn refused() -> Error {
    Problem::new(Code::InvalidCredentials, "The address or the password is wrong.").into()
}

/// Writes into the audit log that somebody could not sign in as a user.
async fn note_refusal(app: &App, origin: &Origin, account: &Account) -> Result<(), Error> {
    let act = Act::new(account.workspace, Actor::System, origin.correlation_id)
        .requested(origin.request_id.clone(), origin.client);
    let transaction = app.engine().begin(&act).await?;
    let logged = transaction.log(Action::RefuseSignIn, &USERS, account.user, None).await;
    app.engine().end(transaction, logged, &act, None).await?;
    Ok(())
}

/// Somebody who could sign in.
pub(super) struct Account {
    pub(super) workspace: WorkspaceId,
    pub(super) user: Uuid,
    /// The address, as it was given when it was set.
    pub(super) email: String,
    /// The digest of the password; who was invited has none yet.
    pub(super) password: Option<String>,
}

/// The user of an address, unless they have left. It names the workspace, so it is looked for in all.
pub(super) async fn by_address(app: &App, email: &str) -> Result<Option<Account>, Error> {
    let found: Option<(Uuid, Uuid, String, Option<String>)> = users::table
        .filter(lower(users::email).eq(lower(email)))
        .filter(users::active.and(users::deleted_at.is_null()))
        .select((users::workspace_id, users::id, users::email, users::password_digest))
        .first(&mut app.0.door.get().await?)
        .await
        .optional()?;
    Ok(found.map(|(workspace, user, email, password)| Account {
        workspace: WorkspaceId(workspace),
        user,
        email,
        password,
    }))
}
