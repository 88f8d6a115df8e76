//! crm-api as its clients see it: every test talks HTTP to a service of its own.

mod app;
mod audit;
mod auth;
mod companies;
mod conformance;
mod contacts;
mod deals;
mod filters;
mod indexes;
mod journal;
mod leads;
mod protocol;
mod ransack;
mod relationships;
mod sample;
mod sequences;
mod stages;
mod tenants;
mod trash;
mod users;
mod webhooks;
mod workflows;
