//! Answers: documents, their headers, and what holds for every answer of the JSON:API.

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, ResponseError};
use pulse_jsonapi::document::{Document, Links, Writer};
use pulse_jsonapi::query::{self, Accepts};
use pulse_jsonapi::{Code, Problem, negotiate as rules};
use pulse_resource::engine::Listing;
use pulse_resource::plan::{Fields, Plan};
use pulse_resource::render::Record;
use serde_json::Value;

use crate::{Error, page, version};

/// The profile that a client has asked the answer to follow.
struct Asked(&'static str);

/// Refuses what cannot be read or answered as JSON:API (jsonapi.org, "Content Negotiation"), and says on every answer,
/// also on a refusal, what it depends on.
///
/// # Errors
/// Those of the handlers.
pub(crate) async fn negotiate<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error> {
    // A refusal is an answer like any other: it gets a request id and a line in the log.
    let mut response = match acceptable(&request) {
        Ok(profile) => {
            if let Some(uri) = profile {
                request.extensions_mut().insert(Asked(uri));
            }
            next.call(request).await?.map_into_left_body()
        }
        Err(refused) => request.error_response(Error::from(refused)).map_into_right_body(),
    };
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept"));
    Ok(response)
}

fn acceptable(request: &ServiceRequest) -> Result<Option<&'static str>, Problem> {
    let profile = rules::accept(text(request.headers(), header::ACCEPT))?;
    match *request.method() {
        Method::POST | Method::PATCH => readable(request.headers())?,
        _ => rules::unread_content_type(text(request.headers(), header::CONTENT_TYPE))?,
    }
    Ok(profile)
}

/// Refuses a body that is not said to be one that can be read.
///
/// # Errors
/// 415.
pub(crate) fn readable(headers: &header::HeaderMap) -> Result<(), Problem> {
    let has_body = headers.get(header::CONTENT_LENGTH).is_some_and(|length| length != "0")
        || headers.contains_key(header::TRANSFER_ENCODING);
    let sent = text(headers, header::CONTENT_TYPE);
    if has_body { rules::content_type(sent) } else { rules::unread_content_type(sent) }
}

fn text(headers: &header::HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The known profile that the client has asked the answer to follow, in the client's spelling.
pub(crate) fn profile(request: &HttpRequest) -> Option<&'static str> {
    request.extensions().get::<Asked>().map(|asked| asked.0)
}

/// Refuses parameters, for addresses that have none.
///
/// # Errors
/// One problem for each.
pub(crate) fn no_parameters(request: &HttpRequest) -> Result<(), Error> {
    query::parse(request.query_string(), &Accepts::NOTHING)?;
    Ok(())
}

/// Nothing is here.
///
/// # Errors
/// Always.
pub(crate) async fn no_such_path(request: HttpRequest) -> Result<HttpResponse, Error> {
    Err(Problem::new(Code::NotFound, format!("Nothing is at {}.", request.path())).into())
}

/// Something is here, but does not do that; `allow` lists what it does.
pub(crate) fn not_allowed(request: &HttpRequest, allow: &str) -> HttpResponse {
    let detail = format!("{} does not do {}.", request.path(), request.method());
    let mut response = Error::from(Problem::new(Code::MethodNotAllowed, detail)).error_response();
    let allow = HeaderValue::from_str(allow).expect("names of methods are ASCII");
    response.headers_mut().insert(header::ALLOW, allow);
    response
}

/// For addresses that only take POST.
pub(crate) async fn only_post(request: HttpRequest) -> HttpResponse {
    not_allowed(&request, "POST")
}

/// For addresses that only answer GET.
pub(crate) async fn only_get(request: HttpRequest) -> HttpResponse {
    not_allowed(&request, "GET, HEAD")
}

/// For addresses that only take DELETE.
pub(crate) async fn only_delete(request: HttpRequest) -> HttpResponse {
    not_allowed(&request, "DELETE")
}

/// A document of records: a collection, or the one that there is.
pub(crate) fn listing(plan: &Plan, listing: &Listing, links: &Links, single: bool) -> Document {
    shown(plan, listing, links, single, page::meta(plan, listing).as_ref())
}

/// The document that answers a write: the record, as the request wants it shown.
pub(crate) fn written(
    request: &HttpRequest,
    plan: &Plan,
    listing: &Listing,
    record: &Record,
    meta: Option<&Value>,
) -> Document {
    let links = Links::new(with_query(&record.path(), request)).under(profile(request));
    shown(plan, listing, &links, true, meta)
}

fn shown(plan: &Plan, listing: &Listing, links: &Links, single: bool, meta: Option<&Value>) -> Document {
    let mut writer = if single { Writer::single(links) } else { Writer::collection(links) };
    for record in &listing.records {
        let item = writer.resource();
        record.write_object(plan.fields(), item);
        page::mark(item, plan.cursor(record));
    }
    if let Some(included) = &listing.included {
        writer.include();
        for record in included {
            record.write_object(plan.fields(), writer.resource());
        }
    }
    writer.finish(meta)
}

/// The address that a request was made to, as the gateway's users see it.
pub(crate) fn self_link(request: &HttpRequest) -> String {
    with_query(request.path(), request)
}

/// An address with the parameters of a request.
pub(crate) fn with_query(path: &str, request: &HttpRequest) -> String {
    match request.query_string() {
        "" => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

/// A document in an answer.
pub(crate) fn document(status: StatusCode, document: Document) -> HttpResponse {
    HttpResponse::build(status)
        .content_type(document.media_type().as_ref())
        .insert_header((header::VARY, "Accept"))
        .body(document.body)
}

/// A document in the answer to a request that reads, of the record where it shows one; 304 where the client has it
/// already.
pub(crate) fn fetched(request: &HttpRequest, found: Document, record: Option<&Record>) -> HttpResponse {
    let tag = version::tag(record.and_then(Record::version), &found.body);
    let mut response = if version::is_known(request.headers(), &tag) {
        HttpResponse::NotModified().finish()
    } else {
        document(StatusCode::OK, found)
    };
    version::name(&mut response, &tag);
    response
}

/// A document in the answer to a request that wrote a record, with the record's version.
pub(crate) fn changed(status: StatusCode, document: Document, record: &Record) -> HttpResponse {
    let tag = version::tag(record.version(), &document.body);
    let mut response = self::document(status, document);
    version::name(&mut response, &tag);
    response
}

/// One record in an answer, with its version as `ETag`.
pub(crate) fn record(status: StatusCode, record: &Record, meta: Option<&Value>) -> HttpResponse {
    let mut writer = Writer::single(&Links::new(record.path()));
    record.write_object(&Fields::default(), writer.resource());
    changed(status, writer.finish(meta), record)
}
