//! What the moves and the end of a deal leave behind: a transition for each move, and events that say more than that the
//! deal changed.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use pulse_resource::render::Record;
use pulse_resource::write::{Transaction, Work};
use pulse_resource::{Bind, Changes, Error};
use pulse_store::schema::stages;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::resources::deal_stage_transitions::DEAL_STAGE_TRANSITIONS;

/// See the module.
pub(super) fn follow<'a>(
    transaction: &'a mut Transaction,
    old: Option<&'a Record>,
    new: Option<&'a Record>,
) -> Work<'a> {
    Box::pin(async move {
        let (Some(old), Some(new)) = (old, new) else { return Ok(()) };
        let stages = old.related_id("stage").zip(new.related_id("stage"));
        if let Some((from, to)) = stages.filter(|(from, to)| from != to) {
            record_move(transaction, (old, from), (new, to)).await?;
            transaction.emit("deal.stage_changed", new, new.changes_since(old)).await?;
        }
        let status = new.get("status");
        if status != old.get("status") {
            let kind = match status.as_str() {
                Some("won") => "deal.won",
                Some("lost") => "deal.lost",
                _ => return Ok(()),
            };
            transaction.emit(kind, new, new.changes_since(old)).await?;
        }
        Ok(())
    })
}

async fn record_move(
    transaction: &mut Transaction,
    (old, from): (&Record, Uuid),
    (new, to): (&Record, Uuid),
) -> Result<(), Error> {
    let kinds: Vec<(Uuid, String)> = stages::table
        .filter(stages::workspace_id.eq(transaction.workspace().0).and(stages::id.eq_any([from, to])))
        .select((stages::id, stages::kind))
        .load(transaction.connection())
        .await?;
    let kind = |stage: Uuid| {
        let known = kinds.iter().find(|(id, _)| *id == stage);
        Bind::Text(known.map(|(_, kind)| kind.clone()).unwrap_or_default())
    };
    let entered = |deal: &Record| {
        let at = deal.get("stage_entered_at");
        at.as_str().and_then(|at| at.parse::<DateTime<Utc>>().ok()).unwrap_or_else(Utc::now)
    };
    let text = |value: Value| value.as_str().map_or(Bind::Null, Bind::from);
    let mut transition = Changes::of(&DEAL_STAGE_TRANSITIONS);
    transition.set("deal_id", new.id());
    transition.set("from_stage_id", from);
    transition.set("to_stage_id", to);
    transition.set("from_kind", kind(from));
    transition.set("to_kind", kind(to));
    transition.set("seconds_in_from", (entered(new) - entered(old)).num_seconds().max(0));
    transition.set("amount", new.get("amount").as_str().map_or(Bind::Null, Bind::decimal));
    transition.set("currency", text(new.get("currency")));
    transition.set("probability", new.get("probability").as_i64().map_or(Bind::Null, Bind::Integer));
    let actor = transaction.actor();
    transition.set("actor", Bind::json(&json!({ "type": actor.kind(), "id": actor.id() })));
    transaction.create(transition).await?;
    Ok(())
}
