//! What every resource can do: list, show, create, update, destroy.

use actix_web::http::{Method, StatusCode, header};
use actix_web::web::{self, Bytes, Payload};
use actix_web::{HttpRequest, HttpResponse};
use pulse_jsonapi::document::{Expect, Links, ResourceInput, Writer, read_resource};
use pulse_jsonapi::query::{self, Accepts, Limits};
use pulse_jsonapi::{Code, Problem};
use pulse_resource::custom_fields::ATTRIBUTE;
use pulse_resource::engine::Listing;
use pulse_resource::plan::Plan;
use pulse_resource::render::{BASE, Record};
use pulse_resource::{Act, Changes, Deed, Definitions, Resource, error};
use pulse_service::body;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::auth::{Bearer, Caller};
use crate::{App, Error, Settings, answer, page, trash, version};

/// Arrays and objects in one another at most. What carries a value on (an event, a delivery) has some levels around it,
/// and must still be read.
const DEPTH: usize = 64;

/// The routes of a resource, below its path.
pub(crate) fn routes(config: &mut web::ServiceConfig, resource: &'static Resource) {
    config
        .service(web::resource("").to(
            move |request: HttpRequest, app: web::Data<App>, bearer: Bearer, payload: Payload| async move {
                let answer = match *request.method() {
                    Method::GET => list(&request, &app, &bearer, resource).await,
                    Method::POST if resource.actions.create => {
                        create(&request, &app, &bearer, resource, payload).await
                    }
                    _ if resource.actions.create => Ok(answer::not_allowed(&request, "GET, HEAD, POST")),
                    _ => Ok(answer::not_allowed(&request, "GET, HEAD")),
                };
                bearer.answer(&app, answer).await
            },
        ))
        .service(web::resource("/{id}").to(
            move |request: HttpRequest, app: web::Data<App>, bearer: Bearer, payload: Payload| async move {
                let answer = one(&request, &app, &bearer, resource, payload).await;
                bearer.answer(&app, answer).await
            },
        ));
    if resource.has_trash() && resource.actions.destroy {
        trash::routes(config, resource);
    }
}

/// The methods of a record's address.
const fn allowed(resource: &Resource) -> &'static str {
    match (resource.actions.update, resource.actions.destroy) {
        (true, true) => "GET, HEAD, PATCH, DELETE",
        (true, false) => "GET, HEAD, PATCH",
        (false, true) => "GET, HEAD, DELETE",
        (false, false) => "GET, HEAD",
    }
}

async fn one(
    request: &HttpRequest,
    app: &App,
    bearer: &Bearer,
    resource: &'static Resource,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let id = id(request, resource)?;
    match *request.method() {
        Method::GET => show(request, app, bearer, resource, id).await,
        Method::PATCH if resource.actions.update => update(request, app, bearer, resource, id, payload).await,
        Method::DELETE if resource.actions.destroy => destroy(request, app, bearer, resource, id).await,
        _ => Ok(answer::not_allowed(request, allowed(resource))),
    }
}

/// The id in the path; what is not a UUID names no record.
///
/// # Errors
/// 404.
pub(crate) fn id(request: &HttpRequest, resource: &Resource) -> Result<Uuid, Error> {
    let text = request.match_info().query("id");
    text.parse().map_err(|_malformed| error::not_found(resource.name, text).into())
}

/// Reads the parameters of a request for one record and looks their names up.
///
/// # Errors
/// Everything that is wrong with them.
pub(crate) fn plan(
    request: &HttpRequest,
    app: &App,
    resource: &'static Resource,
    accepts: Accepts,
) -> Result<Plan, Error> {
    let query = query::parse(request.query_string(), &limited(request, app, accepts))?;
    Ok(Plan::new(app.engine().resources(), resource, &query)?)
}

/// The same of a list, whose filters and sorts may name custom fields.
///
/// # Errors
/// Everything that is wrong with them.
pub(crate) async fn plan_of_list(
    request: &HttpRequest,
    app: &App,
    act: &Act,
    resource: &'static Resource,
) -> Result<Plan, Error> {
    let query = query::parse(request.query_string(), &limited(request, app, Accepts::COLLECTION))?;
    let definitions = match query.mentions(ATTRIBUTE) {
        true => app.engine().definitions(act, None).await?,
        false => Definitions::NONE,
    };
    Ok(Plan::with(app.engine().resources(), resource, &query, &definitions)?)
}

