//! What can be set.

use std::num::{NonZeroU16, NonZeroU32, NonZeroU64, NonZeroUsize};

use pulse_service::{egress, settings};
use secrecy::SecretString;
use serde::Deserialize;

/// Settings of webhook-dispatcher.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where `/livez` and `/readyz` are served.
    pub http: settings::Http,
    /// The database.
    pub database: pulse_store::Settings,
    /// The broker.
    pub bus: pulse_bus::Settings,
    /// Logs and traces.
    pub telemetry: settings::Telemetry,
    /// Keys.
    pub security: Security,
    /// What may be called, and how long that may take.
    pub egress: egress::Settings,
    /// How much is delivered at once.
    pub delivery: Delivery,
    /// When missing deliveries are looked for.
    pub sweep: Sweep,
    /// How long what has happened is kept.
    pub retention: Retention,
}

/// Section `[security]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Security {
    /// Opens the sealed secrets of subscriptions: the base64 of 32 bytes, the same as that of crm-api.
    pub master_key: SecretString,
}

/// Section `[delivery]`: bounds of each process that delivers.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// Calls under way at most. A quarter of them is kept for first attempts.
    pub concurrency: NonZeroUsize,
    /// Calls under way at most for one workspace.
    pub per_workspace: NonZeroUsize,
    /// Calls under way at most to one subscription, unless it asks for another number itself.
    pub per_subscription: NonZeroU16,
    /// Deliveries held in memory at most, waiting or under way; one workspace gets a quarter of that.
    pub held: NonZeroUsize,
}

/// Section `[sweep]`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sweep {
    /// How long a published event may take to its fan-out before it is looked after, in seconds.
    pub after_seconds: u64,
    /// How often to look, in seconds.
    pub every_seconds: NonZeroU64,
    /// How far to look back when the process starts, in seconds.
    pub window_seconds: u64,
}

/// Section `[retention]`, in days.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// The log of attempts.
    pub attempts_days: NonZeroU32,
    /// The bytes of events. Without them a delivery cannot be replayed. More than the day that retries take.
    pub payloads_days: NonZeroU32,
    /// Deliveries that have come to their end.
    pub deliveries_days: NonZeroU32,
}
