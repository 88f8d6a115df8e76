//! How the receiver of a subscription does: what webhook-dispatcher knows of it, what waits for it, and how its latest
//! attempts went.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use pulse_domain::event::timestamp;
use pulse_jsonapi::document::{Links, Writer};
use pulse_store::schema::{
    webhook_attempts as attempts, webhook_deliveries as deliveries, webhook_endpoints as endpoints,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::WEBHOOK_SUBSCRIPTIONS;
use super::disabled::{by_pulse, recover_since};
use crate::auth::Caller;
use crate::operation::{Answer, Operation, Verb};
use crate::{App, Error, answer, collection};

/// Deliveries that are looked at, the latest: a busy receiver gets more in a day than anybody wants to count.
const SAMPLE: i64 = 10_000;
/// The times that attempts are summed up over.
const WINDOWS: [(&str, TimeDelta); 2] =
    [("last_hour", TimeDelta::hours(1)), ("last_day", TimeDelta::hours(24))];

pub(super) const SHOW: Operation = Operation {
    id: "show_webhook_health",
    summary: "How the receiver does",
    description: "`state` is `active`, `parked` while the receiver fails again and again, or `disabled`, by a user (`reason` \
                  is null) or by Pulse. Rates and latencies, in milliseconds, are those of the latest 10,000 \
                  deliveries at most.",
    verb: Verb::Get,
    path: "/webhook_subscriptions/{id}/health",
    answers: &[Answer::Meta(200, described)],
    handler: || web::to(show),
    ..Operation::DEFAULT
};

fn described() -> Value {
    let instant = json!({ "type": ["string", "null"], "format": "date-time" });
    let number = json!({ "type": "integer" });
    let window = json!({
        "type": "object",
        "required": ["attempts", "success_rate", "latency_p50_ms", "latency_p95_ms"],
        "properties": {
            "attempts": number,
            "success_rate": { "type": ["number", "null"], "minimum": 0, "maximum": 1 },
            "latency_p50_ms": { "type": ["integer", "null"] },
            "latency_p95_ms": { "type": ["integer", "null"] },
        },
    });
    json!({
        "type": "object",
        "required": [
            "state", "reason", "scheduled", "due", "waiting_for_turn", "recover_since", "failures", "last_hour", "last_day",
        ],
        "properties": {
            "state": { "enum": ["active", "parked", "disabled"] },
            "reason": { "type": ["string", "null"] },
            "disabled_at": instant,
            "next_probe_at": instant,
            "failing_since": instant,
            "last_success_at": instant,
            "last_failure_at": instant,
            "failures": { "type": "integer", "description": "Since the last success." },
            "scheduled": { "type": "integer", "description": "Deliveries that wait for an attempt." },
            "due": { "type": "integer", "description": "Those of them whose time has come." },
            "waiting_for_turn": {
                "type": "integer",
                "description": "Those of them that wait until an earlier event of their record is done with.",
            },
            "recover_since": {
                "type": ["string", "null"],
                "format": "date-time",
                "description": "When the first delivery was made that was given up since the receiver has taken something last.",
            },
            "last_hour": window,
            "last_day": window,
        },
    })
}

/// What webhook-dispatcher knows of a receiver.
#[derive(Default, Queryable, Selectable)]
#[diesel(table_name = endpoints)]
struct Endpoint {
    breaker: String,
    breaker_reason: Option<String>,
    probe_at: Option<DateTime<Utc>>,
    last_success_at: Option<DateTime<Utc>>,
    last_failure_at: Option<DateTime<Utc>>,
    failing_since: Option<DateTime<Utc>>,
    failures: i32,
    disabled_at: Option<DateTime<Utc>>,
    disabled_reason: Option<String>,
}

/// When an attempt was made, whether it succeeded, and how long it took.
type Attempt = (DateTime<Utc>, String, Option<i32>);

async fn show(request: HttpRequest, app: web::Data<App>, caller: Caller) -> Result<HttpResponse, Error> {
    let id = collection::id(&request, &WEBHOOK_SUBSCRIPTIONS)?;
    let subscription = app.engine().record(caller.act(), &WEBHOOK_SUBSCRIPTIONS, id).await?;
    let workspace = caller.workspace.0;
    let mut connection = app.0.pool.get().await?;
    let endpoint: Endpoint = endpoints::table
        .find((workspace, id))
        .select(Endpoint::as_select())
        .first(&mut *connection)
        .await
        .optional()?
        .unwrap_or_default();
    let waiting = waiting(&mut connection, workspace, id).await?;
    let missed = recover_since(&mut connection, workspace, id).await?;
    let sample = sample(&mut connection, workspace, id).await?;
    let disabled = by_pulse(&subscription, endpoint.disabled_at)?;
    let (state, reason) = match (subscription.get("enabled") == true, disabled) {
        (false, _) => ("disabled", None),
        (true, Some(_)) => ("disabled", endpoint.disabled_reason),
        (true, None) if matches!(endpoint.breaker.as_str(), "open" | "half_open") => {
            ("parked", endpoint.breaker_reason)
        }
        (true, None) => ("active", None),
    };
    let succeeded = sample.iter().find(|(_, outcome, _)| outcome == "succeeded").map(|(at, ..)| *at);
    let mut meta = json!({
        "state": state,
        "reason": reason,
        "disabled_at": disabled.map(timestamp),
        "next_probe_at": endpoint.probe_at.map(timestamp),
        "failing_since": endpoint.failing_since.map(timestamp),
        "last_success_at": succeeded.max(endpoint.last_success_at).map(timestamp),
        "last_failure_at": endpoint.last_failure_at.map(timestamp),
        "failures": endpoint.failures,
        "scheduled": waiting.scheduled,
        "due": waiting.due,
        "waiting_for_turn": waiting.for_turn,
        "recover_since": missed.map(timestamp),
    });
    for (name, window) in WINDOWS {
        meta[name] = summary(&sample, Utc::now() - window);
    }
    let links = Links::new(answer::self_link(&request));
    Ok(answer::fetched(&request, Writer::meta_only(&links).finish(Some(&meta)), None))
}

/// How many deliveries wait, and what for.
struct Waiting {
    scheduled: i64,
    /// Those whose time has come.
    due: i64,
    /// Those behind an earlier event of their record.
    for_turn: i64,
}

async fn waiting(connection: &mut AsyncPgConnection, workspace: Uuid, id: Uuid) -> QueryResult<Waiting> {
    let scheduled = || {
        deliveries::table
            .filter(deliveries::workspace_id.eq(workspace))
            .filter(deliveries::subscription_id.eq(id))
            .filter(deliveries::state.eq("scheduled"))
    };
    let due = scheduled()
        .filter(deliveries::next_attempt_at.le(diesel::dsl::now))
        .filter(deliveries::has_turn.is_distinct_from(false));
    let for_turn = scheduled().filter(deliveries::has_turn.eq(false));
    Ok(Waiting {
        scheduled: scheduled().count().get_result(connection).await?,
        due: due.count().get_result(connection).await?,
        for_turn: for_turn.count().get_result(connection).await?,
    })
}

/// The attempts of the longest window, newest first, of the latest deliveries. A delivery is attempted for a day at most.
async fn sample(connection: &mut AsyncPgConnection, workspace: Uuid, id: Uuid) -> QueryResult<Vec<Attempt>> {
    let since = Utc::now() - WINDOWS[WINDOWS.len() - 1].1;
    let latest: Vec<Uuid> = deliveries::table
        .filter(deliveries::workspace_id.eq(workspace))
        .filter(deliveries::subscription_id.eq(id))
        .filter(deliveries::created_at.ge(since - TimeDelta::hours(24)))
        .order(deliveries::created_at.desc())
        .limit(SAMPLE)
        .select(deliveries::id)
        .load(connection)
        .await?;
    attempts::table
        .filter(attempts::workspace_id.eq(workspace))
        .filter(attempts::delivery_id.eq_any(latest))
        .filter(attempts::started_at.ge(since))
        .filter(attempts::outcome.eq_any(["succeeded", "failed"]))
        .order(attempts::started_at.desc())
        .select((attempts::started_at, attempts::outcome, attempts::duration_ms))
        .load(connection)
        .await
}

/// What the attempts since a moment come to.
fn summary(sample: &[Attempt], since: DateTime<Utc>) -> Value {
    let within: Vec<&Attempt> = sample.iter().filter(|(at, ..)| *at >= since).collect();
    let succeeded = within.iter().filter(|(_, outcome, _)| outcome == "succeeded").count();
    let mut latencies: Vec<i32> = within.iter().filter_map(|(.., duration)| *duration).collect();
    latencies.sort_unstable();
    let rate = (!within.is_empty()).then(|| {
        let thousandths = succeeded * 1_000 / within.len();
        f64::from(u32::try_from(thousandths).unwrap_or_default()) / 1_000.0
    });
    json!({
        "attempts": within.len(),
        "success_rate": rate,
        "latency_p50_ms": percentile(&latencies, 50),
        "latency_p95_ms": percentile(&latencies, 95),
    })
}

/// The least of the sorted values that so many per cent of them do not exceed.
fn percentile(sorted: &[i32], percent: usize) -> Option<i32> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let hundred: Vec<i32> = (1..=100).collect();
        assert_eq!((percentile(&hundred, 50), percentile(&hundred, 95)), (Some(50), Some(95)));
        assert_eq!((percentile(&[7], 50), percentile(&[7], 95)), (Some(7), Some(7)));
        assert_eq!(percentile(&[1, 2, 3], 50), Some(2));
        assert_eq!(percentile(&[], 50), None);
    }

    #[test]
    fn a_window_counts_what_lies_within_it() {
        let now = Utc::now();
        let attempt =
            |minutes, outcome: &str, ms| (now - TimeDelta::minutes(minutes), outcome.to_owned(), Some(ms));
        let sample = [
            attempt(1, "succeeded", 10),
            attempt(2, "failed", 30),
            attempt(3, "succeeded", 20),
            attempt(90, "failed", 99),
        ];
        assert_eq!(
            summary(&sample, now - TimeDelta::hours(1)),
            json!({ "attempts": 3, "success_rate": 0.666, "latency_p50_ms": 20, "latency_p95_ms": 30 })
        );
        assert_eq!(
            summary(&sample, now),
            json!({ "attempts": 0, "success_rate": null, "latency_p50_ms": null, "latency_p95_ms": null })
        );
    }
}
