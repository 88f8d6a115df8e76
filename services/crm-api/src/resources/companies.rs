//! Companies: the organisations that contacts work for.

use pulse_jsonapi::Problem;
use pulse_resource::{
    Changes, Events, Ownership, Resource, attribute, belongs_to, has_many, has_many_as, many_through,
    many_through_as,
};
use pulse_store::schema::{
    activities, calls, companies, contact_companies, contacts, deals, leads, notes, taggings, tasks, tickets,
};

use super::activities::ACTIVITIES;
use super::calls::CALLS;
use super::contact_companies::CONTACT_COMPANIES;
use super::contacts::CONTACTS;
use super::deals::DEALS;
use super::leads::LEADS;
use super::notes::NOTES;
use super::taggings::TAGGINGS;
use super::tags::TAGS;
use super::tasks::TASKS;
use super::teams::TEAMS;
use super::tickets::TICKETS;
use super::users::USERS;
use super::{ORIGINS, phones, shape};

/// The declaration.
pub(crate) static COMPANIES: Resource = Resource {
    name: "companies",
    table: "companies",
    attributes: &[
        attribute::<companies::name>().required().filter().sort(),
        attribute::<companies::legal_name>().filter().sort(),
        attribute::<companies::domain>().filter().sort(),
        attribute::<companies::domains>(),
        attribute::<companies::website>().max_len(2_048).filter(),
        attribute::<companies::industry>().filter().sort(),
        attribute::<companies::size>()
            .choices(&["1", "2-10", "11-50", "51-200", "201-500", "501-1000", "1001-5000", "5001+"])
            .filter()
            .sort(),
        attribute::<companies::employees>().filter().sort(),
        attribute::<companies::annual_revenue>().scale(2).filter().sort(),
        attribute::<companies::currency>().max_len(3).filter().sort(),
        attribute::<companies::phone>().max_len(50).filter().sort(),
        attribute::<companies::phone_e164>().read_only().filter().sort(),
        attribute::<companies::email>().filter().sort(),
        attribute::<companies::billing_address>(),
        attribute::<companies::shipping_address>(),
        attribute::<companies::tax_id>().max_len(50).filter().sort(),
        attribute::<companies::kind>()
            .choices(&["prospect", "customer", "partner", "vendor", "competitor", "other"])
            .filter()
            .sort(),
        attribute::<companies::linkedin_url>().max_len(2_048).filter(),
        attribute::<companies::description>().max_len(65_535).filter(),
        attribute::<companies::logo_url>().max_len(2_048),
        attribute::<companies::founded_on>().filter().sort(),
        attribute::<companies::rating>().filter().sort(),
        attribute::<companies::health>().filter().sort(),
        attribute::<companies::mrr>().scale(2).read_only().filter().sort(),
        attribute::<companies::ltv>().scale(2).read_only().filter().sort(),
        attribute::<companies::last_activity_at>().read_only().filter().sort(),
        attribute::<companies::external_source>().filter().sort(),
        attribute::<companies::external_id>().filter().sort(),
        attribute::<companies::origin>().choices(ORIGINS).filter().sort(),
        attribute::<companies::custom_fields>().custom(),
        attribute::<companies::created_at>().read_only().filter().sort(),
        attribute::<companies::updated_at>().read_only().filter().sort(),
    ],
    relationships: &[
        has_many::<contacts::company_id>("contacts", &CONTACTS),
        many_through::<contact_companies::company_id, contact_companies::contact_id>(
            "people",
            "contact_companies",
            &CONTACTS,
        ),
        has_many::<contact_companies::company_id>("contact_companies", &CONTACT_COMPANIES),
        belongs_to::<companies::parent_id>("parent", &COMPANIES),
        has_many::<companies::parent_id>("subsidiaries", &COMPANIES),
        belongs_to::<companies::merged_into_id>("merged_into", &COMPANIES).read_only(),
        belongs_to::<companies::owner_id>("owner", &USERS),
        belongs_to::<companies::team_id>("team", &TEAMS),
        has_many::<deals::company_id>("deals", &DEALS),
        has_many::<leads::converted_company_id>("leads", &LEADS),
        has_many::<tickets::company_id>("tickets", &TICKETS),
        has_many::<calls::company_id>("calls", &CALLS),
        has_many_as::<activities::parent_type, activities::parent_id>("activities", &ACTIVITIES),
        has_many_as::<tasks::parent_type, tasks::parent_id>("tasks", &TASKS),
        has_many_as::<notes::parent_type, notes::parent_id>("notes", &NOTES),
        has_many_as::<taggings::parent_type, taggings::parent_id>("taggings", &TAGGINGS),
        many_through_as::<taggings::parent_type, taggings::parent_id, taggings::tag_id>(
            "tags", "taggings", &TAGS,
        ),
    ],
    ownership: Ownership::user_and_team::<companies::owner_id, companies::team_id>(),
    events: Some(Events::of("company.created", "company.updated", "company.deleted", "company.restored")),
    validate,
    prepare: Some(phones::prepare),
    ..Resource::DEFAULT
};

fn validate(changes: &Changes) -> Vec<Problem> {
    let mut problems = shape::object(changes, "billing_address", shape::ADDRESS);
    problems.extend(shape::object(changes, "shipping_address", shape::ADDRESS));
    problems.extend(shape::texts(changes, "domains"));
    problems
}
