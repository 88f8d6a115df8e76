//! The page that shows the OpenAPI document. Everything on it is a file of ours; its policy lets it load nothing else.

use actix_web::http::header;
use actix_web::{HttpResponse, web};

use crate::answer;

/// Scripts, styles and requests of this site alone. The viewer sets style attributes, which are inline styles.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Kept that long without asking again.
const CACHE: &str = "public, max-age=3600";

/// A file of the page.
#[derive(Clone, Copy)]
struct File {
    path: &'static str,
    content_type: &'static str,
    content: &'static str,
}

const FILES: [File; 3] = [
    File { path: "/docs", content_type: "text/html; charset=utf-8", content: include_str!("page.html") },
    File {
        path: "/docs/page.css",
        content_type: "text/css; charset=utf-8",
        content: include_str!("page.css"),
    },
    File {
        path: "/docs/viewer.js",
        content_type: "text/javascript; charset=utf-8",
        content: include_str!("openapi-explorer.min.js"),
    },
];

/// `GET /docs` and what the page loads.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    for file in FILES {
        let answer = move || async move { show(&file) };
        config.service(
            web::resource(file.path).route(web::get().to(answer)).default_service(web::to(answer::only_get)),
        );
    }
}

fn show(file: &File) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(file.content_type)
        .insert_header((header::CACHE_CONTROL, CACHE))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .body(file.content)
}
