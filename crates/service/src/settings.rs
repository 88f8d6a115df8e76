//! Settings: compiled-in defaults < file < environment (`PULSE_SECTION__FIELD`). Unknown keys are errors, so that a
//! misspelt one shows itself at the start and not in production.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use config::{Config, Environment, File, FileFormat, Value, ValueKind};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::network::Networks;

/// Section `[http]` of a service.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// Proxies whose `X-Forwarded-For` and `X-Request-Id` are believed: networks, separated by commas.
    #[serde(default)]
    pub trusted_proxies: Networks,
    /// Threads that serve requests; one per core where it is not set.
    #[serde(default)]
    pub workers: Option<usize>,
    /// How long requests under way may take to finish when the service stops, in seconds.
    #[serde(default = "shutdown_seconds")]
    pub shutdown_seconds: u64,
    /// For how long browsers shall only come over TLS, in seconds: set where all of the gateway's users do. 0 says
    /// nothing.
    #[serde(default)]
    pub strict_transport_seconds: u64,
    /// What one client may take.
    #[serde(default)]
    pub bounds: Bounds,
}

/// Section `[http.bounds]` of a service: what one client may take.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bounds {
    /// Bytes of a path with its query. 414 beyond.
    pub uri_bytes: usize,
    /// Bytes of all headers. 431 beyond.
    pub header_bytes: usize,
    /// Headers. 431 beyond.
    pub headers: usize,
    /// Bytes of a body. 413 beyond.
    pub body_bytes: usize,
    /// How long the head of the first request of a connection may take, in seconds. 408 beyond.
    pub head_seconds: u64,
    /// How long a body may take, from its first byte to its last, in seconds. 408 beyond.
    pub body_seconds: u64,
    /// How long a connection stays open between two requests, in seconds. Longer than the gateway keeps it, so that it
    /// never writes to one that has just been closed.
    pub idle_seconds: u64,
    /// Connections at once. Others wait until one is closed.
    pub connections: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            uri_bytes: 32 * 1_024,
            header_bytes: 64 * 1_024,
            headers: 64,
            body_bytes: 1_024 * 1_024,
            head_seconds: 10,
            body_seconds: 30,
            idle_seconds: 75,
            connections: 8_192,
        }
    }
}

const fn shutdown_seconds() -> u64 {
    20
}

/// Section `[telemetry]` of a service.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    /// What is logged, in the notation of tracing: `info,lapin=warn`.
    pub log: String,
    /// `json`, one object per line, or `text` for people.
    #[serde(default)]
    pub format: Format,
    /// OTLP over HTTP: where traces are sent to. Not sent where it is not set.
    #[serde(default)]
    pub otlp_endpoint: Option<String>,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// One JSON object per line.
    #[default]
    Json,
    /// For people.
    Text,
}

/// Reads the settings of a service.
///
/// # Errors
/// When a file cannot be read, a key is unknown, or a value is missing or of the wrong kind; the message names it.
pub fn load<T: DeserializeOwned>(defaults: &str, file: Option<&Path>) -> anyhow::Result<T> {
    merged(defaults, file, Environment::default())?.try_deserialize().context("settings")
}

/// The settings as they stand, one `section.field = value` per line, with secrets masked.
///
/// # Errors
/// When a file cannot be read.
pub fn print(defaults: &str, file: Option<&Path>) -> anyhow::Result<String> {
    let mut lines = Vec::new();
    collect("", merged(defaults, file, Environment::default())?.cache, &mut lines);
    lines.sort();
    Ok(lines.join("\n"))
}

/// What every service understands on its command line.
// Without a name of its own for clap, so that it can stand in any program.
#[derive(Clone, Debug, Default, clap::Args)]
#[group(skip)]
pub struct Arguments {
    /// A TOML file with settings, between the defaults and the environment.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Prints the settings as they stand, with secrets masked, and exits.
    #[arg(long, global = true)]
    pub print_settings: bool,
}

fn merged(defaults: &str, file: Option<&Path>, environment: Environment) -> anyhow::Result<Config> {
    let mut builder = Config::builder().add_source(File::from_str(defaults, FileFormat::Toml));
    if let Some(path) = file {
        builder = builder.add_source(File::from(path).format(FileFormat::Toml));
    }
    builder
        .add_source(environment.prefix("PULSE").prefix_separator("_").separator("__"))
        .build()
        .context("settings cannot be read")
}

fn collect(path: &str, value: Value, lines: &mut Vec<String>) {
    match value.kind {
        ValueKind::Table(table) => {
            for (key, value) in table {
                let path = if path.is_empty() { key } else { format!("{path}.{key}") };
                collect(&path, value, lines);
            }
        }
        _ => lines.push(format!("{path} = {}", masked(path, &value.to_string()))),
    }
}

/// A key that ends in one of these is a secret; of an address only user information is.
fn masked(path: &str, value: &str) -> String {
    let name = path.rsplit(['.', '_']).next().unwrap_or(path);
    if ["key", "keys", "secret", "password", "token"].contains(&name) {
        return "***".into();
    }
    match url::Url::parse(value) {
        Ok(mut url) if url.password().is_some() => {
            // Fails only for addresses that cannot have a password.
            let _ = url.set_password(Some("***"));
            url.to_string()
        }
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Settings {
        database: Section,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Section {
        url: String,
        connections: u32,
    }

    const DEFAULTS: &str = "[database]\nurl = 'postgres://a:b@c/d'\nconnections = 4";

    fn load(variables: &[(&str, &str)]) -> anyhow::Result<Settings> {
        let variables: HashMap<String, String> =
            variables.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let environment = Environment::default().source(Some(variables));
        Ok(merged(DEFAULTS, None, environment)?.try_deserialize()?)
    }

    #[test]
    fn the_environment_wins_over_the_defaults() {
        let settings = load(&[("PULSE_DATABASE__CONNECTIONS", "9"), ("UNRELATED", "x")]).expect("valid");
        assert_eq!(
            (settings.database.url.as_str(), settings.database.connections),
            ("postgres://a:b@c/d", 9)
        );
    }

    #[test]
    fn a_misspelt_key_and_a_wrong_value_are_named() {
        let error = load(&[("PULSE_DATABASE__CONNECTION", "9")]).expect_err("unknown key").to_string();
        assert!(error.contains("connection"), "{error}");
        let error = load(&[("PULSE_DATABASE__CONNECTIONS", "many")]).expect_err("not a number").to_string();
        assert!(error.contains("connections"), "{error}");
    }

    #[test]
    fn secrets_are_masked_when_printed() {
        assert_eq!(masked("database.url", "postgres://a:b@c/d"), "postgres://a:***@c/d");
        assert_eq!(masked("security.master_key", "abc"), "***");
        assert_eq!(masked("http.listen", "127.0.0.1:1"), "127.0.0.1:1");
    }
}
