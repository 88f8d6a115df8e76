//! The same statements without a service: pgbench, with statements prepared and values bound.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, ensure};
use tokio::process::Command;

use crate::sent::Sent;

/// How pgbench is run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pgbench<'a> {
    pub(crate) program: &'a Path,
    pub(crate) database: &'a str,
    pub(crate) scratch: &'a Path,
    pub(crate) connections: usize,
    pub(crate) seconds: u64,
}

/// Scripts that take turns at random, and the values of their variables.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scripts {
    scripts: Vec<String>,
    variables: Vec<(String, String)>,
}

impl Scripts {
    /// One script for the statements of each request; every parameter becomes a variable, which pgbench binds.
    pub(crate) fn of(requests: &[Vec<Sent>]) -> Self {
        let mut all = Self::default();
        for statements in requests {
            let script = statements.iter().map(|sent| all.statement(sent) + ";\n").collect();
            all.scripts.push(script);
        }
        all
    }

    /// A script as it is written, and the values of its variables.
    pub(crate) fn one(script: String, variables: Vec<(String, String)>) -> Self {
        Self { scripts: vec![script], variables }
    }

    fn statement(&mut self, sent: &Sent) -> String {
        let mut parts = sent.sql.split('$');
        let mut sql = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let digits = part.chars().take_while(char::is_ascii_digit).count();
            let (number, rest) = part.split_at(digits);
            let value = number.parse::<usize>().ok().and_then(|number| sent.values.get(number - 1));
            match value {
                Some(Some(value)) => {
                    let name = format!("v{}", self.variables.len());
                    // Writing to a string cannot fail.
                    let _ = write!(sql, ":{name}{rest}");
                    self.variables.push((name, value.clone()));
                }
                Some(None) => sql.push_str(&format!("NULL{rest}")),
                None => sql.push_str(&format!("${part}")),
            }
        }
        sql
    }
}

impl Pgbench<'_> {
    /// Runs it for its time, and returns transactions per second.
    pub(crate) async fn run(&self, name: &str, scripts: &Scripts) -> anyhow::Result<f64> {
        let mut command = Command::new(self.program);
        let (connections, seconds) = (self.connections.to_string(), self.seconds.to_string());
        command.args(["-M", "prepared", "-n", "-j", "2", "-c", &connections, "-T", &seconds]);
        for (index, script) in scripts.scripts.iter().enumerate() {
            let file = self.scratch.join(format!("{name}-{index}.sql"));
            std::fs::write(&file, script)?;
            command.arg("-f").arg(file);
        }
        for (name, value) in &scripts.variables {
            command.arg("-D").arg(format!("{name}={value}"));
        }
        let output = command.arg(self.database).output().await.context("pgbench")?;
        let text = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "pgbench failed: {errors}");
        ensure!(!errors.contains("ERROR"), "pgbench met errors: {errors}");
        let tps = text.lines().find_map(|line| line.strip_prefix("tps = "));
        let tps = tps.and_then(|line| line.split(' ').next()).context("pgbench says no tps")?;
        Ok(tps.parse()?)
    }
}
