//! Black-box tests: the real programs behind a real gateway, talked to over HTTP alone.
//!
//! In reading order: a [`stack`] is made of [`process`]es, with a [`proxy`] in front of the broker where a test cuts it
//! off; [`api`] is how a user talks to it, [`script`] how programs of other languages do. Then the stories:
//! [`contact`], [`order`], [`website`], [`clients`], [`verified`], [`publisher`]; what the OpenAPI document promises: [`openapi`]; what breaks: [`killed`], [`broker_away`]; who is let in: [`revoked`], [`signing_in`]; and what is refused: [`refused`], [`tenants`].

mod api;
mod broker_away;
mod clients;
mod contact;
mod killed;
mod openapi;
mod order;
mod process;
mod proxy;
mod publisher;
mod refused;
mod revoked;
mod script;
mod signing_in;
mod stack;
mod tenants;
mod verified;
mod website;