/// The parameters of an address as the settings and the profile asked for change them.
pub(crate) fn limited(request: &HttpRequest, app: &App, accepts: Accepts) -> Accepts {
    let Settings { api, filters, .. } = app.settings();
    let limits = Limits { q: api.q, unknown_filters: filters.unknown.into(), ..accepts.limits };
    Accepts { by_cursor: answer::profile(request).is_some(), limits, ..accepts }
}

/// Reads a request body that is JSON.
///
/// # Errors
/// 413 where it is too large, 408 where it is too slow, 400 where it broke off or is nested too deeply.
pub(crate) async fn read(payload: Payload) -> Result<Bytes, Error> {
    let body = body::read_whole(payload).await.map_err(unread)?;
    if body::is_deeper(&body, DEPTH) {
        let detail = format!("The body is nested deeper than {DEPTH} levels.");
        return Err(Problem::new(Code::MalformedJson, detail).into());
    }
    Ok(body)
}

/// Why a body was not read.
pub(crate) fn unread(error: body::Error) -> Problem {
    let code = match error {
        body::Error::TooLarge(_) => Code::PayloadTooLarge,
        body::Error::TooSlow(_) => Code::RequestTimeout,
        body::Error::Broken => Code::MalformedDocument,
    };
    Problem::new(code, error.to_string())
}

/// Reads the document of a new record of a resource without custom fields and checks it.
///
/// # Errors
/// Everything that is wrong with it.
pub(crate) async fn new_record(resource: &'static Resource, payload: Payload) -> Result<Changes, Error> {
    new_record_with(resource, payload, &Definitions::NONE).await
}

