//! Deleting a stage that has deals, which moves them to another one first.

use actix_web::web;
use actix_web::{HttpRequest, HttpResponse};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use pulse_jsonapi::document::{Identifier, Linkage, ResourceInput};
use pulse_jsonapi::{Code, Problem};
use pulse_resource::write::Transaction;
use pulse_resource::{Bind, Changes, Error as EngineError};
use pulse_store::schema::deals;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::STAGES;
use crate::auth::Caller;
use crate::operation::{Answer, Operation, Verb};
use crate::resources::deals::DEALS;
use crate::{App, Error, collection, version};

pub(in crate::resources) const OPERATIONS: &[Operation] = &[Operation {
    id: "delete_stages",
    summary: "Delete",
    description: "A stage that has deals needs the parameter `move_to_stage_id`: they are moved there first. All of \
        them are, or nothing is done.",
    verb: Verb::Delete,
    path: "/stages/{id}",
    parameters: true,
    answers: &[Answer::Meta(
        200,
        || json!({ "type": "object", "properties": { "deleted": { "const": true } } }),
    )],
    refusals: &[
        Code::StateConflict,
        Code::RelatedNotFound,
        Code::InvalidParameter,
        Code::Stale,
        Code::Required,
    ],
    handler: || web::to(destroy),
    ..Operation::DEFAULT
}];

#[derive(Debug, Deserialize)]
struct Options {
    move_to_stage_id: Option<Uuid>,
}

async fn destroy(request: HttpRequest, app: web::Data<App>, caller: Caller) -> Result<HttpResponse, Error> {
    let id = collection::id(&request, &STAGES)?;
    let expected = version::expected(&request)?;
    let parameter = |code, detail: String| Problem::new(code, detail).at_parameter("move_to_stage_id");
    let options = web::Query::<Options>::from_query(request.query_string())
        .map_err(|fault| parameter(Code::InvalidParameter, fault.to_string()))?;
    let target = options.move_to_stage_id;
    if target == Some(id) {
        return Err(parameter(Code::InvalidParameter, "Deals stay where they are.".into()).into());
    }
    let mut transaction = app.engine().begin(caller.act()).await?;
    let done = async {
        // No deal enters the stage between the last one that is moved and its end.
        transaction.lock_for_removal(&STAGES, id, expected).await?;
        if let Some(target) = target {
            move_deals(&mut transaction, id, target).await?;
        }
        transaction.destroy(&STAGES, id, None).await
    }
    .await;
    match done {
        Ok(_) => {
            transaction.commit().await?;
            Ok(collection::deleted())
        }
        Err(error) => {
            transaction.roll_back().await;
            Err(match error {
                EngineError::Rejected(problems) if target.is_some() => Error::Rejected(
                    problems
                        .into_iter()
                        .map(|problem| match problem.source {
                            Some(_) => problem.at_parameter("move_to_stage_id"),
                            None => problem,
                        })
                        .collect(),
                ),
                other => other.into(),
            })
        }
    }
}

/// Moves all live deals of a stage by the rules of where they go. What they leave is archived before, so its place in
/// the pipeline does not bind them.
async fn move_deals(transaction: &mut Transaction, from: Uuid, to: Uuid) -> Result<(), EngineError> {
    let mut archived = Changes::of(&STAGES);
    archived.set("archived", Bind::Boolean(true));
    transaction.update(from, archived, None).await?;
    let deals: Vec<Uuid> = deals::table
        .filter(deals::workspace_id.eq(transaction.workspace().0).and(deals::stage_id.eq(from)))
        .filter(deals::deleted_at.is_null())
        .order(deals::id)
        .select(deals::id)
        .load(transaction.connection())
        .await?;
    let stage = Identifier { r#type: STAGES.name.into(), id: to.to_string() };
    let relationships = vec![("stage".to_owned(), Linkage::ToOne(Some(stage)))];
    let changes = Changes::updating(&DEALS, ResourceInput { relationships, ..ResourceInput::default() })?;
    for deal in deals {
        transaction.update(deal, changes.clone(), None).await?;
    }
    Ok(())
}
