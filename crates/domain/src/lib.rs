//! What Pulse is about, without I/O and without a clock of its own.
//!
//! In reading order: [`id`] names things, [`event`] is what happens to them and [`catalogue`] lists every kind of it,
//! [`payload`] is what receivers of webhooks get of them, with [`linkage`] for what their records lead to; [`command`] is
//! what services ask of each other, [`workflow`] and [`template`] are what a trigger URL sets in motion, [`schedule`] is
//! when a failed delivery is tried again, [`signature`] proves who sent it, [`token`], [`seal`], [`claims`], [`refresh`]
//! and [`totp`] guard secrets and sessions, [`chain`] the audit log; [`role`] is what a user is; [`phone`] is how numbers
//! are compared.

pub mod catalogue;
pub mod chain;
pub mod claims;
pub mod command;
pub mod event;
mod generated;
pub mod id;
pub mod linkage;
pub mod payload;
pub mod phone;
pub mod refresh;
pub mod role;
pub mod schedule;
pub mod seal;
pub mod signature;
pub mod template;
pub mod token;
pub mod totp;
pub mod workflow;

pub use event::Event;
pub use id::{EventId, RecordId, WorkspaceId};
pub use role::Role;
