//! Invitations: whoever is made a user by others gets a mail, and is one once they have chosen a password.

use actix_web::http::StatusCode;
use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use pulse_jsonapi::{Code, Problem};
use pulse_resource::Error as Refused;
use pulse_resource::render::Record;
use pulse_resource::write::Transaction;
use pulse_service::http::Origin;
use pulse_store::audit::Action;
use pulse_store::schema::{users, workspaces};
use serde_json::{Value, json};

use super::device::Device;
use super::form::Form;
use super::mail_token::{self, Opens};
use super::{password, password_rules, session};
use crate::mail::{self, letter};
use crate::resources::users::USERS;
use crate::{App, Error};

/// The schema of what accepting one is sent.
pub(super) fn accept_form() -> Value {
    json!({
        "type": "object",
        "required": ["token", "password"],
        "properties": {
            "token": { "type": "string", "minLength": 1, "maxLength": 255, "writeOnly": true },
            "password": password::schema(),
            "name": { "type": "string", "minLength": 1, "maxLength": 255 },
        },
    })
}

/// Mails an invitation to a user who has no password yet; the ones of before are void.
///
/// # Errors
/// When the user is not an invited one.
pub(crate) async fn send(app: &App, transaction: &mut Transaction, user: &Record) -> Result<(), Refused> {
    let invited = user.get("status") == "invited";
    let (true, Some(email)) = (invited, user.get("email").as_str().map(str::to_owned)) else {
        let detail = "Only who has not chosen a password yet can be invited.";
        return Err(Problem::new(Code::StateConflict, detail).into());
    };
    let workspace = transaction.workspace().0;
    let name: String =
        workspaces::table.find(workspace).select(workspaces::name).first(transaction.connection()).await?;
    let by: Option<String> = match transaction.user() {
        Some(by) => {
            let by = users::table.find((workspace, by)).select(users::name);
            by.first(transaction.connection()).await.optional()?
        }
        None => None,
    };
    let token = mail_token::issue(transaction, user.id(), Opens::Invitation, None).await?;
    let letter = letter::invitation(letter::Links::of(&app.0.settings), &name, by.as_deref(), &token);
    mail::queue(app, transaction, &email, &letter).await
}

/// Sets the first password of who shows the token of an invitation, and signs them in.
pub(super) async fn accept(
    request: HttpRequest,
    app: web::Data<App>,
    origin: Origin,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let mut form = Form::read(payload).await?;
    let token = form.text("token", 255);
    let chosen = form.text("password", password_rules::MAX);
    let name = form.optional_text("name", 255);
    let at = form.pointer("token");
    form.check()?;
    let found = mail_token::find(&app, &token, Opens::Invitation, &at).await?;
    form.judge(&chosen, &[name.as_deref().unwrap_or(&found.name), &found.address]);
    form.finish()?;
    let digest = app.0.passwords.digest(&chosen).await?;
    let act = session::act(found.workspace(), found.user, &origin);
    let mut transaction = app.engine().begin(&act).await?;
    let opened = async {
        mail_token::redeem(&mut transaction, &found, &at).await?;
        if let Some(name) = &name {
            let user = users::table.find((found.workspace, found.user));
            diesel::update(user).set(users::name.eq(name)).execute(transaction.connection()).await?;
        }
        password::write(&mut transaction, found.user, &digest).await?;
        let record = transaction.lock(&USERS, found.user, None).await?;
        transaction.log(Action::AcceptInvitation, &USERS, found.user, None).await?;
        transaction.emit("user.activated", &record, None).await?;
        session::open(&app, &mut transaction, &Device::of(&request, &origin), found.user).await
    }
    .await;
    let grant = app.engine().end(transaction, opened, &act, None).await?;
    session::answer(&app, &origin, StatusCode::CREATED, grant).await
}
