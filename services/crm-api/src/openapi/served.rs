//! The document as it is served: public, and only sent again when it has changed.

use std::sync::OnceLock;

use actix_web::http::header::{self, EntityTag, Header, IfNoneMatch};
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use super::paths::Draft;
use super::{PATH, document};
use crate::{App, answer};

/// Kept that long without asking again.
const CACHE: &str = "public, max-age=300";

/// The document written out, and what tells it from another.
#[derive(Debug)]
struct Written {
    body: web::Bytes,
    tag: String,
}

/// The document, written when it is first asked for.
#[derive(Debug, Default)]
pub(crate) struct Served(OnceLock<Written>);

impl Served {
    fn written(&self) -> &Written {
        self.0.get_or_init(|| {
            let body = document().to_string();
            let digest = ring::digest::digest(&ring::digest::SHA256, body.as_bytes());
            Written { tag: hex::encode(&digest.as_ref()[..16]), body: body.into() }
        })
    }
}

/// `GET /api/v1/openapi.json`
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config.service(web::resource(PATH).route(web::get().to(show)).default_service(web::to(answer::only_get)));
}

async fn show(request: HttpRequest, app: web::Data<App>) -> HttpResponse {
    let Written { body, tag } = app.0.openapi.written();
    let tag = EntityTag::new_strong(tag.clone());
    let known = match IfNoneMatch::parse(&request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(&tag)),
        Err(_) => false,
    };
    let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((header::ETAG, tag.to_string())).insert_header((header::CACHE_CONTROL, CACHE));
    if known { response.finish() } else { response.content_type("application/json").body(body.clone()) }
}

/// What the document says of itself.
pub(super) fn described() -> Value {
    let get = Draft::new("show_openapi".into(), "This document", "meta")
        .with("security", json!([]))
        .parameters(vec![super::names::reference("parameters", "IfNoneMatch")])
        .answer(
            200,
            json!({
                "description": "The document.",
                "content": { "application/json": { "schema": { "type": "object" } } },
            }),
        )
        .answer(304, super::names::reference("responses", "NotModified"))
        .answered();
    json!({ "get": get })
}
