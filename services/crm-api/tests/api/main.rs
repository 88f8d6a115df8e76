//! crm-api as its clients see it: every test talks HTTP to a service of its own.

mod app;
mod audit;
mod auth;
mod conformance;
mod contacts;
mod filters;
mod indexes;
mod journal;
mod protocol;
mod ransack;
mod relationships;
mod sample;
mod sequences;
mod tenants;
mod trash;
mod webhooks;
mod workflows;
