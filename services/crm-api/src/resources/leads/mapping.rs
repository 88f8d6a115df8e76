//! What a contact, a company and a deal take over from the lead they come from.

use pulse_resource::render::Record;
use serde_json::{Map, Value};

/// Attributes of a lead, and what they are called where they go.
type Mapping = &'static [(&'static str, &'static str)];

const CONTACT: Mapping = &[
    ("first_name", "first_name"),
    ("last_name", "last_name"),
    ("title", "title"),
    ("email", "email"),
    ("phone", "phone"),
    ("address", "address"),
    ("score", "score"),
    ("source", "source"),
    ("campaign", "campaign"),
    ("do_not_call", "do_not_call"),
    ("do_not_email", "do_not_email"),
    ("visitor_ids", "visitor_ids"),
    ("description", "description"),
];

const COMPANY: Mapping = &[
    ("company_name", "name"),
    ("website", "website"),
    ("industry", "industry"),
    ("address", "billing_address"),
];

const DEAL: Mapping =
    &[("value", "amount"), ("currency", "currency"), ("source", "source"), ("description", "description")];

fn mapped(lead: &Record, mapping: Mapping) -> Map<String, Value> {
    let known = mapping.iter().map(|(from, to)| ((*to).to_owned(), lead.get(from)));
    known.filter(|(_, value)| !is_blank(value)).collect()
}

/// Whether there is nothing to take over.
pub(super) fn is_blank(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(str::is_empty)
}

/// The attributes of a contact.
pub(super) fn contact(lead: &Record) -> Map<String, Value> {
    mapped(lead, CONTACT)
}

/// The attributes of a company; `domain` is its own, where one is known.
pub(super) fn company(lead: &Record, domain: Option<&str>) -> Map<String, Value> {
    let mut attributes = mapped(lead, COMPANY);
    if let Some(domain) = domain {
        attributes.insert("domain".into(), domain.into());
    }
    attributes
}

/// The attributes of a deal, named after the first thing the lead is known by.
pub(super) fn deal(lead: &Record) -> Map<String, Value> {
    let mut attributes = mapped(lead, DEAL);
    let names = ["company_name", "full_name", "email", "phone"].map(|attribute| lead.get(attribute));
    let name = names.into_iter().find(|name| !is_blank(name));
    attributes.insert("name".into(), name.unwrap_or_else(|| "Lead".into()));
    attributes
}
