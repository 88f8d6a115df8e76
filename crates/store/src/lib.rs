//! PostgreSQL: what every service that stores something shares.
//!
//! In reading order: [`settings`], [`pool`] and [`quick`] lead to connections, [`migrations`] makes the tables that [`schema`]
//! describes ([`introspect`] writes that file from a database), [`journal`] is the event journal in which every change
//! of a CRM record leaves one row, [`audit`] the log of who did it, which [`audit::chain`] ties together, [`notify`] wakes
//! whoever waits for rows, [`json`] carries JSON text untouched; [`joins`] names the tables that typed queries read together.

pub mod audit;
pub mod introspect;
mod joins;
pub mod journal;
pub mod json;
pub mod migrations;
pub mod notify;
pub mod pool;
pub mod quick;
pub mod schema;
pub mod settings;

pub use json::JsonText;
pub use pool::{Connection, Pool};
pub use quick::Quick;
pub use settings::Settings;
