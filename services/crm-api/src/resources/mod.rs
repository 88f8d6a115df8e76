//! The resources: one declaration per file, with the handlers of what it can do besides CRUD.
//!
//! Adding one: a migration, a file here, and its two lines below.

pub(crate) mod activities;
pub(crate) mod analytics_events;
pub(crate) mod api_tokens;
pub(crate) mod audit_log;
pub(crate) mod booking_pages;
pub(crate) mod bookings;
pub(crate) mod calls;
pub(crate) mod companies;
pub(crate) mod contact_companies;
pub(crate) mod contacts;
pub(crate) mod custom_fields;
pub(crate) mod deal_contacts;
pub(crate) mod deal_stage_transitions;
pub(crate) mod deals;
pub(crate) mod esignature_recipients;
pub(crate) mod esignature_requests;
mod event_types;
pub(crate) mod events;
pub(crate) mod form_submissions;
pub(crate) mod forms;
pub(crate) mod ingest_sites;
pub(crate) mod ingest_tokens;
pub(crate) mod integrations;
pub(crate) mod leads;
pub(crate) mod notes;
pub(crate) mod pipelines;
pub(crate) mod saved_views;
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
mod typed;
pub(crate) mod user_sessions;
pub(crate) mod users;
pub(crate) mod webhook_attempts;
pub(crate) mod webhook_deliveries;
mod webhook_egress;
mod webhook_payloads;
pub(crate) mod webhook_recoveries;
pub(crate) mod webhook_signing_keys;
pub(crate) mod webhook_subscriptions;
pub(crate) mod workflow_runs;
pub(crate) mod workflow_step_runs;
pub(crate) mod workflows;

mod phones;
mod shape;

use actix_web::web;
use pulse_resource::{Changes, Resource};
use uuid::Uuid;

use crate::operation::{self, Operation};
use crate::{App, Error, collection, related};

/// Every resource of the JSON:API.
pub static RESOURCES: &[&Resource] = &[
    &activities::ACTIVITIES,
    &analytics_events::ANALYTICS_EVENTS,
    &api_tokens::API_TOKENS,
    &audit_log::AUDIT_LOG,
    &booking_pages::BOOKING_PAGES,
    &bookings::BOOKINGS,
    &calls::CALLS,
    &companies::COMPANIES,
    &contact_companies::CONTACT_COMPANIES,
    &contacts::CONTACTS,
    &custom_fields::CUSTOM_FIELDS,
    &deal_contacts::DEAL_CONTACTS,
    &deal_stage_transitions::DEAL_STAGE_TRANSITIONS,
    &deals::DEALS,
    &esignature_recipients::ESIGNATURE_RECIPIENTS,
    &esignature_requests::ESIGNATURE_REQUESTS,
    &events::EVENTS,
    &form_submissions::FORM_SUBMISSIONS,
    &forms::FORMS,
    &ingest_sites::INGEST_SITES,
    &ingest_tokens::INGEST_TOKENS,
    &integrations::INTEGRATIONS,
    &leads::LEADS,
    &notes::NOTES,
    &pipelines::PIPELINES,
    &saved_views::SAVED_VIEWS,
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
    &webhook_recoveries::WEBHOOK_RECOVERIES,
    &webhook_signing_keys::WEBHOOK_SIGNING_KEYS,
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
    api_tokens::OPERATIONS,
    audit_log::OPERATIONS,
    bookings::OPERATIONS,
    calls::OPERATIONS,
    deals::OPERATIONS,
    esignature_requests::OPERATIONS,
    event_types::OPERATIONS,
    forms::OPERATIONS,
    ingest_tokens::OPERATIONS,
    leads::OPERATIONS,
    saved_views::OPERATIONS,
    sequences::OPERATIONS,
    stages::OPERATIONS,
    tickets::OPERATIONS,
    user_sessions::OPERATIONS,
    users::OPERATIONS,
    webhook_deliveries::OPERATIONS,
    webhook_egress::OPERATIONS,
    webhook_payloads::OPERATIONS,
    webhook_recoveries::OPERATIONS,
    webhook_signing_keys::OPERATIONS,
    webhook_subscriptions::OPERATIONS,
    workflows::OPERATIONS,
];

/// The routes of all resources; those of their own come first, so that they win.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    for operations in OPERATIONS {
        operation::routes(config, operations);
    }
    for resource in RESOURCES {
        // A scope each: the router looks through the patterns of one resource and not through those of all.
        config.service(web::scope(&format!("/{}", resource.path())).configure(|config| {
            collection::routes(config, resource);
            for relationship in resource.relationships {
                related::routes(config, resource, relationship);
            }
        }));
    }
}

/// Where a record came from.
const ORIGINS: &[&str] = &["ui", "api", "import", "form", "webhook", "workflow", "ingest", "system"];

impl App {
    /// What needs settings or keys, and so cannot stand in a declaration. Every write that a client asks for passes here:
    /// of a new record, or of the one with the id.
    pub(crate) async fn check(&self, changes: &mut Changes, existing: Option<Uuid>) -> Result<(), Error> {
        match changes.resource.name {
            "webhook_subscriptions" => webhook_subscriptions::check(self, changes, existing).await,
            "integrations" => {
                integrations::seal(self, changes, existing);
                Ok(())
            }
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
