//! Black-box tests: the real programs behind a real gateway, talked to over HTTP alone.
//!
//! In reading order: a [`stack`] is made of [`process`]es, with a [`proxy`] in front of the broker where a test cuts it
//! off; [`api`] is how a user talks to it, [`node`] how JavaScript does. Then the stories: [`contact`], [`order`],
//! [`website`]; what breaks: [`killed`], [`broker_away`]; and what is refused: [`refused`], [`tenants`].

mod api;
mod broker_away;
mod contact;
mod killed;
mod node;
mod order;
mod process;
mod proxy;
mod refused;
mod stack;
mod tenants;
mod website;
