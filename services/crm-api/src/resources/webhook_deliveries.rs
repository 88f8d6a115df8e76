//! Deliveries: one event to one subscription, with the plan of its retries; and replays of them.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use pulse_bus::topology::REPLAY;
use pulse_domain::command::Replay;
use pulse_domain::event::timestamp;
use pulse_domain::schedule;
use pulse_jsonapi::Code;
use pulse_jsonapi::document::{Links, Writer};
use pulse_resource::render::Record;
use pulse_resource::{Actions, Resource, attribute, belongs_to, has_many};
use pulse_store::schema::{webhook_attempts, webhook_deliveries};
use serde_json::json;
use uuid::Uuid;

use super::webhook_attempts::WEBHOOK_ATTEMPTS;
use super::webhook_payloads;
use super::webhook_recoveries::WEBHOOK_RECOVERIES;
use super::webhook_subscriptions::{WEBHOOK_SUBSCRIPTIONS, require_enabled};
use crate::auth::Caller;
use crate::operation::{Answer, Operation, Verb};
use crate::{App, Error, answer, collection, command};

/// The declaration.
pub(crate) static WEBHOOK_DELIVERIES: Resource = Resource {
    name: "webhook_deliveries",
    table: "webhook_deliveries",
    attributes: &[
        attribute::<webhook_deliveries::event_id>().read_only().filter(),
        attribute::<webhook_deliveries::event_type>().read_only().filter().sort(),
        attribute::<webhook_deliveries::resource_type>().read_only().filter().sort(),
        attribute::<webhook_deliveries::record_id>().read_only().filter(),
        attribute::<webhook_deliveries::payload_version>().read_only().filter(),
        attribute::<webhook_deliveries::sequence>().read_only().filter().sort(),
        attribute::<webhook_deliveries::has_turn>().read_only().filter(),
        attribute::<webhook_deliveries::state>().read_only().filter().sort(),
        attribute::<webhook_deliveries::retries>().read_only().filter().sort(),
        attribute::<webhook_deliveries::first_attempt_at>().read_only().filter().sort(),
        attribute::<webhook_deliveries::next_attempt_at>().read_only().filter().sort(),
        attribute::<webhook_deliveries::replay_of_id>().read_only().filter(),
        attribute::<webhook_deliveries::created_at>().read_only().filter().sort(),
        attribute::<webhook_deliveries::completed_at>().read_only().filter().sort(),
    ],
    relationships: &[
        belongs_to::<webhook_deliveries::subscription_id>("subscription", &WEBHOOK_SUBSCRIPTIONS).read_only(),
        belongs_to::<webhook_deliveries::recovery_id>("recovery", &WEBHOOK_RECOVERIES).read_only(),
        has_many::<webhook_attempts::delivery_id>("attempts", &WEBHOOK_ATTEMPTS),
    ],
    actions: Actions::NONE,
    editable: false,
    ..Resource::DEFAULT
};

pub(super) const OPERATIONS: &[Operation] = &[REPLAY_DELIVERY, SCHEDULE];

const REPLAY_DELIVERY: Operation = Operation {
    id: "replay_webhook_delivery",
    summary: "Send the same bytes again",
    description: "The replay is a delivery of its own, whose id is in `meta.delivery_id`. It carries the bytes of \
                  `meta.sha256`, as the delivery that it repeats did.",
    path: "/webhook_deliveries/{id}/replay",
    answers: &[Answer::Meta(202, || {
        json!({
            "type": "object",
            "required": ["delivery_id", "replay_of_id", "sha256"],
            "properties": {
                "delivery_id": { "type": "string", "format": "uuid" },
                "replay_of_id": { "type": "string", "format": "uuid" },
                "sha256": { "type": "string", "pattern": "^[0-9a-f]{64}$" },
            },
        })
    })],
    refusals: &[Code::StateConflict],
    handler: || web::to(replay),
    ..Operation::DEFAULT
};

const SCHEDULE: Operation = Operation {
    id: "show_webhook_delivery_schedule",
    summary: "When a delivery will be tried again",
    description: "`due_at` has the time of every attempt that is left if each of them fails: the next one as it stands, \
                  the others as planned from the first attempt. It is empty when the delivery has come to its \
                  end, and while it waits until an earlier event of its record is done with: `waits_for` names the \
                  delivery of that.",
    verb: Verb::Get,
    path: "/webhook_deliveries/{id}/schedule",
    answers: &[Answer::Meta(200, || {
        json!({
            "type": "object",
            "required": ["due_at", "waits_for"],
            "properties": {
                "waits_for": { "type": ["string", "null"], "format": "uuid" },
                "due_at": { "type": "array", "items": { "type": "string", "format": "date-time" } },
            },
        })
    })],
    handler: || web::to(show_schedule),
    ..Operation::DEFAULT
};

