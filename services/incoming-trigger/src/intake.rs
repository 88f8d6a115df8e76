//! The tables at the moment a request comes in: which workflow a token opens, the request, and the run it starts.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use pulse_domain::{WorkspaceId, token};
use pulse_store::JsonText;
use pulse_store::schema::{trigger_requests, workflow_runs, workflows};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::capture::Captured;

/// Requests per workflow that started no run and are kept all the same.
const SAMPLES: i64 = 20;

const ACCEPTED: &str = "accepted";

/// The workflow behind a trigger URL.
#[derive(Debug)]
pub(crate) struct Trigger {
    pub workspace_id: WorkspaceId,
    pub active: bool,
    workflow_id: Uuid,
    definition: JsonText,
}

/// What an accepted request became.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Accepted {
    pub request_id: Uuid,
    pub run_id: Uuid,
}

/// A request that starts no run.
#[derive(Debug)]
pub(crate) enum Kept<'a> {
    /// The workflow is off.
    Inactive(Value),
    /// The body as it came, because it is not JSON.
    Unreadable(&'a [u8]),
}

#[derive(Insertable)]
#[diesel(table_name = trigger_requests)]
struct NewRequest<'a> {
    workspace_id: Uuid,
    id: Uuid,
    workflow_id: Uuid,
    verdict: &'static str,
    content_type: Option<&'a str>,
    headers: &'a Value,
    query: &'a Value,
    body: Option<&'a Value>,
    raw: Option<&'a [u8]>,
    received_at: DateTime<Utc>,
}

/// Finds the workflow whose trigger URL ends in a token.
///
/// Asked for every request, by a unique index: a token that was rotated or deleted works no moment longer, and none is
/// unknown because a process has not heard of it.
pub(crate) async fn find(connection: &mut AsyncPgConnection, token: &str) -> QueryResult<Option<Trigger>> {
    let found: Option<(Uuid, Uuid, bool, JsonText)> = workflows::table
        .filter(workflows::trigger_digest.eq(token::digest(token).as_slice()))
        .filter(workflows::deleted_at.is_null())
        .select((workflows::workspace_id, workflows::id, workflows::active, workflows::definition))
        .first(connection)
        .await
        .optional()?;
    Ok(found.map(|(workspace_id, workflow_id, active, definition)| Trigger {
        workspace_id: WorkspaceId(workspace_id),
        active,
        workflow_id,
        definition,
    }))
}

/// Stores a request and the run it starts; wake the workers after it returned.
pub(crate) async fn accept(
    connection: &mut AsyncPgConnection,
    trigger: &Trigger,
    captured: Captured,
    body: Value,
    correlation_id: Uuid,
) -> QueryResult<Accepted> {
    let accepted = Accepted { request_id: Uuid::now_v7(), run_id: Uuid::now_v7() };
    let received_at = Utc::now();
    let context = json!({
        "trigger": {"body": &body, "headers": &captured.headers, "query": &captured.query},
        "steps": {},
    });
    let request = trigger.request(accepted.request_id, ACCEPTED, &captured, received_at);
    let request = NewRequest { body: Some(&body), ..request };
    connection
        .transaction(async |connection| {
            diesel::insert_into(trigger_requests::table).values(&request).execute(connection).await?;
            diesel::insert_into(workflow_runs::table)
                .values((
                    workflow_runs::workspace_id.eq(trigger.workspace_id.0),
                    workflow_runs::id.eq(accepted.run_id),
                    workflow_runs::workflow_id.eq(trigger.workflow_id),
                    workflow_runs::trigger_request_id.eq(accepted.request_id),
                    workflow_runs::definition.eq(&trigger.definition),
                    workflow_runs::context.eq(&context),
                    workflow_runs::correlation_id.eq(correlation_id),
                    workflow_runs::due_at.eq(diesel::dsl::now),
                ))
                .execute(connection)
                .await?;
            QueryResult::Ok(accepted)
        })
        .await
}

/// Stores a request that starts no run, as a sample; beyond the newest few of its workflow the older ones go, so that
/// nobody fills the disk through a workflow that is off. A request with a run stays as long as the run.
pub(crate) async fn keep(
    connection: &mut AsyncPgConnection,
    trigger: &Trigger,
    captured: Captured,
    kept: Kept<'_>,
) -> QueryResult<()> {
    let (verdict, body, raw) = match &kept {
        Kept::Inactive(body) => ("inactive", Some(body), None),
        Kept::Unreadable(bytes) => ("unreadable", None, Some(*bytes)),
    };
    let request = trigger.request(Uuid::now_v7(), verdict, &captured, Utc::now());
    let request = NewRequest { body, raw, ..request };
    // The condition on `verdict` is word for word that of an index, which makes both look-ups cheap.
    let without_run = trigger_requests::table
        .filter(trigger_requests::workspace_id.eq(trigger.workspace_id.0))
        .filter(trigger_requests::workflow_id.eq(trigger.workflow_id))
        .filter(trigger_requests::verdict.ne(ACCEPTED));
    connection
        .transaction(async |connection| {
            diesel::insert_into(trigger_requests::table).values(&request).execute(connection).await?;
            let newest_to_go: Option<DateTime<Utc>> = without_run
                .order(trigger_requests::received_at.desc())
                .offset(SAMPLES)
                .select(trigger_requests::received_at)
                .first(connection)
                .await
                .optional()?;
            if let Some(newest_to_go) = newest_to_go {
                diesel::delete(without_run.filter(trigger_requests::received_at.le(newest_to_go)))
                    .execute(connection)
                    .await?;
            }
            Ok(())
        })
        .await
}

impl Trigger {
    fn request<'a>(
        &self,
        id: Uuid,
        verdict: &'static str,
        captured: &'a Captured,
        received_at: DateTime<Utc>,
    ) -> NewRequest<'a> {
        NewRequest {
            workspace_id: self.workspace_id.0,
            id,
            workflow_id: self.workflow_id,
            verdict,
            content_type: captured.content_type.as_deref(),
            headers: &captured.headers,
            query: &captured.query,
            body: None,
            raw: None,
            received_at,
        }
    }
}
