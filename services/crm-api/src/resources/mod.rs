//! The resources: one declaration per file, with the handlers of what it can do besides CRUD.
//!
//! Adding one: a migration, a file here, and its two lines below.

pub(crate) mod activities;
pub(crate) mod analytics_events;
pub(crate) mod audit_log;
pub(crate) mod calls;
pub(crate) mod companies;
pub(crate) mod contact_companies;
pub(crate) mod contacts;
pub(crate) mod deal_contacts;
pub(crate) mod deal_stage_transitions;
pub(crate) mod deals;
pub(crate) mod events;
pub(crate) mod ingest_sites;
pub(crate) mod ingest_tokens;
pub(crate) mod leads;
pub(crate) mod notes;
pub(crate) mod pipelines;
pub(crate) mod sequence_enrollments;
pub(crate) mod sequences;
pub(crate) mod stages;
pub(crate) mod taggings;
pub(crate) mod tags;
pub(crate) mod tasks;
pub(crate) mod teams;
pub(crate) mod ticket_messages;
pub(crate) mod tickets;
pub(crate) mod trigger_requests;
pub(crate) mod user_sessions;
pub(crate) mod users;
pub(crate) mod webhook_attempts;
pub(crate) mod webhook_deliveries;
pub(crate) mod webhook_subscriptions;
pub(crate) mod workflow_runs;
pub(crate) mod workflow_step_runs;
pub(crate) mod workflows;

mod phones;
mod shapes;

use actix_web::web;
use pulse_resource::{Changes, Resource};

use crate::operation::{self, Operation};
use crate::{App, Error, collection, related};

/// Every resource of the JSON:API.
pub static RESOURCES: &[&Resource] = &[
    &activities::ACTIVITIES,
    &analytics_events::ANALYTICS_EVENTS,
    &audit_log::AUDIT_LOG,
    &calls::CALLS,
    &companies::COMPANIES,
    &contact_companies::CONTACT_COMPANIES,
    &contacts::CONTACTS,
    &deal_contacts::DEAL_CONTACTS,
    &deal_stage_transitions::DEAL_STAGE_TRANSITIONS,
    &deals::DEALS,
    &events::EVENTS,
    &ingest_sites::INGEST_SITES,
    &ingest_tokens::INGEST_TOKENS,
    &leads::LEADS,
    &notes::NOTES,
    &pipelines::PIPELINES,
    &sequence_enrollments::SEQUENCE_ENROLLMENTS,
    &sequences::SEQUENCES,
    &stages::STAGES,
    &taggings::TAGGINGS,
    &tags::TAGS,
    &tasks::TASKS,
    &teams::TEAMS,
    &ticket_messages::TICKET_MESSAGES,
    &tickets::TICKETS,
    &trigger_requests::TRIGGER_REQUESTS,
    &user_sessions::USER_SESSIONS,
    &users::USERS,
    &webhook_attempts::WEBHOOK_ATTEMPTS,
    &webhook_deliveries::WEBHOOK_DELIVERIES,
    &webhook_subscriptions::WEBHOOK_SUBSCRIPTIONS,
    &workflow_runs::WORKFLOW_RUNS,
    &workflow_step_runs::WORKFLOW_STEP_RUNS,
    &workflows::WORKFLOWS,
];

/// What activities, notes, tasks and tags can be about: the `parent` of their relationships. Each of these has the
/// relationships back.
pub(crate) static PARENTS: [&Resource; 5] =
    [&companies::COMPANIES, &contacts::CONTACTS, &deals::DEALS, &leads::LEADS, &tickets::TICKETS];

/// What resources can do besides CRUD.
pub(crate) static OPERATIONS: &[&[Operation]] = &[
    calls::OPERATIONS,
    deals::OPERATIONS,
    ingest_tokens::OPERATIONS,
    leads::OPERATIONS,
    sequences::OPERATIONS,
    stages::OPERATIONS,
    tickets::OPERATIONS,
    webhook_deliveries::OPERATIONS,
    webhook_subscriptions::OPERATIONS,
    workflows::OPERATIONS,
];

/// The routes of all resources; those of their own come first, so that they win.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    for operations in OPERATIONS {
        operation::routes(config, operations);
    }
    for resource in RESOURCES {
        collection::routes(config, resource);
        for relationship in resource.relationships {
            related::routes(config, resource, relationship);
        }
    }
}

/// Where a record came from.
const ORIGINS: &[&str] = &["ui", "api", "import", "form", "webhook", "workflow", "ingest", "system"];

/// Whether only admins write it, whatever the record.
pub(crate) fn is_for_admins(resource: &Resource) -> bool {
    matches!(resource.name, "teams" | "users")
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
            _ => {}
        }
    }
}
