//! Rotation of a subscription's secret. For a while both secrets are good: `webhook-signature` carries a signature of
//! each, and the headers that hold one signature keep the previous secret, until it expires or the new one is promoted.

use actix_web::http::StatusCode;
use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use pulse_domain::token::Purpose;
use pulse_jsonapi::{Code, Problem};
use pulse_resource::render::Record;
use pulse_resource::write::Transaction;
use pulse_resource::{Bind, Changes};
use pulse_store::schema::webhook_subscriptions as subscriptions;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{WEBHOOK_SUBSCRIPTIONS, sealed};
use crate::auth::Caller;
use crate::operation::{Answer, Body, Operation};
use crate::{App, Error, answer, collection, version};

/// How long the previous secret stays good where nothing is said, in seconds: a day.
const OVERLAP: u32 = 86_400;
/// And at most: a week.
const OVERLAP_MOST: u32 = 604_800;

pub(super) const ROTATE: Operation = Operation {
    id: "rotate_webhook_secret",
    summary: "Make a new secret",
    description: "`meta.secret` is shown this once. For `overlap_seconds` the previous secret is good too: \
                  `webhook-signature` carries a signature of each, and `X-Pulse-Signature` and `X-PulsePost-Signature` are \
                  signed with the previous one until then, or until the new one is promoted. Say `compromised` to end the \
                  previous one, and the one before it, at once.",
    path: "/webhook_subscriptions/{id}/rotate_secret",
    body: Body::Json(Rotation::schema),
    answers: &[Answer::Record(200, &WEBHOOK_SUBSCRIPTIONS)],
    refusals: &[Code::Invalid, Code::StateConflict],
    handler: || web::to(rotate),
    ..Operation::DEFAULT
};

pub(super) const PROMOTE: Operation = Operation {
    id: "promote_webhook_secret",
    summary: "End the previous secret",
    description: "Everything is signed with the secret of the last rotation alone from now on.",
    path: "/webhook_subscriptions/{id}/promote_secret",
    answers: &[Answer::Record(200, &WEBHOOK_SUBSCRIPTIONS)],
    refusals: &[Code::StateConflict],
    handler: || web::to(promote),
    ..Operation::DEFAULT
};

/// How something that is signed with shall be replaced.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::resources) struct Rotation {
    overlap_seconds: Option<u32>,
    compromised: bool,
}

impl Rotation {
    /// The schema of it.
    pub(in crate::resources) fn schema() -> Value {
        json!({
            "type": "object",
            "properties": {
                "overlap_seconds": { "type": "integer", "minimum": 0, "maximum": OVERLAP_MOST, "default": OVERLAP },
                "compromised": { "type": "boolean", "default": false },
            },
            "additionalProperties": false,
        })
    }

    /// How long what is replaced stays good.
    pub(in crate::resources) fn overlap(&self) -> Result<TimeDelta, Problem> {
        let seconds = self.overlap_seconds.unwrap_or(if self.compromised { 0 } else { OVERLAP });
        let fault = |detail: String| Err(Problem::new(Code::Invalid, detail).at_pointer("/overlap_seconds"));
        if seconds > OVERLAP_MOST {
            return fault(format!("overlap_seconds is from 0 to {OVERLAP_MOST}."));
        }
        if self.compromised && seconds > 0 {
            return fault("What is compromised does not stay good for a while.".into());
        }
        Ok(TimeDelta::seconds(seconds.into()))
    }
}

/// What a rotation begins with.
#[derive(Queryable, Selectable)]
#[diesel(table_name = subscriptions)]
struct Secrets {
    secret_sealed: Vec<u8>,
    secret_hint: String,
    previous_secret_expires_at: Option<DateTime<Utc>>,
}

impl Secrets {
    /// Reads those of a record that the transaction holds.
    async fn of(transaction: &mut Transaction, id: Uuid) -> Result<Self, pulse_resource::Error> {
        let row = subscriptions::table.find((transaction.workspace().0, id));
        Ok(row.select(Self::as_select()).first(transaction.connection()).await?)
    }

    /// When the previous secret expires, while it is good.
    fn overlaps_until(&self) -> Option<DateTime<Utc>> {
        self.previous_secret_expires_at.filter(|until| *until > Utc::now())
    }
}

async fn rotate(
    request: HttpRequest,
    app: web::Data<App>,
    caller: Caller,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let rotation: Rotation = collection::read_json(payload).await?;
    let overlap = rotation.overlap()?;
    let secret = Purpose::Webhook.generate();
    let record = change(&request, &app, &caller, |secrets, changes| {
        *changes = sealed(&app, changes.clone(), &secret);
        if overlap.is_zero() {
            forget_previous(changes);
            return Ok(());
        }
        if let Some(until) = secrets.overlaps_until() {
            let detail = format!(
                "The previous secret is good until {}: promote the present one first, or say compromised.",
                pulse_domain::event::timestamp(until)
            );
            return Err(Problem::new(Code::StateConflict, detail));
        }
        changes.set("previous_secret_sealed", Bind::Bytes(secrets.secret_sealed));
        changes.set("previous_secret_hint", secrets.secret_hint.as_str());
        changes.set("previous_secret_expires_at", Bind::Instant(Utc::now() + overlap));
        Ok(())
    })
    .await?;
    Ok(answer::record(StatusCode::OK, &record, Some(&json!({ "secret": secret }))))
}

async fn promote(request: HttpRequest, app: web::Data<App>, caller: Caller) -> Result<HttpResponse, Error> {
    let record = change(&request, &app, &caller, |secrets, changes| {
        if secrets.overlaps_until().is_none() {
            return Err(Problem::new(Code::StateConflict, "There is no previous secret that is still good."));
        }
        forget_previous(changes);
        Ok(())
    })
    .await?;
    Ok(answer::record(StatusCode::OK, &record, None))
}

fn forget_previous(changes: &mut Changes) {
    for column in ["previous_secret_sealed", "previous_secret_hint", "previous_secret_expires_at"] {
        changes.set(column, Bind::Null);
    }
}

/// Changes the secrets of the subscription in the path, which nobody else changes meanwhile.
async fn change(
    request: &HttpRequest,
    app: &App,
    caller: &Caller,
    decide: impl FnOnce(Secrets, &mut Changes) -> Result<(), Problem>,
) -> Result<Record, Error> {
    let id = collection::id(request, &WEBHOOK_SUBSCRIPTIONS)?;
    let expected = version::expected(request)?;
    let mut transaction = app.engine().begin(caller.act()).await?;
    let changed = async {
        transaction.lock(&WEBHOOK_SUBSCRIPTIONS, id, expected).await?;
        let secrets = Secrets::of(&mut transaction, id).await?;
        let mut changes = Changes::of(&WEBHOOK_SUBSCRIPTIONS);
        changes.id = Some(id);
        decide(secrets, &mut changes)?;
        transaction.update(id, changes, None).await
    }
    .await;
    let record = app.engine().end(transaction, changed, caller.act(), None).await?;
    app.changed(&WEBHOOK_SUBSCRIPTIONS);
    Ok(record)
}
