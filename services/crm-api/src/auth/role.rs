//! What somebody may do by the role of their user.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use pulse_jsonapi::{Code, Problem};
use pulse_store::schema::users;

use super::Caller;
use crate::{App, Error};

/// Refuses everybody but owners and admins; services, which act for nobody, as well.
///
/// # Errors
/// 403.
pub(crate) async fn require_admin(app: &App, caller: &Caller) -> Result<(), Error> {
    let role: Option<String> = match caller.user {
        Some(user) => {
            let mut connection = app.0.pool.get().await?;
            let role = users::table.find((caller.workspace.0, user)).select(users::role);
            role.first(&mut connection).await.optional()?
        }
        None => None,
    };
    match role.as_deref() {
        Some("owner" | "admin") => Ok(()),
        _ => Err(Problem::new(Code::Forbidden, "Only an owner or an admin can do this.").into()),
    }
}
