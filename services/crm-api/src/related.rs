//! Relationships: the records they lead to (`/{type}/{id}/{name}`) and the links themselves
//! (`/{type}/{id}/relationships/{name}`).

use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse};
use pulse_jsonapi::document::{Linkage, Links, ResourceInput, Writer, read_linkage};
use pulse_jsonapi::query::{self, Accepts, Limits, Query, page_links};
use pulse_jsonapi::{Code, Problem, Source};
use pulse_resource::changes::related_ids;
use pulse_resource::plan::Plan;
use pulse_resource::render::{Record, identifier};
use pulse_resource::select::Parent;
use pulse_resource::write::Relink;
use pulse_resource::{Changes, Link, Relationship, Resource};

use crate::auth::Caller;
use crate::collection::{id, plan, read, self_link};
use crate::{App, Error, answer};

/// Linkage has pages alone, and large ones: an identifier is small.
pub(crate) const LINKAGE: Accepts = Accepts {
    page: true,
    limits: Limits { default_size: 1_000, max_size: 1_000, ..Limits::DEFAULT },
    ..Accepts::NOTHING
};

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
    // That there is no such parent is another answer than that it leads to nothing.
    let record = app.engine().record(caller.act(), parent.resource, parent.id).await?;
    if parent.relationship.to_one() {
        let Some(target) = record
            .leads_to(parent.relationship)
            .map(|(target, _)| target)
            .or(parent.relationship.single_target())
        else {
            // A polymorphic relationship that leads to nothing: there is no resource to look names up in.
            query::parse(request.query_string(), &Accepts::RESOURCE)?;
            let links = Links::new(self_link(request));
            return Ok(answer::document(StatusCode::OK, Writer::single(&links).finish(None)));
        };
        let plan = plan(request, app, target, Accepts::RESOURCE)?.uncounted();
        let listing = app.engine().list(caller.act(), &plan, Some(parent)).await?;
        let links = Links::new(self_link(request));
        return Ok(answer::document(StatusCode::OK, answer::listing(&listing, plan.fields(), &links, true)));
    }
    let plan = plan(request, app, several(parent.relationship)?, Accepts::COLLECTION)?;
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
    let accepts = if parent.relationship.to_one() { Accepts::NOTHING } else { LINKAGE };
    let query = query::parse(request.query_string(), &accepts)?;
    let record = app.engine().record(caller.act(), parent.resource, parent.id).await?;
    linkage(app, caller, &record, parent.relationship, &query, request.query_string()).await
}

async fn change(
    request: &HttpRequest,
    app: &App,
    caller: &Caller,
    parent: Parent,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let given = read_linkage(&read(payload).await?)?;
    let record = match parent.relationship.link {
        Link::BelongsTo { writable: true, .. } | Link::BelongsToAny { writable: true, .. }
            if request.method() == Method::PATCH =>
        {
            set(app, caller, parent, given).await?
        }
        Link::Through { .. } => {
            let how = match *request.method() {
                Method::POST => Relink::Add,
                Method::DELETE => Relink::Remove,
                _ => Relink::Replace,
            };
            relink(app, caller, parent, how, given).await?
        }
        _ => {
            let (name, method) = (parent.relationship.name, request.method());
            let detail = format!("{name} cannot be changed here by {method}.");
            return Err(Problem::new(Code::Forbidden, detail).into());
        }
    };
    app.changed(parent.resource);
    linkage(app, caller, &record, parent.relationship, &query::parse("", &LINKAGE)?, "").await
}

/// Sets a to-one relationship.
async fn set(app: &App, caller: &Caller, parent: Parent, given: Linkage) -> Result<Record, Error> {
    let Parent { resource, id, relationship } = parent;
    if let Linkage::ToMany(_) = given {
        let detail = format!("{} leads to one record: data is an identifier or null.", relationship.name);
        return Err(Problem::new(Code::MalformedDocument, detail).at_pointer("/data").into());
    }
    let relationships = vec![(relationship.name.to_owned(), given)];
    let input = ResourceInput { relationships, ..ResourceInput::default() };
    let changed = match Changes::updating(resource, input) {
        Ok(changes) => app.engine().update(caller.act(), id, changes, None).await,
        Err(problems) => Err(problems.into()),
    };
    changed.map_err(|error| match error {
        pulse_resource::Error::Rejected(problems) => at_the_root(relationship, problems),
        other => other.into(),
    })
}

/// Changes the links of a to-many relationship.
async fn relink(
    app: &App,
    caller: &Caller,
    parent: Parent,
    how: Relink,
    given: Linkage,
) -> Result<Record, Error> {
    let Parent { resource, id, relationship } = parent;
    let Linkage::ToMany(to) = given else {
        let detail = format!("{} leads to several records: data is an array.", relationship.name);
        return Err(Problem::new(Code::MalformedDocument, detail).at_pointer("/data").into());
    };
    let (hop, ids) = related_ids(relationship, &to, "/data")?;
    Ok(app.engine().change_links(caller.act(), (resource, id), hop, how, &ids).await?)
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

/// The resource that a to-many relationship leads to.
fn several(relationship: &'static Relationship) -> Result<&'static Resource, Error> {
    let missing = || anyhow::anyhow!("{} leads to records of several resources", relationship.name);
    Ok(relationship.single_target().ok_or_else(missing)?)
}

/// The linkage of a record, of which a to-many relationship shows the page that is asked for.
async fn linkage(
    app: &App,
    caller: &Caller,
    record: &Record,
    relationship: &'static Relationship,
    query: &Query,
    raw: &str,
) -> Result<HttpResponse, Error> {
    let related = format!("{}/{}", record.path(), relationship.name);
    let this = format!("{}/relationships/{}", record.path(), relationship.name);
    let body = if relationship.to_one() {
        let mut writer = Writer::single(&Links::new(this).with("related", Some(related)));
        if let Some((target, id)) = record.leads_to(relationship) {
            identifier(target.name, id, writer.resource());
        }
        writer.finish(None)
    } else {
        let target = several(relationship)?;
        let plan = Plan::new(app.engine().resources(), target, query)?;
        let parent = Parent { resource: record.resource, id: record.id(), relationship };
        let listing = app.engine().list(caller.act(), &plan, Some(parent)).await?;
        let links = page_links(&this, raw, plan.page(), listing.total, listing.more);
        let mut writer = Writer::collection(&links.with("related", Some(related)));
        for other in &listing.records {
            identifier(target.name, other.id(), writer.resource());
        }
        writer.finish(answer::total(&listing).as_ref())
    };
    Ok(answer::document(StatusCode::OK, body))
}
