//! Taking in what was sent with a form: what it makes and what is kept of it are written in one transaction.

use std::net::IpAddr;

use actix_web::http::{StatusCode, header};
use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DatabaseError};
use diesel_async::RunQueryDsl;
use pulse_domain::WorkspaceId;
use pulse_jsonapi::document::{Links, ResourceInput, Writer};
use pulse_jsonapi::{Code, Problem};
use pulse_resource::write::Transaction;
use pulse_resource::{Act, Actor, Bind, Changes, Error as EngineError, Resource};
use pulse_service::body;
use pulse_service::http::Origin;
use pulse_service::limit::Subject;
use pulse_store::schema::{contacts, form_submissions, forms, leads};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::address::{Form, readable};
use super::submission::{Received, Submission};
use super::{Success, target};
use crate::resources::form_submissions::FORM_SUBMISSIONS;
use crate::resources::leads::LEADS;
use crate::{App, Error, answer, collection};

/// A submission may have this many bytes.
const BODY_BYTES: usize = 64 * 1024;
/// Characters of a user agent that are kept.
const USER_AGENT: usize = 255;
/// Characters of an idempotency key.
const KEY: usize = 255;

diesel::define_sql_function! {
    /// A text without its capitals.
    fn lower(text: diesel::sql_types::Nullable<diesel::sql_types::Text>) -> diesel::sql_types::Nullable<diesel::sql_types::Text>;
}

/// What was stored, and whether that was before.
struct Stored {
    id: Uuid,
    again: bool,
}

/// `POST /public/forms/{key}/submissions`
pub(super) async fn submit(
    request: HttpRequest,
    app: web::Data<App>,
    origin: Origin,
    payload: Payload,
) -> HttpResponse {
    let standing = app.0.submissions.count(Subject::address(origin.client)).await;
    let answer = if standing.is_exceeded() {
        let detail = "Too much was sent from this address. Try again later.";
        Err(Problem::new(Code::RateLimited, detail).into())
    } else {
        take_in(&request, &app, origin, payload).await
    };
    let mut response = readable(&request, answer);
    standing.tell(response.headers_mut());
    response
}

async fn take_in(
    request: &HttpRequest,
    app: &App,
    origin: Origin,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let form = Form::open(app, request).await?;
    form.require_live()?;
    let body = body::read(payload, BODY_BYTES).await.map_err(collection::unread)?;
    let is_form = is_form(request);
    let received = Received::read(&body, is_form)?;
    let spam = form.spam();
    let submission = if received.is_spam(&spam) {
        received.unchecked()
    } else {
        let key = idempotency_key(request)?;
        received.checked(&form.fields(), spam.honeypot.as_deref(), target(&form.creates), key)?
    };
    let from = From::of(request, &origin);
    let stored = match store(app, &form, &submission, &origin, &from).await {
        // Somebody else made a record of the same address meanwhile: this time it is found.
        Err(EngineError::Database(DatabaseError::DatabaseError(DatabaseErrorKind::UniqueViolation, _))) => {
            store(app, &form, &submission, &origin, &from).await?
        }
        stored => stored?,
    };
    Ok(told(request, is_form, &form.success(), &stored))
}

/// Where a submission came from.
struct From {
    ip: String,
    user_agent: Option<String>,
}

impl From {
    fn of(request: &HttpRequest, origin: &Origin) -> Self {
        let agent = request.headers().get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
        Self {
            ip: shortened(origin.client),
            user_agent: agent.map(|agent| agent.chars().take(USER_AGENT).collect()),
        }
    }
}

/// An address without the part that tells one household from its neighbours.
fn shortened(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.0")
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            std::net::Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0).to_string()
        }
    }
}

