//! A CRM resource is one plain static declaration; reading, writing, filters, includes and events follow from it.
//!
//! The modules stand in the order of a request: [`declare`] is what a resource says about itself; [`plan`] looks the
//! names of a query up in it, [`scope`] those of filters that it has a name for; [`act`] is in whose
//! name, [`rights`] what they may do with which records;
//! [`condition`], [`cursor`] and [`select`] make one SQL statement of the plan; [`statement`] runs it; [`row`] and
//! [`render`] turn binary rows straight into JSON; [`include`] adds what is related; [`changes`] checks what a client
//! wants written; [`write`](mod@write) writes it together with its event; [`engine`] holds it all together, and
//! [`showing`] answers a write with more than the record. [`check`] compares declarations with a database.
//!
//! SQL text is assembled here and nowhere else: names come from `schema.rs` by way of the declaration, values are only
//! ever bound, and every statement starts from the workspace, so a query without a tenant cannot be expressed.

pub mod act;
pub mod changes;
pub mod check;
pub mod condition;
pub mod cursor;
pub mod custom_fields;
pub mod declare;
pub mod engine;
pub mod error;
pub mod include;
mod kept;
pub mod plan;
pub mod render;
pub mod rights;
pub mod row;
pub mod scope;
pub mod select;
pub mod showing;
pub mod statement;
pub mod write;

pub use act::{Act, Actor, Cause, Guard};
pub use changes::Changes;
pub use custom_fields::Definitions;
pub use declare::{
    Actions, Attribute, Events, Hop, Link, Ownership, Relationship, Resource, Store, Target, attribute,
    belongs_to, belongs_to_any, has_many, has_many_as, many_through, many_through_as, secret,
};
pub use engine::Engine;
pub use error::Error;
pub use rights::{Deed, Reach, Rights};
pub use scope::{NOW, Scope};
pub use statement::Bind;
