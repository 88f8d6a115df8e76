//! Workflows: what a post to a trigger URL sets in motion. The URL is shown once, when the workflow is made.

use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse};
use pulse_domain::token::{self, Purpose};
use pulse_domain::{template, workflow};
use pulse_jsonapi::document::{Links, Writer};
use pulse_jsonapi::query::{self, Accepts};
use pulse_jsonapi::{Code, Problem};
use pulse_resource::plan::Plan;
use pulse_resource::render::BASE;
use pulse_resource::select::Parent;
use pulse_resource::{Bind, Changes, Deed, Resource, attribute, has_many};
use pulse_store::schema::{trigger_requests, workflow_runs, workflows};
use serde_json::json;

use super::trigger_requests::TRIGGER_REQUESTS;
use super::workflow_runs::WORKFLOW_RUNS;
use crate::auth::Caller;
use crate::operation::{Answer, Body, Operation, Verb};
use crate::{App, Error, answer, collection};

/// The declaration.
pub(crate) static WORKFLOWS: Resource = Resource {
    name: "workflows",
    table: "workflows",
    attributes: &[
        attribute::<workflows::name>().required().filter().sort(),
        attribute::<workflows::active>().filter().sort(),
        attribute::<workflows::definition>().required(),
        attribute::<workflows::trigger_hint>().read_only(),
        attribute::<workflows::created_at>().read_only().filter().sort(),
        attribute::<workflows::updated_at>().read_only().filter().sort(),
    ],
    relationships: &[
        has_many::<workflow_runs::workflow_id>("runs", &WORKFLOW_RUNS),
        has_many::<trigger_requests::workflow_id>("samples", &TRIGGER_REQUESTS),
    ],
    validate,
    ..Resource::DEFAULT
};

fn validate(changes: &Changes) -> Vec<Problem> {
    let Some(definition) = changes.value("definition") else { return Vec::new() };
    let faults = workflow::check(definition).err().unwrap_or_default();
    faults
        .into_iter()
        .map(|fault| {
            let at = format!("/data/attributes/definition{}", fault.pointer);
            Problem::new(Code::Invalid, fault.reason).at_pointer(at)
        })
        .collect()
}

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        id: "create_workflows",
        summary: "Make a workflow",
        description: "`meta.trigger_url`, which sets it in motion, is shown this once.",
        path: "/workflows",
        body: Body::NewRecord(&WORKFLOWS),
        answers: &[Answer::Record(201, &WORKFLOWS)],
        handler: || web::to(create),
        ..Operation::DEFAULT
    },
    Operation {
        id: "list_workflow_variables",
        summary: "What the newest sample offers to steps",
        verb: Verb::Get,
        path: "/workflows/{id}/variables",
        answers: &[Answer::Meta(200, || {
            json!({
                "type": "object",
                "required": ["variables", "sample_id"],
                "properties": {
                    "variables": { "type": "array", "items": {
                        "type": "object",
                        "required": ["path", "type", "example"],
                        "properties": {
                            "path": { "type": "string", "examples": ["trigger.body.customer.email"] },
                            "type": { "type": "string" },
                            "example": {},
                        },
                    }},
                    "sample_id": { "type": ["string", "null"], "format": "uuid" },
                },
            })
        })],
        right: Some((&TRIGGER_REQUESTS, Deed::Read)),
        handler: || web::to(variables),
        ..Operation::DEFAULT
    },
];

/// Makes a workflow; `meta.trigger_url` is the only time its URL is shown.
async fn create(
    request: HttpRequest,
    app: web::Data<App>,
    caller: Caller,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let plan = collection::plan(&request, &app, &WORKFLOWS, Accepts::RESOURCE)?;
    let changes = collection::new_record(&WORKFLOWS, payload).await?;
    let made = Purpose::Trigger.generate();
    let listing = app.engine().create_shown(caller.act(), triggered(changes, &made), &plan).await?;
    let meta = json!({ "trigger_url": trigger_url(&app, &made) });
    collection::created_shown(&request, &plan, &listing, Some(&meta))
}

/// Adds the digest of a trigger token.
pub(crate) fn triggered(mut changes: Changes, made: &str) -> Changes {
    changes.set("trigger_digest", Bind::Bytes(token::digest(made).to_vec()));
    changes.set("trigger_hint", token::hint(made).as_str());
    changes
}

/// The URL that a trigger token opens.
pub(crate) fn trigger_url(app: &App, made: &str) -> String {
    format!("{}/v1/webhooks/in/{made}", app.0.settings.gateway.url.trim_end_matches('/'))
}

/// The variables that the newest sample offers: path, type and example of each.
async fn variables(request: HttpRequest, app: web::Data<App>, caller: Caller) -> Result<HttpResponse, Error> {
    let id = collection::id(&request, &WORKFLOWS)?;
    app.engine().record(caller.act(), &WORKFLOWS, id).await?;
    let relationship = WORKFLOWS.relationship("samples").ok_or_else(|| anyhow::anyhow!("declared above"))?;
    let query = query::parse("page%5Bsize%5D=1", &Accepts::COLLECTION)?;
    let plan = Plan::new(app.engine().resources(), &TRIGGER_REQUESTS, &query)?;
    let parent = Parent { resource: &WORKFLOWS, id, relationship };
    let newest = app.engine().list(caller.act(), &plan, Some(parent)).await?;
    let sample = newest.records.first().map(|record| record.get("body"));
    let variables = sample.as_ref().map(|body| template::paths("trigger.body", body)).unwrap_or_default();
    let variables: Vec<_> = variables
        .into_iter()
        .map(|(path, example)| json!({ "path": path, "type": template::kind(example), "example": example }))
        .collect();
    let links = Links::new(format!("{BASE}/workflows/{id}/variables"));
    let meta = json!({ "variables": variables, "sample_id": newest.records.first().map(pulse_resource::render::Record::id) });
    Ok(answer::fetched(&request, Writer::meta_only(&links).finish(Some(&meta)), None))
}
