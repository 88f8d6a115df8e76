//! The resources: one declaration per file, with the handlers of what it can do besides CRUD.
//!
//! Adding one: a migration, a file here, and its two lines below.

mod analytics_events;
mod companies;
mod contacts;
mod events;
mod ingest_sites;
mod ingest_tokens;
mod sequence_enrollments;
mod sequences;
mod tags;
mod tasks;
mod trigger_requests;
mod user_sessions;
mod users;
mod webhook_attempts;
mod webhook_deliveries;
mod webhook_subscriptions;
mod workflow_runs;
mod workflow_step_runs;
mod workflows;

pub use analytics_events::ANALYTICS_EVENTS;
pub use companies::COMPANIES;
pub use contacts::CONTACTS;
pub use events::EVENTS;
pub use ingest_sites::INGEST_SITES;
pub use ingest_tokens::INGEST_TOKENS;
pub use sequence_enrollments::SEQUENCE_ENROLLMENTS;
pub use sequences::SEQUENCES;
pub use tags::TAGS;
pub use tasks::TASKS;
pub use trigger_requests::TRIGGER_REQUESTS;
pub use user_sessions::USER_SESSIONS;
pub use users::USERS;
pub use webhook_attempts::WEBHOOK_ATTEMPTS;
pub use webhook_deliveries::WEBHOOK_DELIVERIES;
pub use webhook_subscriptions::WEBHOOK_SUBSCRIPTIONS;
pub use workflow_runs::WORKFLOW_RUNS;
pub use workflow_step_runs::WORKFLOW_STEP_RUNS;
pub use workflows::WORKFLOWS;

pub(crate) use webhook_subscriptions::sealed as sealed_subscription;
pub(crate) use workflows::triggered as triggered_workflow;

use actix_web::web;
use pulse_resource::{Changes, Resource};

use crate::{App, Error, collection, related};

/// Every resource of the JSON:API.
pub static RESOURCES: &[&Resource] = &[
    &ANALYTICS_EVENTS,
    &COMPANIES,
    &CONTACTS,
    &EVENTS,
    &INGEST_SITES,
    &INGEST_TOKENS,
    &SEQUENCE_ENROLLMENTS,
    &SEQUENCES,
    &TAGS,
    &TASKS,
    &TRIGGER_REQUESTS,
    &USER_SESSIONS,
    &USERS,
    &WEBHOOK_ATTEMPTS,
    &WEBHOOK_DELIVERIES,
    &WEBHOOK_SUBSCRIPTIONS,
    &WORKFLOW_RUNS,
    &WORKFLOW_STEP_RUNS,
    &WORKFLOWS,
];

/// The routes of all resources; those of their own come first, so that they win.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    ingest_tokens::routes(config);
    sequences::routes(config);
    webhook_deliveries::routes(config);
    webhook_subscriptions::routes(config);
    workflows::routes(config);
    for resource in RESOURCES {
        collection::routes(config, resource);
        for relationship in resource.relationships {
            related::routes(config, resource, relationship);
        }
    }
}

impl App {
    /// Checks that need settings, and so cannot stand in a declaration.
    pub(crate) fn check(&self, changes: &Changes) -> Result<(), Error> {
        match changes.resource.name {
            "webhook_subscriptions" => webhook_subscriptions::check_url(self, changes),
            _ => Ok(()),
        }
    }

    /// Tells services that keep some of these records in memory.
    pub(crate) fn changed(&self, resource: &Resource) {
        match resource.name {
            "ingest_tokens" | "ingest_sites" => self.0.tokens.wake(),
            "webhook_subscriptions" => self.0.subscriptions.wake(),
            _ => {}
        }
    }
}
