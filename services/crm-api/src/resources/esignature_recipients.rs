//! Recipients of requests to sign: who signs, approves, or is shown the documents. They can be changed until the request
//! is sent; what they do after that is recorded by their secret address.

use std::collections::HashSet;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use pulse_jsonapi::{Code, Problem};
use pulse_resource::render::Record;
use pulse_resource::write::{Transaction, Work};
use pulse_resource::{Changes, Error, Ownership, Resource, attribute, belongs_to};
use pulse_store::schema::{esignature_recipients, esignature_requests};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::esignature_requests::ESIGNATURE_REQUESTS;
use super::typed;

/// The declaration.
pub(crate) static ESIGNATURE_RECIPIENTS: Resource = Resource {
    name: "esignature_recipients",
    table: "esignature_recipients",
    attributes: &[
        attribute::<esignature_recipients::name>().required().filter().sort(),
        attribute::<esignature_recipients::email>().required().filter().sort(),
        attribute::<esignature_recipients::role>()
            .choices(&["signer", "approver", "viewer", "cc"])
            .filter()
            .sort(),
        attribute::<esignature_recipients::position>().filter().sort(),
        attribute::<esignature_recipients::status>().read_only().filter().sort(),
        attribute::<esignature_recipients::fields>(),
        attribute::<esignature_recipients::viewed_at>().read_only().filter().sort(),
        attribute::<esignature_recipients::signed_at>().read_only().filter().sort(),
        attribute::<esignature_recipients::ip>().read_only().filter().sort(),
        attribute::<esignature_recipients::user_agent>().read_only().filter(),
        attribute::<esignature_recipients::created_at>().read_only().filter().sort(),
        attribute::<esignature_recipients::updated_at>().read_only().filter().sort(),
    ],
    relationships: &[belongs_to::<esignature_recipients::request_id>("request", &ESIGNATURE_REQUESTS)],
    ownership: Ownership::Part("request"),
    validate,
    prepare: Some(prepare),
    follow: Some(follow),
    ..Resource::DEFAULT
};

/// Something to be filled in on a page of the documents.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Field {
    pub(super) key: String,
    #[serde(rename = "type")]
    pub(super) kind: Kind,
    #[serde(rename = "page", default)]
    _page: Option<u32>,
    #[serde(rename = "x", default)]
    _x: Option<f64>,
    #[serde(rename = "y", default)]
    _y: Option<f64>,
    #[serde(rename = "w", default)]
    _w: Option<f64>,
    #[serde(rename = "h", default)]
    _h: Option<f64>,
    #[serde(default)]
    pub(super) required: bool,
    #[serde(default)]
    pub(super) value: Value,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Signature,
    Initials,
    Name,
    Date,
    Text,
    Number,
    Checkbox,
    Radio,
    Select,
}

fn validate(changes: &Changes) -> Vec<Problem> {
    let mut problems = Vec::new();
    if changes.text("email").is_some_and(|email| !email.contains('@')) {
        problems.push(Problem::invalid("email", "email is not an e-mail address."));
    }
    let mut keys = HashSet::new();
    for (index, field) in typed::each::<Field>(changes, "fields", 500, &mut problems) {
        if !keys.insert(field.key) {
            let at = format!("/data/attributes/fields/{index}");
            problems.push(Problem::new(Code::Invalid, "Another field has this key.").at_pointer(at));
        }
    }
    problems
}

/// Clients change recipients of drafts alone; what a recipient does sets a status, and passes.
fn prepare<'a>(
    transaction: &'a mut Transaction,
    old: Option<&'a Record>,
    changes: &'a mut Changes,
) -> Work<'a> {
    Box::pin(async move {
        let differs = |old: &Record| {
            let attributes = ["name", "email", "role", "position", "fields"];
            attributes
                .into_iter()
                .any(|name| changes.value(name).is_some_and(|value| *value != old.get(name)))
        };
        let was = old.and_then(request);
        let to = changes.id_of("request_id").filter(|to| Some(*to) != was);
        if let Some(to) = to {
            require_draft(transaction, to).await?;
        }
        match (old, was) {
            (Some(old), Some(was)) if to.is_some() || differs(old) => require_draft(transaction, was).await,
            _ => Ok(()),
        }
    })
}

/// One is not taken away from a request that was sent, nor brought back to it. What it does with one is told.
fn follow<'a>(
    transaction: &'a mut Transaction,
    old: Option<&'a Record>,
    new: Option<&'a Record>,
) -> Work<'a> {
    Box::pin(async move {
        match (old, new) {
            (Some(old), Some(new)) if old.get("status") != new.get("status") => {
                match new.get("status").as_str() {
                    Some("viewed") => transaction.emit("esignature.viewed", new, None).await,
                    Some("signed") => transaction.emit("esignature.signed", new, None).await,
                    _ => Ok(()),
                }
            }
            (Some(_), Some(_)) | (None, None) => Ok(()),
            (Some(one), None) | (None, Some(one)) => match request(one) {
                Some(id) => require_draft(transaction, id).await,
                None => Ok(()),
            },
        }
    })
}

fn request(recipient: &Record) -> Option<Uuid> {
    recipient.to_one(recipient.resource.relationship("request")?)
}

async fn require_draft(transaction: &mut Transaction, request: Uuid) -> Result<(), Error> {
    let status: String = esignature_requests::table
        .find((transaction.workspace().0, request))
        .select(esignature_requests::status)
        .for_share()
        .first(transaction.connection())
        .await?;
    if status == "draft" {
        return Ok(());
    }
    let detail = "The request was sent: its recipients stay as they are.";
    Err(Problem::new(Code::StateConflict, detail).into())
}
