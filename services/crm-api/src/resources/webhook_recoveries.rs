//! Recoveries: many deliveries of a subscription that are sent again, one after the other. webhook-dispatcher works
//! through them and keeps their progress.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use pulse_bus::topology::RECOVERY;
use pulse_domain::command::Recovery;
use pulse_jsonapi::{Code, Problem};
use pulse_resource::{Actions, Resource, attribute, belongs_to, has_many};
use pulse_store::schema::{webhook_deliveries, webhook_recoveries};
use uuid::Uuid;

use super::webhook_deliveries::WEBHOOK_DELIVERIES;
use super::webhook_subscriptions::WEBHOOK_SUBSCRIPTIONS;
use crate::auth::Caller;
use crate::operation::{Answer, Operation};
use crate::{App, Error, answer, collection, command};

/// The declaration.
pub(crate) static WEBHOOK_RECOVERIES: Resource = Resource {
    name: "webhook_recoveries",
    table: "webhook_recoveries",
    attributes: &[
        attribute::<webhook_recoveries::since>().read_only().filter().sort(),
        attribute::<webhook_recoveries::until>().read_only().filter().sort(),
        attribute::<webhook_recoveries::states>().read_only(),
        attribute::<webhook_recoveries::rate_per_second>().read_only().filter(),
        attribute::<webhook_recoveries::state>().read_only().filter().sort(),
        attribute::<webhook_recoveries::total>().read_only().filter().sort(),
        attribute::<webhook_recoveries::replayed>().read_only().filter().sort(),
        attribute::<webhook_recoveries::created_at>().read_only().filter().sort(),
        attribute::<webhook_recoveries::completed_at>().read_only().filter().sort(),
    ],
    relationships: &[
        belongs_to::<webhook_recoveries::subscription_id>("subscription", &WEBHOOK_SUBSCRIPTIONS).read_only(),
        has_many::<webhook_deliveries::recovery_id>("webhook_deliveries", &WEBHOOK_DELIVERIES),
    ],
    actions: Actions::NONE,
    editable: false,
    ..Resource::DEFAULT
};

pub(super) const OPERATIONS: &[Operation] = &[Operation {
    id: "cancel_webhook_recovery",
    summary: "Replay nothing more",
    description: "What was replayed already is delivered all the same.",
    path: "/webhook_recoveries/{id}/cancel",
    answers: &[Answer::Record(202, &WEBHOOK_RECOVERIES)],
    refusals: &[Code::StateConflict],
    handler: || web::to(cancel),
    ..Operation::DEFAULT
}];

/// Asks webhook-dispatcher to stop. 202 when the broker has the request.
async fn cancel(request: HttpRequest, app: web::Data<App>, caller: Caller) -> Result<HttpResponse, Error> {
    let id = collection::id(&request, &WEBHOOK_RECOVERIES)?;
    let recovery = app.engine().record(caller.act(), &WEBHOOK_RECOVERIES, id).await?;
    if recovery.text("state") != Some("running") {
        return Err(Problem::new(Code::StateConflict, "The recovery has come to its end already.").into());
    }
    let cancel = Recovery::Cancel { workspace_id: caller.workspace, id };
    command::send(&app, RECOVERY, Uuid::now_v7(), cancel.encode()).await?;
    Ok(answer::record(StatusCode::ACCEPTED, &recovery, None))
}
