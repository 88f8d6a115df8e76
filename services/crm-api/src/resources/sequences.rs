//! Sequences: lists of timed tasks. Starting one for a contact makes the tasks.

use actix_web::http::StatusCode;
use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{TimeDelta, Utc};
use pulse_jsonapi::{Code, Problem};
use pulse_resource::{Bind, Changes, Deed, Resource, attribute, has_many};
use pulse_store::schema::{sequence_enrollments, sequences};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::contacts::CONTACTS;
use super::sequence_enrollments::SEQUENCE_ENROLLMENTS;
use super::tasks::TASKS;
use crate::auth::Caller;
use crate::operation::{Answer, Body, Operation};
use crate::{App, Error, answer, collection};

/// Steps at most.
const STEPS: usize = 100;

/// The declaration.
pub(crate) static SEQUENCES: Resource = Resource {
    name: "sequences",
    table: "sequences",
    attributes: &[
        attribute::<sequences::name>().required().filter().sort(),
        attribute::<sequences::steps>().required(),
        attribute::<sequences::created_at>().read_only().filter().sort(),
        attribute::<sequences::updated_at>().read_only().filter().sort(),
    ],
    relationships: &[has_many::<sequence_enrollments::sequence_id>(
        "sequence_enrollments",
        &SEQUENCE_ENROLLMENTS,
    )],
    validate,
    ..Resource::DEFAULT
};

/// A step: a task that is due some days after the start.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    title: String,
    #[serde(default)]
    body: Option<String>,
    after_days: u16,
}

fn validate(changes: &Changes) -> Vec<Problem> {
    let Some(steps) = changes.value("steps") else { return Vec::new() };
    let at = |rest: &str| format!("/data/attributes/steps{rest}");
    let Some(steps) = steps.as_array() else {
        return vec![Problem::new(Code::WrongKind, "steps is an array.").at_pointer(at(""))];
    };
    if steps.len() > STEPS {
        return vec![
            Problem::new(Code::Invalid, format!("steps has at most {STEPS} members.")).at_pointer(at("")),
        ];
    }
    let faults = steps.iter().enumerate().filter_map(|(index, step)| {
        let fault = Step::deserialize(step).err()?;
        let detail = format!("A step has a title, perhaps a body, and after_days: {fault}.");
        Some(Problem::new(Code::Invalid, detail).at_pointer(at(&format!("/{index}"))))
    });
    faults.collect()
}

pub(super) const OPERATIONS: &[Operation] = &[Operation {
    id: "start_sequence",
    summary: "Enrol a contact",
    description: "Asking again under the same `enrollment_id` changes nothing and answers 200.",
    path: "/sequences/{id}/start",
    body: Body::Json(|| {
        json!({
            "type": "object",
            "required": ["contact_id"],
            "properties": {
                "contact_id": { "type": "string", "format": "uuid" },
                "enrollment_id": { "type": ["string", "null"], "format": "uuid" },
            },
            "additionalProperties": false,
        })
    }),
    answers: &[Answer::Record(201, &SEQUENCE_ENROLLMENTS), Answer::Record(200, &SEQUENCE_ENROLLMENTS)],
    refusals: &[Code::RelatedNotFound, Code::IdTaken],
    right: Some((&SEQUENCE_ENROLLMENTS, Deed::Create)),
    handler: || web::to(start),
    ..Operation::DEFAULT
}];

/// What starting a sequence needs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Start {
    /// Who is enrolled.
    contact_id: Uuid,
    /// The id of the enrolment; asking again under the same id changes nothing.
    #[serde(default)]
    enrollment_id: Option<Uuid>,
}

/// Enrols a contact: the enrolment and its tasks are made in one transaction. 201, or 200 where the enrolment of that
/// id exists already.
async fn start(
    request: HttpRequest,
    app: web::Data<App>,
    caller: Caller,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let id = collection::id(&request, &SEQUENCES)?;
    let body = collection::read(payload).await?;
    let start: Start = serde_json::from_slice(&body)
        .map_err(|fault| Problem::new(Code::MalformedDocument, fault.to_string()).at_pointer(""))?;
    let act = caller.act();
    let sequence = app.engine().record(act, &SEQUENCES, id).await?;
    let contact =
        app.engine().record(act, &CONTACTS, start.contact_id).await.map_err(|error| match error {
            pulse_resource::Error::Rejected(_) => {
                let detail = format!("There is no contacts with the id {}.", start.contact_id);
                Error::from(Problem::new(Code::RelatedNotFound, detail).at_pointer("/contact_id"))
            }
            other => other.into(),
        })?;
    let steps: Vec<Step> = serde_json::from_value(sequence.get("steps")).map_err(anyhow::Error::from)?;

    let mut enrollment = Changes::of(&SEQUENCE_ENROLLMENTS);
    enrollment.id = Some(start.enrollment_id.unwrap_or_else(Uuid::now_v7));
    enrollment.set("sequence_id", sequence.id());
    enrollment.set("contact_id", contact.id());
    if let Some(id) = start.enrollment_id
        && let Ok(known) = app.engine().record(act, &SEQUENCE_ENROLLMENTS, id).await
    {
        return same(&known, &enrollment);
    }
    let mut transaction = app.engine().begin(act).await?;
    let made = async {
        let record = transaction.create(enrollment.clone()).await?;
        for step in steps {
            let mut task = Changes::of(&TASKS);
            task.set("title", step.title.as_str());
            task.set("body", step.body.map_or(Bind::Null, Bind::Text));
            task.set("due_at", Bind::Instant(Utc::now() + TimeDelta::days(i64::from(step.after_days))));
            task.set("parent_type", CONTACTS.name);
            task.set("parent_id", contact.id());
            task.set("sequence_enrollment_id", record.id());
            transaction.create(task).await?;
        }
        Ok::<_, pulse_resource::Error>(record)
    }
    .await;
    match made {
        Ok(record) => {
            transaction.commit().await?;
            Ok(collection::created(&record, None))
        }
        Err(error) => {
            transaction.roll_back().await;
            // A twin of this request may have come first.
            match app.engine().record(act, &SEQUENCE_ENROLLMENTS, enrollment.id.unwrap_or_default()).await {
                Ok(known) => same(&known, &enrollment),
                Err(_) => Err(error.into()),
            }
        }
    }
}

/// The enrolment that exists under the id asked for, if it is of the same contact in the same sequence.
fn same(known: &pulse_resource::render::Record, wanted: &Changes) -> Result<HttpResponse, Error> {
    let is = |name: &str, column: &str| {
        let relationship = SEQUENCE_ENROLLMENTS.relationship(name);
        relationship.and_then(|relationship| known.to_one(relationship)) == wanted.id_of(column)
    };
    if is("sequence", "sequence_id") && is("contact", "contact_id") {
        return Ok(answer::record(StatusCode::OK, known, None));
    }
    let detail = "There is another enrolment with this id.";
    Err(Problem::new(Code::IdTaken, detail).at_pointer("/enrollment_id").into())
}
