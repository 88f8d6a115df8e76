//! Runs of workflows, written by incoming-trigger.

use pulse_resource::{Actions, Resource, attribute, belongs_to, has_many};
use pulse_store::schema::{workflow_runs, workflow_step_runs};

use super::trigger_requests::TRIGGER_REQUESTS;
use super::workflow_step_runs::WORKFLOW_STEP_RUNS;
use super::workflows::WORKFLOWS;

/// The declaration.
pub(crate) static WORKFLOW_RUNS: Resource = Resource {
    name: "workflow_runs",
    table: "workflow_runs",
    attributes: &[
        attribute::<workflow_runs::state>().read_only().filter().sort(),
        attribute::<workflow_runs::position>().read_only().filter(),
        attribute::<workflow_runs::attempt>().read_only().filter(),
        attribute::<workflow_runs::error>().read_only().filter(),
        attribute::<workflow_runs::context>().read_only(),
        attribute::<workflow_runs::correlation_id>().read_only().filter(),
        attribute::<workflow_runs::due_at>().read_only().filter().sort(),
        attribute::<workflow_runs::created_at>().read_only().filter().sort(),
        attribute::<workflow_runs::started_at>().read_only().filter().sort(),
        attribute::<workflow_runs::finished_at>().read_only().filter().sort(),
    ],
    relationships: &[
        belongs_to::<workflow_runs::workflow_id>("workflow", &WORKFLOWS).read_only(),
        belongs_to::<workflow_runs::trigger_request_id>("trigger_request", &TRIGGER_REQUESTS).read_only(),
        has_many::<workflow_step_runs::run_id>("steps", &WORKFLOW_STEP_RUNS),
    ],
    actions: Actions::NONE,
    editable: false,
    ..Resource::DEFAULT
};
