//! Relationships: the records they lead to (`/{type}/{id}/{name}`) and the links themselves
//! (`/{type}/{id}/relationships/{name}`).

use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse};
use pulse_jsonapi::document::{Identifier, Linkage, Links, Writer, read_linkage};
use pulse_jsonapi::query::{Accepts, page_links};
use pulse_jsonapi::{Code, Problem, Source};
use pulse_resource::render::Record;
use pulse_resource::select::Parent;
use pulse_resource::write::Relink;
use pulse_resource::{Changes, Link, Relationship, Resource};
use serde_json::json;
use uuid::Uuid;

use crate::auth::Caller;
use crate::collection::{id, plan, read, self_link};
use crate::{App, Error, answer};

/// Identifiers in the answer of a relationship URL at most; the related URL has pages.
const LINKAGE: i64 = 1_000;

/// The routes of a relationship.
pub(crate) fn routes(
    config: &mut web::ServiceConfig,
    resource: &'static Resource,
    relationship: &'static Relationship,
) {
    let name = relationship.name;
    config
        .service(web::resource(format!("/{}/{{id}}/{name}", resource.path())).to(
            move |request: HttpRequest, app: web::Data<App>, caller: Caller| async move {
                let id = id(&request, resource)?;
                match *request.method() {
                    Method::GET | Method::HEAD => {
                        related(&request, &app, &caller, Parent { resource, id, relationship }).await
                    }
                    _ => Ok(answer::not_allowed(&request, "GET, HEAD")),
                }
            },
        ))
        .service(web::resource(format!("/{}/{{id}}/relationships/{name}", resource.path())).to(
            move |request: HttpRequest, app: web::Data<App>, caller: Caller, payload: Payload| async move {
                let parent = Parent { resource, id: id(&request, resource)?, relationship };
                match *request.method() {
                    Method::GET | Method::HEAD => show(&request, &app, &caller, parent).await,
                    Method::PATCH | Method::POST | Method::DELETE => {
                        change(&request, &app, &caller, parent, payload).await
                    }
                    _ => Ok(answer::not_allowed(&request, "GET, HEAD, PATCH, POST, DELETE")),
                }
            },
        ));
}

async fn related(
    request: &HttpRequest,
    app: &App,
    caller: &Caller,
    parent: Parent,
) -> Result<HttpResponse, Error> {
    let target = parent.relationship.target;
    let record = app.engine().record(caller.act(), parent.resource, parent.id).await?;
    if parent.relationship.to_one() {
        let plan = plan(request, app, target, Accepts::RESOURCE)?;
        let links = Links::new(self_link(request));
        let body = match record.to_one(parent.relationship) {
            Some(id) => {
                let listing = app.engine().find(caller.act(), &plan, id).await?;
                answer::listing(&listing, plan.fields(), &links, true)
            }
            None => Writer::single(&links).finish(None),
        };
        return Ok(answer::document(StatusCode::OK, body));
    }
    let plan = plan(request, app, target, Accepts::COLLECTION)?;
    let listing = app.engine().list(caller.act(), &plan, Some(parent)).await?;
    let path = request.path();
    let links = page_links(path, request.query_string(), plan.page(), listing.total, listing.more);
    Ok(answer::document(StatusCode::OK, answer::listing(&listing, plan.fields(), &links, false)))
}

async fn show(
    request: &HttpRequest,
    app: &App,
    caller: &Caller,
    parent: Parent,
) -> Result<HttpResponse, Error> {
    // Nothing shapes linkage, so every parameter is a mistake.
    plan(request, app, parent.relationship.target, Accepts::NOTHING)?;
    let record = app.engine().record(caller.act(), parent.resource, parent.id).await?;
    linkage(app, caller, &record, parent.relationship).await
}

async fn change(
    request: &HttpRequest,
    app: &App,
    caller: &Caller,
    parent: Parent,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let Parent { resource, id, relationship } = parent;
    let linkage_given = read_linkage(&read(payload).await?)?;
    let forbidden = || {
        let detail = format!("{} cannot be changed here by {}.", relationship.name, request.method());
        Error::from(Problem::new(Code::Forbidden, detail))
    };
    let record = match (relationship.link, linkage_given) {
        (Link::BelongsTo { writable: true, .. }, to @ Linkage::ToOne(_))
            if request.method() == Method::PATCH =>
        {
            let input = pulse_jsonapi::document::ResourceInput {
                relationships: vec![(relationship.name.to_owned(), to)],
                ..Default::default()
            };
            let changes =
                Changes::updating(resource, input).map_err(|problems| at_the_root(relationship, problems))?;
            app.engine().update(caller.act(), id, changes, None).await.map_err(|error| match error {
                pulse_resource::Error::Rejected(problems) => at_the_root(relationship, problems),
                other => other.into(),
            })?
        }
        (Link::Through { .. }, Linkage::ToMany(to)) => {
            let how = match *request.method() {
                Method::POST => Relink::Add,
                Method::DELETE => Relink::Remove,
                _ => Relink::Replace,
            };
            let ids = ids(relationship, &to)?;
            app.engine().change_links(caller.act(), (resource, id), relationship, how, &ids).await?
        }
        (Link::BelongsTo { writable: true, .. }, _) if request.method() == Method::PATCH => {
            let detail = format!("{} leads to one record: data is an identifier or null.", relationship.name);
            return Err(Problem::new(Code::MalformedDocument, detail).at_pointer("/data").into());
        }
        (Link::Through { .. }, _) => {
            let detail = format!("{} leads to several records: data is an array.", relationship.name);
            return Err(Problem::new(Code::MalformedDocument, detail).at_pointer("/data").into());
        }
        _ => return Err(forbidden()),
    };
    app.changed(resource);
    linkage(app, caller, &record, relationship).await
}

/// The primary data of a relationship URL is the linkage itself, so pointers start there.
fn at_the_root(relationship: &Relationship, problems: Vec<Problem>) -> Error {
    let start = format!("/data/relationships/{}", relationship.name);
    let moved = problems.into_iter().map(|mut problem| {
        if let Some(Source::Pointer(pointer)) = &mut problem.source
            && let Some(rest) = pointer.strip_prefix(&start)
        {
            *pointer = rest.to_owned();
        }
        problem
    });
    Error::Rejected(moved.collect())
}

fn ids(relationship: &Relationship, to: &[Identifier]) -> Result<Vec<Uuid>, Error> {
    Ok(pulse_resource::changes::related_ids(relationship, to, "/data")?)
}

async fn linkage(
    app: &App,
    caller: &Caller,
    record: &Record,
    relationship: &'static Relationship,
) -> Result<HttpResponse, Error> {
    let path = record.path();
    let name = relationship.name;
    let links =
        Links::new(format!("{path}/relationships/{name}")).with("related", Some(format!("{path}/{name}")));
    let body = if relationship.to_one() {
        let mut writer = Writer::single(&links);
        if let Some(id) = record.to_one(relationship) {
            let identifier = json!({ "type": relationship.target.name, "id": id });
            writer.resource().extend_from_slice(identifier.to_string().as_bytes());
        }
        writer.finish(None)
    } else {
        let mut writer = Writer::collection(&links);
        for other in app.engine().linkage(caller.act(), record, relationship, LINKAGE).await? {
            other.write_identifier(writer.resource());
        }
        writer.finish(None)
    };
    Ok(answer::document(StatusCode::OK, body))
}
