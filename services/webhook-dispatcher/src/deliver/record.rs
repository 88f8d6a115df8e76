//! Recording: the result of an attempt and what becomes of its delivery, in one short transaction.
//!
//! The row of the attempt belongs to whoever made it, so it always gets the true outcome. The row of the delivery
//! belongs to the lease: a worker that was too slow changes nothing there.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use pulse_store::schema::{webhook_attempts, webhook_deliveries};
use serde_json::{Map, Value};

use super::claim::Claimed;
use super::send::Outcome;
use super::verdict::Verdict;

/// Records an attempt and its consequence; `false` where the lease was lost and only the attempt was recorded.
pub(super) async fn record(
    connection: &mut AsyncPgConnection,
    claimed: &Claimed,
    outcome: &Outcome,
    duration: Duration,
    verdict: &Verdict,
) -> QueryResult<bool> {
    let attempt = Attempt::of(outcome, duration, verdict);
    connection
        .transaction(async |connection| {
            let held = conclude(connection, claimed, duration, verdict).await?;
            diesel::update(webhook_attempts::table.find((claimed.workspace_id, claimed.attempt_id)))
                .set(&attempt)
                .execute(connection)
                .await?;
            Ok(held)
        })
        .await
}

/// Gives the lease back and says what becomes of the delivery; `false` where the lease was lost.
pub(super) async fn conclude(
    connection: &mut AsyncPgConnection,
    claimed: &Claimed,
    duration: Duration,
    verdict: &Verdict,
) -> QueryResult<bool> {
    let held = webhook_deliveries::table
        .find((claimed.workspace_id, claimed.id))
        .filter(webhook_deliveries::lease_epoch.eq(claimed.lease_epoch));
    let changed = diesel::update(held)
        .set(&Conclusion::of(claimed, claimed.started_at + duration, verdict))
        .execute(connection)
        .await?;
    Ok(changed == 1)
}

#[derive(AsChangeset)]
#[diesel(table_name = webhook_deliveries, treat_none_as_null = true)]
struct Conclusion {
    state: &'static str,
    retries: i32,
    next_attempt_at: Option<DateTime<Utc>>,
    completed_at: Option<DateTime<Utc>>,
    lease_until: Option<DateTime<Utc>>,
}

impl Conclusion {
    fn of(claimed: &Claimed, ended_at: DateTime<Utc>, verdict: &Verdict) -> Self {
        let ended = |state| Self {
            state,
            retries: claimed.retries,
            next_attempt_at: None,
            completed_at: Some(ended_at),
            lease_until: None,
        };
        match *verdict {
            Verdict::Succeeded => ended("succeeded"),
            Verdict::Exhausted => ended("exhausted"),
            Verdict::Cancelled => ended("cancelled"),
            Verdict::Retry { number, at } => Self {
                state: "scheduled",
                retries: i32::try_from(number).unwrap_or(i32::MAX),
                next_attempt_at: Some(at),
                completed_at: None,
                lease_until: None,
            },
        }
    }
}

#[derive(AsChangeset, Default)]
#[diesel(table_name = webhook_attempts)]
struct Attempt {
    outcome: &'static str,
    duration_ms: i32,
    response_status: Option<i32>,
    response_headers: Option<Value>,
    response_body: Option<String>,
    error_layer: Option<&'static str>,
    error: Option<String>,
}

impl Attempt {
    fn of(outcome: &Outcome, duration: Duration, verdict: &Verdict) -> Self {
        let succeeded = *verdict == Verdict::Succeeded;
        let ended = Self {
            outcome: if succeeded { "succeeded" } else { "failed" },
            duration_ms: i32::try_from(duration.as_millis()).unwrap_or(i32::MAX),
            ..Self::default()
        };
        match outcome {
            Outcome::Answered(answer) => Self {
                response_status: Some(answer.status.into()),
                response_headers: Some(headers(&answer.headers)),
                response_body: Some(text(&answer.body)),
                error_layer: (!succeeded).then_some("http_status"),
                error: (!succeeded).then(|| format!("the receiver answered {}", answer.status)),
                ..ended
            },
            Outcome::Unanswered(failure) => Self {
                error_layer: Some(failure.layer.name()),
                error: Some(text(failure.message.as_bytes())),
                ..ended
            },
            Outcome::Unsent(reason) => Self { error: Some((*reason).to_owned()), ..ended },
        }
    }
}

/// Repeated headers become one, as RFC 9110 section 5.3 has it.
fn headers(headers: &[(String, String)]) -> Value {
    let mut object: Map<String, Value> = Map::new();
    for (name, value) in headers {
        match object.get_mut(name) {
            Some(Value::String(values)) => {
                values.push_str(", ");
                values.push_str(value);
            }
            _ => {
                object.insert(name.clone(), Value::String(value.clone()));
            }
        }
    }
    Value::Object(object)
}

/// Text that PostgreSQL can store: UTF-8 without NUL.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_become_text_that_can_be_stored() {
        assert_eq!(text(b"a\0b\xffc"), "a\u{fffd}b\u{fffd}c");
    }

    #[test]
    fn repeated_headers_are_joined() {
        let sent = [("vary", "a"), ("date", "x"), ("vary", "b")];
        let sent: Vec<_> = sent.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        assert_eq!(headers(&sent), serde_json::json!({ "vary": "a, b", "date": "x" }));
    }
}