/// Asks webhook-dispatcher to send the same bytes again, as a delivery of its own whose id is in `meta.delivery_id`.
/// 202 when the broker has the request.
async fn replay(request: HttpRequest, app: web::Data<App>, caller: Caller) -> Result<HttpResponse, Error> {
    let id = collection::id(&request, &WEBHOOK_DELIVERIES)?;
    let delivery = app.engine().record(caller.act(), &WEBHOOK_DELIVERIES, id).await?;
    let subscription = subscription_of(&app, &caller, &delivery).await?;
    require_enabled(&app, &caller, &subscription).await?;
    let sha256 = webhook_payloads::sha256(&app, &caller, id).await?;
    let replay =
        Replay { workspace_id: caller.workspace, delivery_id: delivery.id(), replay_id: Uuid::now_v7() };
    command::send(&app, REPLAY, replay.replay_id, replay.encode()).await?;
    let meta = json!({ "delivery_id": replay.replay_id, "replay_of_id": delivery.id(), "sha256": sha256 });
    Ok(answer::document(StatusCode::ACCEPTED, Writer::meta_only(&Links::none()).finish(Some(&meta))))
}

async fn show_schedule(
    request: HttpRequest,
    app: web::Data<App>,
    caller: Caller,
) -> Result<HttpResponse, Error> {
    let id = collection::id(&request, &WEBHOOK_DELIVERIES)?;
    let delivery = app.engine().record(caller.act(), &WEBHOOK_DELIVERIES, id).await?;
    let (mut due_at, mut waits_for) = (Vec::new(), None);
    if delivery.text("state") == Some("scheduled") && delivery.get("has_turn") == false {
        waits_for = whose_turn(&mut *app.0.pool.get().await?, caller.workspace.0, &delivery).await?;
    } else if let Some(next) = instant(&delivery, "next_attempt_at") {
        due_at.push(next);
        let subscription = subscription_of(&app, &caller, &delivery).await?;
        let count = |record: &Record, name: &str| {
            record.get(name).as_u64().and_then(|count| usize::try_from(count).ok()).unwrap_or_default()
        };
        // What has waited for its turn is tried for a day since it was made.
        let anchor = if delivery.get("has_turn").is_null() { "first_attempt_at" } else { "created_at" };
        if let (Some(_), Some(anchor)) = (instant(&delivery, "first_attempt_at"), instant(&delivery, anchor))
        {
            let (done, allowed) = (count(&delivery, "retries"), count(&subscription, "max_retries"));
            due_at.extend(schedule::plan(id, anchor, done, allowed).into_iter().filter(|due| *due > next));
        }
    }
    let due_at: Vec<String> = due_at.into_iter().map(timestamp).collect();
    let links = Links::new(answer::self_link(&request));
    let meta = json!({ "due_at": due_at, "waits_for": waits_for });
    Ok(answer::fetched(&request, Writer::meta_only(&links).finish(Some(&meta)), None))
}

async fn subscription_of(app: &App, caller: &Caller, delivery: &Record) -> Result<Record, Error> {
    let id = delivery.related_id("subscription").unwrap_or_default();
    Ok(app.engine().record(caller.act(), &WEBHOOK_SUBSCRIPTIONS, id).await?)
}

/// The delivery of the same record to the same subscription that has the turn.
async fn whose_turn(
    connection: &mut AsyncPgConnection,
    workspace: Uuid,
    waiting: &Record,
) -> QueryResult<Option<Uuid>> {
    let record: Uuid = serde_json::from_value(waiting.get("record_id")).unwrap_or_default();
    let subscription = waiting.related_id("subscription").unwrap_or_default();
    webhook_deliveries::table
        .filter(webhook_deliveries::workspace_id.eq(workspace))
        .filter(webhook_deliveries::subscription_id.eq(subscription))
        .filter(webhook_deliveries::record_id.eq(record))
        .filter(webhook_deliveries::state.eq("scheduled"))
        .filter(webhook_deliveries::has_turn)
        .select(webhook_deliveries::id)
        .first(connection)
        .await
        .optional()
}

fn instant(record: &Record, attribute: &str) -> Option<DateTime<Utc>> {
    serde_json::from_value(record.get(attribute)).unwrap_or_default()
}
