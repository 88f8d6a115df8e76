//! The limits: the same requests without a dispatcher, and the same rows without one.

use std::fmt::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use futures_util::future::try_join_all;
use pulse_bench_usage as usage;
use tokio::process::Command;

use crate::{Bench, sink, source};

/// Requests under way, and connections of pgbench: as many deliveries as the dispatcher has under way to one endpoint.
const AT_ONCE: usize = 8;

/// What bare requests reach.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bare {
    pub(crate) per_second: f64,
    /// Milliseconds of CPU time of each, without those of the sink.
    pub(crate) cpu: f64,
}

/// Posts bodies like those of deliveries to the sink for a time, by a client that does nothing else.
pub(crate) async fn requests(bench: &Bench) -> anyhow::Result<Bare> {
    // Fails only when it is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    #[expect(clippy::disallowed_methods, reason = "the limit that the guarded client is compared with")]
    let client = reqwest::Client::builder().no_proxy().build()?;
    let url = bench.sink.url("/ok/bare");
    let (begun, all, sinks) = (Instant::now(), own_cpu()?, usage::threads(sink::THREAD)?);
    let until = begun + bench.time();
    let busy = (0..AT_ONCE).map(|_| async {
        let mut count = 0;
        while Instant::now() < until {
            let event = source::event(pulse_domain::WorkspaceId::generate());
            let body = format!(r#"{{"event_id":"{}","data":{}}}"#, event.id, event.data);
            ensure!(client.post(&url).body(body).send().await?.status() == 200, "the sink refuses");
            count += 1;
        }
        Ok(count)
    });
    let count: usize = try_join_all(busy).await?.into_iter().sum();
    let used = (own_cpu()? - all).saturating_sub(usage::threads(sink::THREAD)? - sinks);
    Ok(Bare {
        per_second: count as f64 / begun.elapsed().as_secs_f64(),
        cpu: used.as_secs_f64() * 1_000.0 / count as f64,
    })
}

fn own_cpu() -> anyhow::Result<Duration> {
    usage::process(std::process::id())
}

/// Inserts rows like those that a delivery leaves, by pgbench, one delivery in each transaction; returns deliveries per
/// second.
pub(crate) async fn rows(bench: &Bench) -> anyhow::Result<f64> {
    let (script, variables) = script(bench).await?;
    let file = bench.cli.scratch.join("delivery.sql");
    std::fs::write(&file, script)?;
    let (connections, seconds) = (AT_ONCE.to_string(), bench.cli.seconds.to_string());
    let mut command = Command::new(&bench.cli.pgbench);
    command.args(["-M", "prepared", "-n", "-j", "2", "-c", &connections, "-T", &seconds]);
    for (name, value) in variables {
        command.arg("-D").arg(format!("{name}={value}"));
    }
    let output = command.arg("-f").arg(&file).arg(&bench.cli.database).output().await.context("pgbench")?;
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success() && !errors.contains("ERROR"), "pgbench failed: {errors}");
    let tps = text.lines().find_map(|line| line.strip_prefix("tps = "));
    Ok(tps.and_then(|line| line.split(' ').next()).context("pgbench says no tps")?.parse()?)
}

/// A transaction that inserts the rows that the newest delivery has left, under keys of their own.
async fn script(bench: &Bench) -> anyhow::Result<(String, Vec<(String, String)>)> {
    const KEY: &str = "(lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') || '7' \
                       || substr(gen_random_uuid()::text, 2, 3) || substr(gen_random_uuid()::text, 20, 4) \
                       || substr(gen_random_uuid()::text, 25, 12))::uuid";
    let newest = "SELECT d.id::text, d.event_id::text FROM webhook_deliveries d
                  JOIN webhook_attempts a ON a.workspace_id = d.workspace_id AND a.delivery_id = d.id
                  WHERE d.state = 'succeeded' ORDER BY d.created_at DESC LIMIT 1";
    let row = bench.database.query_one(newest, &[]).await.context("a delivery that was made")?;
    let (delivery, event): (String, String) = (row.get(0), row.get(1));
    let (mut script, mut variables) = (String::from("BEGIN;\n"), Vec::new());
    for (table, key, value, returning) in [
        ("webhook_payloads", "event_id", &event, " RETURNING event_id AS event \\gset"),
        ("webhook_deliveries", "id", &delivery, " RETURNING id AS delivery \\gset"),
        ("webhook_attempts", "delivery_id", &delivery, ";"),
    ] {
        let columns = "SELECT column_name::text FROM information_schema.columns
                        WHERE table_schema = 'public' AND table_name = $1 ORDER BY ordinal_position";
        let columns: Vec<String> =
            bench.database.query(columns, &[&table]).await?.iter().map(|row| row.get(0)).collect();
        let texts: Vec<String> = columns.iter().map(|column| format!("{column}::text")).collect();
        let sql = format!("SELECT {} FROM {table} WHERE {key} = $1::text::uuid LIMIT 1", texts.join(", "));
        let row = bench.database.query_one(&sql, &[value]).await.context(sql)?;
        let (mut names, mut values) = (Vec::new(), Vec::new());
        for (index, column) in columns.iter().enumerate() {
            let Some(value) = row.get::<_, Option<String>>(index) else { continue };
            names.push(column.as_str());
            values.push(match (table, column.as_str()) {
                ("webhook_payloads", "event_id") | (_, "id") => KEY.to_owned(),
                (_, "event_id") => ":event".to_owned(),
                (_, "delivery_id") => ":delivery".to_owned(),
                _ => {
                    let name = format!("{table}_{column}");
                    variables.push((name.clone(), value));
                    format!(":{name}")
                }
            });
        }
        let (names, values) = (names.join(", "), values.join(", "));
        // Writing to a string cannot fail.
        let _ = writeln!(script, "INSERT INTO {table} ({names}) VALUES ({values}){returning}");
    }
    script.push_str("COMMIT;\n");
    Ok((script, variables))
}
