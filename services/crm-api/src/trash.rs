//! The trash: what was deleted can be restored by anybody who could delete it, and removed for good by who may purge it.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use pulse_jsonapi::document::{Links, Writer};
use pulse_resource::Resource;
use serde_json::json;

use crate::auth::Caller;
use crate::collection::id;
use crate::{App, Error, answer};

/// `POST /{type}/{id}/restore` and `DELETE /{type}/{id}/purge`
pub(crate) fn routes(config: &mut web::ServiceConfig, resource: &'static Resource) {
    config
        .service(
            web::resource("/{id}/restore")
                .route(web::post().to(
                    move |request: HttpRequest, app: web::Data<App>, caller: Caller| async move {
                        restore(&request, &app, &caller, resource).await
                    },
                ))
                .default_service(web::to(answer::only_post)),
        )
        .service(
            web::resource("/{id}/purge")
                .route(web::delete().to(
                    move |request: HttpRequest, app: web::Data<App>, caller: Caller| async move {
                        purge(&request, &app, &caller, resource).await
                    },
                ))
                .default_service(web::to(answer::only_delete)),
        );
}

async fn restore(
    request: &HttpRequest,
    app: &App,
    caller: &Caller,
    resource: &'static Resource,
) -> Result<HttpResponse, Error> {
    answer::no_parameters(request)?;
    let record = app.engine().restore(caller.act(), resource, id(request, resource)?).await?;
    app.changed(resource);
    Ok(answer::record(StatusCode::OK, &record, None))
}

async fn purge(
    request: &HttpRequest,
    app: &App,
    caller: &Caller,
    resource: &'static Resource,
) -> Result<HttpResponse, Error> {
    answer::no_parameters(request)?;
    let id = id(request, resource)?;
    app.engine().purge(caller.act(), resource, id).await?;
    let body = Writer::meta_only(&Links::none()).finish(Some(&json!({ "purged": true })));
    Ok(answer::document(StatusCode::OK, body))
}
