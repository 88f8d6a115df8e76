//! Steps of runs: one try of one step each.

use pulse_resource::{Actions, Resource, attribute, belongs_to};
use pulse_store::schema::workflow_step_runs;

use super::workflow_runs::WORKFLOW_RUNS;

/// The declaration.
pub(crate) static WORKFLOW_STEP_RUNS: Resource = Resource {
    name: "workflow_step_runs",
    table: "workflow_step_runs",
    attributes: &[
        attribute::<workflow_step_runs::key>().read_only().filter().sort(),
        attribute::<workflow_step_runs::step_type>().read_only().filter().sort(),
        attribute::<workflow_step_runs::position>().read_only().filter().sort(),
        attribute::<workflow_step_runs::attempt>().read_only().filter().sort(),
        attribute::<workflow_step_runs::state>().read_only().filter().sort(),
        attribute::<workflow_step_runs::input>().read_only(),
        attribute::<workflow_step_runs::output>().read_only(),
        attribute::<workflow_step_runs::error>().read_only().filter(),
        attribute::<workflow_step_runs::started_at>().read_only().filter().sort(),
        attribute::<workflow_step_runs::finished_at>().read_only().filter().sort(),
    ],
    relationships: &[belongs_to::<workflow_step_runs::run_id>("run", &WORKFLOW_RUNS).read_only()],
    actions: Actions::NONE,
    editable: false,
    newest_by: "started_at",
    ..Resource::DEFAULT
};
