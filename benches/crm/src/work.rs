//! The three kinds of requests, each with the answer it must get and the statements it is compared with.

use std::net::SocketAddr;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::fill::{Workspace, searches};
use crate::http::{Answer, Connection, request};
use crate::pgbench::Scripts;
use crate::sent::Log;

/// How many contacts are asked for by their id, in turn.
const SHOWN: i64 = 48;

/// Tables that a new contact leaves one row in each.
pub(crate) const WRITTEN: &[&str] = &["contacts", "events", "audit_log"];

/// Work that is measured.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) name: &'static str,
    /// What the ratio has to reach.
    pub(crate) bar: f64,
    pub(crate) requests: Requests,
    pub(crate) bare: Scripts,
}

/// Requests, and what is expected of their answers.
#[derive(Debug)]
pub(crate) enum Requests {
    /// In turn; each is answered by the same bytes every time, which were compared with the database once.
    Reads(Vec<(Vec<u8>, Vec<u8>)>),
    /// Each creates a contact of its own.
    Creates {
        /// The value of `Authorization`.
        token: String,
        /// Tells the contacts of this run from those of others.
        run: String,
    },
}

impl Requests {
    /// The request of a number.
    pub(crate) fn make(&self, number: usize) -> Vec<u8> {
        match self {
            Self::Reads(reads) => reads[number % reads.len()].0.clone(),
            Self::Creates { token, run } => creation(token, run, number),
        }
    }

    /// Whether that is the answer to the request of a number.
    pub(crate) fn check(&self, number: usize, answer: &Answer<'_>) -> anyhow::Result<()> {
        match self {
            Self::Reads(reads) => {
                let same = answer.status == 200 && answer.body == reads[number % reads.len()].1;
                ensure!(same, "{}: {}", answer.status, String::from_utf8_lossy(answer.body));
            }
            Self::Creates { run, .. } => {
                let created = answer.status == 201 && answer.header("location").is_some();
                let named = format!("\"email\":\"{run}-{number}@new.example\"");
                let body = std::str::from_utf8(answer.body)?;
                ensure!(created && body.contains(&named), "{}: {body}", answer.status);
            }
        }
        Ok(())
    }
}

/// P1: 25 contacts whose last name contains something, newest first.
pub(crate) async fn list(
    crm: SocketAddr,
    token: &str,
    database: &Client,
    log: &Log<'_>,
    workspace: Workspace,
) -> anyhow::Result<Work> {
    let mut connection = Connection::open(crm).await?;
    let mut reads = Vec::new();
    for search in searches() {
        let path =
            format!("/api/v1/contacts?q%5Blast_name_cont%5D={search}&sort=-created_at&page%5Bsize%5D=25");
        let request = request("GET", &path, Some(token), "");
        let answer = connection.send(&request).await?;
        let document: Value = serde_json::from_slice(answer.body)?;
        ensure!(answer.status == 200, "{document}");
        let sql = "SELECT id::text FROM contacts WHERE workspace_id = $1 AND deleted_at IS NULL
                      AND lower(last_name) LIKE '%' || $2 || '%' ORDER BY created_at DESC";
        let rows = database.query(sql, &[&workspace.0, &search]).await?;
        let expected: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        let found = document["data"].as_array().context("a collection")?;
        let found: Vec<&str> = found.iter().filter_map(|contact| contact["id"].as_str()).collect();
        ensure!(found.len() == 25 && found == expected[..25], "{search}: {found:?} of {expected:?}");
        ensure!(document["meta"]["total"] == expected.len(), "{search}: {}", document["meta"]);
        reads.push((request, answer.body.to_vec()));
    }
    read_work("list", 0.40, reads, &mut connection, log).await
}

/// P2: one contact by its id.
pub(crate) async fn show(
    crm: SocketAddr,
    token: &str,
    database: &Client,
    log: &Log<'_>,
    workspace: Workspace,
) -> anyhow::Result<Work> {
    let mut connection = Connection::open(crm).await?;
    let sql = "SELECT id::text, email FROM contacts WHERE workspace_id = $1 AND deleted_at IS NULL
                ORDER BY id LIMIT $2";
    let mut reads = Vec::new();
    for row in database.query(sql, &[&workspace.0, &SHOWN]).await? {
        let (id, email): (String, String) = (row.get(0), row.get(1));
        let request = request("GET", &format!("/api/v1/contacts/{id}"), Some(token), "");
        let answer = connection.send(&request).await?;
        let document: Value = serde_json::from_slice(answer.body)?;
        let data = &document["data"];
        ensure!(data["id"] == *id && data["attributes"]["email"] == *email, "{document}");
        reads.push((request, answer.body.to_vec()));
    }
    read_work("show", 0.45, reads, &mut connection, log).await
}

