//! Chaining: lines that were committed are given their places, their hashes and the head behind them, in one
//! transaction that holds the head. So each place is given once, whoever chains.
//!
//! A line whose transaction commits late comes behind those that were chained meanwhile: the order of a chain is that in
//! which lines were found, and within one round that of their ids. No place is ever left free.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::result::{Error as DatabaseError, QueryResult};
use diesel::sql_types::{Array, BigInt, Text, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use pulse_domain::WorkspaceId;
use pulse_domain::chain::{Hash, Head, Key, Line};
use uuid::Uuid;

use crate::JsonText;
use crate::schema::{audit_heads, audit_log};

/// A line as it is stored.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = audit_log)]
pub(super) struct Row {
    pub(super) workspace_id: Uuid,
    pub(super) id: Uuid,
    at: DateTime<Utc>,
    actor_type: String,
    actor_id: Option<Uuid>,
    action: String,
    severity: String,
    resource_type: String,
    record_id: Uuid,
    changes: Option<JsonText>,
    request_id: Option<String>,
    ip: Option<String>,
    device: Option<String>,
    cause: Option<JsonText>,
    correlation_id: Uuid,
    pub(super) sequence: Option<i64>,
    pub(super) prev_hash: Option<String>,
    pub(super) hash: Option<String>,
}

impl Row {
    /// The line that it is, at a place.
    pub(super) fn at(&self, sequence: i64) -> Line<'_> {
        Line {
            workspace_id: self.workspace_id,
            sequence,
            id: self.id,
            at: self.at,
            actor_type: &self.actor_type,
            actor_id: self.actor_id,
            action: &self.action,
            severity: &self.severity,
            resource_type: &self.resource_type,
            record_id: self.record_id,
            changes: self.changes.as_ref().map(|changes| changes.0.get()),
            request_id: self.request_id.as_deref(),
            ip: self.ip.as_deref(),
            device: self.device.as_deref(),
            cause: self.cause.as_ref().map(|cause| cause.0.get()),
            correlation_id: self.correlation_id,
        }
    }
}

/// Why lines were not chained.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database is away, or refuses.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Somebody else has written the head: to go on from there would make what they did look good.
    #[error("the head of the audit log of workspace {} is not ours", .0.0)]
    Foreign(WorkspaceId),
}

/// What a round has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    /// Another process has the head.
    Taken,
    /// So many lines were chained, and this is where they end.
    Chained(usize, Head),
}

/// Workspaces that have lines which are not chained.
///
/// # Errors
/// Those of the database.
pub async fn pending(connection: &mut AsyncPgConnection) -> QueryResult<Vec<WorkspaceId>> {
    let workspaces = audit_log::table.filter(audit_log::sequence.is_null()).select(audit_log::workspace_id);
    let found: Vec<Uuid> = workspaces.distinct().load(connection).await?;
    Ok(found.into_iter().map(WorkspaceId).collect())
}

/// Chains up to `limit` lines of a workspace.
///
/// # Errors
/// When the head was written by somebody else, or the database is away.
pub async fn extend(
    connection: &mut AsyncPgConnection,
    workspace: WorkspaceId,
    key: &Key,
    limit: i64,
) -> Result<Round, Error> {
    connection
        .transaction(async |connection| {
            let Some(head) = hold(connection, workspace, key).await? else { return Ok(Round::Taken) };
            let rows: Vec<Row> = audit_log::table
                .filter(audit_log::workspace_id.eq(workspace.0).and(audit_log::sequence.is_null()))
                .order(audit_log::id)
                .limit(limit)
                .select(Row::as_select())
                .load(connection)
                .await?;
            let new = write(connection, workspace, head, &rows).await?;
            diesel::update(audit_heads::table.find(workspace.0))
                .set((
                    audit_heads::sequence.eq(new.sequence),
                    audit_heads::hash.eq(new.hash.to_hex()),
                    audit_heads::proof.eq(new.proof(workspace, key)),
                    audit_heads::chained_at.eq(diesel::dsl::now),
                ))
                .execute(connection)
                .await?;
            Ok(Round::Chained(rows.len(), new))
        })
        .await
}

/// The head, which nobody else moves until the transaction ends; `None` where somebody does.
async fn hold(
    connection: &mut AsyncPgConnection,
    workspace: WorkspaceId,
    key: &Key,
) -> Result<Option<Head>, Error> {
    diesel::insert_into(audit_heads::table)
        .values((
            audit_heads::workspace_id.eq(workspace.0),
            audit_heads::sequence.eq(Head::START.sequence),
            audit_heads::hash.eq(Head::START.hash.to_hex()),
            audit_heads::proof.eq(Head::START.proof(workspace, key)),
        ))
        .on_conflict_do_nothing()
        .execute(connection)
        .await?;
    let stored: Option<(i64, String, Vec<u8>)> = audit_heads::table
        .find(workspace.0)
        .select((audit_heads::sequence, audit_heads::hash, audit_heads::proof))
        .for_update()
        .skip_locked()
        .first(connection)
        .await
        .optional()?;
    let Some((sequence, hash, proof)) = stored else { return Ok(None) };
    let head = Hash::from_hex(&hash).map(|hash| Head { sequence, hash });
    let ours = head.filter(|head| head.is_proven(workspace, key, &proof));
    ours.map(Some).ok_or(Error::Foreign(workspace))
}

/// Gives lines the places behind a head, and returns the head behind them.
async fn write(
    connection: &mut AsyncPgConnection,
    workspace: WorkspaceId,
    mut head: Head,
    rows: &[Row],
) -> QueryResult<Head> {
    let (mut ids, mut sequences) = (Vec::new(), Vec::new());
    let (mut previous, mut hashes) = (Vec::new(), Vec::new());
    for row in rows {
        let sequence = head.sequence + 1;
        let hash = row.at(sequence).hash(head.hash);
        ids.push(row.id);
        sequences.push(sequence);
        previous.push(head.hash.to_hex());
        hashes.push(hash.to_hex());
        head = Head { sequence, hash };
    }
    #[expect(clippy::disallowed_methods, reason = "diesel updates no rows from arrays")]
    diesel::sql_query(include_str!("chain.sql"))
        .bind::<SqlUuid, _>(workspace.0)
        .bind::<Array<SqlUuid>, _>(ids)
        .bind::<Array<BigInt>, _>(sequences)
        .bind::<Array<Text>, _>(previous)
        .bind::<Array<Text>, _>(hashes)
        .execute(connection)
        .await?;
    Ok(head)
}
