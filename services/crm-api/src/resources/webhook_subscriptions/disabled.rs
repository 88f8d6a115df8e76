//! Subscriptions that nothing is sent to: their owner has disabled them, or Pulse has, because the receiver is gone or has
//! failed for too long.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use pulse_domain::event::timestamp;
use pulse_jsonapi::{Code, Problem};
use pulse_resource::render::Record;
use pulse_store::schema::{webhook_deliveries as deliveries, webhook_endpoints as endpoints};
use uuid::Uuid;

use crate::auth::Caller;
use crate::{App, Error};

/// States that a delivery ends in that has not arrived.
const MISSED: [&str; 2] = ["exhausted", "cancelled"];

/// When Pulse has disabled a receiver, unless its subscription was enabled again after that.
pub(super) fn by_pulse(
    subscription: &Record,
    disabled_at: Option<DateTime<Utc>>,
) -> Result<Option<DateTime<Utc>>, Error> {
    let enabled_at: DateTime<Utc> =
        serde_json::from_value(subscription.get("enabled_at")).map_err(anyhow::Error::from)?;
    Ok(disabled_at.filter(|at| *at > enabled_at))
}

/// Refuses to send to a subscription that is disabled: its deliveries would be cancelled.
pub(in crate::resources) async fn require_enabled(
    app: &App,
    caller: &Caller,
    subscription: &Record,
) -> Result<(), Error> {
    let id = subscription.id();
    let detail = if subscription.get("enabled") == true {
        let endpoint = endpoints::table.find((caller.workspace.0, id));
        let found: Option<(Option<DateTime<Utc>>, Option<String>)> = endpoint
            .select((endpoints::disabled_at, endpoints::disabled_reason))
            .first(&mut *app.0.pool.get().await?)
            .await
            .optional()?;
        let (disabled_at, reason) = found.unwrap_or_default();
        let Some(at) = by_pulse(subscription, disabled_at)? else { return Ok(()) };
        let why = match reason.as_deref() {
            Some("gone") => "its receiver has answered 410 Gone",
            _ => "its receiver has failed for days",
        };
        format!("Pulse has disabled the subscription at {}: {why}.", timestamp(at))
    } else {
        "The subscription is disabled.".into()
    };
    let detail = format!("{detail} POST /api/v1/webhook_subscriptions/{id}/enable sends to it again.");
    Err(Problem::new(Code::StateConflict, detail).into())
}

/// When the first delivery was made that has not arrived, of those after the latest that has: what a recovery is to
/// begin with. `None` where nothing was missed.
pub(super) async fn recover_since(
    connection: &mut AsyncPgConnection,
    workspace: Uuid,
    subscription: Uuid,
) -> QueryResult<Option<DateTime<Utc>>> {
    let made = || {
        deliveries::table
            .filter(deliveries::workspace_id.eq(workspace))
            .filter(deliveries::subscription_id.eq(subscription))
    };
    let arrived: Option<DateTime<Utc>> = made()
        .filter(deliveries::state.eq("succeeded"))
        .order(deliveries::created_at.desc())
        .select(deliveries::created_at)
        .first(connection)
        .await
        .optional()?;
    made()
        .filter(deliveries::state.eq_any(MISSED))
        .filter(deliveries::created_at.gt(arrived.unwrap_or(DateTime::UNIX_EPOCH)))
        .order(deliveries::created_at)
        .select(deliveries::created_at)
        .first(connection)
        .await
        .optional()
}
