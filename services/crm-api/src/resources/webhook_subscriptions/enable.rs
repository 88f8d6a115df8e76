//! Enabling a subscription whose receiver was disabled, by a user or because it had failed for too long.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::Utc;
use pulse_domain::event::timestamp;
use pulse_resource::{Bind, Changes};
use serde_json::json;

use super::WEBHOOK_SUBSCRIPTIONS;
use super::disabled::recover_since;
use crate::auth::Caller;
use crate::operation::{Answer, Operation};
use crate::{App, Error, answer, collection, version};

pub(super) const ENABLE: Operation = Operation {
    id: "enable_webhook_subscription",
    summary: "Send to this receiver again",
    description: "Also where Pulse has stopped by itself; its health says so. `meta.recover_since` is when the first delivery \
                  was made that has not arrived since the receiver has taken something last, and null where there is none: \
                  ask for a recovery since then, with the states `exhausted` and `cancelled`, to get what was missed. \
                  What happened while the subscription was disabled has made no deliveries.",
    path: "/webhook_subscriptions/{id}/enable",
    answers: &[Answer::Record(200, &WEBHOOK_SUBSCRIPTIONS)],
    handler: || web::to(enable),
    ..Operation::DEFAULT
};

async fn enable(request: HttpRequest, app: web::Data<App>, caller: Caller) -> Result<HttpResponse, Error> {
    let id = collection::id(&request, &WEBHOOK_SUBSCRIPTIONS)?;
    let expected = version::expected(&request)?;
    let mut changes = Changes::of(&WEBHOOK_SUBSCRIPTIONS);
    changes.set("enabled", Bind::Boolean(true));
    changes.set("enabled_at", Bind::Instant(Utc::now()));
    let record = app.engine().update(caller.act(), id, changes, expected).await?;
    app.changed(&WEBHOOK_SUBSCRIPTIONS);
    let since = recover_since(&mut *app.0.pool.get().await?, caller.workspace.0, id).await?;
    let meta = json!({ "recover_since": since.map(timestamp) });
    Ok(answer::record(StatusCode::OK, &record, Some(&meta)))
}
