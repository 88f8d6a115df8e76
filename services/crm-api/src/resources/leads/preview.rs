//! What converting a lead as nothing else is asked would do, without doing it.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use pulse_jsonapi::Problem;
use pulse_jsonapi::document::{Links, Writer};
use pulse_store::schema::stages;
use serde_json::{Value, json};
use uuid::Uuid;

use super::matches::Candidate;
use super::targets::{self, Choice, DealTarget, Target};
use super::{LEADS, already_converted, is_converted, mapping, matches};
use crate::auth::Caller;
use crate::operation::{Answer, Operation, Verb};
use crate::resources::companies::COMPANIES;
use crate::resources::contacts::CONTACTS;
use crate::{App, Error, answer, collection};

pub(super) const OPERATION: Operation = Operation {
    id: "preview_lead_conversion",
    summary: "Say what converting would do",
    description: "Writes nothing. `candidates` are records that the lead may be already, the first one that is known by \
        more than a name would be linked.",
    verb: Verb::Get,
    path: "/leads/{id}/conversion_preview",
    answers: &[Answer::Meta(200, schema)],
    handler: || web::to(preview),
    ..Operation::DEFAULT
};

fn schema() -> Value {
    let id = json!({ "type": ["string", "null"], "format": "uuid" });
    let section = json!({
        "type": "object",
        "required": ["mode", "id", "attributes", "candidates"],
        "properties": {
            "mode": { "enum": ["create", "link", "none"] },
            "id": id,
            "attributes": { "type": "object" },
            "candidates": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["id", "reason"],
                    "properties": { "id": id, "reason": { "enum": ["email", "phone", "domain", "name"] } },
                },
            },
        },
    });
    json!({
        "type": "object",
        "required": ["convertible", "contact", "company", "deal", "problems"],
        "properties": {
            "convertible": { "type": "boolean" },
            "contact": section,
            "company": section,
            "deal": {
                "type": "object",
                "required": ["attributes", "pipeline_id", "stage_id"],
                "properties": { "attributes": { "type": "object" }, "pipeline_id": id, "stage_id": id },
            },
            "problems": { "type": "array", "items": { "type": "object" } },
        },
    })
}

async fn preview(request: HttpRequest, app: web::Data<App>, caller: Caller) -> Result<HttpResponse, Error> {
    let id = collection::id(&request, &LEADS)?;
    let lead = app.engine().record(caller.act(), &LEADS, id).await?;
    let mut connection = app.0.pool.get().await?;
    let mut contacts = matches::contacts(&mut connection, caller.workspace, &lead).await?;
    let mut companies = matches::companies(&mut connection, caller.workspace, &lead).await?;
    for (resource, found) in [(&CONTACTS, &mut contacts), (&COMPANIES, &mut companies)] {
        let ids = found.iter().map(|candidate| candidate.id).collect();
        let seen = app.engine().seen(caller.act(), resource, ids).await?;
        found.retain(|candidate| seen.contains(&candidate.id));
    }
    let company = mapping::company(&lead, matches::domain(&lead).as_deref());
    let can_create = company.contains_key("name");
    let mut problems = Vec::new();
    if is_converted(&lead) {
        problems.push(already_converted(&lead));
    }
    let (mut pipeline, mut stage) = (None, None);
    match targets::stage(&mut connection, caller.workspace, &DealTarget::default()).await? {
        Ok(first) => {
            let its: Uuid = stages::table
                .find((caller.workspace.0, first))
                .select(stages::pipeline_id)
                .first(&mut connection)
                .await?;
            (pipeline, stage) = (Some(its), Some(first));
        }
        Err(problem) => problems.push(problem),
    }
    let meta = json!({
        "convertible": problems.is_empty(),
        "contact": section("contact", mapping::contact(&lead).into(), &contacts, true),
        "company": section("company", company.into(), &companies, can_create),
        "deal": { "attributes": mapping::deal(&lead), "pipeline_id": pipeline, "stage_id": stage },
        "problems": problems.iter().map(told).collect::<Vec<_>>(),
    });
    Ok(answer::document(StatusCode::OK, Writer::meta_only(&Links::none()).finish(Some(&meta))))
}

fn section(name: &'static str, attributes: Value, candidates: &[Candidate], can_create: bool) -> Value {
    let (mode, id) = match Target::default().choose(name, None, candidates, can_create) {
        Ok(Choice::Link(id)) => ("link", Some(id)),
        Ok(Choice::Create) => ("create", None),
        Ok(Choice::None) | Err(_) => ("none", None),
    };
    json!({ "mode": mode, "id": id, "attributes": attributes, "candidates": candidates })
}

fn told(problem: &Problem) -> Value {
    json!({ "code": problem.code.name(), "detail": problem.detail, "meta": problem.meta })
}
