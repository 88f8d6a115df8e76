//! Answers: documents, their headers, and what holds for every answer of the JSON:API.

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use pulse_jsonapi::document::{Links, Writer};
use pulse_jsonapi::{Code, Problem, negotiate as rules};
use pulse_resource::engine::Listing;
use pulse_resource::plan::Fields;
use pulse_resource::render::Record;
use serde_json::Value;

use crate::Error;

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
        Ok(()) => next.call(request).await?.map_into_left_body(),
        Err(refused) => request.error_response(Error::from(refused)).map_into_right_body(),
    };
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept"));
    Ok(response)
}

fn acceptable(request: &ServiceRequest) -> Result<(), Problem> {
    rules::accept(text(request, header::ACCEPT))?;
    let has_body = request.headers().get(header::CONTENT_LENGTH).is_some_and(|length| length != "0")
        || request.headers().contains_key(header::TRANSFER_ENCODING);
    let reads_body = matches!(*request.method(), Method::POST | Method::PATCH);
    if has_body && reads_body {
        rules::content_type(text(request, header::CONTENT_TYPE))?;
    }
    Ok(())
}

fn text(request: &ServiceRequest, name: header::HeaderName) -> Option<&str> {
    request.headers().get(name).and_then(|value| value.to_str().ok())
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

/// A document of records.
pub(crate) fn listing(listing: &Listing, fields: &Fields, links: &Links, single: bool) -> Vec<u8> {
    let mut writer = if single { Writer::single(links) } else { Writer::collection(links) };
    for record in &listing.records {
        record.write_object(fields, writer.resource());
    }
    if let Some(included) = &listing.included {
        writer.include();
        for record in included {
            record.write_object(fields, writer.resource());
        }
    }
    writer.finish(total(listing).as_ref())
}

/// The total of a listing, in two spellings: the one that clients look for, and the one of the cursor pagination
/// profile.
pub(crate) fn total(listing: &Listing) -> Option<Value> {
    listing.total.map(|total| serde_json::json!({ "total": total, "page": { "total": total } }))
}

/// A document of one record.
pub(crate) fn single(record: &Record, fields: &Fields, meta: Option<&Value>) -> Vec<u8> {
    let mut writer = Writer::single(&Links::new(record.path()));
    record.write_object(fields, writer.resource());
    writer.finish(meta)
}

/// A document in an answer.
pub(crate) fn document(status: StatusCode, body: Vec<u8>) -> HttpResponse {
    HttpResponse::build(status).content_type(pulse_jsonapi::MEDIA_TYPE).body(body)
}

/// One record in an answer, with its version as `ETag`.
pub(crate) fn record(status: StatusCode, record: &Record, meta: Option<&Value>) -> HttpResponse {
    let mut response = document(status, single(record, &Fields::default(), meta));
    tag(&mut response, record);
    response
}

/// Names the version of a record in `ETag`, for `If-Match`.
pub(crate) fn tag(response: &mut HttpResponse, record: &Record) {
    if let Some(tag) = record.version().and_then(|version| HeaderValue::from_str(&etag(version)).ok()) {
        response.headers_mut().insert(header::ETAG, tag);
    }
}

/// The version that `If-Match` asks for; `*` asks for any.
///
/// # Errors
/// When it is none of ours: it cannot match.
pub(crate) fn expected_version(request: &HttpRequest) -> Result<Option<i64>, Error> {
    let Some(tag) = request.headers().get(header::IF_MATCH) else { return Ok(None) };
    match tag.to_str().unwrap_or_default() {
        "*" => Ok(None),
        tag => {
            let version = tag.strip_prefix("\"v").and_then(|rest| rest.strip_suffix('"')?.parse().ok());
            let stale = || Problem::new(Code::Stale, "The record does not have that version.");
            Ok(Some(version.ok_or_else(|| stale().at_header("If-Match"))?))
        }
    }
}

fn etag(version: i64) -> String {
    format!("\"v{version}\"")
}
