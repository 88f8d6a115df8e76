//! Sessions: where users are signed in. Deleting one ends it at once, and it stays in the list as ended.

use actix_web::http::StatusCode;
use actix_web::web;
use actix_web::{HttpRequest, HttpResponse};
use pulse_resource::{Actions, Ownership, Resource, attribute, belongs_to};
use pulse_store::audit::Action;
use pulse_store::schema::user_sessions;

use super::users::USERS;
use crate::auth::{Caller, revocation};
use crate::operation::{Answer, Operation, Verb};
use crate::{App, Error, answer, collection};

/// The declaration.
pub(crate) static USER_SESSIONS: Resource = Resource {
    name: "user_sessions",
    table: "user_sessions",
    attributes: &[
        attribute::<user_sessions::device>().read_only().filter().sort(),
        attribute::<user_sessions::ip>().read_only().filter().sort(),
        attribute::<user_sessions::user_agent>().read_only().filter(),
        attribute::<user_sessions::last_seen_at>().read_only().filter().sort(),
        attribute::<user_sessions::expires_at>().read_only().filter().sort(),
        attribute::<user_sessions::revoked_at>().read_only().filter().sort(),
        attribute::<user_sessions::created_at>().read_only().filter().sort(),
    ],
    relationships: &[belongs_to::<user_sessions::user_id>("user", &USERS).read_only()],
    actions: Actions { destroy: true, ..Actions::NONE },
    ownership: Ownership::user::<user_sessions::user_id>(),
    editable: false,
    ..Resource::DEFAULT
};

pub(super) const OPERATIONS: &[Operation] = &[Operation {
    id: "delete_user_sessions",
    summary: "End a session",
    description: "Its token is refused from the next request on. Users end their own sessions, admins any.",
    verb: Verb::Delete,
    path: "/user_sessions/{id}",
    answers: &[Answer::Record(200, &USER_SESSIONS)],
    refusals: &[pulse_jsonapi::Code::Forbidden],
    handler: || web::to(revoke),
    ..Operation::DEFAULT
}];

/// Ends a session. One that has ended stays as it is.
async fn revoke(request: HttpRequest, app: web::Data<App>, caller: Caller) -> Result<HttpResponse, Error> {
    let id = collection::id(&request, &USER_SESSIONS)?;
    let mut transaction = app.engine().begin(caller.act()).await?;
    let ended = revocation::end(&mut transaction, id, Action::EndSession).await;
    let session = app.engine().end(transaction, ended, caller.act(), None).await?;
    Ok(answer::record(StatusCode::OK, &session, None))
}
