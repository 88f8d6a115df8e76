//! Which statements the service sends for a request, read from the log of the database: so pgbench runs what is
//! really sent, whatever the service becomes.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio_postgres::Client;

use crate::http::Connection;

/// How long a setting of the server or a line of its log may take to show.
const PATIENCE: Duration = Duration::from_millis(500);

/// A statement with the values of its parameters, as the log writes them; `None` is null.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) sql: String,
    pub(crate) values: Vec<Option<String>>,
}

/// The log of the database.
#[derive(Debug)]
pub(crate) struct Log<'a> {
    database: &'a Client,
    path: &'a Path,
}

impl<'a> Log<'a> {
    pub(crate) fn new(database: &'a Client, path: &'a Path) -> Self {
        Self { database, path }
    }

    /// The statements that each of some requests leads to, of those that contain a text.
    pub(crate) async fn of(
        &self,
        requests: &[Vec<u8>],
        crm: &mut Connection,
        with: &str,
    ) -> anyhow::Result<Vec<Vec<Sent>>> {
        self.all_statements(true).await?;
        let mut sent = Vec::new();
        for request in requests {
            let mut log = File::open(self.path).context("the log of the database")?;
            log.seek(SeekFrom::End(0))?;
            crm.send(request).await?;
            let mut text = String::new();
            log.read_to_string(&mut text)?;
            let statements: Vec<Sent> =
                parse(&text).into_iter().filter(|statement| statement.sql.contains(with)).collect();
            if statements.is_empty() {
                bail!("the log names no statement with {with:?}");
            }
            sent.push(statements);
        }
        self.all_statements(false).await?;
        Ok(sent)
    }

    /// Lets the server log everything or only what it is configured to.
    async fn all_statements(&self, all: bool) -> anyhow::Result<()> {
        let setting = if all { "= 0" } else { "TO DEFAULT" };
        self.database
            .batch_execute(&format!("ALTER SYSTEM SET log_min_duration_statement {setting}"))
            .await?;
        self.database.batch_execute("SELECT pg_reload_conf()").await?;
        // Each server process reads the setting before its next command, once it has got the signal.
        tokio::time::sleep(PATIENCE).await;
        Ok(())
    }
}

/// Reads `… LOG:  duration: … ms  execute <name>: <sql>` and the `DETAIL:  parameters: $1 = '…', …` behind it.
fn parse(log: &str) -> Vec<Sent> {
    let mut sent: Vec<Sent> = Vec::new();
    let mut lines = log.lines().peekable();
    while let Some(line) = lines.next() {
        let Some((_, statement)) = line.split_once(" ms  execute ") else { continue };
        let Some((_, sql)) = statement.split_once(": ") else { continue };
        let detail = lines.peek().and_then(|line| line.split_once("DETAIL:  parameters: "));
        let values = detail.map_or_else(Vec::new, |(_, parameters)| values(parameters));
        sent.push(Sent { sql: sql.to_owned(), values });
    }
    sent
}

/// Reads `$1 = 'it''s', $2 = NULL`.
fn values(mut text: &str) -> Vec<Option<String>> {
    let mut values = Vec::new();
    while let Some((_, rest)) = text.split_once(" = ") {
        let Some(quoted) = rest.strip_prefix('\'') else {
            values.push(None);
            text = rest;
            continue;
        };
        let mut value = String::new();
        let mut left = quoted.chars();
        while let Some(letter) = left.next() {
            if letter == '\'' && !left.as_str().starts_with('\'') {
                break;
            }
            if letter == '\'' {
                left.next();
            }
            value.push(letter);
        }
        values.push(Some(value));
        text = left.as_str();
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_and_their_values_are_read_from_the_log() {
        let log = "2026-01-01 00:00:00 UTC [7] LOG:  duration: 0.020 ms  bind s1: SELECT $1, $2, $3\n\
                   2026-01-01 00:00:00 UTC [7] LOG:  duration: 0.120 ms  execute s1: SELECT $1, $2, $3\n\
                   2026-01-01 00:00:00 UTC [7] DETAIL:  parameters: $1 = 'it''s = x', $2 = NULL, $3 = ''\n\
                   2026-01-01 00:00:00 UTC [7] LOG:  duration: 0.020 ms  bind s2: SELECT $1\n\
                   2026-01-01 00:00:00 UTC [7] DETAIL:  parameters: $1 = '1'\n";
        let sent = parse(log);
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].sql, "SELECT $1, $2, $3");
        assert_eq!(sent[0].values, [Some("it's = x".to_owned()), None, Some(String::new())]);
    }
}
