//! Saved views: lists that somebody wants to see again. What one asks for is checked when it is written.

use std::fmt::Write;

use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse};
use pulse_jsonapi::problem::Source;
use pulse_jsonapi::query::{self, Accepts};
use pulse_jsonapi::{Code, Problem};
use pulse_resource::plan::Plan;
use pulse_resource::render::Record;
use pulse_resource::write::{Transaction, Work};
use pulse_resource::{Bind, Changes, Ownership, Resource, attribute, belongs_to};
use pulse_store::schema::saved_views;
use serde_json::Value;

use super::users::USERS;
use super::{RESOURCES, typed};
use crate::auth::Caller;
use crate::operation::{Answer, Body, Operation};
use crate::{App, Error, collection};

/// The declaration.
pub(crate) static SAVED_VIEWS: Resource = Resource {
    name: "saved_views",
    table: "saved_views",
    attributes: &[
        attribute::<saved_views::name>().required().filter().sort(),
        attribute::<saved_views::resource>().required().filter().sort(),
        attribute::<saved_views::q_>(),
        attribute::<saved_views::sort>().max_len(1_000).filter(),
        attribute::<saved_views::columns_>(),
        attribute::<saved_views::shared>().filter().sort(),
        attribute::<saved_views::created_at>().read_only().filter().sort(),
        attribute::<saved_views::updated_at>().read_only().filter().sort(),
    ],
    relationships: &[belongs_to::<saved_views::owner_id>("owner", &USERS).read_only()],
    ownership: Ownership::user::<saved_views::owner_id>().unless_open::<saved_views::shared>(),
    validate,
    prepare: Some(prepare),
    ..Resource::DEFAULT
};

pub(super) const OPERATIONS: &[Operation] = &[Operation {
    id: "create_saved_views",
    summary: "Keep a view",
    description: "It is its maker's. What it asks for is checked as if the list were asked for.",
    path: "/saved_views",
    body: Body::NewRecord(&SAVED_VIEWS),
    answers: &[Answer::Record(201, &SAVED_VIEWS)],
    handler: || web::to(create),
    ..Operation::DEFAULT
}];

async fn create(
    request: HttpRequest,
    app: web::Data<App>,
    caller: Caller,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let plan = collection::plan(&request, &app, &SAVED_VIEWS, Accepts::RESOURCE)?;
    let mut changes = collection::new_record(&SAVED_VIEWS, payload).await?;
    changes.set("owner_id", caller.user.map_or(Bind::Null, Bind::Id));
    let listing = app.engine().create_shown(caller.act(), changes, &plan).await?;
    collection::created_shown(&request, &plan, &listing, None)
}

fn validate(changes: &Changes) -> Vec<Problem> {
    let mut problems = Vec::new();
    typed::each::<String>(changes, "columns", 100, &mut problems);
    if let Some(name) = changes.text("resource") {
        let given = |attribute| changes.value(attribute).cloned().unwrap_or_default();
        problems.extend(faults(name, &given("q"), &given("sort"), &given("columns")));
    }
    problems
}

/// Checks a change together with what stays.
fn prepare<'a>(
    _transaction: &'a mut Transaction,
    old: Option<&'a Record>,
    changes: &'a mut Changes,
) -> Work<'a> {
    Box::pin(async move {
        let Some(old) = old else { return Ok(()) };
        let whole = |attribute: &str| changes.value(attribute).cloned().unwrap_or_else(|| old.get(attribute));
        let resource = whole("resource");
        let name = resource.as_str().unwrap_or_default();
        let problems = faults(name, &whole("q"), &whole("sort"), &whole("columns"));
        if problems.is_empty() { Ok(()) } else { Err(problems.into()) }
    })
}

/// What is wrong with a view: everything that its list would be refused for, and columns that are not there.
fn faults(name: &str, q: &Value, sort: &Value, columns: &Value) -> Vec<Problem> {
    let Some(resource) = RESOURCES.iter().copied().find(|resource| resource.name == name) else {
        let names = RESOURCES.iter().map(|resource| resource.name);
        return vec![Problem::invalid("resource", format!("There is no list of {name:?}.")).allowing(names)];
    };
    let mut problems = Vec::new();
    if !q.is_object() && !q.is_null() {
        let detail = "q is an object of conditions, such as {\"last_name_cont\": \"love\"}.";
        problems.push(Problem::new(Code::WrongKind, detail).at_pointer("/data/attributes/q"));
    }
    let mut text = String::new();
    encode("q", q, &mut text);
    if let Some(sort) = sort.as_str() {
        pair("sort", sort, &mut text);
    }
    let planned =
        query::parse(&text, &Accepts::COLLECTION).and_then(|query| Plan::new(RESOURCES, resource, &query));
    problems.extend(planned.err().unwrap_or_default().into_iter().map(in_document));
    for (index, column) in columns.as_array().into_iter().flatten().enumerate() {
        let Some(column) = column.as_str() else { continue };
        let readable = resource.attribute(column).is_some_and(|attribute| attribute.readable);
        if !readable && resource.relationship(column).is_none() {
            let detail = format!("{name} has no {column:?} to show.");
            let at = format!("/data/attributes/columns/{index}");
            problems.push(Problem::new(Code::Invalid, detail).at_pointer(at));
        }
    }
    problems
}

/// A parameter at fault, as the attribute it was made of.
fn in_document(mut problem: Problem) -> Problem {
    let at = match &problem.source {
        Some(Source::Parameter(name)) if name.starts_with("sort") => "/data/attributes/sort",
        _ => "/data/attributes/q",
    };
    problem.source = Some(Source::Pointer(at.into()));
    problem.code = Code::Invalid;
    problem
}

/// Writes JSON as the parameters that say the same.
fn encode(name: &str, value: &Value, text: &mut String) {
    match value {
        Value::Null => {}
        Value::Object(members) => {
            for (key, value) in members {
                encode(&format!("{name}[{key}]"), value, text);
            }
        }
        Value::Array(members) => {
            for value in members {
                encode(&format!("{name}[]"), value, text);
            }
        }
        Value::String(value) => pair(name, value, text),
        other => pair(name, &other.to_string(), text),
    }
}

fn pair(name: &str, value: &str, text: &mut String) {
    let escape = |part: &str, text: &mut String| {
        for byte in part.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' => text.push(byte.into()),
                _ => {
                    let _ = write!(text, "%{byte:02X}");
                }
            }
        }
    };
    if !text.is_empty() {
        text.push('&');
    }
    escape(name, text);
    text.push('=');
    escape(value, text);
}
