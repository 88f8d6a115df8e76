//! The event journal: one row per domain event, in the transaction of the change it tells of.
//!
//! The same rows are the outbox that a relay publishes from and the feed that clients read. Order per record holds
//! because a writer appends after it has locked the record's row, because events of one record share a shard, and
//! because one relay at a time drains a shard in the order of `sequence`.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::result::QueryResult;
use diesel::sql_types::Integer;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use pulse_domain::{Event, EventId, RecordId, WorkspaceId};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::JsonText;
use crate::schema::events;

/// Shards of the journal: how many relays can work at once.
pub const SHARDS: i16 = 8;

/// First key of the advisory locks that relays hold on shards.
const LOCK_CLASS: i32 = 0x7075_6c73;

/// An event to be appended.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// What receivers are idempotent on.
    pub id: EventId,
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// A name of the event catalogue.
    pub kind: &'static str,
    /// JSON:API type of the record.
    pub resource: &'static str,
    /// The record.
    pub record_id: RecordId,
    /// The full record as flat JSON.
    pub data: Box<RawValue>,
    /// `{"attribute":[old,new]}`.
    pub changes: Option<Box<RawValue>>,
    /// Ties together what one request set in motion.
    pub correlation_id: Uuid,
}

#[derive(Insertable)]
#[diesel(table_name = events)]
struct NewRow {
    workspace_id: Uuid,
    id: Uuid,
    event_type: &'static str,
    resource_type: &'static str,
    record_id: Uuid,
    occurred_at: DateTime<Utc>,
    data: JsonText,
    changes: Option<JsonText>,
    correlation_id: Uuid,
    shard: i16,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = events)]
struct Row {
    sequence: i64,
    workspace_id: Uuid,
    id: Uuid,
    event_type: String,
    resource_type: String,
    record_id: Uuid,
    occurred_at: DateTime<Utc>,
    data: JsonText,
    changes: Option<JsonText>,
    correlation_id: Uuid,
}

/// Appends an event. Call it inside of the transaction of the change, after the record's row was written; wake
/// [`Channel::Events`](crate::notify::Channel::Events) after the commit.
///
/// # Errors
/// Those of the database.
pub async fn append(mut connection: &AsyncPgConnection, event: NewEvent) -> QueryResult<()> {
    let row = NewRow {
        workspace_id: event.workspace_id.0,
        id: event.id.0,
        event_type: event.kind,
        resource_type: event.resource,
        record_id: event.record_id.0,
        occurred_at: Utc::now(),
        data: JsonText(event.data),
        changes: event.changes.map(JsonText),
        correlation_id: event.correlation_id,
        shard: shard(event.record_id),
    };
    diesel::insert_into(events::table).values(row).execute(&mut connection).await?;
    Ok(())
}

/// The last byte of a UUIDv7 is random, so records spread evenly.
fn shard(record: RecordId) -> i16 {
    i16::from(record.0.as_bytes()[15]) % SHARDS
}

/// Shards that have unpublished events.
///
/// # Errors
/// Those of the database.
pub async fn pending_shards(connection: &mut AsyncPgConnection) -> QueryResult<Vec<i16>> {
    events::table
        .filter(events::published_at.is_null())
        .select(events::shard)
        .distinct()
        .load(connection)
        .await
}

/// Takes a shard for this connection, until it is released or the connection ends; `false` where another relay has it.
///
/// # Errors
/// Those of the database.
pub async fn lock_shard(connection: &mut AsyncPgConnection, shard: i16) -> QueryResult<bool> {
    diesel::select(pg_try_advisory_lock(LOCK_CLASS, i32::from(shard))).get_result(connection).await
}

/// Gives a shard back.
///
/// # Errors
/// Those of the database.
pub async fn unlock_shard(connection: &mut AsyncPgConnection, shard: i16) -> QueryResult<()> {
    diesel::select(pg_advisory_unlock(LOCK_CLASS, i32::from(shard))).get_result::<bool>(connection).await?;
    Ok(())
}

/// The oldest unpublished events of a shard, in order.
///
/// # Errors
/// Those of the database.
pub async fn unpublished(
    connection: &mut AsyncPgConnection,
    shard: i16,
    limit: i64,
) -> QueryResult<Vec<Event>> {
    let rows: Vec<Row> = events::table
        .filter(events::published_at.is_null().and(events::shard.eq(shard)))
        .order(events::sequence)
        .limit(limit)
        .select(Row::as_select())
        .load(connection)
        .await?;
    Ok(rows.into_iter().map(Row::into_event).collect())
}

/// Marks events as published, after the broker has confirmed them.
///
/// # Errors
/// Those of the database; the events are then published again.
pub async fn mark_published(connection: &mut AsyncPgConnection, sequences: &[i64]) -> QueryResult<()> {
    diesel::update(events::table.filter(events::sequence.eq_any(sequences)))
        .set(events::published_at.eq(diesel::dsl::now))
        .execute(connection)
        .await?;
    Ok(())
}

/// How many events are not published.
///
/// # Errors
/// Those of the database.
pub async fn unpublished_count(connection: &mut AsyncPgConnection) -> QueryResult<i64> {
    events::table.filter(events::published_at.is_null()).count().get_result(connection).await
}

impl Row {
    fn into_event(self) -> Event {
        Event {
            id: EventId(self.id),
            workspace_id: WorkspaceId(self.workspace_id),
            kind: self.event_type,
            occurred_at: self.occurred_at,
            resource: self.resource_type,
            record_id: RecordId(self.record_id),
            data: self.data.0,
            changes: self.changes.map(|changes| changes.0),
            correlation_id: self.correlation_id,
            sequence: self.sequence,
        }
    }
}

diesel::define_sql_function! {
    /// Takes a lock of the session, if nobody has it.
    fn pg_try_advisory_lock(class: Integer, object: Integer) -> Bool;
}
diesel::define_sql_function! {
    /// Gives a lock of the session back.
    fn pg_advisory_unlock(class: Integer, object: Integer) -> Bool;
}
