//! Deliveries: one event to one subscription, with the plan of its retries; and replays of them.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use pulse_bus::Outgoing;
use pulse_bus::topology::{COMMANDS, REPLAY};
use pulse_domain::command::Replay;
use pulse_jsonapi::document::{Links, Writer};
use pulse_resource::{Actions, Resource, attribute, belongs_to, has_many};
use pulse_store::schema::{webhook_attempts, webhook_deliveries};
use serde_json::json;
use uuid::Uuid;

use super::webhook_attempts::WEBHOOK_ATTEMPTS;
use super::webhook_subscriptions::WEBHOOK_SUBSCRIPTIONS;
use crate::auth::Caller;
use crate::operation::{Answer, Operation};
use crate::{App, Error, answer, collection};

/// The declaration.
pub(crate) static WEBHOOK_DELIVERIES: Resource = Resource {
    name: "webhook_deliveries",
    table: "webhook_deliveries",
    attributes: &[
        attribute::<webhook_deliveries::event_id>().read_only().filter(),
        attribute::<webhook_deliveries::event_type>().read_only().filter().sort(),
        attribute::<webhook_deliveries::payload_version>().read_only().filter(),
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
        has_many::<webhook_attempts::delivery_id>("attempts", &WEBHOOK_ATTEMPTS),
    ],
    actions: Actions::NONE,
    editable: false,
    ..Resource::DEFAULT
};

pub(super) const OPERATIONS: &[Operation] = &[Operation {
    id: "replay_webhook_delivery",
    summary: "Send the same bytes again",
    description: "The replay is a delivery of its own, whose id is in `meta.delivery_id`.",
    path: "/webhook_deliveries/{id}/replay",
    answers: &[Answer::Meta(202, || {
        json!({
            "type": "object",
            "required": ["delivery_id", "replay_of_id"],
            "properties": {
                "delivery_id": { "type": "string", "format": "uuid" },
                "replay_of_id": { "type": "string", "format": "uuid" },
            },
        })
    })],
    handler: || web::to(replay),
    ..Operation::DEFAULT
}];

/// Asks webhook-dispatcher to send the same bytes again, as a delivery of its own whose id is in `meta.delivery_id`.
/// 202 when the broker has the request.
async fn replay(request: HttpRequest, app: web::Data<App>, caller: Caller) -> Result<HttpResponse, Error> {
    let id = collection::id(&request, &WEBHOOK_DELIVERIES)?;
    let delivery = app.engine().record(caller.act(), &WEBHOOK_DELIVERIES, id).await?;
    let replay =
        Replay { workspace_id: caller.workspace, delivery_id: delivery.id(), replay_id: Uuid::now_v7() };
    let message = Outgoing {
        exchange: COMMANDS,
        routing_key: REPLAY.into(),
        id: replay.replay_id,
        body: replay.encode(),
    };
    app.0.publisher.publish(&message).await?;
    let meta = json!({ "delivery_id": replay.replay_id, "replay_of_id": delivery.id() });
    Ok(answer::document(StatusCode::ACCEPTED, Writer::meta_only(&Links::none()).finish(Some(&meta))))
}
