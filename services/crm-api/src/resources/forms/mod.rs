//! Forms of websites. In reading order: this declaration; [`field`] is what can be asked and what an answer to it is;
//! [`address`] is the form as the public sees it; [`submission`] is what a page sends; [`submit`] takes it in.

mod address;
mod field;
mod submission;
mod submit;

use std::collections::HashSet;

use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse};
use pulse_domain::token::Purpose;
use pulse_jsonapi::query::Accepts;
use pulse_jsonapi::{Code, Problem};
use pulse_resource::render::Record;
use pulse_resource::write::{Transaction, Work};
use pulse_resource::{Changes, Resource, attribute, has_many};
use pulse_store::schema::{form_submissions, forms};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::booking_pages::is_slug;
use super::contacts::CONTACTS;
use super::form_submissions::FORM_SUBMISSIONS;
use super::leads::LEADS;
use super::typed;
use crate::auth::Caller;
use crate::operation::{Answer, Body, Operation};
use crate::{App, Error, collection};
use field::Field;

pub(crate) use address::OPERATIONS as PUBLIC_OPERATIONS;

/// Fields of a form at most.
const FIELDS: usize = 200;

/// The declaration.
pub(crate) static FORMS: Resource = Resource {
    name: "forms",
    table: "forms",
    attributes: &[
        attribute::<forms::slug>().required().max_len(100).filter().sort(),
        attribute::<forms::name>().filter().sort(),
        attribute::<forms::public_key>().read_only().filter(),
        attribute::<forms::fields>(),
        attribute::<forms::status>().choices(&["draft", "live", "closed"]).filter().sort(),
        attribute::<forms::creates>().choices(&["contact", "lead", "none"]).filter().sort(),
        attribute::<forms::dedupe_by>().choices(&["email", "phone", "none"]).filter().sort(),
        attribute::<forms::spam>(),
        attribute::<forms::allowed_origins>(),
        attribute::<forms::success>(),
        attribute::<forms::submissions_count>().read_only().filter().sort(),
        attribute::<forms::created_at>().read_only().filter().sort(),
        attribute::<forms::updated_at>().read_only().filter().sort(),
    ],
    relationships: &[has_many::<form_submissions::form_id>("form_submissions", &FORM_SUBMISSIONS)],
    validate,
    prepare: Some(prepare),
    ..Resource::DEFAULT
};

pub(super) const OPERATIONS: &[Operation] = &[Operation {
    id: "create_forms",
    summary: "Make a form",
    description: "Its `public_key` is part of the address that pages send it to: \
                  `/api/v1/public/forms/{public_key}/submissions`.",
    path: "/forms",
    body: Body::NewRecord(&FORMS),
    answers: &[Answer::Record(201, &FORMS)],
    handler: || web::to(create),
    ..Operation::DEFAULT
}];

async fn create(
    request: HttpRequest,
    app: web::Data<App>,
    caller: Caller,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let plan = collection::plan(&request, &app, &FORMS, Accepts::RESOURCE)?;
    let mut changes = collection::new_record(&FORMS, payload).await?;
    changes.set("public_key", Purpose::Form.generate().as_str());
    let listing = app.engine().create_shown(caller.act(), changes, &plan).await?;
    collection::created_shown(&request, &plan, &listing, None)
}

/// How spam is told from answers.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Spam {
    /// A field that people do not see, and only programs fill in.
    honeypot: Option<String>,
    /// Nobody fills the form in faster.
    min_seconds: Option<u32>,
}

/// What somebody is told who has sent the form.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Success {
    message: Option<String>,
    redirect_url: Option<String>,
}

/// What a form makes of answers, besides keeping them.
fn target(creates: &str) -> Option<&'static Resource> {
    match creates {
        "contact" => Some(&CONTACTS),
        "lead" => Some(&LEADS),
        _ => None,
    }
}

fn validate(changes: &Changes) -> Vec<Problem> {
    let mut problems = Vec::new();
    if changes.text("slug").is_some_and(|slug| !is_slug(slug)) {
        problems.push(Problem::invalid("slug", "slug has letters, digits and hyphens alone."));
    }
    let fields: Vec<(usize, Field)> = typed::each(changes, "fields", FIELDS, &mut problems);
    let mut keys = HashSet::new();
    for (index, field) in &fields {
        let at = format!("/data/attributes/fields/{index}");
        problems.extend(field.faults().into_iter().map(|problem| problem.at_pointer(&at)));
        if !keys.insert(field.key.as_str()) {
            problems.push(Problem::new(Code::Invalid, "Another field has this key.").at_pointer(at));
        }
    }
    if let Some(Spam { honeypot: Some(honeypot), .. }) = typed::one(changes, "spam", &mut problems)
        && (keys.contains(honeypot.as_str()) || !field::is_key(&honeypot))
    {
        let detail = "The honeypot is a name like those of fields, and none of them.";
        problems.push(Problem::new(Code::Invalid, detail).at_pointer("/data/attributes/spam/honeypot"));
    }
    for (index, origin) in typed::each::<String>(changes, "allowed_origins", 100, &mut problems) {
        if !is_origin(&origin) {
            let detail = format!("{origin:?} is not an origin, such as https://www.example.com.");
            let at = format!("/data/attributes/allowed_origins/{index}");
            problems.push(Problem::new(Code::Invalid, detail).at_pointer(at));
        }
    }
    if let Some(Success { redirect_url: Some(url), .. }) = typed::one(changes, "success", &mut problems)
        && !Url::parse(&url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
    {
        let detail = "redirect_url is an http or https address.";
        problems
            .push(Problem::new(Code::Invalid, detail).at_pointer("/data/attributes/success/redirect_url"));
    }
    problems
}

fn is_origin(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == text
    })
}

/// Checks what fields lead to together with what the form makes, of which one may stay as it was.
fn prepare<'a>(
    _transaction: &'a mut Transaction,
    old: Option<&'a Record>,
    changes: &'a mut Changes,
) -> Work<'a> {
    Box::pin(async move {
        let whole = |attribute: &str| {
            let known = || old.map(|old| old.get(attribute)).unwrap_or_default();
            changes.value(attribute).cloned().unwrap_or_else(known)
        };
        let creates = whole("creates");
        let target = target(creates.as_str().unwrap_or("contact"));
        let fields: Vec<Field> = serde_json::from_value(whole("fields")).unwrap_or_default();
        let problems: Vec<Problem> = fields
            .iter()
            .enumerate()
            .filter_map(|(index, field)| {
                let detail = field.leads_nowhere(target?)?;
                let at = format!("/data/attributes/fields/{index}/maps_to");
                Some(Problem::new(Code::Invalid, detail).at_pointer(at))
            })
            .collect();
        if problems.is_empty() { Ok(()) } else { Err(problems.into()) }
    })
}

/// A JSON attribute of a form as the type it was checked to be when it was written.
fn stored<T: for<'de> Deserialize<'de> + Default>(value: &Value) -> T {
    T::deserialize(value).unwrap_or_default()
}
