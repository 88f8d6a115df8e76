//! Tokens in mails: each is stored as its digest, opens one thing for one user, once, for a while. Whoever asks for
//! another voids the one before.

use actix_web::web;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use pulse_domain::WorkspaceId;
use pulse_domain::token::{self, Purpose};
use pulse_jsonapi::{Code, Problem};
use pulse_resource::write::Transaction;
use pulse_store::schema::{mail_tokens, users};
use uuid::Uuid;

use crate::{App, Error};

/// What a token opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opens {
    Invitation,
    PasswordReset,
    Address,
}

impl Opens {
    const fn purpose(self) -> Purpose {
        match self {
            Self::Invitation => Purpose::Invitation,
            Self::PasswordReset => Purpose::PasswordReset,
            Self::Address => Purpose::Address,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Invitation => "accept_invitation",
            Self::PasswordReset => "reset_password",
            Self::Address => "change_email",
        }
    }

    const fn lifetime(self) -> TimeDelta {
        match self {
            Self::Invitation => TimeDelta::days(7),
            Self::PasswordReset | Self::Address => TimeDelta::hours(1),
        }
    }
}

/// A token that is good at the moment.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) workspace: Uuid,
    pub(super) id: Uuid,
    pub(super) user: Uuid,
    /// The address that the user wants.
    pub(super) email: Option<String>,
    /// What is known of the user.
    pub(super) name: String,
    pub(super) address: String,
}

impl Found {
    pub(super) const fn workspace(&self) -> WorkspaceId {
        WorkspaceId(self.workspace)
    }
}

/// Makes a token for a user; those of before are void.
pub(super) async fn issue(
    transaction: &mut Transaction,
    user: Uuid,
    opens: Opens,
    email: Option<&str>,
) -> Result<String, pulse_resource::Error> {
    void(transaction, user, &[opens]).await?;
    let made = opens.purpose().generate();
    diesel::insert_into(mail_tokens::table)
        .values((
            mail_tokens::workspace_id.eq(transaction.workspace().0),
            mail_tokens::id.eq(Uuid::now_v7()),
            mail_tokens::user_id.eq(user),
            mail_tokens::purpose.eq(opens.name()),
            mail_tokens::token_digest.eq(token::digest(&made).as_slice()),
            mail_tokens::email.eq(email),
            mail_tokens::expires_at.eq(Utc::now() + opens.lifetime()),
        ))
        .execute(transaction.connection())
        .await?;
    Ok(made)
}

/// Makes all tokens of a user good for nothing.
///
/// # Errors
/// Those of the database.
pub(crate) async fn void_all(transaction: &mut Transaction, user: Uuid) -> Result<(), pulse_resource::Error> {
    void(transaction, user, &[Opens::Invitation, Opens::PasswordReset, Opens::Address]).await
}

/// Makes tokens of a user good for nothing.
pub(super) async fn void(
    transaction: &mut Transaction,
    user: Uuid,
    opens: &[Opens],
) -> Result<(), pulse_resource::Error> {
    let names = opens.iter().map(|opens| opens.name());
    let good = mail_tokens::table
        .filter(mail_tokens::workspace_id.eq(transaction.workspace().0))
        .filter(mail_tokens::user_id.eq(user).and(mail_tokens::used_at.is_null()))
        .filter(mail_tokens::purpose.eq_any(names));
    diesel::update(good).set(mail_tokens::used_at.eq(Utc::now())).execute(transaction.connection()).await?;
    Ok(())
}

/// The token that somebody shows, of a user who is active.
pub(super) async fn find(app: &web::Data<App>, text: &str, opens: Opens, at: &str) -> Result<Found, Error> {
    let mut connection = app.0.pool.get().await?;
    let found: Option<(Uuid, Uuid, Uuid, Option<String>)> = mail_tokens::table
        .filter(mail_tokens::token_digest.eq(token::digest(text).as_slice()))
        .filter(mail_tokens::purpose.eq(opens.name()))
        .filter(mail_tokens::used_at.is_null().and(mail_tokens::expires_at.gt(Utc::now())))
        .select((mail_tokens::workspace_id, mail_tokens::id, mail_tokens::user_id, mail_tokens::email))
        .first(&mut connection)
        .await
        .optional()?;
    let (workspace, id, user, email) = found.ok_or_else(|| refused(at))?;
    let known: Option<(String, String)> = users::table
        .find((workspace, user))
        .filter(users::active.and(users::deleted_at.is_null()))
        .select((users::name, users::email))
        .first(&mut connection)
        .await
        .optional()?;
    let (name, address) = known.ok_or_else(|| refused(at))?;
    Ok(Found { workspace, id, user, email, name, address })
}

/// Uses a token up; of those who do at once, one can.
pub(super) async fn redeem(
    transaction: &mut Transaction,
    found: &Found,
    at: &str,
) -> Result<(), pulse_resource::Error> {
    let now: DateTime<Utc> = Utc::now();
    let good = mail_tokens::table
        .find((found.workspace, found.id))
        .filter(mail_tokens::used_at.is_null().and(mail_tokens::expires_at.gt(now)));
    let used = diesel::update(good).set(mail_tokens::used_at.eq(now));
    match used.execute(transaction.connection()).await? {
        1 => Ok(()),
        _ => Err(refused(at).into()),
    }
}

fn refused(at: &str) -> Problem {
    let detail = "This token is not good, or not any more: it works once, and not for long.";
    Problem::new(Code::InvalidToken, detail).at_pointer(at)
}
