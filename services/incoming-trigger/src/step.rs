//! One step: its variables filled in, and what it does in the CRM.
//!
//! Every step may be done again after a crash. Records that it creates have ids derived from the run and the position,
//! so the second time finds what the first has made.

use pulse_domain::id::derived;
use pulse_domain::template;
use pulse_domain::workflow::{Action, Step};
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::body::has_nul;
use crate::crm::{self, Acting, Record};

/// Why a step has no output.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It would fail again.
    Final(String),
    /// It may succeed later.
    Passing(String),
}

impl From<crm::Failure> for Failure {
    fn from(failure: crm::Failure) -> Self {
        match failure {
            crm::Failure::Refused(refused) => Self::Final(refused.to_string()),
            crm::Failure::Away(reason) => Self::Passing(reason),
        }
    }
}

/// The parameters of a step as JSON, with their variables filled in.
pub(crate) fn fill(step: &Step, context: &Value) -> Result<Value, Failure> {
    let variables = context.as_object().ok_or_else(|| Failure::Final("the run has no variables".into()))?;
    let parameters = serde_json::to_value(&step.action).expect("a step was read from JSON");
    let mut filled =
        template::fill(&parameters, variables).map_err(|error| Failure::Final(error.to_string()))?;
    // Parameters beside the attributes are texts; a number that was sent is as good as one.
    for parameter in filled.as_object_mut().into_iter().flat_map(Map::values_mut) {
        if parameter.is_number() || parameter.is_boolean() {
            *parameter = Value::String(parameter.to_string());
        }
    }
    if has_nul(&filled) {
        return Err(Failure::Final("a parameter contains the character U+0000".into()));
    }
    Ok(filled)
}

/// Does what the filled-in parameters say, and returns the output that later steps read.
pub(crate) async fn execute(
    crm: &Acting<'_>,
    run_id: Uuid,
    position: i32,
    parameters: &Value,
) -> Result<Value, Failure> {
    let action = Action::deserialize(parameters).map_err(|error| Failure::Final(error.to_string()))?;
    let own_id = derived(run_id, &position.to_string());
    let record = match &action {
        Action::CreateRecord { resource, attributes } => crm.create(resource, own_id, attributes).await?,
        Action::UpdateRecord { resource, id, attributes } => {
            crm.update(resource, record_id("id", id)?, attributes).await?
        }
        Action::UpsertRecord { resource, r#match, attributes } => {
            upsert(crm, resource, own_id, r#match, attributes).await?
        }
        Action::AddTag { resource, id, tag } => {
            add_tag(crm, resource, record_id("id", id)?, own_id, tag).await?
        }
        Action::StartSequence { contact_id, sequence } => {
            let contact = record_id("contact_id", contact_id)?;
            let name = not_blank("sequence", sequence)?;
            let found = crm.find("sequences", "name", name).await?;
            let found = found.ok_or_else(|| Failure::Final(format!("there is no sequence `{name}`")))?;
            crm.start_sequence(found.id, contact, own_id).await?
        }
    };
    Ok(record.into_output())
}

/// The record that had a value before, or one that was created with it.
enum Found {
    Existing(Record),
    Created(Record),
}

async fn upsert(
    crm: &Acting<'_>,
    resource: &str,
    own_id: Uuid,
    attribute: &str,
    attributes: &Map<String, Value>,
) -> Result<Record, Failure> {
    match find_or_create(crm, resource, own_id, attribute, attributes).await? {
        Found::Existing(found) => Ok(crm.update(resource, found.id, attributes).await?),
        Found::Created(created) => Ok(created),
    }
}

async fn add_tag(
    crm: &Acting<'_>,
    resource: &str,
    id: Uuid,
    own_id: Uuid,
    name: &str,
) -> Result<Record, Failure> {
    let attributes = Map::from_iter([("name".to_owned(), Value::from(name))]);
    let (Found::Existing(tag) | Found::Created(tag)) =
        find_or_create(crm, "tags", own_id, "name", &attributes).await?;
    crm.tag(resource, id, tag.id).await?;
    Ok(tag)
}

async fn find_or_create(
    crm: &Acting<'_>,
    resource: &str,
    own_id: Uuid,
    attribute: &str,
    attributes: &Map<String, Value>,
) -> Result<Found, Failure> {
    let text = match attributes.get(attribute) {
        Some(Value::String(text)) => text.clone(),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
        _ => return Err(Failure::Final(format!("`{attribute}` has no value that a record can be found by"))),
    };
    if let Some(found) = crm.find(resource, attribute, not_blank(attribute, &text)?).await? {
        return Ok(Found::Existing(found));
    }
    match crm.create(resource, own_id, attributes).await {
        // Somebody was quicker, or the value is stored in another spelling than it was looked for.
        Err(crm::Failure::Refused(refused)) => match refused.holder(attribute) {
            Some(holder) => Ok(Found::Existing(crm.show(resource, holder).await?)),
            None => Err(crm::Failure::Refused(refused).into()),
        },
        created => Ok(Found::Created(created?)),
    }
}

fn record_id(parameter: &str, text: &str) -> Result<Uuid, Failure> {
    text.trim().parse().map_err(|error| {
        Failure::Final(format!("`{parameter}` is not the id of a record: `{text}` ({error})"))
    })
}

fn not_blank<'a>(parameter: &str, text: &'a str) -> Result<&'a str, Failure> {
    if text.trim().is_empty() { Err(Failure::Final(format!("`{parameter}` is empty"))) } else { Ok(text) }
}
