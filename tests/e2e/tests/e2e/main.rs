//! Black-box tests: the real programs behind a real gateway, talked to over HTTP alone.
//!
//! In reading order: a [`stack`] is made of [`process`]es, with a [`proxy`] in front of a server where a test cuts it
//! off, or with [`servers`] of its own; [`api`] is how a user talks to it, [`script`] how programs of other languages do.
//! Then the stories: [`contact`], [`order`], [`website`], [`clients`], [`receiver`], [`verified`], [`publisher`]; what the
//! OpenAPI document promises: [`openapi`]; what breaks: [`killed`], [`broker_away`], and under load, [`faults`]; who is
//! let in: [`revoked`], [`signing_in`]; and what is refused: [`refused`], [`tenants`].

mod api;
mod broker_away;
mod clients;
mod contact;
mod faults;
mod killed;
mod openapi;
mod order;
mod process;
mod proxy;
mod publisher;
mod receiver;
mod refused;
mod revoked;
mod script;
mod servers;
mod signing_in;
mod stack;
mod tenants;
mod verified;
mod website;
