//! Whoever can write the table, and takes its triggers away, is found out.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use pulse_domain::WorkspaceId;
use pulse_domain::chain::{Hash, Head, Key};
use serde_json::Value;
use tokio_postgres::Client;
use uuid::Uuid;

use super::chain::{verify, write_lines};
use crate::app::App;

/// What is done to the log. Lines and columns are counted around.
#[derive(Clone, Debug)]
enum Tampering {
    /// A column of a line is given another value.
    Change { line: usize, column: usize },
    /// A line is removed, or several from there to the end.
    Remove { line: usize, all_behind: bool },
    /// Two lines take each other's places, with the hashes or without.
    Swap { one: usize, by: usize, hashes: bool },
    /// A copy of a line is put somewhere, and all lines behind it make room.
    Insert { line: usize, behind: usize },
    /// The place of a line is taken from it, so that it waits for another.
    Unchain { line: usize },
    /// The head is set back to a line, and all lines behind it are removed.
    Cut { line: usize },
}

fn tampering() -> impl Strategy<Value = Tampering> {
    let line = 0..100_usize;
    prop_oneof![
        4 => (line.clone(), line.clone()).prop_map(|(line, column)| Tampering::Change { line, column }),
        1 => (line.clone(), any::<bool>()).prop_map(|(line, all_behind)| Tampering::Remove { line, all_behind }),
        1 => (line.clone(), line.clone(), any::<bool>())
            .prop_map(|(one, by, hashes)| Tampering::Swap { one, by, hashes }),
        1 => (line.clone(), line.clone()).prop_map(|(line, behind)| Tampering::Insert { line, behind }),
        1 => line.clone().prop_map(|line| Tampering::Unchain { line }),
        1 => line.prop_map(|line| Tampering::Cut { line }),
    ]
}

/// A service with a chained log of which a copy is kept, and somebody who may do everything.
struct Scene {
    app: App,
    client: Client,
    lines: usize,
    /// Name, type, and whether it may be null.
    columns: Vec<(String, String)>,
}

impl Scene {
    async fn new() -> Self {
        let app = App::spawn_without_relay().await;
        write_lines(&app).await;
        app.keep_up().await;
        let client = app.database.client().await;
        let constraints = "
            SELECT conname FROM pg_constraint WHERE conrelid = 'audit_log'::regclass AND contype IN ('c', 'f')";
        for row in client.query(constraints, &[]).await.expect("the catalogue") {
            let name: String = row.get(0);
            let sql = format!("ALTER TABLE audit_log DROP CONSTRAINT {name}");
            client.batch_execute(&sql).await.expect("a constraint less");
        }
        let free = "
            SET session_replication_role = replica;
            DROP INDEX audit_log_sequence_key;
            CREATE TABLE kept_lines AS TABLE audit_log;
            CREATE TABLE kept_heads AS TABLE audit_heads;";
        client.batch_execute(free).await.expect("a superuser");
        let columns = "
            SELECT column_name::text, data_type::text FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name = 'audit_log' ORDER BY ordinal_position";
        let columns = client.query(columns, &[]).await.expect("the catalogue");
        let columns = columns.iter().map(|row| (row.get(0), row.get(1))).collect();
        let lines = verify(&app, "").await["checked"].as_u64().expect("a number");
        Self { app, client, lines: usize::try_from(lines).expect("a few"), columns }
    }

    /// Puts everything back.
    async fn restore(&self) {
        let sql = "
            TRUNCATE audit_log, audit_heads;
            INSERT INTO audit_log SELECT * FROM kept_lines;
            INSERT INTO audit_heads SELECT * FROM kept_heads;";
        self.client.batch_execute(sql).await.expect("everything is back");
    }

    /// Whether anything is done that way.
    async fn tamper(&self, how: &Tampering) -> bool {
        let place = |index: usize| index % self.lines + 1;
        let sql = match *how {
            Tampering::Change { line, column } => {
                let (name, kind) = &self.columns[column % self.columns.len()];
                change(name, kind, place(line))
            }
            Tampering::Remove { line, all_behind } => {
                let compares = if all_behind { ">=" } else { "=" };
                format!("DELETE FROM audit_log WHERE sequence {compares} {}", place(line))
            }
            Tampering::Swap { one, by, hashes } => {
                let (one, other) = (place(one), place(one + by));
                if one == other {
                    return false;
                }
                let with = if hashes { ", prev_hash = o.prev_hash, hash = o.hash" } else { "" };
                format!(
                    "UPDATE audit_log l SET sequence = o.sequence{with} FROM audit_log o
                      WHERE l.sequence IN ({one}, {other}) AND o.sequence IN ({one}, {other}) AND l.id <> o.id"
                )
            }
            Tampering::Insert { line, behind } => {
                let columns: Vec<&str> = self.columns.iter().map(|(name, _)| name.as_str()).collect();
                let values = columns.iter().map(|name| match *name {
                    "id" => "gen_random_uuid()".to_owned(),
                    "sequence" => (place(behind) + 1).to_string(),
                    name => name.to_owned(),
                });
                format!(
                    "UPDATE audit_log SET sequence = sequence + 1 WHERE sequence > {behind};
                     INSERT INTO audit_log ({}) SELECT {} FROM kept_lines WHERE sequence = {};",
                    columns.join(", "),
                    values.collect::<Vec<_>>().join(", "),
                    place(line),
                    behind = place(behind),
                )
            }
            Tampering::Unchain { line } => format!(
                "UPDATE audit_log SET sequence = NULL, prev_hash = NULL, hash = NULL WHERE sequence = {}",
                place(line)
            ),
            Tampering::Cut { line } => {
                let last = place(line) - 1;
                if last == 0 {
                    return false;
                }
                format!(
                    "UPDATE audit_heads h SET sequence = l.sequence, hash = l.hash FROM audit_log l
                      WHERE l.sequence = {last};
                     DELETE FROM audit_log WHERE sequence > {last};"
                )
            }
        };
        self.client.batch_execute(&sql).await.unwrap_or_else(|fault| panic!("{sql}: {fault:?}"));
        true
    }

