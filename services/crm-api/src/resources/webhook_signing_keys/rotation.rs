//! Rotation of a workspace's signing key. The next one is published and signs at once; the one before it does so too, until
//! it expires or its successor is promoted.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{self, Payload};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use pulse_jsonapi::{Code, Problem};
use pulse_resource::render::Record;
use pulse_resource::write::Transaction;
use pulse_resource::{Bind, Changes};
use pulse_store::schema::{webhook_signing_keys as keys, webhook_subscriptions as subscriptions, workspaces};
use uuid::Uuid;

use super::{NewKey, WEBHOOK_SIGNING_KEYS};
use crate::auth::Caller;
use crate::operation::{Answer, Body, Operation};
use crate::resources::webhook_subscriptions::Rotation;
use crate::{App, Error, answer, collection};

pub(super) const ROTATE: Operation = Operation {
    id: "rotate_webhook_signing_key",
    summary: "Make a new signing key",
    description: "It is published and signs at once. For `overlap_seconds` the previous key does so too. Say `compromised` to \
                  end the previous one, and the one before it, at once.",
    path: "/webhook_signing_keys/rotate",
    body: Body::Json(Rotation::schema),
    answers: &[Answer::Record(200, &WEBHOOK_SIGNING_KEYS)],
    refusals: &[Code::Invalid, Code::StateConflict],
    handler: || web::to(rotate),
    ..Operation::DEFAULT
};

pub(super) const PROMOTE: Operation = Operation {
    id: "promote_webhook_signing_key",
    summary: "End the previous signing key",
    description: "Everything is signed with the key of the last rotation alone from now on, which is the answer.",
    path: "/webhook_signing_keys/promote",
    answers: &[Answer::Record(200, &WEBHOOK_SIGNING_KEYS)],
    refusals: &[Code::StateConflict],
    handler: || web::to(promote),
    ..Operation::DEFAULT
};

/// The keys of a workspace that are good, which nobody else rotates until the transaction ends.
struct Good {
    present: Option<Uuid>,
    /// The previous one, and when it expires.
    previous: Option<(Uuid, DateTime<Utc>)>,
}

impl Good {
    async fn hold(transaction: &mut Transaction) -> Result<Self, pulse_resource::Error> {
        let workspace = transaction.workspace().0;
        let held = workspaces::table.find(workspace).select(workspaces::id).for_no_key_update();
        held.first::<Uuid>(transaction.connection()).await?;
        let good: Vec<(Uuid, Option<DateTime<Utc>>)> = keys::table
            .filter(keys::workspace_id.eq(workspace))
            .filter(keys::expires_at.is_null().or(keys::expires_at.gt(Utc::now())))
            .select((keys::id, keys::expires_at))
            .load(transaction.connection())
            .await?;
        let present = good.iter().find(|(_, expires_at)| expires_at.is_none()).map(|(id, _)| *id);
        let previous = good.into_iter().find_map(|(id, expires_at)| expires_at.map(|at| (id, at)));
        Ok(Self { present, previous })
    }
}

async fn rotate(app: web::Data<App>, caller: Caller, payload: Payload) -> Result<HttpResponse, Error> {
    let rotation: Rotation = collection::read_json(payload).await?;
    let overlap = rotation.overlap()?;
    let NewKey { id, public, sealed } = NewKey::generate(&app);
    let mut transaction = app.engine().begin(caller.act()).await?;
    let rotated = async {
        let good = Good::hold(&mut transaction).await?;
        if let Some((previous, until)) = good.previous {
            if !overlap.is_zero() {
                let detail = format!(
                    "The previous key is good until {}: promote the present one first, or say compromised.",
                    pulse_domain::event::timestamp(until)
                );
                return Err(Problem::new(Code::StateConflict, detail).into());
            }
            expire(&mut transaction, previous, Utc::now()).await?;
        }
        if let Some(present) = good.present {
            expire(&mut transaction, present, Utc::now() + overlap).await?;
        }
        let mut changes = Changes::of(&WEBHOOK_SIGNING_KEYS);
        changes.id = Some(id);
        changes.set("public_key", public.as_str());
        changes.set("private_key_sealed", Bind::Bytes(sealed));
        let made = transaction.create(changes).await?;
        tell(&mut transaction).await?;
        Ok(made)
    }
    .await;
    let record = app.engine().end(transaction, rotated, caller.act(), None).await?;
    Ok(answer::record(StatusCode::OK, &record, None))
}

async fn promote(app: web::Data<App>, caller: Caller) -> Result<HttpResponse, Error> {
    let mut transaction = app.engine().begin(caller.act()).await?;
    let promoted = async {
        let Good { present: Some(present), previous: Some((previous, _)) } =
            Good::hold(&mut transaction).await?
        else {
            let detail = "There is no previous key that is still good.";
            return Err(Problem::new(Code::StateConflict, detail).into());
        };
        expire(&mut transaction, previous, Utc::now()).await?;
        tell(&mut transaction).await?;
        transaction.lock(&WEBHOOK_SIGNING_KEYS, present, None).await
    }
    .await;
    let record = app.engine().end(transaction, promoted, caller.act(), None).await?;
    Ok(answer::record(StatusCode::OK, &record, None))
}

async fn expire(
    transaction: &mut Transaction,
    id: Uuid,
    at: DateTime<Utc>,
) -> Result<Record, pulse_resource::Error> {
    let mut changes = Changes::of(&WEBHOOK_SIGNING_KEYS);
    changes.set("expires_at", Bind::Instant(at));
    transaction.update(id, changes, None).await
}

/// Lets dispatchers take the subscriptions that are signed for as changed: they keep keys along with them.
async fn tell(transaction: &mut Transaction) -> Result<(), pulse_resource::Error> {
    diesel::update(subscriptions::table)
        .filter(subscriptions::workspace_id.eq(transaction.workspace().0))
        .filter(subscriptions::ed25519)
        .set(subscriptions::ed25519.eq(true))
        .execute(transaction.connection())
        .await?;
    Ok(())
}
