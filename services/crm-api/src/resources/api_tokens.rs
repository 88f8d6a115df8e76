//! API tokens: let programs act for a user. A token is shown once, when it is made.

use actix_web::http::StatusCode;
use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse};
use chrono::Utc;
use pulse_domain::Role;
use pulse_domain::token::{self, Purpose};
use pulse_jsonapi::query::Accepts;
use pulse_jsonapi::{Code, Problem};
use pulse_resource::{Bind, Changes, Ownership, Resource, attribute, belongs_to};
use pulse_service::network::Networks;
use pulse_store::schema::api_tokens;
use serde_json::json;

use super::typed;
use super::users::USERS;
use crate::auth::Caller;
use crate::operation::{Answer, Body, Operation};
use crate::policy::scopes::is_scope;
use crate::{App, Error, answer, collection};

/// The declaration.
pub(crate) static API_TOKENS: Resource = Resource {
    name: "api_tokens",
    table: "api_tokens",
    attributes: &[
        attribute::<api_tokens::name>().required().filter().sort(),
        attribute::<api_tokens::prefix>().read_only().filter(),
        attribute::<api_tokens::scopes>().required(),
        attribute::<api_tokens::role_cap>().choices(&Role::NAMES).filter().sort(),
        attribute::<api_tokens::ip_allowlist>(),
        attribute::<api_tokens::expires_at>().filter().sort(),
        attribute::<api_tokens::last_used_at>().read_only().filter().sort(),
        attribute::<api_tokens::last_used_ip>().read_only().filter().sort(),
        attribute::<api_tokens::revoked_at>().read_only().filter().sort(),
        attribute::<api_tokens::created_at>().read_only().filter().sort(),
        attribute::<api_tokens::updated_at>().read_only().filter().sort(),
    ],
    relationships: &[belongs_to::<api_tokens::user_id>("user", &USERS).read_only()],
    ownership: Ownership::user::<api_tokens::user_id>(),
    validate,
    ..Resource::DEFAULT
};

fn validate(changes: &Changes) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (index, scope) in typed::each::<String>(changes, "scopes", 200, &mut problems) {
        if !is_scope(&scope) {
            let detail = format!(
                "{scope:?} is not a scope: a type, or * for all of them, and read or write, such as contacts:read."
            );
            let at = format!("/data/attributes/scopes/{index}");
            problems.push(Problem::new(Code::Invalid, detail).at_pointer(at));
        }
    }
    for (index, network) in typed::each::<String>(changes, "ip_allowlist", 100, &mut problems) {
        if network.contains(',') || network.trim().is_empty() || network.parse::<Networks>().is_err() {
            let detail = format!("{network:?} is neither an address nor a network, such as 192.0.2.0/24.");
            let at = format!("/data/attributes/ip_allowlist/{index}");
            problems.push(Problem::new(Code::Invalid, detail).at_pointer(at));
        }
    }
    problems
}

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        id: "create_api_tokens",
        summary: "Make a token",
        description: "`meta.token` is the only time the token is shown. It acts for the user who makes it.",
        path: "/api_tokens",
        body: Body::NewRecord(&API_TOKENS),
        answers: &[Answer::Record(201, &API_TOKENS)],
        handler: || web::to(create),
        ..Operation::DEFAULT
    },
    Operation {
        id: "revoke_api_token",
        summary: "Revoke a token for good",
        path: "/api_tokens/{id}/revoke",
        answers: &[Answer::Record(200, &API_TOKENS)],
        handler: || web::to(revoke),
        ..Operation::DEFAULT
    },
];

/// Makes a token; `meta.token` is the only time it is shown.
async fn create(
    request: HttpRequest,
    app: web::Data<App>,
    caller: Caller,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let plan = collection::plan(&request, &app, &API_TOKENS, Accepts::RESOURCE)?;
    let mut changes = collection::new_record(&API_TOKENS, payload).await?;
    let Some(user) = caller.user else {
        return Err(Problem::new(Code::Forbidden, "Only a user can make tokens: they act for one.").into());
    };
    let made = Purpose::Api.generate();
    changes.set("user_id", user);
    changes.set("token_digest", Bind::Bytes(token::digest(&made).to_vec()));
    changes.set("prefix", token::hint(&made).as_str());
    let listing = app.engine().create_shown(caller.act(), changes, &plan).await?;
    collection::created_shown(&request, &plan, &listing, Some(&json!({ "token": made })))
}

/// Revokes a token. One that is revoked stays as it is.
async fn revoke(request: HttpRequest, app: web::Data<App>, caller: Caller) -> Result<HttpResponse, Error> {
    let id = collection::id(&request, &API_TOKENS)?;
    let mut record = app.engine().record(caller.act(), &API_TOKENS, id).await?;
    if record.get("revoked_at").is_null() {
        let mut changes = Changes::of(&API_TOKENS);
        changes.set("revoked_at", Bind::Instant(Utc::now()));
        record = app.engine().update(caller.act(), id, changes, None).await?;
    }
    Ok(answer::record(StatusCode::OK, &record, None))
}
