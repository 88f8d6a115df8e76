//! A test of a subscription: an event that tells of nothing but the subscription, delivered as any other is.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::Utc;
use pulse_bus::topology::PING;
use pulse_domain::command::Ping;
use pulse_jsonapi::Code;
use pulse_jsonapi::document::{Links, Writer};
use serde_json::json;
use uuid::Uuid;

use super::{WEBHOOK_SUBSCRIPTIONS, require_enabled};
use crate::auth::Caller;
use crate::operation::{Answer, Operation};
use crate::{App, Error, answer, collection, command};

pub(super) const TEST: Operation = Operation {
    id: "test_webhook_subscription",
    summary: "Send a ping",
    description: "An event of the type `webhook.ping`, whatever the subscription asks for: signed, retried and logged as \
                  any other. Its delivery appears under `meta.delivery_id`.",
    path: "/webhook_subscriptions/{id}/test",
    answers: &[Answer::Meta(202, || {
        json!({
            "type": "object",
            "required": ["delivery_id", "event_id"],
            "properties": {
                "delivery_id": { "type": "string", "format": "uuid" },
                "event_id": { "type": "string", "format": "uuid" },
            },
        })
    })],
    refusals: &[Code::StateConflict],
    handler: || web::to(test),
    ..Operation::DEFAULT
};

/// Asks webhook-dispatcher to send a ping. 202 when the broker has the request.
async fn test(request: HttpRequest, app: web::Data<App>, caller: Caller) -> Result<HttpResponse, Error> {
    let id = collection::id(&request, &WEBHOOK_SUBSCRIPTIONS)?;
    let subscription = app.engine().record(caller.act(), &WEBHOOK_SUBSCRIPTIONS, id).await?;
    require_enabled(&app, &caller, &subscription).await?;
    let ping = Ping {
        workspace_id: caller.workspace,
        subscription_id: id,
        event_id: Uuid::now_v7(),
        delivery_id: Uuid::now_v7(),
        asked_at: Utc::now(),
    };
    command::send(&app, PING, ping.delivery_id, ping.encode()).await?;
    let meta = json!({ "delivery_id": ping.delivery_id, "event_id": ping.event_id });
    Ok(answer::document(StatusCode::ACCEPTED, Writer::meta_only(&Links::none()).finish(Some(&meta))))
}
