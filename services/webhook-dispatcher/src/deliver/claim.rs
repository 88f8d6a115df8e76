//! Claiming: a worker takes a lease on deliveries that are due, in one statement and for one attempt each.
//!
//! The lease has an epoch that grows with every claim. It is the number of the attempt as well, and the result of a
//! worker whose lease has been taken over no longer fits. All times are of the database's clock, so workers on
//! machines whose clocks differ agree on what is due and on who holds it.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use pulse_store::schema::webhook_deliveries as deliveries;
use uuid::Uuid;

/// A delivery that this worker may make one attempt of.
#[derive(Debug, QueryableByName)]
pub(super) struct Claimed {
    #[diesel(sql_type = SqlUuid)]
    pub(super) workspace_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    pub(super) id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    pub(super) subscription_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    pub(super) event_id: Uuid,
    /// The place of this attempt in the schedule: 0 for the first, or the number of the retry. An attempt that takes
    /// over from a worker that died has the place of the lost one.
    #[diesel(sql_type = Integer)]
    pub(super) retries: i32,
    /// Unset only where nothing was ever sent and nothing is wanted.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub(super) first_attempt_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Timestamptz)]
    pub(super) started_at: DateTime<Utc>,
    /// The number of the attempt, from 1, and what its result has to fit.
    #[diesel(sql_type = BigInt)]
    pub(super) lease_epoch: i64,
    /// The row of the attempt, which says `unknown` until the result is recorded.
    #[diesel(sql_type = SqlUuid)]
    pub(super) attempt_id: Uuid,
    #[diesel(sql_type = Text)]
    pub(super) url: String,
    #[diesel(sql_type = Binary)]
    pub(super) secret_sealed: Vec<u8>,
    #[diesel(sql_type = Integer)]
    pub(super) max_retries: i32,
    /// Whether the subscription is enabled and not deleted. Where it is not there is no row of an attempt.
    #[diesel(sql_type = Bool)]
    pub(super) wanted: bool,
    /// The exact bytes.
    #[diesel(sql_type = Binary)]
    pub(super) body: Vec<u8>,
}

/// What a process may have under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Deliveries to claim at most.
    pub(super) free: usize,
    /// Deliveries under way at most to one subscription.
    pub(super) per_subscription: usize,
    /// How long a claim holds.
    pub(super) lease: Duration,
}

/// Claims deliveries that are due, the longest due first. `busy` names the subscription of each delivery under way.
///
/// Finds none only where the limits allow none, or where other workers were faster with all that were looked at.
pub(super) async fn claim(
    connection: &mut AsyncPgConnection,
    limits: Limits,
    busy: Vec<Uuid>,
) -> QueryResult<Vec<Claimed>> {
    let attempts: Vec<Uuid> = (0..limits.free).map(|_| Uuid::now_v7()).collect();
    #[expect(clippy::disallowed_methods, reason = "diesel has no CTE that locks and writes")]
    diesel::sql_query(include_str!("claim.sql"))
        .bind::<BigInt, _>(i64::try_from(limits.free).unwrap_or(i64::MAX))
        .bind::<BigInt, _>(i64::try_from(limits.per_subscription).unwrap_or(i64::MAX))
        .bind::<Array<SqlUuid>, _>(busy)
        .bind::<BigInt, _>(i64::try_from(limits.lease.as_millis()).unwrap_or(i64::MAX))
        .bind::<Array<SqlUuid>, _>(attempts)
        .load(connection)
        .await
}

/// How long it is until the next delivery is due that nobody holds; zero where one is. `full` names subscriptions
/// that can take no more at present.
pub(super) async fn next_due(
    connection: &mut AsyncPgConnection,
    full: Vec<Uuid>,
) -> QueryResult<Option<Duration>> {
    let next: Option<(Option<DateTime<Utc>>, DateTime<Utc>)> = deliveries::table
        .filter(deliveries::state.eq("scheduled"))
        .filter(deliveries::lease_until.is_null())
        .filter(deliveries::subscription_id.ne_all(full))
        .order(deliveries::next_attempt_at)
        .select((deliveries::next_attempt_at, diesel::dsl::now.into_sql::<Timestamptz>()))
        .first(connection)
        .await
        .optional()?;
    Ok(next.and_then(|(due, now)| Some((due? - now).max(TimeDelta::zero()).to_std().unwrap_or_default())))
}
