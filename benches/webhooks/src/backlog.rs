//! A backlog: retries that are all due, to endpoints that hang, as after a long night. Fresh deliveries must not wait
//! for them, and the dispatcher must not gather them.

use std::time::Duration;

use pulse_bench_usage::{load, memory};
use uuid::Uuid;

use crate::{Bench, latency, subscriber};

/// Endpoints that the backlog is for: more than the dispatcher has slots, at eight for each.
const ENDPOINTS: usize = 20;

/// Measures latency and memory before and beside the backlog, and prints.
pub(crate) async fn run(bench: &Bench) -> anyhow::Result<()> {
    let workspace = subscriber::subscribe(bench, &["/ok/fresh".into()]).await?;
    latency::steady(bench, workspace, 50, Duration::from_secs(2)).await?;
    let (before, light) =
        (latency::steady(bench, workspace, 50, bench.time()).await?, memory(bench.cli.dispatcher_pid)?);
    let paths: Vec<String> = (0..ENDPOINTS).map(|number| format!("/hang/{number}")).collect();
    let stranger = subscriber::subscribe(bench, &paths).await?;
    fill(bench, stranger.0).await?;
    let mut rounds = Vec::new();
    let mut heavy = light;
    for _ in 0..bench.cli.rounds {
        rounds.push(latency::steady(bench, workspace, 50, bench.time()).await?);
        heavy = heavy.max(memory(bench.cli.dispatcher_pid)?);
    }
    println!(
        "backlog   fresh deliveries at 50 events/s: {}; beside {} due retries: {}; memory {light} MiB, then {heavy} MiB; \
         load average {}",
        latency::both(&[before]),
        bench.cli.retries,
        latency::both(&rounds),
        load()?
    );
    Ok(())
}

/// Makes the retries, spread over the endpoints.
async fn fill(bench: &Bench, workspace: Uuid) -> anyhow::Result<()> {
    let event = Uuid::now_v7();
    let payload =
        "INSERT INTO webhook_payloads (workspace_id, event_id, version, body, sha256, correlation_id)
                   VALUES ($1, $2, 1, $3, sha256($3), $2)";
    let body = format!(r#"{{"event_id":"{event}"}}"#);
    bench.database.execute(payload, &[&workspace, &event, &body.as_bytes()]).await?;
    // As replays: of one event a subscription has one delivery that is not.
    let deliveries = "
        INSERT INTO webhook_deliveries (workspace_id, id, subscription_id, event_id, event_type, resource_type,
                                        record_id, payload_version, retries, first_attempt_at, next_attempt_at,
                                        lease_epoch, replay_of_id)
        SELECT $1, gen_random_uuid(), s.ids[1 + n % cardinality(s.ids)], $2, 'contact.created', 'contacts',
               gen_random_uuid(), 1, 1, now() - interval '1 hour', now() - n * interval '1 millisecond', 1, gen_random_uuid()
          FROM generate_series(1, $3::integer) n
          CROSS JOIN (SELECT array_agg(id) AS ids FROM webhook_subscriptions WHERE workspace_id = $1) s";
    bench.database.execute(deliveries, &[&workspace, &event, &bench.cli.retries]).await?;
    bench.database.batch_execute("VACUUM ANALYZE webhook_deliveries").await?;
    Ok(bench.database.batch_execute("NOTIFY pulse_webhook_deliveries").await?)
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use pulse_testing::{Database, KEY};

    use super::*;
    use crate::{Cli, sink};

    #[tokio::test]
    async fn what_is_measured_with_fits_the_tables_and_leaves_nothing_behind() {
        let database = Database::create().await;
        let bus =
            pulse_bus::Settings { url: String::new().into(), prefix: String::new(), confirm_timeout_ms: 1 };
        let arguments = "bench --database=- --bus=- --database-pid=0 --bus-pid=0 --dispatcher-pid=0 --pgbench=- --scratch=- \
                         --master-key=- --retries=40";
        let bench = Bench {
            database: database.client().await,
            bus: pulse_bus::Publisher::new(&bus, "nobody"),
            sink: sink::Sink::start().expect("a port"),
            key: pulse_domain::seal::MasterKey::from_base64(KEY).expect("a key"),
            cli: Cli::parse_from(arguments.split_whitespace()),
        };
        let waiting = async || {
            let sql = "SELECT count(*) FROM webhook_deliveries WHERE next_attempt_at <= now()";
            bench.database.query_one(sql, &[]).await.expect("a count").get::<_, i64>(0)
        };
        let workspace = subscriber::subscribe(&bench, &["/hang/1".into(), "/hang/2".into()]).await;
        fill(&bench, workspace.expect("a workspace").0).await.expect("a backlog");
        assert_eq!(waiting().await, 40);
        subscriber::start_afresh(&bench).await.expect("a fresh start");
        assert_eq!(waiting().await, 0);
    }
}
