//! Leads: people who may become customers, before anybody knows whether they will.
//!
//! [`conversion`] makes a contact, a company and a deal of one: [`targets`] decides which, [`matches`] finds those that
//! exist already, [`mapping`] is what they take over. A lead that was converted stays as it is.

mod conversion;
mod mapping;
mod matches;
mod preview;
mod targets;

use pulse_jsonapi::{Code, Problem};
use pulse_resource::render::Record;
use pulse_resource::write::{Transaction, Work};
use pulse_resource::{
    Changes, Events, Ownership, Resource, attribute, belongs_to, has_many, has_many_as, many_through_as,
};
use pulse_store::schema::{activities, deals, leads, notes, taggings, tasks};
use serde_json::json;

use super::activities::ACTIVITIES;
use super::companies::COMPANIES;
use super::contacts::CONTACTS;
use super::deals::DEALS;
use super::notes::NOTES;
use super::shape::{self, Member, Shape};
use super::taggings::TAGGINGS;
use super::tags::TAGS;
use super::tasks::TASKS;
use super::teams::TEAMS;
use super::users::USERS;
use super::{ORIGINS, phones};
use crate::operation::Operation;

pub(super) const OPERATIONS: &[Operation] = &[conversion::OPERATION, preview::OPERATION];

/// The declaration.
pub(crate) static LEADS: Resource = Resource {
    name: "leads",
    table: "leads",
    attributes: &[
        attribute::<leads::first_name>().filter().sort(),
        attribute::<leads::last_name>().filter().sort(),
        attribute::<leads::full_name>().read_only().filter().sort(),
        attribute::<leads::title>().filter().sort(),
        attribute::<leads::company_name>().filter().sort(),
        attribute::<leads::email>().filter().sort(),
        attribute::<leads::phone>().max_len(50).filter().sort(),
        attribute::<leads::phone_e164>().read_only().filter().sort(),
        attribute::<leads::website>().max_len(2_048).filter(),
        attribute::<leads::address>(),
        attribute::<leads::industry>().filter().sort(),
        attribute::<leads::status>()
            .choices(&["new", "working", "nurturing", "qualified", "unqualified", "converted"])
            .filter()
            .sort(),
        attribute::<leads::status_reason>().filter().sort(),
        attribute::<leads::source>().filter().sort(),
        attribute::<leads::campaign>().filter().sort(),
        attribute::<leads::utm>(),
        attribute::<leads::value>().scale(2).filter().sort(),
        attribute::<leads::currency>().max_len(3).filter().sort(),
        attribute::<leads::score>().filter().sort(),
        attribute::<leads::grade>().choices(&["A", "B", "C", "D"]).filter().sort(),
        attribute::<leads::intent_signals>(),
        attribute::<leads::rating>().choices(&["cold", "warm", "hot"]).filter().sort(),
        attribute::<leads::do_not_call>().filter().sort(),
        attribute::<leads::do_not_email>().filter().sort(),
        attribute::<leads::first_response_at>().filter().sort(),
        attribute::<leads::response_due_at>().filter().sort(),
        attribute::<leads::last_activity_at>().read_only().filter().sort(),
        attribute::<leads::description>().max_len(65_535).filter(),
        attribute::<leads::visitor_ids>(),
        attribute::<leads::converted_at>().read_only().filter().sort(),
        attribute::<leads::external_source>().filter().sort(),
        attribute::<leads::external_id>().filter().sort(),
        attribute::<leads::origin>().choices(ORIGINS).filter().sort(),
        attribute::<leads::custom_fields>().custom(),
        attribute::<leads::created_at>().read_only().filter().sort(),
        attribute::<leads::updated_at>().read_only().filter().sort(),
    ],
    relationships: &[
        belongs_to::<leads::owner_id>("owner", &USERS),
        belongs_to::<leads::team_id>("team", &TEAMS),
        belongs_to::<leads::converted_by_id>("converted_by", &USERS).read_only(),
        belongs_to::<leads::converted_contact_id>("converted_contact", &CONTACTS).read_only(),
        belongs_to::<leads::converted_company_id>("converted_company", &COMPANIES).read_only(),
        belongs_to::<leads::converted_deal_id>("converted_deal", &DEALS).read_only(),
        has_many::<deals::source_lead_id>("deals", &DEALS),
        has_many_as::<activities::parent_type, activities::parent_id>("activities", &ACTIVITIES),
        has_many_as::<tasks::parent_type, tasks::parent_id>("tasks", &TASKS),
        has_many_as::<notes::parent_type, notes::parent_id>("notes", &NOTES),
        has_many_as::<taggings::parent_type, taggings::parent_id>("taggings", &TAGGINGS),
        many_through_as::<taggings::parent_type, taggings::parent_id, taggings::tag_id>(
            "tags", "taggings", &TAGS,
        ),
    ],
    ownership: Ownership::user_and_team::<leads::owner_id, leads::team_id>(),
    events: Some(Events::of("lead.created", "lead.updated", "lead.deleted", "lead.restored")),
    validate,
    prepare: Some(prepare),
    follow: Some(follow),
    ..Resource::DEFAULT
};

const UTM: Shape = &[
    ("source", Member::Text),
    ("medium", Member::Text),
    ("campaign", Member::Text),
    ("term", Member::Text),
    ("content", Member::Text),
];

fn validate(changes: &Changes) -> Vec<Problem> {
    let mut problems = shape::object(changes, "address", shape::ADDRESS);
    problems.extend(shape::object(changes, "utm", UTM));
    problems.extend(shape::texts(changes, "visitor_ids"));
    if changes.text("email").is_some_and(|email| !email.contains('@')) {
        problems.push(Problem::invalid("email", "email is not an e-mail address."));
    }
    problems
}

fn is_converted(lead: &Record) -> bool {
    lead.get("status") == "converted"
}

/// What a lead became, for those who ask for it again.
fn already_converted(lead: &Record) -> Problem {
    let meta = json!({
        "contact_id": lead.related_id("converted_contact"),
        "company_id": lead.related_id("converted_company"),
        "deal_id": lead.related_id("converted_deal"),
    });
    Problem::new(Code::AlreadyConverted, "The lead was converted: it stays as it is.").with_meta(meta)
}

fn prepare<'a>(_: &'a mut Transaction, old: Option<&'a Record>, changes: &'a mut Changes) -> Work<'a> {
    phones::follow(changes);
    // Only conversion sets the column without having been given the attribute.
    let refused = if let Some(lead) = old.filter(|lead| is_converted(lead)) {
        Err(already_converted(lead).into())
    } else if changes.text("status") == Some("converted") {
        let detail = "A lead is converted by POST /leads/{id}/convert.";
        Err(Problem::invalid("status", detail).into())
    } else {
        Ok(())
    };
    Box::pin(async { refused })
}

fn follow<'a>(
    transaction: &'a mut Transaction,
    old: Option<&'a Record>,
    new: Option<&'a Record>,
) -> Work<'a> {
    Box::pin(async move {
        match (old, new) {
            (Some(old), Some(new)) if is_converted(new) && !is_converted(old) => {
                transaction.emit("lead.converted", new, new.changes_since(old)).await
            }
            _ => Ok(()),
        }
    })
}
