//! Ending sessions before their time. Every request looks its session up, so whoever shows a token of one that was ended
//! is refused on the next request, whichever replica gets it.

use chrono::Utc;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use pulse_resource::Error;
use pulse_resource::render::Record;
use pulse_resource::write::Transaction;
use pulse_store::audit::Action;
use pulse_store::schema::user_sessions;
use uuid::Uuid;

use crate::resources::user_sessions::USER_SESSIONS;

/// Ends a session and returns it. One that has ended stays as it is.
///
/// # Errors
/// When there is no such session.
pub(crate) async fn end(transaction: &mut Transaction, id: Uuid, action: Action) -> Result<Record, Error> {
    let session = user_sessions::table.find((transaction.workspace().0, id));
    let ended = diesel::update(session)
        .filter(user_sessions::revoked_at.is_null())
        .set(user_sessions::revoked_at.eq(Utc::now()))
        .execute(transaction.connection())
        .await?;
    let session = transaction.lock(&USER_SESSIONS, id, None).await?;
    if ended == 1 {
        transaction.log(action, &USER_SESSIONS, id, None).await?;
        transaction.emit("session.revoked", &session, None).await?;
    }
    Ok(session)
}

/// Ends the sessions of a user, but perhaps one, and returns how many there were.
///
/// # Errors
/// Those of the database.
pub(crate) async fn end_all(
    transaction: &mut Transaction,
    user: Uuid,
    but: Option<Uuid>,
) -> Result<usize, Error> {
    let open: Vec<Uuid> = user_sessions::table
        .filter(user_sessions::workspace_id.eq(transaction.workspace().0))
        .filter(user_sessions::user_id.eq(user).and(user_sessions::revoked_at.is_null()))
        .filter(user_sessions::id.ne(but.unwrap_or_default()))
        .order(user_sessions::id)
        .select(user_sessions::id)
        .load(transaction.connection())
        .await?;
    for session in &open {
        end(transaction, *session, Action::EndSession).await?;
    }
    Ok(open.len())
}
