//! Users: the people who work in a workspace. Admins write them, and owners alone write owners; whoever is created is invited, and signs in once a
//! password is there.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse};
use chrono::NaiveTime;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use pulse_domain::Role;
use pulse_jsonapi::query::Accepts;
use pulse_jsonapi::{Code, Problem};
use pulse_resource::render::Record;
use pulse_resource::write::{Transaction, Work};
use pulse_resource::{Changes, Deed, Error, Events, Ownership, Resource, attribute, has_many, many_through};
use pulse_store::audit::Action;
use pulse_store::schema::{
    companies, contacts, deals, leads, team_members, user_sessions, users, workspaces,
};
use serde::Deserialize;
use serde_json::value::to_raw_value;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::companies::COMPANIES;
use super::contacts::CONTACTS;
use super::deals::DEALS;
use super::leads::LEADS;
use super::phones;
use super::teams::TEAMS;
use super::user_sessions::USER_SESSIONS;
use crate::auth::{Caller, invitation, is_address, mail_token, revocation};
use crate::operation::{Answer, Body, Operation};
use crate::{App, answer, collection};

const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// The declaration.
pub(crate) static USERS: Resource = Resource {
    name: "users",
    table: "users",
    attributes: &[
        attribute::<users::name>().required().filter().sort(),
        attribute::<users::email>().required().restricted().filter().sort(),
        attribute::<users::role>().choices(&Role::NAMES).restricted().filter().sort(),
        attribute::<users::active>().restricted().filter().sort(),
        attribute::<users::status>().choices(&["invited", "active", "inactive"]).read_only().filter().sort(),
        attribute::<users::title>().filter().sort(),
        attribute::<users::phone>().max_len(50).filter().sort(),
        attribute::<users::phone_e164>().read_only().filter().sort(),
        attribute::<users::avatar_url>().max_len(2_048),
        attribute::<users::timezone>().max_len(64).filter().sort(),
        attribute::<users::locale>().max_len(35).filter().sort(),
        attribute::<users::working_hours>(),
        attribute::<users::signature>().max_len(65_535),
        attribute::<users::last_signed_in_at>().read_only().filter().sort(),
        attribute::<users::created_at>().read_only().filter().sort(),
        attribute::<users::updated_at>().read_only().filter().sort(),
    ],
    relationships: &[
        many_through::<team_members::user_id, team_members::team_id>("teams", "team_members", &TEAMS)
            .restricted(),
        has_many::<contacts::owner_id>("contacts", &CONTACTS),
        has_many::<companies::owner_id>("companies", &COMPANIES),
        has_many::<leads::owner_id>("leads", &LEADS),
        has_many::<deals::owner_id>("deals", &DEALS),
        has_many::<user_sessions::user_id>("user_sessions", &USER_SESSIONS),
    ],
    ownership: Ownership::Itself,
    events: Some(Events {
        created: "user.invited",
        updated: None,
        deleted: Some("user.deleted"),
        restored: Some("user.restored"),
    }),
    validate,
    prepare: Some(phones::prepare),
    follow: Some(follow),
    ..Resource::DEFAULT
};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        id: "create_users",
        summary: "Invite a user",
        description: "A mail lets them choose a password; until then their `status` is `invited`.",
        path: "/users",
        body: Body::NewRecord(&USERS),
        answers: &[Answer::Record(201, &USERS)],
        handler: || web::to(create),
        ..Operation::DEFAULT
    },
    Operation {
        id: "invite_user",
        summary: "Send an invitation again",
        description: "The one of before is void.",
        path: "/users/{id}/invite",
        right: Some((&USERS, Deed::Create)),
        answers: &[Answer::Record(200, &USERS)],
        refusals: &[Code::Forbidden, Code::StateConflict],
        handler: || web::to(invite),
        ..Operation::DEFAULT
    },
];

async fn create(
    request: HttpRequest,
    app: web::Data<App>,
    caller: Caller,
    payload: Payload,
) -> Result<HttpResponse, crate::Error> {
    let plan = collection::plan(&request, &app, &USERS, Accepts::RESOURCE)?;
    let changes = collection::new_record(&USERS, payload).await?;
    let mut transaction = app.engine().begin(caller.act()).await?;
    let created = async {
        let user = transaction.create(changes.clone()).await?;
        if user.get("status") == "invited" {
            invitation::send(&app, &mut transaction, &user).await?;
        }
        Ok(user.id())
    }
    .await;
    let id = app.engine().end(transaction, created, caller.act(), Some(&changes)).await?;
    app.0.mails.wake();
    let listing = app.engine().find(caller.act(), &plan, id).await?;
    collection::created_shown(&request, &plan, &listing, None)
}

async fn invite(
    request: HttpRequest,
    app: web::Data<App>,
    caller: Caller,
) -> Result<HttpResponse, crate::Error> {
    let id = collection::id(&request, &USERS)?;
    let mut transaction = app.engine().begin(caller.act()).await?;
    let sent = async {
        let user = transaction.lock(&USERS, id, None).await?;
        invitation::send(&app, &mut transaction, &user).await?;
        Ok(user)
    }
    .await;
    let user = app.engine().end(transaction, sent, caller.act(), None).await?;
    app.0.mails.wake();
    Ok(answer::record(StatusCode::OK, &user, None))
}

