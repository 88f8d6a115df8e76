//! Recovery: what a receiver has missed is sent again, once it is back.

use actix_web::http::StatusCode;
use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use pulse_bus::topology::RECOVERY;
use pulse_domain::command::{Recover, Recovery};
use pulse_jsonapi::document::{Links, Writer};
use pulse_jsonapi::{Code, Problem};
use pulse_store::schema::webhook_deliveries as deliveries;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::{WEBHOOK_SUBSCRIPTIONS, require_enabled};
use crate::auth::Caller;
use crate::operation::{Answer, Body, Operation};
use crate::{App, Error, answer, collection, command};

/// Replays in a second where nothing is said, and at most.
const RATE: i32 = 20;
const RATE_MOST: i32 = 1_000;
/// States that a delivery ends in.
const STATES: [&str; 3] = ["exhausted", "cancelled", "succeeded"];

pub(super) const RECOVER: Operation = Operation {
    id: "recover_webhook_subscription",
    summary: "Replay what a receiver has missed",
    description: "Every delivery that was made between `since` and `until` and has one of the states of `status` is sent \
                  again, as a delivery of its own, unless a replay of it has arrived or is under way. `meta.count` says how \
                  many these are; with `dry_run` nothing else happens. Otherwise the recovery appears under \
                  `meta.recovery_id`, which shows its progress and can be cancelled.",
    path: "/webhook_subscriptions/{id}/recover",
    body: Body::Json(|| {
        json!({
            "type": "object",
            "required": ["since"],
            "properties": {
                "since": { "type": "string", "format": "date-time" },
                "until": { "type": ["string", "null"], "format": "date-time", "description": "The present if missing." },
                "status": {
                    "type": "array", "items": { "enum": STATES }, "minItems": 1, "default": [STATES[0]],
                },
                "rate": {
                    "type": "integer", "minimum": 1, "maximum": RATE_MOST, "default": RATE,
                    "description": "Replays in a second at most.",
                },
                "dry_run": { "type": "boolean", "default": false },
            },
            "additionalProperties": false,
        })
    }),
    answers: &[
        Answer::Meta(202, || {
            json!({
                "type": "object",
                "required": ["count", "recovery_id"],
                "properties": {
                    "count": { "type": "integer" },
                    "recovery_id": { "type": "string", "format": "uuid" },
                },
            })
        }),
        Answer::Meta(
            200,
            || json!({ "type": "object", "required": ["count"], "properties": { "count": { "type": "integer" } } }),
        ),
    ],
    refusals: &[Code::Invalid, Code::StateConflict],
    handler: || web::to(recover),
    ..Operation::DEFAULT
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    since: DateTime<Utc>,
    #[serde(default)]
    until: Option<DateTime<Utc>>,
    #[serde(default)]
    status: Option<Vec<String>>,
    #[serde(default)]
    rate: Option<i32>,
    #[serde(default)]
    dry_run: bool,
}

impl Wanted {
    /// What is to be replayed.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    fn checked(self, caller: &Caller, subscription_id: Uuid) -> Result<Recover, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut refuse =
            |at: String, detail: String| problems.push(Problem::new(Code::Invalid, detail).at_pointer(at));
        let until = self.until.unwrap_or_else(Utc::now);
        if until <= self.since {
            refuse(
                if self.until.is_some() { "/until" } else { "/since" }.into(),
                "since is before until.".into(),
            );
        }
        let states = self.status.unwrap_or_else(|| vec![STATES[0].to_owned()]);
        if states.is_empty() {
            refuse("/status".into(), "status has one state at least.".into());
        }
        for (index, state) in states.iter().enumerate() {
            if !STATES.contains(&state.as_str()) {
                refuse(format!("/status/{index}"), format!("{state:?} is not one of {}.", STATES.join(", ")));
            }
        }
        let rate_per_second = self.rate.unwrap_or(RATE);
        if !(1..=RATE_MOST).contains(&rate_per_second) {
            refuse("/rate".into(), format!("rate is from 1 to {RATE_MOST}."));
        }
        let recover = Recover {
            workspace_id: caller.workspace,
            id: Uuid::now_v7(),
            subscription_id,
            since: self.since,
            until,
            states,
            rate_per_second,
        };
        if problems.is_empty() { Ok(recover) } else { Err(problems) }
    }
}

/// Counts what is to be replayed and, unless that is all, asks webhook-dispatcher to. 202 when the broker has the request.
async fn recover(
    request: HttpRequest,
    app: web::Data<App>,
    caller: Caller,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let id = collection::id(&request, &WEBHOOK_SUBSCRIPTIONS)?;
    let wanted: Wanted = collection::read_json(payload).await?;
    let dry_run = wanted.dry_run;
    let recover = wanted.checked(&caller, id)?;
    let subscription = app.engine().record(caller.act(), &WEBHOOK_SUBSCRIPTIONS, id).await?;
    let count = count(&mut *app.0.pool.get().await?, &recover).await?;
    if dry_run {
        let document = Writer::meta_only(&Links::none()).finish(Some(&json!({ "count": count })));
        return Ok(answer::document(StatusCode::OK, document));
    }
    require_enabled(&app, &caller, &subscription).await?;
    let recovery_id = recover.id;
    command::send(&app, RECOVERY, recovery_id, Recovery::Begin(recover).encode()).await?;
    let meta = json!({ "count": count, "recovery_id": recovery_id });
    Ok(answer::document(StatusCode::ACCEPTED, Writer::meta_only(&Links::none()).finish(Some(&meta))))
}

/// How many deliveries there are to replay; webhook-dispatcher chooses them alike.
async fn count(connection: &mut AsyncPgConnection, recover: &Recover) -> QueryResult<i64> {
    let replays = diesel::alias!(deliveries as replays);
    let replay = replays
        .filter(replays.field(deliveries::workspace_id).eq(deliveries::workspace_id))
        .filter(replays.field(deliveries::replay_of_id).eq(deliveries::id.nullable()))
        .filter(replays.field(deliveries::state).eq_any(["scheduled", "succeeded"]));
    deliveries::table
        .filter(deliveries::workspace_id.eq(recover.workspace_id.0))
        .filter(deliveries::subscription_id.eq(recover.subscription_id))
        .filter(deliveries::replay_of_id.is_null())
        .filter(deliveries::created_at.ge(recover.since))
        .filter(deliveries::created_at.lt(recover.until))
        .filter(deliveries::state.eq_any(&recover.states))
        .filter(diesel::dsl::not(diesel::dsl::exists(replay)))
        .count()
        .get_result(connection)
        .await
}
