//! Tasks: what somebody has to do, and by when.

use chrono::{DateTime, Utc};
use pulse_jsonapi::Problem;
use pulse_resource::render::Record;
use pulse_resource::write::{Transaction, Work};
use pulse_resource::{
    Bind, Changes, Events, NOW, Ownership, Resource, Scope, attribute, belongs_to, belongs_to_any,
};
use pulse_store::schema::tasks;
use serde_json::Value;

use super::PARENTS;
use super::sequence_enrollments::SEQUENCE_ENROLLMENTS;
use super::teams::TEAMS;
use super::users::USERS;

/// Reminders at most.
const REMINDERS: usize = 20;

/// The declaration.
pub(crate) static TASKS: Resource = Resource {
    name: "tasks",
    table: "tasks",
    attributes: &[
        attribute::<tasks::title>().required().filter().sort(),
        attribute::<tasks::body>().max_len(65_535).filter(),
        attribute::<tasks::kind>()
            .choices(&["todo", "call", "email", "meeting", "follow_up"])
            .filter()
            .sort(),
        attribute::<tasks::status>()
            .choices(&["open", "in_progress", "done", "cancelled", "deferred"])
            .filter()
            .sort(),
        attribute::<tasks::done>().filter().sort(),
        attribute::<tasks::priority>().choices(&["low", "normal", "high", "urgent"]).filter().sort(),
        attribute::<tasks::start_at>().filter().sort(),
        attribute::<tasks::due_at>().filter().sort(),
        attribute::<tasks::due_on>().filter().sort(),
        attribute::<tasks::remind_at>(),
        attribute::<tasks::recurrence>(),
        attribute::<tasks::completed_at>().read_only().filter().sort(),
        attribute::<tasks::parent_type>().read_only().filter().sort(),
        attribute::<tasks::parent_id>().read_only().filter().sort(),
        attribute::<tasks::created_at>().read_only().filter().sort(),
        attribute::<tasks::updated_at>().read_only().filter().sort(),
    ],
    relationships: &[
        belongs_to_any::<tasks::parent_type, tasks::parent_id>("parent", &PARENTS),
        belongs_to::<tasks::owner_id>("owner", &USERS),
        belongs_to::<tasks::team_id>("team", &TEAMS),
        belongs_to::<tasks::completed_by_id>("completed_by", &USERS).read_only(),
        belongs_to::<tasks::sequence_enrollment_id>("sequence_enrollment", &SEQUENCE_ENROLLMENTS).read_only(),
    ],
    ownership: Ownership::user_and_team::<tasks::owner_id, tasks::team_id>(),
    events: Some(Events::of("task.created", "task.updated", "task.deleted", "task.restored")),
    scopes: &[Scope {
        name: "overdue",
        conditions: &[("due_at_lt", &[NOW]), ("status_not_in", &["done", "cancelled"])],
    }],
    validate,
    prepare: Some(prepare),
    ..Resource::DEFAULT
};

fn validate(changes: &Changes) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(reminders) = changes.value("remind_at") {
        let is_instant =
            |value: &Value| value.as_str().is_some_and(|text| DateTime::parse_from_rfc3339(text).is_ok());
        let fits = |list: &Vec<Value>| list.len() <= REMINDERS && list.iter().all(is_instant);
        if !reminders.as_array().is_some_and(fits) {
            let detail = format!("remind_at is an array of at most {REMINDERS} dates with time and offset.");
            problems.push(Problem::invalid("remind_at", detail));
        }
    }
    if changes.text("recurrence").is_some_and(|rule| !rule.starts_with("FREQ=")) {
        let detail = "recurrence is a rule of RFC 5545, such as FREQ=WEEKLY;BYDAY=MO.";
        problems.push(Problem::invalid("recurrence", detail));
    }
    problems
}

/// Keeps `done` and `status` in step, and remembers who completed the task and when.
fn prepare<'a>(
    transaction: &'a mut Transaction,
    old: Option<&'a Record>,
    changes: &'a mut Changes,
) -> Work<'a> {
    Box::pin(async move {
        agree(old, changes)?;
        let Some(is_done) = changes.text_of("status").map(|status| status == "done") else { return Ok(()) };
        let was_done = old.is_some_and(|old| old.text("status") == Some("done"));
        if is_done != was_done {
            let by = transaction.user().map_or(Bind::Null, Bind::Id);
            let (at, by) = if is_done { (Bind::Instant(Utc::now()), by) } else { (Bind::Null, Bind::Null) };
            changes.set("completed_at", at);
            changes.set("completed_by_id", by);
        }
        Ok(())
    })
}

/// `status` and `done` say the same; where one of them changes, the other follows, and where both do, they must agree.
fn agree(old: Option<&Record>, changes: &mut Changes) -> Result<(), Problem> {
    let is = old.and_then(|old| old.text("status"));
    let ticked = old.map(|old| old.get("done"));
    let status = changes.text_of("status").filter(|status| Some(*status) != is).map(str::to_owned);
    let done = changes.column("done").map(|done| match done {
        Bind::Boolean(done) => Value::Bool(*done),
        _ => Value::Null,
    });
    let done = done.filter(|done| Some(done) != ticked.as_ref()).map(|done| done == Value::Bool(true));
    match (status, done) {
        (Some(status), Some(done)) if done != (status == "done") => {
            let detail = format!("done contradicts the status {status}.");
            return Err(Problem::invalid("done", detail));
        }
        // Of a task that was never done nobody has said that it is not.
        (Some(status), None) if status == "done" || ticked == Some(Value::Bool(true)) => {
            changes.set("done", Bind::Boolean(status == "done"));
        }
        (None, Some(done)) if done != (is == Some("done")) => {
            changes.set("status", if done { "done" } else { "open" });
        }
        _ => {}
    }
    Ok(())
}
