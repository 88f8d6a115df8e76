//! What sign-up, sign-in and the like are sent: plain fields, the same under `user`, or a JSON:API document.

use std::mem;

use actix_web::web::Payload;
use pulse_jsonapi::{Code, Problem};
use serde_json::{Map, Value};

use super::password_rules;
use crate::{Error, collection};

/// The fields of a form, and where they stand, for pointers.
pub(super) struct Form {
    fields: Map<String, Value>,
    at: &'static str,
    problems: Vec<Problem>,
}

impl Form {
    /// Reads a body.
    ///
    /// # Errors
    /// When it is not JSON, or none of the three forms.
    pub(super) async fn read(payload: Payload) -> Result<Self, Error> {
        let body = collection::read(payload).await?;
        let document: Value = serde_json::from_slice(&body)
            .map_err(|fault| Problem::new(Code::MalformedJson, format!("the body is not JSON: {fault}")))?;
        let form = ["/data/attributes", "/user", ""]
            .into_iter()
            .find_map(|at| Some((document.pointer(at)?.as_object()?, at)));
        let Some((fields, at)) = form else {
            let detail =
                "The body is an object with the fields, or has them under `user` or `data.attributes`.";
            return Err(Problem::new(Code::MalformedDocument, detail).at_pointer("").into());
        };
        Ok(Self { fields: fields.clone(), at, problems: Vec::new() })
    }

    /// Takes a text of at least one character that is not a blank.
    pub(super) fn text(&mut self, name: &str, max_len: usize) -> String {
        match self.fields.get(name) {
            Some(Value::String(text)) if text.chars().count() > max_len => {
                self.fault(Code::TooLong, name, format!("{name} has at most {max_len} characters."));
                String::new()
            }
            Some(Value::String(text)) if !text.trim().is_empty() => text.clone(),
            Some(Value::String(_) | Value::Null) => {
                self.fault(Code::Required, name, format!("{name} is required."));
                String::new()
            }
            Some(_) => {
                self.fault(Code::WrongKind, name, format!("{name} is a text."));
                String::new()
            }
            None => {
                let problem = Problem::new(Code::Required, format!("{name} is required."));
                self.problems.push(problem.at_pointer(self.at));
                String::new()
            }
        }
    }

    /// Takes a text that need not be there.
    pub(super) fn optional_text(&mut self, name: &str, max_len: usize) -> Option<String> {
        match self.fields.get(name) {
            None | Some(Value::Null) => None,
            Some(_) => Some(self.text(name, max_len)),
        }
    }

    /// Notes what is wrong with a password that is to be set, of somebody about whom this is known. One that could not
    /// be read was noted already.
    pub(super) fn judge(&mut self, password: &str, about: &[&str]) {
        if let Some(fault) = password_rules::fault(password, about).filter(|_| !password.is_empty()) {
            self.fault(Code::Invalid, "password", fault);
        }
    }

    /// Takes a yes or no; none is a no.
    pub(super) fn flag(&mut self, name: &str) -> bool {
        match self.fields.get(name) {
            Some(Value::Bool(flag)) => *flag,
            None | Some(Value::Null) => false,
            Some(_) => {
                self.fault(Code::WrongKind, name, format!("{name} is true or false."));
                false
            }
        }
    }

    /// Notes that a field is wrong.
    pub(super) fn fault(&mut self, code: Code, name: &str, detail: String) {
        self.problems.push(Problem::new(code, detail).at_pointer(format!("{}/{name}", self.at)));
    }

    /// Where a field stands.
    pub(super) fn pointer(&self, name: &str) -> String {
        format!("{}/{name}", self.at)
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// Everything that was wrong.
    pub(super) fn finish(mut self) -> Result<(), Error> {
        self.check()
    }

    /// Tells what was wrong so far, where more can only be known of a form that is sound.
    ///
    /// # Errors
    /// Everything that was wrong.
    pub(super) fn check(&mut self) -> Result<(), Error> {
        let problems = mem::take(&mut self.problems);
        if problems.is_empty() { Ok(()) } else { Err(problems.into()) }
    }
}