fn is_form(request: &HttpRequest) -> bool {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.unwrap_or_default().split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

fn idempotency_key(request: &HttpRequest) -> Result<Option<String>, Problem> {
    let Some(key) = request.headers().get("idempotency-key") else { return Ok(None) };
    match key.to_str() {
        Ok(key) if (1..=KEY).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => {
            let detail = format!("An idempotency key has between 1 and {KEY} characters of ASCII.");
            Err(Problem::new(Code::Invalid, detail).at_header("Idempotency-Key"))
        }
    }
}

/// The answer is the same whether it was taken for spam or not.
fn told(request: &HttpRequest, is_form: bool, success: &Success, stored: &Stored) -> HttpResponse {
    if let Some(url) = success.redirect_url.as_deref().filter(|_| is_form) {
        return HttpResponse::SeeOther().insert_header((header::LOCATION, url)).finish();
    }
    let meta = json!({
        "submission_id": stored.id,
        "message": success.message,
        "redirect_url": success.redirect_url,
    });
    let status = if stored.again { StatusCode::OK } else { StatusCode::CREATED };
    let links = Links::new(request.path());
    answer::document(status, Writer::meta_only(&links).finish(Some(&meta)))
}

async fn store(
    app: &App,
    form: &Form,
    submission: &Submission,
    origin: &Origin,
    from: &From,
) -> Result<Stored, EngineError> {
    let act = Act::new(WorkspaceId(form.workspace_id), Actor::System, origin.correlation_id)
        .requested(origin.request_id.clone(), origin.client)
        .sent_by(origin.user_agent.clone());
    let mut transaction = app.engine().begin(&act).await?;
    let result = write(&mut transaction, form, submission, from).await;
    app.engine().end(transaction, result, &act, None).await
}

async fn write(
    transaction: &mut Transaction,
    form: &Form,
    submission: &Submission,
    from: &From,
) -> Result<Stored, EngineError> {
    // Submissions of one form take turns, so that two with one key, or of one person, see each other.
    forms::table
        .find((form.workspace_id, form.id))
        .select(forms::id)
        .for_no_key_update()
        .first::<Uuid>(transaction.connection())
        .await?;
    if let Some(key) = &submission.idempotency_key {
        let known = form_submissions::table
            .filter(form_submissions::workspace_id.eq(form.workspace_id))
            .filter(form_submissions::form_id.eq(form.id))
            .filter(form_submissions::idempotency_key.eq(key))
            .select(form_submissions::id)
            .first(transaction.connection())
            .await
            .optional()?;
        if let Some(id) = known {
            return Ok(Stored { id, again: true });
        }
    }
    let mut kept = Changes::of(&FORM_SUBMISSIONS);
    if let Some(attributes) = &submission.attributes {
        if let Some(target) = target(&form.creates).filter(|_| !attributes.is_empty()) {
            let made = make(transaction, form, target, attributes).await?;
            kept.set(if target.name == LEADS.name { "lead_id" } else { "contact_id" }, made);
        }
        diesel::update(forms::table.find((form.workspace_id, form.id)))
            .set(forms::submissions_count.eq(forms::submissions_count + 1))
            .execute(transaction.connection())
            .await?;
    }
    let text = |text: &Option<String>| text.as_deref().map_or(Bind::Null, Bind::from);
    let json = |value: &Value| if value.is_null() { Bind::Null } else { Bind::json(value) };
    kept.set("form_id", form.id);
    kept.set("form_version", i64::from(form.lock_version));
    kept.set("status", if submission.attributes.is_some() { "accepted" } else { "spam" });
    kept.set("answers", Bind::json(&submission.answers));
    kept.set("page_url", text(&submission.page_url));
    kept.set("referrer", text(&submission.referrer));
    kept.set("utm", json(&submission.utm));
    kept.set("session_id", text(&submission.session_id));
    kept.set("visitor", json(&submission.visitor));
    kept.set("consent", json(&submission.consent));
    kept.set("ip", from.ip.as_str());
    kept.set("user_agent", text(&from.user_agent));
    kept.set("idempotency_key", text(&submission.idempotency_key));
    let record = transaction.create(kept).await?;
    Ok(Stored { id: record.id(), again: false })
}

/// Finds or makes the record that answers are about. What is known of somebody already is not overwritten: anybody can
/// send a form in their name.
async fn make(
    transaction: &mut Transaction,
    form: &Form,
    target: &'static Resource,
    attributes: &Map<String, Value>,
) -> Result<Uuid, EngineError> {
    let mut attributes = attributes.clone();
    let known = match attributes.get(&form.dedupe_by).and_then(Value::as_str) {
        Some(text) if target.name == LEADS.name => known_lead(transaction, &form.dedupe_by, text).await?,
        Some(text) => known_contact(transaction, &form.dedupe_by, text).await?,
        None => None,
    };
    let Some(id) = known else {
        let input = ResourceInput { attributes, ..ResourceInput::default() };
        let mut changes = Changes::creating(target, input)?;
        changes.set("origin", "form");
        return Ok(transaction.create(changes).await?.id());
    };
    let record = transaction.lock(target, id, None).await?;
    attributes.retain(|name, _| matches!(record.get(name), Value::Null) || record.get(name) == "");
    let input = ResourceInput { attributes, ..ResourceInput::default() };
    Ok(transaction.update(id, Changes::updating(target, input)?, None).await?.id())
}

/// The contact who has an address or a number; the oldest, where several have.
async fn known_contact(
    transaction: &mut Transaction,
    by: &str,
    text: &str,
) -> Result<Option<Uuid>, EngineError> {
    let workspace = transaction.workspace().0;
    let mut query = contacts::table
        .filter(contacts::workspace_id.eq(workspace))
        .filter(contacts::deleted_at.is_null())
        .order(contacts::created_at)
        .select(contacts::id)
        .into_boxed();
    query = match by {
        "email" => query.filter(lower(contacts::email).eq(lower(text))),
        "phone" => query.filter(contacts::phone.eq(text)),
        _ => return Ok(None),
    };
    Ok(query.first(transaction.connection()).await.optional()?)
}

/// The lead with an address or a number that has not become a contact yet; the oldest, where several are.
async fn known_lead(
    transaction: &mut Transaction,
    by: &str,
    text: &str,
) -> Result<Option<Uuid>, EngineError> {
    let workspace = transaction.workspace().0;
    let mut query = leads::table
        .filter(leads::workspace_id.eq(workspace))
        .filter(leads::deleted_at.is_null())
        .filter(leads::status.ne("converted"))
        .order(leads::created_at)
        .select(leads::id)
        .into_boxed();
    query = match by {
        "email" => query.filter(lower(leads::email).eq(lower(text))),
        "phone" => query.filter(leads::phone.eq(text)),
        _ => return Ok(None),
    };
    Ok(query.first(transaction.connection()).await.optional()?)
}
