//! crm-api as its clients see it: every test talks HTTP to a service of its own.

mod api_tokens;
mod app;
mod auth;
mod bookings;
mod conformance;
mod contacts;
mod esignature;
mod filters;
mod forms;
mod integrations;
mod journal;
mod relationships;
mod sample;
mod saved_views;
mod sequences;
mod tenants;
mod trash;
mod user_sessions;
mod webhooks;
mod workflows;
