//! The migrations, embedded: `crm` in the schema `public`, `analytics` in a schema of its own that may live in another
//! database.

use anyhow::{Context, anyhow};
use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use diesel_async::{AsyncMigrationHarness, AsyncPgConnection, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::pool;

const CRM: EmbeddedMigrations = embed_migrations!("../../migrations/crm");
const ANALYTICS: EmbeddedMigrations = embed_migrations!("../../migrations/analytics");

/// Held while migrating, so that processes that start together take turns; diesel itself takes no lock.
const LOCK: i64 = 0x0070_756c_7365;

/// Brings both sets of tables up to date and returns the names of the migrations that ran.
///
/// # Errors
/// When a database is away or a migration fails; those before it stay applied.
pub async fn run(database_url: &str, analytics_url: &str) -> anyhow::Result<Vec<String>> {
    let mut ran = up(prepare(database_url, "public").await?, CRM).await?;
    ran.extend(up(prepare(analytics_url, "analytics").await?, ANALYTICS).await?);
    Ok(ran)
}

/// Takes every migration back, newest first: what each `down.sql` is tested with.
///
/// # Errors
/// When a database is away or a migration fails.
pub async fn revert_all(database_url: &str, analytics_url: &str) -> anyhow::Result<()> {
    down(prepare(analytics_url, "analytics").await?, ANALYTICS)?;
    down(prepare(database_url, "public").await?, CRM)
}

/// Names of the migrations this program carries.
///
/// # Panics
/// Never: the embedded migrations were read when the program was built.
#[must_use]
pub fn names() -> Vec<String> {
    [CRM, ANALYTICS]
        .iter()
        .flat_map(|set| MigrationSource::<Pg>::migrations(set).expect("embedded migrations are readable"))
        .map(|migration| migration.name().to_string())
        .collect()
}

async fn prepare(url: &str, schema: &str) -> anyhow::Result<AsyncPgConnection> {
    let mut connection = pool::connect(url).await.context("cannot reach the database to migrate")?;
    connection
        .batch_execute(&format!(
            "SELECT pg_advisory_lock({LOCK}); CREATE SCHEMA IF NOT EXISTS {schema}; SET search_path TO {schema};"
        ))
        .await?;
    Ok(connection)
}

async fn up(connection: AsyncPgConnection, set: EmbeddedMigrations) -> anyhow::Result<Vec<String>> {
    let mut harness = AsyncMigrationHarness::new(connection);
    let ran = harness
        .run_pending_migrations(set)
        .map_err(|error| anyhow!(error))
        .context("a migration failed")?
        .iter()
        .map(ToString::to_string)
        .collect();
    harness.into_inner().batch_execute(&format!("SELECT pg_advisory_unlock({LOCK})")).await?;
    Ok(ran)
}

fn down(connection: AsyncPgConnection, set: EmbeddedMigrations) -> anyhow::Result<()> {
    AsyncMigrationHarness::new(connection)
        .revert_all_migrations(set)
        .map_err(|error| anyhow!(error))
        .context("a migration cannot be taken back")?;
    Ok(())
}
