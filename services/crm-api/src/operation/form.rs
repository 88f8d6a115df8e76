//! Bodies that are attributes of a record, without the document around them: `{"status": "solved"}`. What is wrong with
//! them is said as of a document, at pointers into the body.

use actix_web::web::Payload;
use pulse_jsonapi::document::{Expect, read_resource};
use pulse_jsonapi::problem::pointer;
use pulse_jsonapi::{Code, Problem, Source};
use pulse_resource::{Changes, Resource};
use serde_json::{Map, Value, json};

use crate::{Error, collection};

/// What an operation is sent.
#[derive(Debug)]
pub(crate) struct Form {
    /// The resource whose attributes are asked for.
    pub(crate) resource: &'static Resource,
    /// Those that must be there.
    pub(crate) required: &'static [&'static str],
    /// Those that may be.
    pub(crate) optional: &'static [&'static str],
}

impl Form {
    /// The names of all of them.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.required.iter().chain(self.optional).copied()
    }

    /// Reads a body; none is an empty one.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) async fn read(&self, payload: Payload) -> Result<Changes, Error> {
        let body = collection::read(payload).await?;
        let values = match &*body {
            [] => Value::Object(Map::new()),
            body => serde_json::from_slice(body).map_err(|fault| {
                Problem::new(Code::MalformedJson, format!("The body is not JSON: {fault}."))
            })?,
        };
        let Value::Object(values) = values else {
            return Err(Problem::new(Code::MalformedDocument, "The body is an object.")
                .at_pointer("")
                .into());
        };
        let mut problems = self.misfits(&values);
        match self.changes(values) {
            Ok(changes) if problems.is_empty() => return Ok(changes),
            Ok(_) => {}
            Err(found) => problems.extend(found.into_iter().map(in_body)),
        }
        Err(problems.into())
    }

    /// Names that are missing, and names that are not asked for.
    fn misfits(&self, values: &Map<String, Value>) -> Vec<Problem> {
        let missing = self.required.iter().filter(|name| values.get(**name).is_none_or(Value::is_null));
        let missing = missing.map(|name| {
            let at = if values.contains_key(*name) { pointer(&[name]) } else { String::new() };
            Problem::new(Code::Required, format!("{name} is required.")).at_pointer(at)
        });
        let unknown = values.keys().filter(|name| self.names().all(|known| known != name.as_str()));
        let unknown = unknown.map(|name| {
            let detail = format!("{name:?} is not asked for here.");
            Problem::new(Code::UnknownAttribute, detail).at_pointer(pointer(&[name])).allowing(self.names())
        });
        missing.chain(unknown).collect()
    }

    /// What a document with the values that are asked for would change.
    fn changes(&self, mut values: Map<String, Value>) -> Result<Changes, Vec<Problem>> {
        values.retain(|name, value| {
            let required = self.required.contains(&name.as_str());
            self.names().any(|known| known == name) && !(required && value.is_null())
        });
        let document = json!({ "data": { "type": self.resource.name, "attributes": values } });
        let expect = Expect { r#type: self.resource.name, id: None, new_id: None, client_id_allowed: true };
        Changes::updating(self.resource, read_resource(document.to_string().as_bytes(), expect)?)
    }
}

/// The outcome of a write that a form asked for, with problems that point into the body.
pub(crate) fn pointed<T>(outcome: Result<T, pulse_resource::Error>) -> Result<T, Error> {
    outcome.map_err(|error| match error {
        pulse_resource::Error::Rejected(problems) => {
            problems.into_iter().map(in_body).collect::<Vec<_>>().into()
        }
        other => other.into(),
    })
}

/// A problem of a document, as one of the body that has its attributes alone.
fn in_body(mut problem: Problem) -> Problem {
    if let Some(Source::Pointer(at)) = &mut problem.source
        && let Some(rest) = at.strip_prefix("/data/attributes").or_else(|| at.strip_prefix("/data"))
    {
        *at = rest.to_owned();
    }
    problem
}
