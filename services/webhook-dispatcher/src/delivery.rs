//! A delivery as it begins: one event for one subscription, due at once.

use diesel::prelude::*;
use diesel::result::QueryResult;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use pulse_store::schema::webhook_deliveries;
use uuid::Uuid;

/// Rows of one statement; PostgreSQL takes 65,535 parameters in one.
const CHUNK: usize = 1_000;

/// A delivery that shall be made.
#[derive(Debug, Insertable, Queryable, Selectable)]
#[diesel(table_name = webhook_deliveries)]
pub(crate) struct NewDelivery {
    pub(crate) workspace_id: Uuid,
    pub(crate) id: Uuid,
    pub(crate) subscription_id: Uuid,
    pub(crate) event_id: Uuid,
    pub(crate) event_type: String,
    pub(crate) resource_type: String,
    pub(crate) record_id: Uuid,
    pub(crate) payload_version: i32,
    /// The delivery that this one repeats.
    pub(crate) replay_of_id: Option<Uuid>,
}

/// Inserts deliveries that are due at once, by the clock of the database, and returns how many were not there before.
pub(crate) async fn insert(
    connection: &mut AsyncPgConnection,
    deliveries: &[NewDelivery],
) -> QueryResult<usize> {
    let mut inserted = 0;
    for chunk in deliveries.chunks(CHUNK) {
        let rows: Vec<_> = chunk
            .iter()
            .map(|delivery| (delivery, webhook_deliveries::next_attempt_at.eq(diesel::dsl::now)))
            .collect();
        inserted += diesel::insert_into(webhook_deliveries::table)
            .values(rows)
            .on_conflict_do_nothing()
            .execute(connection)
            .await?;
    }
    Ok(inserted)
}
