//! Workspaces and their subscriptions, as crm-api would make them.

use pulse_domain::WorkspaceId;
use pulse_domain::token::{self, Purpose};
use uuid::Uuid;

use crate::Bench;

/// Removes what an earlier measurement has left.
pub(crate) async fn start_afresh(bench: &Bench) -> anyhow::Result<()> {
    bench
        .database
        .batch_execute(
            "TRUNCATE webhook_attempts, webhook_deliveries, webhook_payloads, webhook_endpoints, webhook_recoveries,
                 webhook_subscriptions;
             DELETE FROM events WHERE workspace_id IN (SELECT id FROM workspaces WHERE name = 'Bench webhooks');
             DELETE FROM workspaces WHERE name = 'Bench webhooks'",
        )
        .await?;
    Ok(bench.database.batch_execute("VACUUM events").await?)
}

/// A workspace with a subscription to everything for each path of the sink.
pub(crate) async fn subscribe(bench: &Bench, paths: &[String]) -> anyhow::Result<WorkspaceId> {
    let workspace = WorkspaceId::generate();
    let sql = "INSERT INTO workspaces (id, name) VALUES ($1, 'Bench webhooks')";
    bench.database.execute(sql, &[&workspace.0]).await?;
    for path in paths {
        let (id, secret) = (Uuid::now_v7(), Purpose::Webhook.generate());
        let sealed = bench.key.seal(id.as_bytes(), secret.as_bytes());
        let sql = "INSERT INTO webhook_subscriptions
                       (workspace_id, id, url, event_types, secret_sealed, secret_hint)
                   VALUES ($1, $2, $3, '[\"*\"]', $4, $5)";
        let (url, hint) = (bench.sink.url(path), token::hint(&secret));
        bench.database.execute(sql, &[&workspace.0, &id, &url, &sealed, &hint]).await?;
    }
    // As crm-api does after a change.
    bench.database.batch_execute("NOTIFY pulse_webhook_subscriptions").await?;
    Ok(workspace)
}