async fn read_work(
    name: &'static str,
    bar: f64,
    reads: Vec<(Vec<u8>, Vec<u8>)>,
    connection: &mut Connection,
    log: &Log<'_>,
) -> anyhow::Result<Work> {
    let requests: Vec<_> = reads.iter().map(|(request, _)| request.clone()).collect();
    let sent = log.of(&requests, connection, "FROM contacts").await?;
    if let Some(statements) = sent.first() {
        for statement in statements {
            println!("{name}: {}", statement.sql);
        }
    }
    Ok(Work { name, bar, requests: Requests::Reads(reads), bare: Scripts::of(&sent) })
}

/// P3: a contact with its rows in the journal and in the audit log.
pub(crate) async fn create(
    crm: SocketAddr,
    token: &str,
    database: &Client,
    workspace: Workspace,
) -> anyhow::Result<Work> {
    let run = uuid::Uuid::new_v4().simple().to_string();
    let mut connection = Connection::open(crm).await?;
    let answer = connection.send(&creation(token, &run, 0)).await?;
    let document: Value = serde_json::from_slice(answer.body)?;
    let id = document["data"]["id"].as_str().with_context(|| document.to_string())?;
    let bare = insertion(database, workspace, id).await?;
    let requests = Requests::Creates { token: token.to_owned(), run };
    Ok(Work { name: "create", bar: 0.60, requests, bare })
}

fn creation(token: &str, run: &str, number: usize) -> Vec<u8> {
    let document = json!({ "data": { "type": "contacts", "attributes": {
        "first_name": "Katherine", "last_name": "Thornbridge", "title": "Buyer", "phone": "+44 20 5550100",
        "source": "import", "email": format!("{run}-{number}@new.example"),
    } } });
    request("POST", "/api/v1/contacts", Some(token), &document.to_string())
}

/// A transaction that inserts the rows a contact has left, with keys of their own: in the order of time, as those of
/// the service are.
async fn insertion(database: &Client, workspace: Workspace, contact: &str) -> anyhow::Result<Scripts> {
    const KEY: &str = "(lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') || '7' \
                       || substr(gen_random_uuid()::text, 2, 3) || substr(gen_random_uuid()::text, 20, 4) \
                       || substr(gen_random_uuid()::text, 25, 12))::uuid";
    let mut script = String::from("\\set n random(1, 9000000000000000000)\nBEGIN;\n");
    let mut variables = Vec::new();
    for table in WRITTEN {
        let columns = database
            .query(
                "SELECT column_name::text FROM information_schema.columns
                  WHERE table_schema = 'public' AND table_name = $1 AND is_identity = 'NO'
                    AND is_generated = 'NEVER' ORDER BY ordinal_position",
                &[table],
            )
            .await?;
        let columns: Vec<String> = columns.iter().map(|row| row.get(0)).collect();
        let texts: Vec<String> = columns.iter().map(|column| format!("{column}::text")).collect();
        let key = if *table == "contacts" { "id" } else { "record_id" };
        let sql = format!(
            "SELECT {} FROM {table} WHERE workspace_id = $1 AND {key} = $2::text::uuid",
            texts.join(", ")
        );
        let row = database.query_one(&sql, &[&workspace.0, &contact]).await.context(sql)?;
        let (mut names, mut values) = (Vec::new(), Vec::new());
        for (index, column) in columns.iter().enumerate() {
            let Some(value) = row.get::<_, Option<String>>(index) else { continue };
            let value = match (*table, column.as_str()) {
                (_, "id") => KEY.to_owned(),
                (_, "record_id") => ":contact".to_owned(),
                ("contacts", "email") => "'bare-' || :n || '@new.example'".to_owned(),
                _ => {
                    let name = format!("{table}_{column}");
                    variables.push((name.clone(), value));
                    format!(":{name}")
                }
            };
            names.push(column.as_str());
            values.push(value);
        }
        let returning = if *table == "contacts" { " RETURNING id AS contact \\gset" } else { ";" };
        script.push_str(&format!(
            "INSERT INTO {table} ({}) VALUES ({}){returning}\n",
            names.join(", "),
            values.join(", ")
        ));
    }
    script.push_str("COMMIT;\n");
    Ok(Scripts::one(script, variables))
}
