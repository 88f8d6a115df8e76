//! What every service shares, so that a `main.rs` fits on a screen.
//!
//! In reading order: [`settings`] are read, [`telemetry`] starts, [`run`] holds the process together until it is told
//! to stop, [`http`] is the edge that every request passes, with what `security` asks of browsers, `connections` closes
//! what is not used, [`health`] says whether the process is alive and ready, [`body`] reads a request body within bounds,
//! [`network`] knows the client's address behind proxies, [`limit`] counts, [`credential`] signs and
//! verifies sessions, [`egress`] is the one client for everything that leaves.

pub mod body;
mod connections;
pub mod credential;
pub mod egress;
pub mod health;
pub mod http;
pub mod limit;
pub mod network;
pub mod run;
mod security;
pub mod settings;
pub mod telemetry;

pub use run::Service;
