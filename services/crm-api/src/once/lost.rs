//! What is answered to a request that was executed and whose answer was not kept: the process died in between, or the
//! answer was too large. The record as it is stands for the answer.

use actix_web::http::Method;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use pulse_jsonapi::BASE;
use pulse_jsonapi::document::{Links, Writer};
use pulse_resource::Resource;
use serde_json::json;
use uuid::Uuid;

use crate::auth::Caller;
use crate::resources::RESOURCES;
use crate::{App, Error, answer, collection};

/// The answer to a request that has made a record, or done something else.
///
/// # Errors
/// When the database is away.
pub(super) async fn answer(
    app: &App,
    caller: &Caller,
    request: &HttpRequest,
    made: Option<(String, Uuid)>,
) -> Result<HttpResponse, Error> {
    let path = request.path().strip_prefix(BASE).unwrap_or_default();
    let mut parts = path.trim_start_matches('/').split('/');
    let (name, id) = (parts.next().unwrap_or_default(), parts.next());
    let resource = RESOURCES.iter().copied().find(|resource| resource.path() == name);
    let Some(resource) = resource else { return Ok(done()) };
    match (id, made) {
        (None, Some((name, id))) if name == resource.name => {
            Ok(match find(app, caller, resource, id).await? {
                Some(record) => collection::created(&record, None),
                None => done(),
            })
        }
        (Some(id), _) => {
            let found = match id.parse() {
                Ok(id) => find(app, caller, resource, id).await?,
                Err(_) => None,
            };
            Ok(match found {
                Some(record) => answer::record(StatusCode::OK, &record, None),
                None if request.method() == Method::DELETE => collection::deleted(),
                None => done(),
            })
        }
        _ => Ok(done()),
    }
}

async fn find(
    app: &App,
    caller: &Caller,
    resource: &'static Resource,
    id: Uuid,
) -> Result<Option<pulse_resource::render::Record>, Error> {
    match app.engine().record(caller.act(), resource, id).await {
        Ok(record) => Ok(Some(record)),
        // It was removed meanwhile, or is not for who asks any more.
        Err(pulse_resource::Error::Rejected(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// All that is known: it was done.
fn done() -> HttpResponse {
    let document = Writer::meta_only(&Links::none()).finish(Some(&json!({ "done": true })));
    answer::document(StatusCode::OK, document)
}