fn validate(changes: &Changes) -> Vec<Problem> {
    let mut problems = Vec::new();
    if changes.text("email").is_some_and(|email| !is_address(email)) {
        problems.push(Problem::invalid("email", "email is not an e-mail address."));
    }
    let names_a_zone = |zone: &str| {
        zone.starts_with(|c: char| c.is_ascii_alphabetic())
            && zone.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-' | '+'))
    };
    if changes.text("timezone").is_some_and(|zone| !names_a_zone(zone)) {
        problems.push(Problem::invalid("timezone", "timezone is a name such as Europe/Berlin."));
    }
    let names_a_locale = |locale: &str| {
        locale
            .split('-')
            .all(|part| (1..=8).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric()))
    };
    if changes.text("locale").is_some_and(|locale| !names_a_locale(locale)) {
        problems.push(Problem::invalid("locale", "locale is a language tag such as en or pt-BR."));
    }
    if changes.value("working_hours").is_some_and(|week| !week.is_null() && !is_week(week)) {
        let detail = "working_hours has days such as monday, each with spans such as [\"09:00\", \"17:30\"].";
        problems.push(Problem::invalid("working_hours", detail));
    }
    problems
}

/// Whether each day has spans of time that begin before they end.
fn is_week(week: &Value) -> bool {
    let Ok(week) = BTreeMap::<String, Vec<(String, String)>>::deserialize(week) else { return false };
    let time = |text: &str| NaiveTime::parse_from_str(text, "%H:%M").ok();
    let runs_forward = |(from, until): &(String, String)| {
        time(from).zip(time(until)).is_some_and(|(from, until)| from < until)
    };
    week.iter().all(|(day, spans)| DAYS.contains(&day.as_str()) && spans.iter().all(runs_forward))
}

/// What leaving, or leaving a role, means. Who has left is refused on the very next request.
fn follow<'a>(
    transaction: &'a mut Transaction,
    old: Option<&'a Record>,
    new: Option<&'a Record>,
) -> Work<'a> {
    Box::pin(async move {
        require_owner(transaction.role(), old, new)?;
        if old.is_some_and(owns) && !new.is_some_and(owns) {
            require_another_owner(transaction).await?;
        }
        if let Some((old, new)) = old.zip(new) {
            note_rights(transaction, old, new).await?;
        }
        let has_left = new.is_none_or(|user| user.get("active") == false);
        let Some(old) = old else { return Ok(()) };
        if has_left {
            revocation::end_all(transaction, old.id(), None).await?;
        }
        // What was mailed to somebody who has left, or to an address of before, opens nothing.
        if has_left || new.is_some_and(|new| new.get("email") != old.get("email")) {
            mail_token::void_all(transaction, old.id()).await?;
        }
        match new {
            Some(new) => tell(transaction, old, new).await,
            None => Ok(()),
        }
    })
}

/// Refuses to let anybody but an owner write an owner, or make one. What acts by itself has no role.
fn require_owner(role: Option<Role>, old: Option<&Record>, new: Option<&Record>) -> Result<(), Error> {
    let is_owner = |user: &Record| user.get("role") == Role::Owner.name();
    let concerned = [old, new].into_iter().flatten().any(is_owner);
    if concerned && role.is_some_and(|role| role != Role::Owner) {
        return Err(Problem::new(Code::Forbidden, "Only an owner writes an owner, or makes one.").into());
    }
    Ok(())
}

/// Tells of what matters to those who keep doors.
async fn tell(transaction: &mut Transaction, old: &Record, new: &Record) -> Result<(), Error> {
    let change = |name: &str| {
        let (old, new) = (old.get(name), new.get(name));
        let changes = (old != new).then(|| to_raw_value(&json!({ name: [old, &new] })));
        changes.and_then(Result::ok).map(|changes| (new, changes))
    };
    if let Some((_, changes)) = change("role") {
        transaction.emit("user.role_changed", new, Some(changes)).await?;
    }
    if let Some((active, changes)) = change("active") {
        let kind = if active == true { "user.reactivated" } else { "user.suspended" };
        transaction.emit(kind, new, Some(changes)).await?;
    }
    Ok(())
}

/// Says in the audit log that somebody may do other things than before.
async fn note_rights(transaction: &mut Transaction, old: &Record, new: &Record) -> Result<(), Error> {
    let changed = ["role", "active"].into_iter().filter(|name| old.get(name) != new.get(name));
    let changed: Map<String, Value> =
        changed.map(|name| (name.to_owned(), json!([old.get(name), new.get(name)]))).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let changes = to_raw_value(&changed).expect("a JSON value is always JSON text");
    transaction.log(Action::ChangeRole, &USERS, new.id(), Some(changes)).await
}

/// Whether somebody can do everything in the workspace.
fn owns(user: &Record) -> bool {
    user.get("role") == "owner" && user.get("active") == true
}

/// Refuses to leave a workspace to nobody.
async fn require_another_owner(transaction: &mut Transaction) -> Result<(), Error> {
    let workspace = transaction.workspace().0;
    // Two owners who demote each other at once take turns.
    workspaces::table
        .find(workspace)
        .select(workspaces::id)
        .for_no_key_update()
        .first::<Uuid>(transaction.connection())
        .await?;
    let owners: i64 = users::table
        .filter(users::workspace_id.eq(workspace))
        .filter(users::role.eq("owner").and(users::active).and(users::deleted_at.is_null()))
        .count()
        .get_result(transaction.connection())
        .await?;
    if owners > 0 {
        return Ok(());
    }
    let detail = "This is the last owner who is active: make somebody else an owner first.";
    Err(Problem::new(Code::StateConflict, detail).into())
}
