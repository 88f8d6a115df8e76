//! Other spellings of a request: a trailing slash, HEAD for GET, a method that a client could not send.

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::HeaderValue;
use actix_web::http::uri::PathAndQuery;
use actix_web::http::{Method, Uri};
use actix_web::middleware::Next;
use pulse_jsonapi::{Code, Problem};

use crate::Error;

/// What clients behind a proxy that knows GET and POST alone say instead (jsonapi.org, "Recommendations").
const OVERRIDE: &str = "X-HTTP-Method-Override";

/// Brings a request into the one spelling that is routed.
///
/// # Errors
/// Those of the handlers.
pub(crate) async fn rewrite<B: MessageBody>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error> {
    trim(&mut request);
    match method(&request) {
        Ok(method) => {
            request.head_mut().method = method;
            Ok(next.call(request).await?.map_into_left_body())
        }
        Err(refused) => Ok(request.error_response(Error::from(refused)).map_into_right_body()),
    }
}

fn method(request: &ServiceRequest) -> Result<Method, Problem> {
    match *request.method() {
        // HEAD is answered as GET is; that its body is not sent, the server knows from the request line.
        Method::HEAD => Ok(Method::GET),
        Method::POST => match request.headers().get(OVERRIDE).map(HeaderValue::as_bytes) {
            None => Ok(Method::POST),
            Some(b"PATCH") => Ok(Method::PATCH),
            Some(b"DELETE") => Ok(Method::DELETE),
            Some(_) => {
                let detail = "POST can stand for PATCH or DELETE.";
                Err(Problem::new(Code::InvalidHeader, detail).at_header(OVERRIDE))
            }
        },
        ref other => Ok(other.clone()),
    }
}

/// Takes slashes off the end of the path.
fn trim(request: &mut ServiceRequest) {
    let path = request.path();
    let trimmed = path.trim_end_matches('/');
    if trimmed.len() == path.len() || trimmed.is_empty() {
        return;
    }
    let text = match request.query_string() {
        "" => trimmed.to_owned(),
        query => format!("{trimmed}?{query}"),
    };
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = PathAndQuery::try_from(text).ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        request.match_info_mut().get_mut().update(&uri);
        request.head_mut().uri = uri;
    }
}
