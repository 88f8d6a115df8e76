//! A connection to the database with its statements prepared: opened when it is needed, and again after it broke.
//!
//! Each part of the work has one of its own and uses it alone: nothing waits for a pool, and a statement is parsed once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::{Duration, Instant};

use anyhow::Context;
use pulse_store::Settings;
use secrecy::{ExposeSecret, SecretString};
use tokio::task::JoinSet;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Row, Statement};

/// Opening takes this long at most, and so does a statement: a database that hangs must not hold a batch forever.
const PATIENCE: Duration = Duration::from_secs(30);

/// Every statement looks rows up by keys that come in arrays or along an index, however large the tables are. The planner
/// cannot know that of an array it has not seen, and must not be tempted by a table that happens to be small.
const PLANS: &str = "
    SET plan_cache_mode TO force_generic_plan;
    SET enable_seqscan TO off;
    SET enable_hashjoin TO off;
    SET enable_mergejoin TO off;
    SET jit TO off";

/// A plan is used for this long. Which index it takes depends on how large the tables were when it was made, and one that
/// was made while a table was empty may read all of a workspace for each key: PostgreSQL itself plans again only after it
/// has analysed the table, a minute later.
const PLAN_AGE: Duration = Duration::from_secs(1);

/// The values of a statement.
pub(crate) type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A connection.
#[derive(Debug)]
pub(crate) struct Link {
    url: SecretString,
    unsynced: bool,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    client: Client,
    statements: HashMap<&'static str, Statement>,
    planned_at: Instant,
    /// Does the network's part of the work, and ends with this.
    _driver: JoinSet<()>,
}

impl Link {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self { url: settings.url.clone(), unsynced: false, open: None }
    }

    /// Commits without waiting for the disk. What the last moments before a crash of the database have written may be
    /// lost then.
    pub(crate) fn unsynced(settings: &Settings) -> Self {
        Self { unsynced: true, ..Self::new(settings) }
    }

    /// Runs statements without values, all or none of them.
    pub(crate) async fn execute(&mut self, sql: &str) -> anyhow::Result<()> {
        let open = match &mut self.open {
            Some(open) => open,
            None => self.open.insert(open(self.url.expose_secret(), self.unsynced).await?),
        };
        let done = open.client.batch_execute(sql).await;
        if done.is_err() {
            self.open = None;
        }
        Ok(done?)
    }

    /// Runs a statement and returns its rows. The connection is given up after any failure.
    pub(crate) async fn query(
        &mut self,
        sql: &'static str,
        parameters: Parameters<'_>,
    ) -> anyhow::Result<Vec<Row>> {
        let rows = tokio::time::timeout(PATIENCE, self.try_query(sql, parameters))
            .await
            .unwrap_or_else(|_| Err(anyhow::anyhow!("the database does not answer")));
        if rows.is_err() {
            self.open = None;
        }
        rows
    }

    async fn try_query(&mut self, sql: &'static str, parameters: Parameters<'_>) -> anyhow::Result<Vec<Row>> {
        let open = match &mut self.open {
            Some(open) => open,
            None => self.open.insert(open(self.url.expose_secret(), self.unsynced).await?),
        };
        if open.planned_at.elapsed() > PLAN_AGE {
            open.client.batch_execute("DISCARD PLANS").await?;
            open.planned_at = Instant::now();
        }
        let statement = match open.statements.entry(sql) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(open.client.prepare(sql).await?),
        };
        Ok(open.client.query(&*statement, parameters).await?)
    }
}

async fn open(url: &str, unsynced: bool) -> anyhow::Result<Open> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.context("the database is away")?;
    let mut driver = JoinSet::new();
    driver.spawn(async move {
        if let Err(error) = connection.await {
            tracing::warn!(%error, "a database connection was lost");
        }
    });
    client.batch_execute(PLANS).await?;
    if unsynced {
        client.batch_execute("SET synchronous_commit TO off").await?;
    }
    Ok(Open { client, statements: HashMap::new(), planned_at: Instant::now(), _driver: driver })
}

/// Whether a failure is the fault of a value, so that the same statement can never succeed: data exception, integrity
/// constraint, program limit.
pub(crate) fn is_about_data(error: &anyhow::Error) -> bool {
    const CLASSES: [&str; 3] = ["22", "23", "54"];
    error
        .downcast_ref::<tokio_postgres::Error>()
        .and_then(tokio_postgres::Error::code)
        .is_some_and(|code| CLASSES.iter().any(|class| code.code().starts_with(class)))
}

#[cfg(test)]
mod tests {
    use pulse_testing::Database;
    use uuid::Uuid;

    use super::*;

    /// Its rows are as wide as those of deliveries: an empty table is taken for ten pages, and that is few of them.
    const TABLE: &str = "
        CREATE TABLE kept (workspace uuid, id uuid, at timestamptz, body char(400));
        CREATE UNIQUE INDEX by_id ON kept (workspace, id);
        CREATE INDEX by_time ON kept (workspace, at)";
    const FILL: &str = "
        INSERT INTO kept SELECT '00000000-0000-0000-0000-000000000000', gen_random_uuid(), now()
          FROM generate_series(1, 10000)";
    const FIND: &str = "
        SELECT kept.at FROM unnest($1::uuid[], $2::uuid[]) AS asked (workspace, id)
          JOIN kept ON kept.workspace = asked.workspace AND kept.id = asked.id";

    /// The index that the cached plan takes.
    async fn index(link: &mut Link) -> &'static str {
        link.query(FIND, &[&[Uuid::nil()].as_slice(), &[Uuid::nil()].as_slice()]).await.expect("a look");
        let client = &link.open.as_ref().expect("it is open").client;
        let named = "SELECT name FROM pg_prepared_statements WHERE statement = $1";
        let name: String = client.query_one(named, &[&FIND]).await.expect("it is prepared").get(0);
        let explain = format!("EXPLAIN EXECUTE {name} (NULL, NULL)");
        let plan = client.query(&explain, &[]).await.expect("a plan");
        let plan: String = plan.iter().map(|row| row.get::<_, String>(0)).collect();
        ["by_id", "by_time"].into_iter().find(|index| plan.contains(index)).expect(&plan)
    }

    #[tokio::test]
    async fn a_plan_that_was_made_while_a_table_was_empty_is_made_anew() {
        let mut link = Link::new(&Database::empty().await.settings());
        link.execute(TABLE).await.expect("a table");
        assert_eq!(index(&mut link).await, "by_time", "it reads all of a workspace");
        link.execute(FILL).await.expect("rows");
        assert_eq!(index(&mut link).await, "by_time", "PostgreSQL keeps it");

        link.open.as_mut().expect("it is open").planned_at -= PLAN_AGE * 2;

        assert_eq!(index(&mut link).await, "by_id");
    }
}
