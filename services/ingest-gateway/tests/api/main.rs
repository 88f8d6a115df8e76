//! ingest-gateway as its clients, its operators and its database see it.

mod app;
mod bounds;
mod contract;
mod failures;
mod limits;
mod revenue;
mod sdk;
mod storage;
mod tokens;
