//! The audit log: one row per change of a record, in the transaction of the change, and one for whatever opens or closes
//! a door. Rows are only ever added.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::result::QueryResult;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use pulse_domain::WorkspaceId;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::JsonText;
use crate::schema::audit_log;

/// What was done to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It was made.
    Create,
    /// It was changed.
    Update,
    /// It was moved to the trash, or removed where there is none.
    Destroy,
    /// It was taken out of the trash.
    Restore,
    /// It was removed for good.
    Purge,
    /// A user signed in, which made it, a session.
    SignIn,
    /// Somebody could not sign in as it, a user.
    RefuseSignIn,
    /// A user signed out, which ended it, a session.
    SignOut,
    /// It, a session, was ended by other means.
    EndSession,
    /// A user set another password, and knew the one before.
    ChangePassword,
    /// A user set a password by means of a mail.
    ResetPassword,
    /// A user set another address.
    ChangeEmail,
    /// A user who was invited has set a password.
    AcceptInvitation,
    /// A user signs in with codes from then on.
    AddSecondFactor,
    /// A user signs in without codes from then on.
    RemoveSecondFactor,
    /// A user signed in with one of the codes for emergencies.
    UseRecoveryCode,
}

impl Action {
    const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Destroy => "destroy",
            Self::Restore => "restore",
            Self::Purge => "purge",
            Self::SignIn => "sign_in",
            Self::RefuseSignIn => "refuse_sign_in",
            Self::SignOut => "sign_out",
            Self::EndSession => "end_session",
            Self::ChangePassword => "change_password",
            Self::ResetPassword => "reset_password",
            Self::ChangeEmail => "change_email",
            Self::AcceptInvitation => "accept_invitation",
            Self::AddSecondFactor => "add_second_factor",
            Self::RemoveSecondFactor => "remove_second_factor",
            Self::UseRecoveryCode => "use_recovery_code",
        }
    }
}

/// A change of a record.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// `user`, `workflow` or `system`.
    pub actor_type: &'static str,
    /// The user, where it was one.
    pub actor_id: Option<Uuid>,
    /// What was done.
    pub action: Action,
    /// JSON:API type of the record.
    pub resource: &'static str,
    /// The record.
    pub record_id: Uuid,
    /// `{"attribute":[old,new]}` of an update.
    pub changes: Option<Box<RawValue>>,
    /// The request that asked for it.
    pub request_id: Option<String>,
    /// Where that came from.
    pub ip: Option<IpAddr>,
    /// Ties together what one request set in motion.
    pub correlation_id: Uuid,
}

#[derive(Insertable)]
#[diesel(table_name = audit_log)]
struct NewRow {
    workspace_id: Uuid,
    id: Uuid,
    at: DateTime<Utc>,
    actor_type: &'static str,
    actor_id: Option<Uuid>,
    action: &'static str,
    resource_type: &'static str,
    record_id: Uuid,
    changes: Option<JsonText>,
    request_id: Option<String>,
    ip: Option<String>,
    correlation_id: Uuid,
}

/// Appends an entry, within the caller's transaction.
///
/// # Errors
/// Those of the database.
pub async fn append(mut connection: &AsyncPgConnection, entry: Entry) -> QueryResult<()> {
    let row = NewRow {
        workspace_id: entry.workspace_id.0,
        id: Uuid::now_v7(),
        at: Utc::now(),
        actor_type: entry.actor_type,
        actor_id: entry.actor_id,
        action: entry.action.name(),
        resource_type: entry.resource,
        record_id: entry.record_id,
        changes: entry.changes.map(JsonText),
        request_id: entry.request_id,
        ip: entry.ip.map(|ip| ip.to_string()),
        correlation_id: entry.correlation_id,
    };
    diesel::insert_into(audit_log::table).values(row).execute(&mut connection).await?;
    Ok(())
}
