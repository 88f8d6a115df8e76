//! Sign-up: a workspace, its owner, and a first session.

use actix_web::http::StatusCode;
use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse};
use diesel::prelude::*;
use diesel::result::DatabaseErrorKind::UniqueViolation;
use diesel::result::Error::DatabaseError;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use pulse_domain::WorkspaceId;
use pulse_jsonapi::{Code, Problem};
use pulse_resource::Error::Database;
use pulse_service::http::Origin;
use pulse_store::schema::{users, workspaces};
use serde_json::{Value, json};
use uuid::Uuid;

use super::device::Device;
use super::form::Form;
use super::throttle::Attempt;
use super::{password, password_rules, session};
use crate::resources::webhook_signing_keys;
use crate::{App, Error};

/// A workspace to be made.
#[derive(Debug)]
pub(crate) struct NewWorkspace<'a> {
    pub(crate) name: &'a str,
    pub(crate) owner_name: &'a str,
    pub(crate) owner_email: &'a str,
    pub(crate) password_digest: &'a str,
}

/// The schema of what sign-up is sent.
pub(super) fn form() -> Value {
    json!({
        "type": "object",
        "required": ["workspace_name", "name", "email", "password"],
        "properties": {
            "workspace_name": { "type": "string", "minLength": 1, "maxLength": 255, "examples": ["Acme"] },
            "name": { "type": "string", "minLength": 1, "maxLength": 255, "examples": ["Ada Lovelace"] },
            "email": { "type": "string", "minLength": 3, "maxLength": 255, "examples": ["ada@acme.example"] },
            "password": password::schema(),
        },
    })
}

pub(super) async fn sign_up(
    request: HttpRequest,
    app: web::Data<App>,
    origin: Origin,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let mut form = Form::read(payload).await?;
    let workspace_name = form.text("workspace_name", 255);
    let name = form.text("name", 255);
    let email = form.text("email", 255);
    let password = form.text("password", password_rules::MAX);
    if !email.is_empty() && !is_address(&email) {
        form.fault(Code::Invalid, "email", "email is not an e-mail address.".into());
    }
    form.judge(&password, &[&email, &name, &workspace_name]);
    let email_at = form.pointer("email");
    form.finish()?;
    // It must tell whether an address is taken, because it signs in at once; so nobody may go through a list of them.
    let attempt = Attempt::from_network("sign up", origin.client);
    attempt.begin(&app, origin.client, None).await?;
    let digest = app.0.passwords.digest(&password).await?;
    let new = NewWorkspace {
        name: &workspace_name,
        owner_name: &name,
        owner_email: &email,
        password_digest: &digest,
    };
    let (workspace, user) = (WorkspaceId::generate(), Uuid::now_v7());
    let act = session::act(workspace, user, &origin);
    let mut transaction = app.engine().begin(&act).await?;
    let opened = async {
        create_workspace(&app, transaction.connection(), workspace, user, &new).await?;
        session::open(&app, &mut transaction, &Device::of(&request, &origin), user).await
    }
    .await;
    let grant = app.engine().end(transaction, opened, &act, None).await.map_err(|error| match error {
        Database(DatabaseError(UniqueViolation, _)) => {
            let detail = "Somebody has signed up with this address already.";
            Problem::new(Code::NotUnique, detail).at_pointer(&email_at).into()
        }
        other => Error::from(other),
    })?;
    attempt.give_back(&app, true).await?;
    session::answer(&app, &origin, StatusCode::CREATED, grant).await
}

/// Writes a workspace with its owner and its first signing key.
pub(crate) async fn create_workspace(
    app: &App,
    connection: &mut AsyncPgConnection,
    workspace: WorkspaceId,
    owner: Uuid,
    new: &NewWorkspace<'_>,
) -> QueryResult<()> {
    diesel::insert_into(workspaces::table)
        .values((workspaces::id.eq(workspace.0), workspaces::name.eq(new.name)))
        .execute(connection)
        .await?;
    diesel::insert_into(users::table)
        .values((
            users::workspace_id.eq(workspace.0),
            users::id.eq(owner),
            users::name.eq(new.owner_name),
            users::email.eq(new.owner_email),
            users::role.eq("owner"),
            users::password_digest.eq(new.password_digest),
        ))
        .execute(connection)
        .await?;
    webhook_signing_keys::create_first(app, connection, workspace).await
}

/// Something before and behind one `@`, and no blanks: more cannot be known without writing to it.
pub(crate) fn is_address(text: &str) -> bool {
    let mut parts = text.split('@');
    let (before, behind) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    !before.is_empty() && !behind.is_empty() && parts.next().is_none() && !text.contains(char::is_whitespace)
}
