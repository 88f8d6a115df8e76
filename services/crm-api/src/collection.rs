//! What every resource can do: list, show, create, update, destroy.

use actix_web::http::{Method, StatusCode, header};
use actix_web::web::{self, Bytes, Payload};
use actix_web::{HttpRequest, HttpResponse};
use pulse_jsonapi::document::{Expect, ResourceInput, read_resource};
use pulse_jsonapi::query::{self, Accepts, page_links};
use pulse_jsonapi::{Code, Problem};
use pulse_resource::plan::Plan;
use pulse_resource::render::{BASE, Record};
use pulse_resource::{Changes, Resource, error};
use pulse_service::body;
use uuid::Uuid;

use crate::auth::Bearer;
use crate::{App, Error, answer, trash};

/// A request document may have this many bytes.
const BODY_BYTES: usize = 1024 * 1024;

/// The routes of a resource, those of its own given first.
pub(crate) fn routes(config: &mut web::ServiceConfig, resource: &'static Resource) {
    config
        .service(web::resource(format!("/{}", resource.path())).to(
            move |request: HttpRequest, app: web::Data<App>, bearer: Bearer, payload: Payload| async move {
                let answer = match *request.method() {
                    Method::GET | Method::HEAD => list(&request, &app, &bearer, resource).await,
                    Method::POST if resource.actions.create => create(&app, &bearer, resource, payload).await,
                    _ if resource.actions.create => Ok(answer::not_allowed(&request, "GET, HEAD, POST")),
                    _ => Ok(answer::not_allowed(&request, "GET, HEAD")),
                };
                bearer.answer(&app, answer).await
            },
        ))
        .service(web::resource(format!("/{}/{{id}}", resource.path())).to(
            move |request: HttpRequest, app: web::Data<App>, bearer: Bearer, payload: Payload| async move {
                let answer = one(&request, &app, &bearer, resource, payload).await;
                bearer.answer(&app, answer).await
            },
        ));
    if resource.editable && resource.actions.destroy {
        trash::routes(config, resource);
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
        Method::GET | Method::HEAD => show(request, app, bearer, resource, id).await,
        Method::PATCH if resource.actions.update => update(request, app, bearer, resource, id, payload).await,
        Method::DELETE if resource.actions.destroy => destroy(request, app, bearer, resource, id).await,
        _ if resource.actions.update => Ok(answer::not_allowed(request, "GET, HEAD, PATCH, DELETE")),
        _ => Ok(answer::not_allowed(request, "GET, HEAD")),
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

/// Reads the parameters of a request and looks their names up.
///
/// # Errors
/// Everything that is wrong with them.
pub(crate) fn plan(
    request: &HttpRequest,
    app: &App,
    resource: &'static Resource,
    accepts: Accepts,
) -> Result<Plan, Error> {
    let query = query::parse(request.query_string(), &accepts)?;
    Ok(Plan::new(app.engine().resources(), resource, &query)?)
}

/// Reads a request body.
///
/// # Errors
/// 413 where it is too large, 400 where it broke off.
pub(crate) async fn read(payload: Payload) -> Result<Bytes, Error> {
    body::read(payload, BODY_BYTES).await.map_err(|error| {
        let code = match error {
            body::Error::TooLarge(_) => Code::PayloadTooLarge,
            body::Error::Broken => Code::MalformedDocument,
        };
        Problem::new(code, error.to_string()).into()
    })
}

/// Reads the document of a new record and checks it.
///
/// # Errors
/// Everything that is wrong with it.
pub(crate) async fn new_record(resource: &'static Resource, payload: Payload) -> Result<Changes, Error> {
    let expect = Expect { r#type: resource.name, id: None, client_id_allowed: true };
    let input: ResourceInput = read_resource(&read(payload).await?, expect)?;
    Ok(Changes::creating(resource, input)?)
}

/// The answer to a request that created a record.
pub(crate) fn created(record: &Record, meta: Option<&serde_json::Value>) -> HttpResponse {
    let mut response = answer::record(StatusCode::CREATED, record, meta);
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
    let plan = plan(request, app, resource, Accepts::COLLECTION)?;
    let listing = app.engine().list(bearer.act(), &plan, None).await?;
    let path = format!("{BASE}/{}", resource.path());
    let links = page_links(&path, request.query_string(), plan.page(), listing.total, listing.more);
    Ok(answer::document(StatusCode::OK, answer::listing(&listing, plan.fields(), &links, false)))
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
    let links = pulse_jsonapi::document::Links::new(self_link(request));
    let mut response =
        answer::document(StatusCode::OK, answer::listing(&listing, plan.fields(), &links, true));
    if let Some(record) = listing.records.first() {
        answer::tag(&mut response, record);
    }
    Ok(response)
}

/// The address that a request was made to, as the gateway's users see it.
pub(crate) fn self_link(request: &HttpRequest) -> String {
    match request.query_string() {
        "" => request.path().to_owned(),
        query => format!("{}?{query}", request.path()),
    }
}

async fn create(
    app: &App,
    bearer: &Bearer,
    resource: &'static Resource,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let changes = new_record(resource, payload).await?;
    app.check(&changes)?;
    let record = app.engine().create(bearer.act(), changes).await?;
    app.changed(resource);
    Ok(created(&record, None))
}

async fn update(
    request: &HttpRequest,
    app: &App,
    bearer: &Bearer,
    resource: &'static Resource,
    id: Uuid,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let text = id.to_string();
    let expect = Expect { r#type: resource.name, id: Some(&text), client_id_allowed: true };
    let changes = Changes::updating(resource, read_resource(&read(payload).await?, expect)?)?;
    app.check(&changes)?;
    let expected = answer::expected_version(request)?;
    let record = app.engine().update(bearer.act(), id, changes, expected).await?;
    app.changed(resource);
    Ok(answer::record(StatusCode::OK, &record, None))
}

/// A synchronous client in Python breaks on 204, so the answer has a document, as JSON:API allows.
async fn destroy(
    request: &HttpRequest,
    app: &App,
    bearer: &Bearer,
    resource: &'static Resource,
    id: Uuid,
) -> Result<HttpResponse, Error> {
    let expected = answer::expected_version(request)?;
    let record = app.engine().destroy(bearer.act(), resource, id, expected).await?;
    app.changed(resource);
    let links = pulse_jsonapi::document::Links::new(record.path());
    let meta = serde_json::json!({ "deleted": true });
    let body = pulse_jsonapi::document::Writer::meta_only(&links).finish(Some(&meta));
    Ok(answer::document(StatusCode::OK, body))
}
