//! The audit log: one line for each change of a record, in the transaction of the change, and one for what else matters
//! to safety. Lines are only ever added.
//!
//! A line is written unchained, so that writers of a workspace never wait for each other; [`chain`] gives it its place
//! soon after, and [`verify`] finds out whether all lines are as they were then.

pub mod chain;
pub mod verify;

use std::net::IpAddr;

use chrono::{DateTime, SubsecRound, Utc};
use diesel::prelude::*;
use diesel::result::QueryResult;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use pulse_domain::WorkspaceId;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::JsonText;
use crate::schema::audit_log;

/// Characters of a user agent that are kept.
const DEVICE: usize = 255;

/// Digits of a second's fraction that are kept, which are those that clients see.
const FRACTION: u16 = 3;

/// How grave something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Everyday work.
    Info,
    /// Somebody should be able to explain it.
    Warning,
    /// Somebody should look at it.
    Critical,
}

impl Severity {
    /// As the log has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// Turns the rows below into the enum and its accessors, so that an action cannot lack a name or a severity.
macro_rules! actions {
    ($($variant:ident $name:literal $severity:ident $meaning:literal;)+) => {
        /// What was done.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Action {
            $(#[doc = $meaning] $variant,)+
        }

        impl Action {
            /// Every action.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// As the log has it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// How grave it is.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)+ }
            }
        }
    };
}

actions! {
    // To a record
    Create "create" Info "It was made.";
    Update "update" Info "It was changed.";
    Destroy "destroy" Info "It was moved to the trash, or removed where there is none.";
    Restore "restore" Info "It was taken out of the trash.";
    Purge "purge" Warning "It was removed for good.";
    // To a session
    SignIn "sign_in" Info "A user signed in, which made it.";
    SignOut "sign_out" Info "A user signed out, which ended it.";
    EndSession "end_session" Info "It was ended by other means.";
    ReuseRefreshToken "reuse_refresh_token" Critical "A refresh token of it came twice, so two had it; it was ended.";
    // To a user
    RefuseSignIn "refuse_sign_in" Warning "Somebody could not sign in as it.";
    ChangePassword "change_password" Warning "It set another password, and knew the one before.";
    ResetPassword "reset_password" Warning "It set a password by means of a mail.";
    ChangeEmail "change_email" Warning "It set another address.";
    AcceptInvitation "accept_invitation" Info "It was invited, and has set a password.";
    AddSecondFactor "add_second_factor" Warning "It signs in with codes from then on.";
    RemoveSecondFactor "remove_second_factor" Warning "It signs in without codes from then on.";
    UseRecoveryCode "use_recovery_code" Warning "It signed in with one of the codes for emergencies.";
    ChangeRole "change_role" Warning "What it may do changed: its role, or whether it is active.";
}

/// Something that was done, to be appended.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// `user`, `token`, `workflow` or `system`.
    pub actor_type: &'static str,
    /// The user or the token, where it was one.
    pub actor_id: Option<Uuid>,
    /// What was done.
    pub action: Action,
    /// JSON:API type of the record it was done to.
    pub resource: &'static str,
    /// The record.
    pub record_id: Uuid,
    /// `{"attribute":[old,new]}`. Nothing secret: what may not be shown stands there as `[masked]`.
    pub changes: Option<Box<RawValue>>,
    /// The request that asked for it.
    pub request_id: Option<String>,
    /// Where that came from.
    pub ip: Option<IpAddr>,
    /// What sent it: its user agent.
    pub device: Option<String>,
    /// What it was done for: `{"run_id":…}`.
    pub cause: Option<Box<RawValue>>,
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
    severity: &'static str,
    resource_type: &'static str,
    record_id: Uuid,
    changes: Option<JsonText>,
    request_id: Option<String>,
    ip: Option<String>,
    device: Option<String>,
    cause: Option<JsonText>,
    correlation_id: Uuid,
}

/// Appends a line, within the caller's transaction where there is one.
///
/// # Errors
/// Those of the database.
pub async fn append(mut connection: &AsyncPgConnection, entry: Entry) -> QueryResult<()> {
    let row = NewRow {
        workspace_id: entry.workspace_id.0,
        id: Uuid::now_v7(),
        at: Utc::now().trunc_subsecs(FRACTION),
        actor_type: entry.actor_type,
        actor_id: entry.actor_id,
        action: entry.action.name(),
        severity: entry.action.severity().name(),
        resource_type: entry.resource,
        record_id: entry.record_id,
        changes: entry.changes.map(JsonText),
        request_id: entry.request_id,
        ip: entry.ip.map(|ip| ip.to_string()),
        device: entry.device.map(shortened),
        cause: entry.cause.map(JsonText),
        correlation_id: entry.correlation_id,
    };
    diesel::insert_into(audit_log::table).values(row).execute(&mut connection).await?;
    Ok(())
}

fn shortened(mut device: String) -> String {
    if let Some((end, _)) = device.char_indices().nth(DEVICE) {
        device.truncate(end);
    }
    device
}
