//! Pages about the error codes, which `links.type` of error objects lead to; the same rows as `docs/errors.md`.

use actix_web::{HttpRequest, HttpResponse, web};
use pulse_jsonapi::{BASE, Code, Problem};
use serde_json::{Map, Value, json};

use crate::{Error, answer};

/// `GET /api/v1/errors` and `GET /api/v1/errors/{code}`: texts for people, so they need no credential and are not
/// JSON:API.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config.service(
        web::scope(&format!("{BASE}/errors"))
            .service(
                web::resource("")
                    .route(web::get().to(async || text(Code::catalogue())))
                    .default_service(web::to(answer::only_get)),
            )
            .service(
                web::resource("/{code}")
                    .route(web::get().to(show))
                    .default_service(web::to(answer::only_get)),
            )
            .default_service(web::to(answer::no_such_path)),
    );
}

/// Adds the addresses to the description of the API.
pub(crate) fn describe(paths: &mut Map<String, Value>) {
    let page = json!({
        "200": { "description": "A text.", "content": { "text/plain": { "schema": { "type": "string" } } } },
    });
    let mut found = page.clone();
    found["404"] = json!({ "$ref": "#/components/responses/NotFound" });
    let code = json!({ "name": "code", "in": "path", "required": true, "schema": { "type": "string" } });
    let operation = |id: &str, summary: &str, parameters: Value, responses: Value| {
        json!({ "get": {
            "operationId": id, "summary": summary, "tags": ["meta"], "security": [],
            "parameters": parameters, "responses": responses,
        } })
    };
    paths.insert(format!("{BASE}/errors"), operation("list_errors", "What errors mean", json!([]), page));
    paths.insert(
        format!("{BASE}/errors/{{code}}"),
        operation("show_error", "What an error means", json!([code]), found),
    );
}

async fn show(request: HttpRequest) -> Result<HttpResponse, Error> {
    let name = request.match_info().query("code");
    let unknown = || Problem::new(Code::NotFound, format!("There is no error code {name:?}."));
    let code = Code::named(name).ok_or_else(unknown)?;
    let (status, title, meaning) = (code.status(), code.title(), code.meaning());
    Ok(text(format!("{title}\n\n{meaning}\n\ncode: {name}\nstatus: {status}\n")))
}

fn text(page: String) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(page)
}