/// The same of a resource with these custom fields.
async fn new_record_with(
    resource: &'static Resource,
    payload: Payload,
    definitions: &Definitions,
) -> Result<Changes, Error> {
    let id = Uuid::now_v7().to_string();
    let expect = Expect { r#type: resource.name, id: None, new_id: Some(&id), client_id_allowed: true };
    let input: ResourceInput = read_resource(&read(payload).await?, expect)?;
    Ok(Changes::creating_with(resource, input, definitions)?)
}

/// Reads what an action is sent; nothing stands for an object without members.
///
/// # Errors
/// 400 where it is not JSON, or not of that shape.
pub(crate) async fn read_json<T: DeserializeOwned>(payload: Payload) -> Result<T, Error> {
    let body = read(payload).await?;
    let body = if body.is_empty() { b"{}".as_slice() } else { &body };
    let value: serde_json::Value = serde_json::from_slice(body)
        .map_err(|fault| Problem::new(Code::MalformedJson, format!("The body is not JSON: {fault}.")))?;
    storable(&value)?;
    T::deserialize(value).map_err(|fault| {
        Problem::new(Code::MalformedDocument, format!("The body is not as it should be: {fault}."))
            .at_pointer("")
            .into()
    })
}

/// Refuses U+0000, which PostgreSQL stores in no text.
///
/// # Errors
/// 422, where one is anywhere in it.
pub(crate) fn storable(value: &serde_json::Value) -> Result<(), Problem> {
    use serde_json::Value;
    let refused =
        || Problem::new(Code::Invalid, "A text cannot contain the character U+0000.").at_pointer("");
    match value {
        Value::String(text) if text.contains('\0') => Err(refused()),
        Value::Array(members) => members.iter().try_for_each(storable),
        Value::Object(members) if members.keys().any(|name| name.contains('\0')) => Err(refused()),
        Value::Object(members) => members.values().try_for_each(storable),
        _ => Ok(()),
    }
}

/// Changes the record in the path as an action wants, by the rules of any change, and answers it.
///
/// # Errors
/// As any change.
pub(crate) async fn change(
    request: &HttpRequest,
    app: &App,
    caller: &Caller,
    resource: &'static Resource,
    attributes: serde_json::Value,
) -> Result<HttpResponse, Error> {
    let id = id(request, resource)?;
    let attributes = serde_json::from_value(attributes).map_err(anyhow::Error::from)?;
    let changes = Changes::updating(resource, ResourceInput { attributes, ..ResourceInput::default() })?;
    let expected = version::expected(request)?;
    let record = app.engine().update(caller.act(), id, changes, expected).await?;
    app.changed(resource);
    Ok(answer::record(StatusCode::OK, &record, None))
}

/// The answer to a request that created a record.
pub(crate) fn created(record: &Record, meta: Option<&serde_json::Value>) -> HttpResponse {
    located(answer::record(StatusCode::CREATED, record, meta), record)
}

/// The answer to a request that created a record and says how it is to be shown.
///
/// # Errors
/// When the listing has no record, which a write always leaves.
pub(crate) fn created_shown(
    request: &HttpRequest,
    plan: &Plan,
    listing: &Listing,
    meta: Option<&serde_json::Value>,
) -> Result<HttpResponse, Error> {
    Ok(located(written(StatusCode::CREATED, request, plan, listing, meta)?, first(listing)?))
}

fn written(
    status: StatusCode,
    request: &HttpRequest,
    plan: &Plan,
    listing: &Listing,
    meta: Option<&serde_json::Value>,
) -> Result<HttpResponse, Error> {
    let record = first(listing)?;
    Ok(answer::changed(status, answer::written(request, plan, listing, record, meta), record))
}

fn first(listing: &Listing) -> Result<&Record, Error> {
    Ok(listing.records.first().ok_or_else(|| anyhow::anyhow!("a write leaves a record"))?)
}

fn located(mut response: HttpResponse, record: &Record) -> HttpResponse {
    if let Ok(location) = header::HeaderValue::from_str(&record.path()) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

async fn list(
    request: &HttpRequest,
    app: &App,
    bearer: &Bearer,
    resource: &'static Resource,
) -> Result<HttpResponse, Error> {
    let plan = plan_of_list(request, app, bearer.act(), resource).await?;
    let listing = app.engine().list(bearer.act(), &plan, None).await?;
    let links = page::links(request, &format!("{BASE}/{}", resource.path()), &plan, &listing);
    Ok(answer::fetched(request, answer::listing(&plan, &listing, &links, false), None))
}

async fn show(
    request: &HttpRequest,
    app: &App,
    bearer: &Bearer,
    resource: &'static Resource,
    id: Uuid,
) -> Result<HttpResponse, Error> {
    let plan = plan(request, app, resource, Accepts::RESOURCE)?;
    let listing = app.engine().find(bearer.act(), &plan, id).await?;
    let links = Links::new(answer::self_link(request)).under(answer::profile(request));
    let document = answer::listing(&plan, &listing, &links, true);
    Ok(answer::fetched(request, document, listing.records.first()))
}

async fn create(
    request: &HttpRequest,
    app: &App,
    bearer: &Bearer,
    resource: &'static Resource,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    app.engine().permit(bearer.act(), resource, Deed::Create).await?;
    let plan = plan(request, app, resource, Accepts::RESOURCE)?;
    // Also where the document names none of them: some may be required.
    let definitions = match resource.has_custom_fields() {
        true => app.engine().definitions(bearer.act(), Some(resource)).await?,
        false => Definitions::NONE,
    };
    let mut changes = new_record_with(resource, payload, &definitions).await?;
    app.check(&mut changes, None).await?;
    let listing = app.engine().create_shown(bearer.act(), changes, &plan).await?;
    app.changed(resource);
    created_shown(request, &plan, &listing, None)
}

async fn update(
    request: &HttpRequest,
    app: &App,
    bearer: &Bearer,
    resource: &'static Resource,
    id: Uuid,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    app.engine().permit(bearer.act(), resource, Deed::Change).await?;
    let plan = plan(request, app, resource, Accepts::RESOURCE)?;
    let expected = version::expected(request)?;
    let text = id.to_string();
    let expect = Expect { r#type: resource.name, id: Some(&text), new_id: None, client_id_allowed: true };
    let input: ResourceInput = read_resource(&read(payload).await?, expect)?;
    let definitions = match resource.has_custom_fields() && input.attributes.contains_key(ATTRIBUTE) {
        true => app.engine().definitions(bearer.act(), Some(resource)).await?,
        false => Definitions::NONE,
    };
    let mut changes = Changes::updating_with(resource, input, &definitions)?;
    app.check(&mut changes, Some(id)).await?;
    let listing = app.engine().update_shown(bearer.act(), id, changes, expected, &plan).await?;
    app.changed(resource);
    written(StatusCode::OK, request, &plan, &listing, None)
}

/// A synchronous client in Python breaks on 204, so the answer has a document, as JSON:API allows.
async fn destroy(
    request: &HttpRequest,
    app: &App,
    bearer: &Bearer,
    resource: &'static Resource,
    id: Uuid,
) -> Result<HttpResponse, Error> {
    app.engine().permit(bearer.act(), resource, Deed::Delete).await?;
    answer::no_parameters(request)?;
    let expected = version::expected(request)?;
    app.engine().destroy(bearer.act(), resource, id, expected).await?;
    app.changed(resource);
    Ok(deleted())
}

/// The answer to a request that deleted a record.
pub(crate) fn deleted() -> HttpResponse {
    let meta = serde_json::json!({ "deleted": true });
    answer::document(StatusCode::OK, Writer::meta_only(&Links::none()).finish(Some(&meta)))
}
