//! Test support: what a test needs to talk to the running services as users do, each on its own database and queues.
//!
//! In reading order: [`database`] makes a migrated database, [`broker`] a namespace on the broker, [`running`] keeps a
//! service going in the background, [`sink`] receives webhooks, [`mailbox`] mails, [`dns`] knows names, [`inside`] where
//! nothing may be sent to, [`eventually`] waits for a condition,
//! [`http`] is the client to call services with, [`wire`] is for what no client does, [`redis`] is a store of limits. The
//! servers are those of `PULSE_DATABASE__URL` and `PULSE_BUS__URL`, which
//! `make test` starts.

pub mod broker;
pub mod database;
pub mod dns;
mod eventually;
pub mod http;
pub mod inside;
pub mod mailbox;
pub mod redis;
pub mod running;
pub mod sink;
pub mod wire;

pub use database::Database;
pub use dns::Dns;
pub use eventually::{eventually, eventually_within};
pub use mailbox::Mailbox;
pub use running::Running;
pub use sink::Sink;

/// A key of 32 bytes in base64, for settings of services under test.
pub const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// Reads one of the two addresses that say where tests run.
///
/// # Panics
/// When it is not set.
#[must_use]
pub fn server(variable: &str) -> String {
    #[expect(clippy::disallowed_methods, reason = "where tests run is no setting of a service")]
    std::env::var(variable).unwrap_or_else(|_| panic!("{variable} is not set: run the tests by `make test`"))
}
