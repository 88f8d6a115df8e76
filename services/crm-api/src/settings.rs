//! Settings of crm-api; `settings.default.toml` has the defaults.

use pulse_jsonapi::ransack::Strictness;
use std::num::NonZeroU32;
use std::path::PathBuf;

use pulse_service::credential::SessionKeys;
use pulse_service::settings::{Http, Telemetry};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::cors::Origins;

/// The compiled-in defaults.
pub const DEFAULTS: &str = include_str!("../settings.default.toml");

/// All settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where requests come in.
    pub http: Http,
    /// The CRM's database.
    pub database: pulse_store::Settings,
    /// The database of ingest, read for reports.
    #[serde(default)]
    pub analytics: Analytics,
    /// The broker that events are published on.
    pub bus: pulse_bus::Settings,
    /// Logs and traces.
    pub telemetry: Telemetry,
    /// Keys. None has a default.
    pub security: Security,
    /// Sessions of users.
    pub session: Session,
    /// How guesses are slowed down.
    pub sign_in: SignIn,
    /// How mails are sent.
    pub mail: Mail,
    /// The address that users know.
    pub gateway: Gateway,
    /// Pages of other origins.
    pub cors: Cors,
    /// How much may be asked for.
    pub limits: Limits,
    /// Requests that are executed once.
    pub idempotency: Idempotency,
    /// What the public sends with forms.
    pub forms: Forms,
    /// How the JSON:API reads requests.
    pub api: Api,
    /// How filters are read.
    pub filters: Filters,
    /// What webhook subscriptions may point at: the same as for webhook-dispatcher.
    pub egress: pulse_service::egress::Settings,
}

/// Section `[analytics]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Analytics {
    /// Where the schema `analytics` is; the CRM's database where it is not set.
    pub database_url: Option<SecretString>,
}

/// Section `[security]`: keys, each the base64 of 32 random bytes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Security {
    /// Seals secrets at rest; the same for webhook-dispatcher.
    pub master_key: SecretString,
    /// Signs the tokens of sessions.
    pub session_key: SecretString,
    /// What verifies such tokens besides, separated by commas: keys of before, and keys to come.
    #[serde(default)]
    pub accepted_session_keys: SecretString,
    /// Signs the tokens that services show each other; the same for incoming-trigger.
    pub internal_key: SecretString,
}

/// Section `[session]`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// How long an access token is good, in minutes.
    pub access_minutes: u32,
    /// A session that was not used for this long, in hours, has ended.
    pub idle_hours: u32,
    /// A session ends after this long, in hours, however much it is used.
    pub lifetime_hours: u32,
    /// A refresh token that was used may be sent again for this long, in seconds: the answer may have been lost.
    pub refresh_grace_seconds: u32,
    /// Whether cookies are good without https. For development alone: their names lack the prefix that makes browsers
    /// guard them.
    pub insecure_cookies: bool,
}

/// Section `[idempotency]`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Idempotency {
    /// How long an `Idempotency-Key` names its request and the answer is kept, in hours.
    pub keep_hours: u32,
}

/// Section `[cors]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cors {
    /// Whose pages may use `/api/v1` and `/auth`: nobody's where it is empty, everybody's without cookies where it is
    /// `*`, else those of these origins, separated by commas.
    pub origins: Origins,
    /// How long a browser may go by what it was told, in seconds.
    pub max_age_seconds: u64,
}

/// Section `[limits]`: requests in a minute. All of them may come at once; they come back evenly. 0 is no limit.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Requests that read, by each user and API token, and by each address without either.
    pub read_per_minute: u32,
    /// Requests that write, by the same.
    pub write_per_minute: u32,
    /// Requests that write many records, by the same.
    pub bulk_per_minute: u32,
    /// Searches, by the same.
    pub search_per_minute: u32,
    /// Sign-ups and sign-ins, by address.
    pub sign_in_per_minute: u32,
    /// `redis://user:password@host:port/database` of a store that all replicas count in. Each process counts by itself
    /// where it is not set.
    #[serde(default)]
    pub store: Option<SecretString>,
}

/// Section `[sign_in]`: failures that are free within an hour. Each further one doubles the wait until the next attempt.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// At one account from one network.
    pub free_attempts: u32,
    /// At any account from one network.
    pub free_attempts_per_network: u32,
    /// At one account from anywhere but where its user has signed in from.
    pub free_attempts_per_account: u32,
    /// Nobody waits longer than this, in seconds.
    pub longest_wait_seconds: u32,
}

/// Section `[mail]`. With neither a server nor a directory, mails wait in their table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// Whom they come from: `Pulse <pulse@example.com>`.
    pub from: String,
    /// The server that takes them: `smtps://user:password@mail.example.com`, `smtp://…:587?tls=required`.
    #[serde(default)]
    pub smtp_url: Option<SecretString>,
    /// Where they are written to instead, a file each: for development.
    #[serde(default)]
    pub directory: Option<PathBuf>,
    /// What links in them begin with, where that is not the gateway: the address of an application for people.
    #[serde(default)]
    pub app_url: Option<String>,
}

/// Section `[forms]`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forms {
    /// Submissions that are taken from one address in an hour, of all forms together.
    pub submissions_per_hour: NonZeroU32,
}

/// Section `[gateway]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    /// What trigger URLs begin with, such as `https://api.example.com`.
    pub url: String,
}

/// Section `[api]`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Api {
    /// Whether filters may be written under `q` beside `filter`; the letter of JSON:API reserves such names.
    pub q: bool,
}

/// Section `[filters]`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filters {
    /// What becomes of a filter, or of a sort among filters, that names what does not exist.
    pub unknown: Unknown,
}

/// What becomes of something that is not known.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unknown {
    /// The request is refused: a typo never widens a result.
    Refuse,
    /// It is left out, as Ransack does by default.
    Ignore,
}

impl From<Unknown> for Strictness {
    fn from(unknown: Unknown) -> Self {
        match unknown {
            Unknown::Refuse => Self::Strict,
            Unknown::Ignore => Self::Lenient,
        }
    }
}

impl Security {
    /// The keys of sessions.
    ///
    /// # Errors
    /// When one is not the base64 of 32 bytes.
    pub fn session_keys(&self) -> anyhow::Result<SessionKeys> {
        let accepted = self.accepted_session_keys.expose_secret().split(',').map(str::trim);
        SessionKeys::new(&self.session_key, accepted.filter(|key| !key.is_empty()))
    }
}

impl Settings {
    /// The database of ingest.
    #[must_use]
    pub fn analytics(&self) -> pulse_store::Settings {
        let url = self.analytics.database_url.clone().unwrap_or_else(|| self.database.url.clone());
        pulse_store::Settings { url, ..self.database.clone() }
    }

    /// Addresses of the databases to migrate: the CRM's, then that of ingest.
    #[must_use]
    pub fn database_urls(&self) -> (String, String) {
        let analytics = self.analytics();
        (self.database.url.expose_secret().to_owned(), analytics.url.expose_secret().to_owned())
    }
}