    async fn is_found(&self, how: &Tampering) -> Result<(), TestCaseError> {
        let tampered = self.tamper(how).await;
        let found = verify(&self.app, "").await;
        self.restore().await;
        prop_assert_eq!(&found["valid"], &Value::Bool(!tampered), "{}", found);
        Ok(())
    }
}

/// Another value for a column, whatever it has.
fn change(name: &str, kind: &str, place: usize) -> String {
    let other = match kind {
        "uuid" => "gen_random_uuid()".to_owned(),
        "bigint" => format!("{name} + 1000"),
        "timestamp with time zone" => format!("{name} + interval '1 microsecond'"),
        "json" => format!("json_build_object('was', {name}::text)"),
        _ => format!("coalesce({name}, '') || 'x'"),
    };
    format!("UPDATE audit_log SET {name} = {other} WHERE sequence = {place}")
}

#[tokio::test]
async fn no_column_of_a_line_can_be_changed_or_emptied_unnoticed() {
    let scene = Scene::new().await;
    for (name, kind) in &scene.columns {
        let emptied = format!("ALTER TABLE audit_log ALTER {name} DROP NOT NULL");
        // A column of the key cannot be empty.
        let may_be_empty = scene.client.batch_execute(&emptied).await.is_ok();
        for place in 1..=scene.lines {
            let mut ways = vec![change(name, kind, place)];
            if may_be_empty {
                ways.push(format!("UPDATE audit_log SET {name} = NULL WHERE sequence = {place}"));
            }
            for sql in ways {
                scene.client.batch_execute(&sql).await.unwrap_or_else(|fault| panic!("{sql}: {fault:?}"));
                let differs = "
                    SELECT count(*) FROM kept_lines k WHERE NOT EXISTS (
                        SELECT FROM audit_log l WHERE l.id = k.id AND l *= k
                    )";
                let differs: i64 = scene.client.query_one(differs, &[]).await.expect("a count").get(0);
                let answer = scene.app.get("/api/v1/audit_log/verify").await;
                // A line without what every line has cannot even be read.
                let valid = answer.status == 200 && answer.json["meta"]["valid"] == true;
                scene.restore().await;
                assert_eq!(valid, differs == 0, "{sql}: {}", answer.json);
            }
        }
    }
}

#[test]
fn no_line_can_be_changed_removed_moved_or_put_in_unnoticed() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let scene = runtime.block_on(Scene::new());
    let config = ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() };
    let found = TestRunner::new(config).run(&tampering(), |how| runtime.block_on(scene.is_found(&how)));
    found.unwrap_or_else(|missed| panic!("{missed}"));
}

#[tokio::test]
async fn who_makes_the_whole_chain_anew_lacks_the_key_of_the_head() {
    let scene = Scene::new().await;
    let workspace = "SELECT workspace_id, hash FROM audit_log WHERE sequence = 1";
    let row = scene.client.query_one(workspace, &[]).await.expect("a line");
    let (workspace, hash): (Uuid, String) = (row.get(0), row.get(1));
    // One line is left, which is good in itself, and the head names it.
    let head = Head { sequence: 1, hash: Hash::from_hex(&hash).expect("a hash") };
    let proof = head.proof(WorkspaceId(workspace), &Key::new(&[0; 32]));
    scene.client.batch_execute("DELETE FROM audit_log WHERE sequence > 1").await.expect("gone");
    let sql = "UPDATE audit_heads SET sequence = 1, hash = $1, proof = $2";
    scene.client.execute(sql, &[&hash, &proof]).await.expect("a head");

    let found = verify(&scene.app, "").await;
    assert_eq!((&found["valid"], &found["first_broken"]["reason"]), (&false.into(), &"head".into()));
    scene.app.create("contacts", serde_json::json!({ "first_name": "Ada" })).await;
    scene.app.keep_up().await;
    assert_eq!(verify(&scene.app, "").await["unchained"], 1, "nothing goes on from a head that is not ours");
}
