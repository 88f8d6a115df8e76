//! Relationships: the records they lead to (`/{type}/{id}/{name}`) and the links themselves
//! (`/{type}/{id}/relationships/{name}`).

use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse};
use pulse_jsonapi::document::{Document, Linkage, Links, ResourceInput, Writer, read_linkage};
use pulse_jsonapi::query::{self, Accepts, Limits, Path, Query};
use pulse_jsonapi::{Code, Problem, Source};
use pulse_resource::changes::related_ids;
use pulse_resource::engine::Listing;
use pulse_resource::plan::Plan;
use pulse_resource::render::{Record, identifier};
use pulse_resource::select::Parent;
use pulse_resource::write::Relink;
use pulse_resource::{Changes, Deed, Link, Relationship, Resource};

use crate::auth::Caller;
use crate::collection::{id, limited, plan, plan_of_list, read};
use crate::{App, Error, answer, page, version};

/// Linkage has large pages: an identifier is small.
pub(crate) const LINKAGE: Accepts = Accepts {
    page: true,
    include: true,
    fields: true,
    limits: Limits { default_size: 1_000, max_size: 1_000, ..Limits::DEFAULT },
    ..Accepts::NOTHING
};

/// The routes of a relationship, below the path of its resource.
pub(crate) fn routes(
    config: &mut web::ServiceConfig,
    resource: &'static Resource,
    relationship: &'static Relationship,
) {
    let name = relationship.name;
    config
        .service(web::resource(format!("/{{id}}/{name}")).to(
            move |request: HttpRequest, app: web::Data<App>, caller: Caller| async move {
                let id = id(&request, resource)?;
                match *request.method() {
                    Method::GET => {
                        related(&request, &app, &caller, Parent { resource, id, relationship }).await
                    }
                    _ => Ok(answer::not_allowed(&request, "GET, HEAD")),
                }
            },
        ))
        .service(web::resource(format!("/{{id}}/relationships/{name}")).to(
            move |request: HttpRequest, app: web::Data<App>, caller: Caller, payload: Payload| async move {
                let parent = Parent { resource, id: id(&request, resource)?, relationship };
                match *request.method() {
                    Method::GET => show(&request, &app, &caller, parent).await,
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
            let query = query::parse(request.query_string(), &limited(request, app, Accepts::RESOURCE))?;
            let links = Links::new(answer::self_link(request)).under(answer::profile(request));
            let mut writer = Writer::single(&links);
            if query.include.is_some() {
                writer.include();
            }
            return Ok(answer::fetched(request, writer.finish(None), None));
        };
        let plan = plan(request, app, target, Accepts::RESOURCE)?.uncounted();
        let listing = app.engine().list(caller.act(), &plan, Some(parent)).await?;
        let links = Links::new(answer::self_link(request)).under(answer::profile(request));
        let document = answer::listing(&plan, &listing, &links, true);
        return Ok(answer::fetched(request, document, listing.records.first()));
    }
    let plan = plan_of_list(request, app, caller.act(), several(parent.relationship)?).await?;
    let listing = app.engine().list(caller.act(), &plan, Some(parent)).await?;
    let links = page::links(request, request.path(), &plan, &listing);
    Ok(answer::fetched(request, answer::listing(&plan, &listing, &links, false), None))
}

async fn show(
    request: &HttpRequest,
    app: &App,
    caller: &Caller,
    parent: Parent,
) -> Result<HttpResponse, Error> {
    let accepts = Accepts { page: !parent.relationship.to_one(), ..LINKAGE };
    let query = query::parse(request.query_string(), &limited(request, app, accepts))?;
    let record = app.engine().record(caller.act(), parent.resource, parent.id).await?;
    let document = linkage(request, app, caller, &record, parent.relationship, query).await?;
    Ok(answer::fetched(request, document, Some(&record)))
}

async fn change(
    request: &HttpRequest,
    app: &App,
    caller: &Caller,
    parent: Parent,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    answer::no_parameters(request)?;
    // A body of DELETE means something here alone, so it has not been looked at yet.
    answer::readable(request.headers())?;
    let expected = version::expected(request)?;
    app.engine().permit(caller.act(), parent.resource, Deed::Change).await?;
    let given = read_linkage(&read(payload).await?)?;
    let record = match parent.relationship.link {
        Link::BelongsTo { writable: true, .. } | Link::BelongsToAny { writable: true, .. }
            if request.method() == Method::PATCH && parent.resource.actions.update =>
        {
            set(app, caller, parent, given, expected).await?
        }
        Link::Through { .. } => {
            let how = match *request.method() {
                Method::POST => Relink::Add,
                Method::DELETE => Relink::Remove,
                _ => Relink::Replace,
            };
            relink(app, caller, parent, (how, given), expected).await?
        }
        _ => {
            let (name, method) = (parent.relationship.name, request.method());
            let detail = format!("{name} cannot be changed here by {method}.");
            return Err(Problem::new(Code::Forbidden, detail).into());
        }
    };
    app.changed(parent.resource);
    let query = query::parse("", &limited(request, app, LINKAGE))?;
    let document = linkage(request, app, caller, &record, parent.relationship, query).await?;
    Ok(answer::changed(StatusCode::OK, document, &record))
}

/// Sets a to-one relationship.
async fn set(
    app: &App,
    caller: &Caller,
    parent: Parent,
    given: Linkage,
    expected: Option<i64>,
) -> Result<Record, Error> {
    let Parent { resource, id, relationship } = parent;
    if let Linkage::ToMany(_) = given {
        let detail = format!("{} leads to one record: data is an identifier or null.", relationship.name);
        return Err(Problem::new(Code::MalformedDocument, detail).at_pointer("/data").into());
    }
    let relationships = vec![(relationship.name.to_owned(), given)];
    let input = ResourceInput { relationships, ..ResourceInput::default() };
    let changed = match Changes::updating(resource, input) {
        Ok(changes) => app.engine().update(caller.act(), id, changes, expected).await,
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
    (how, given): (Relink, Linkage),
    expected: Option<i64>,
) -> Result<Record, Error> {
    let Parent { resource, id, relationship } = parent;
    let Linkage::ToMany(to) = given else {
        let detail = format!("{} leads to several records: data is an array.", relationship.name);
        return Err(Problem::new(Code::MalformedDocument, detail).at_pointer("/data").into());
    };
    let (hop, ids) = related_ids(relationship, &to, "/data")?;
    Ok(app.engine().change_links(caller.act(), (resource, id), hop, how, &ids, expected).await?)
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
    request: &HttpRequest,
    app: &App,
    caller: &Caller,
    record: &Record,
    relationship: &'static Relationship,
    mut query: Query,
) -> Result<Document, Error> {
    let related = format!("{}/{}", record.path(), relationship.name);
    let this = format!("{}/relationships/{}", record.path(), relationship.name);
    let parent = Parent { resource: record.resource, id: record.id(), relationship };
    let shows_records = take_off(relationship, &mut query.include)?;
    if relationship.to_one() {
        let links = Links::new(answer::with_query(&this, request)).with("related", Some(related));
        let mut writer = Writer::single(&links.under(answer::profile(request)));
        let leads_to = record.leads_to(relationship);
        if let Some((target, id)) = leads_to {
            identifier(target.name, id, writer.resource());
        }
        if query.include.is_some() {
            writer.include();
            if let Some(target) = leads_to.map(|(target, _)| target).or(relationship.single_target()) {
                let plan = Plan::new(app.engine().resources(), target, &query)?.uncounted();
                if shows_records {
                    let listing = app.engine().list(caller.act(), &plan, Some(parent)).await?;
                    include(&plan, &listing, &mut writer);
                }
            }
        }
        return Ok(writer.finish(None));
    }
    let target = several(relationship)?;
    let plan = Plan::new(app.engine().resources(), target, &query)?;
    let listing = app.engine().list(caller.act(), &plan, Some(parent)).await?;
    let links = page::links(request, &this, &plan, &listing);
    let mut writer = Writer::collection(&links.with("related", Some(related)));
    for other in &listing.records {
        let item = writer.resource();
        identifier(target.name, other.id(), item);
        page::mark(item, plan.cursor(other));
    }
    if query.include.is_some() {
        writer.include();
        if shows_records {
            include(&plan, &listing, &mut writer);
        }
    }
    Ok(writer.finish(page::meta(&plan, &listing).as_ref()))
}

/// Takes a relationship off the front of the paths to be included: at its own address they start with it
/// (jsonapi.org, "Inclusion of Related Resources"). Returns whether there is any.
fn take_off(relationship: &Relationship, paths: &mut Option<Vec<Path>>) -> Result<bool, Error> {
    let Some(paths) = paths else { return Ok(false) };
    let mut any = false;
    for path in paths.iter_mut() {
        if path.0.first().is_none_or(|first| first != relationship.name) {
            let detail =
                format!("At this address, a path starts with {}; {path} does not.", relationship.name);
            return Err(Problem::new(Code::UnknownInclude, detail).at_parameter("include").into());
        }
        path.0.remove(0);
        any = true;
    }
    paths.retain(|path| !path.0.is_empty());
    Ok(any)
}

/// Writes the records of a linkage, and those beyond them, as included.
fn include(plan: &Plan, listing: &Listing, writer: &mut Writer) {
    for record in listing.records.iter().chain(listing.included.iter().flatten()) {
        record.write_object(plan.fields(), writer.resource());
    }
}
