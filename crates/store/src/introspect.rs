//! Writes `schema.rs` from a migrated database, so that the file never says what the database does not.
//!
//! The diesel tool that does this needs the C client library; this reads the catalogue over an ordinary connection.

use std::fmt::Write;

use anyhow::bail;
use tokio_postgres::{Client, NoTls};

const TABLES: &str = "
    SELECT n.nspname, c.relname,
           array_agg(a.attname::text ORDER BY a.attnum),
           array_agg(format_type(a.atttypid, NULL) ORDER BY a.attnum),
           array_agg(NOT a.attnotnull ORDER BY a.attnum),
           (SELECT array_agg(k.attname::text ORDER BY array_position(i.indkey::smallint[], k.attnum))
              FROM pg_index i JOIN pg_attribute k ON k.attrelid = i.indrelid AND k.attnum = ANY (i.indkey)
             WHERE i.indrelid = c.oid AND i.indisprimary)
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE n.nspname IN ('public', 'analytics') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
       AND c.relname NOT LIKE '\\_\\_diesel%'
     GROUP BY n.nspname, c.relname, c.oid
     ORDER BY n.nspname DESC, c.relname";

/// Names that the code diesel makes of a table has for things of its own.
const TAKEN: [&str; 2] = ["columns", "q"];

/// The text of `schema.rs` for the database at an address.
///
/// # Errors
/// As [`schema_file`].
pub async fn schema_of(url: &str) -> anyhow::Result<String> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::select! {
        file = schema_file(&client) => file,
        ended = connection => {
            ended?;
            bail!("the connection was closed")
        }
    }
}

/// The text of `schema.rs` for the database that the client is connected to.
///
/// # Errors
/// When the database is away, or has a column of a type that no mapping is known for.
pub async fn schema_file(client: &Client) -> anyhow::Result<String> {
    let mut file = String::from(
        "//! The tables as the database has them. Written by `make schema`, never by hand; a test compares.\n\n\
         #![expect(missing_docs, reason = \"generated\")]\n",
    );
    let mut tables: Vec<(String, String)> = Vec::new();
    for row in client.query(TABLES, &[]).await? {
        let (schema, table): (String, String) = (row.get(0), row.get(1));
        let columns: Vec<String> = row.get(2);
        let types: Vec<String> = row.get(3);
        let nullable: Vec<bool> = row.get(4);
        let key: Vec<String> = row.get(5);
        let path = if schema == "public" { table.clone() } else { format!("{schema}.{table}") };
        let mut text = format!("diesel::table! {{\n    {path} ({}) {{\n", key.join(", "));
        for ((column, sql_type), nullable) in columns.iter().zip(&types).zip(&nullable) {
            let Some(diesel_type) = diesel_type(sql_type) else {
                bail!("{path}.{column} has the type {sql_type}, which has no mapping");
            };
            let diesel_type =
                if *nullable { format!("Nullable<{diesel_type}>") } else { diesel_type.to_owned() };
            // `type` and the like would not be an identifier in Rust; migrations avoid such names.
            if TAKEN.contains(&column.as_str()) {
                writeln!(text, "        #[sql_name = \"{column}\"]\n        {column}_ -> {diesel_type},")?;
            } else {
                writeln!(text, "        {column} -> {diesel_type},")?;
            }
        }
        text.push_str("    }\n}\n");
        tables.push((schema, text));
    }
    for (_, text) in tables.iter().filter(|(schema, _)| schema == "public") {
        file.push('\n');
        file.push_str(text);
    }
    file.push_str("\n/// Tables of ingest: a schema of their own, perhaps in a database of their own.\npub mod analytics {\n");
    for (index, (_, text)) in tables.iter().filter(|(schema, _)| schema != "public").enumerate() {
        if index > 0 {
            file.push('\n');
        }
        for line in text.lines() {
            writeln!(file, "    {line}")?;
        }
    }
    file.push_str("}\n");
    Ok(file)
}

fn diesel_type(sql_type: &str) -> Option<&'static str> {
    Some(match sql_type {
        "uuid" => "Uuid",
        "text" => "Text",
        "smallint" => "SmallInt",
        "integer" => "Integer",
        "bigint" => "BigInt",
        "numeric" => "Numeric",
        "double precision" => "Double",
        "boolean" => "Bool",
        "date" => "Date",
        "timestamp with time zone" => "Timestamptz",
        "json" => "Json",
        "jsonb" => "Jsonb",
        "bytea" => "Bytea",
        _ => return None,
    })
}
