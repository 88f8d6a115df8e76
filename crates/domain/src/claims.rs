//! What a JSON Web Token of Pulse says.
//!
//! Two audiences that never open each other's doors: sessions of users (signed with the session key) and calls
//! between services (signed with the internal key, seconds long).

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id::WorkspaceId;
use crate::role::Role;

/// Who issues session tokens.
pub const ISSUER: &str = "pulse";
/// Audience of session tokens.
pub const SESSION_AUDIENCE: &str = "pulse";
/// Audience of session tokens that are in cookies.
pub const COOKIE_AUDIENCE: &str = "pulse-cookie";
/// Audience of tokens between services.
pub const INTERNAL_AUDIENCE: &str = "pulse-internal";

/// A signed-in user. The session is looked up by `jti` on every request, so revoking it works at once; every token of a
/// session has the same.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    /// Always [`ISSUER`].
    pub iss: String,
    /// [`SESSION_AUDIENCE`], or [`COOKIE_AUDIENCE`] in a cookie.
    pub aud: String,
    /// The user.
    pub sub: Uuid,
    /// The user's workspace.
    pub workspace: WorkspaceId,
    /// What the user was when the token was made; one that says what is no longer so is refused.
    pub role: Role,
    /// The session: a row of `user_sessions` has the digest of it.
    pub jti: Uuid,
    /// Issued at, Unix seconds.
    pub iat: i64,
    /// Expires at, Unix seconds.
    pub exp: i64,
}

/// A service that acts within one workspace.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Internal {
    /// Always [`INTERNAL_AUDIENCE`].
    pub aud: String,
    /// Name of the calling service.
    pub sub: String,
    /// The workspace it acts in.
    pub workspace: WorkspaceId,
    /// What caused the call; ends up on the events of the changes it makes.
    pub correlation: Uuid,
    /// The run of a workflow that it is made for; ends up in the audit log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Uuid>,
    /// Issued at, Unix seconds.
    pub iat: i64,
    /// Expires at, Unix seconds.
    pub exp: i64,
}
