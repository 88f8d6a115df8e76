//! Asking users once more for their password, before what would lock them out if somebody else did it.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use pulse_jsonapi::{Code, Problem};
use pulse_service::http::Origin;
use pulse_store::schema::users;
use uuid::Uuid;

use super::Caller;
use super::throttle::Attempt;
use crate::{App, Error};

/// Name and address of who asks.
pub(super) async fn about(app: &App, caller: &Caller, user: Uuid) -> Result<(String, String), Error> {
    let found = users::table.find((caller.workspace.0, user)).select((users::name, users::email));
    Ok(found.first(&mut app.0.pool.get().await?).await?)
}

/// Refuses who does not know their own password; guesses are slowed down as those of a sign-in are.
pub(super) async fn password(
    app: &App,
    origin: &Origin,
    caller: &Caller,
    user: Uuid,
    password: &str,
    at: &str,
) -> Result<(), Error> {
    let attempt = Attempt::at("password", &user.to_string());
    attempt.begin(app, origin.client, None).await?;
    let stored: Option<String> = users::table
        .find((caller.workspace.0, user))
        .select(users::password_digest)
        .first(&mut app.0.pool.get().await?)
        .await?;
    if app.0.passwords.matches(password, stored.as_deref()).await? {
        return attempt.give_back(app, true).await;
    }
    Err(Problem::new(Code::InvalidCredentials, "The password is wrong.").at_pointer(at).into())
}
