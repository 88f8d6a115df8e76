//! Contacts: the people a workspace sells to.

use pulse_jsonapi::Problem;
use pulse_resource::render::Record;
use pulse_resource::write::{Transaction, Work};
use pulse_resource::{
    Changes, Events, Ownership, Resource, attribute, belongs_to, has_many, has_many_as, many_through,
    many_through_as,
};
use pulse_store::schema::{
    activities, calls, contact_companies, contacts, deal_contacts, deals, leads, notes, sequence_enrollments,
    taggings, tasks, tickets,
};

use super::activities::ACTIVITIES;
use super::calls::CALLS;
use super::companies::COMPANIES;
use super::contact_companies::{self as links, CONTACT_COMPANIES};
use super::deal_contacts::DEAL_CONTACTS;
use super::deals::DEALS;
use super::leads::LEADS;
use super::notes::NOTES;
use super::sequence_enrollments::SEQUENCE_ENROLLMENTS;
use super::shape::{self, Member, Shape};
use super::taggings::TAGGINGS;
use super::tags::TAGS;
use super::tasks::TASKS;
use super::teams::TEAMS;
use super::tickets::TICKETS;
use super::users::USERS;
use super::{ORIGINS, phones};

/// The declaration.
pub(crate) static CONTACTS: Resource = Resource {
    name: "contacts",
    table: "contacts",
    attributes: &[
        attribute::<contacts::first_name>().filter().sort(),
        attribute::<contacts::last_name>().filter().sort(),
        attribute::<contacts::full_name>().read_only().filter().sort(),
        attribute::<contacts::salutation>().max_len(50).filter().sort(),
        attribute::<contacts::title>().filter().sort(),
        attribute::<contacts::department>().filter().sort(),
        attribute::<contacts::email>().filter().sort(),
        attribute::<contacts::emails>(),
        attribute::<contacts::phone>().max_len(50).filter().sort(),
        attribute::<contacts::phone_e164>().read_only().filter().sort(),
        attribute::<contacts::phones>(),
        attribute::<contacts::birthday>().filter().sort(),
        attribute::<contacts::linkedin_url>().max_len(2_048).filter(),
        attribute::<contacts::twitter>().filter(),
        attribute::<contacts::website>().max_len(2_048).filter(),
        attribute::<contacts::address>(),
        attribute::<contacts::timezone>().max_len(64).filter().sort(),
        attribute::<contacts::locale>().max_len(35).filter().sort(),
        attribute::<contacts::lifecycle>()
            .choices(&["subscriber", "lead", "mql", "sql", "opportunity", "customer", "evangelist", "other"])
            .filter()
            .sort(),
        attribute::<contacts::status>().choices(&["active", "inactive", "bounced"]).filter().sort(),
        attribute::<contacts::score>().filter().sort(),
        attribute::<contacts::annual_value>().scale(2).filter().sort(),
        attribute::<contacts::currency>().max_len(3).filter().sort(),
        attribute::<contacts::source>().filter().sort(),
        attribute::<contacts::campaign>().filter().sort(),
        attribute::<contacts::do_not_call>().filter().sort(),
        attribute::<contacts::do_not_email>().filter().sort(),
        attribute::<contacts::subscribed>().filter().sort(),
        attribute::<contacts::consent>(),
        attribute::<contacts::last_activity_at>().read_only().filter().sort(),
        attribute::<contacts::last_contacted_at>().filter().sort(),
        attribute::<contacts::avatar_url>().max_len(2_048),
        attribute::<contacts::description>().max_len(65_535).filter(),
        attribute::<contacts::first_touch>().read_only(),
        attribute::<contacts::last_touch>().read_only(),
        attribute::<contacts::visitor_ids>(),
        attribute::<contacts::external_source>().filter().sort(),
        attribute::<contacts::external_id>().filter().sort(),
        attribute::<contacts::origin>().choices(ORIGINS).filter().sort(),
        attribute::<contacts::custom_fields>().custom(),
        attribute::<contacts::created_at>().read_only().filter().sort(),
        attribute::<contacts::updated_at>().read_only().filter().sort(),
    ],
    relationships: &[
        belongs_to::<contacts::company_id>("company", &COMPANIES),
        many_through::<contact_companies::contact_id, contact_companies::company_id>(
            "companies",
            "contact_companies",
            &COMPANIES,
        ),
        has_many::<contact_companies::contact_id>("contact_companies", &CONTACT_COMPANIES),
        belongs_to::<contacts::manager_id>("manager", &CONTACTS),
        has_many::<contacts::manager_id>("reports", &CONTACTS),
        belongs_to::<contacts::merged_into_id>("merged_into", &CONTACTS).read_only(),
        belongs_to::<contacts::owner_id>("owner", &USERS),
        belongs_to::<contacts::team_id>("team", &TEAMS),
        has_many::<deals::contact_id>("deals", &DEALS),
        has_many::<deal_contacts::contact_id>("deal_contacts", &DEAL_CONTACTS),
        has_many::<leads::converted_contact_id>("leads", &LEADS),
        has_many_as::<activities::parent_type, activities::parent_id>("activities", &ACTIVITIES),
        has_many_as::<tasks::parent_type, tasks::parent_id>("tasks", &TASKS),
        has_many_as::<notes::parent_type, notes::parent_id>("notes", &NOTES),
        has_many_as::<taggings::parent_type, taggings::parent_id>("taggings", &TAGGINGS),
        many_through_as::<taggings::parent_type, taggings::parent_id, taggings::tag_id>(
            "tags", "taggings", &TAGS,
        ),
        has_many::<tickets::contact_id>("tickets", &TICKETS),
        has_many::<calls::contact_id>("calls", &CALLS),
        has_many::<sequence_enrollments::contact_id>("sequence_enrollments", &SEQUENCE_ENROLLMENTS),
    ],
    ownership: Ownership::user_and_team::<contacts::owner_id, contacts::team_id>(),
    events: Some(Events::of("contact.created", "contact.updated", "contact.deleted", "contact.restored")),
    validate,
    prepare: Some(phones::prepare),
    follow: Some(follow),
    ..Resource::DEFAULT
};

const EMAIL: Shape = &[
    ("value", Member::Text),
    ("label", Member::Text),
    ("verified", Member::Flag),
    ("opt_out", Member::Flag),
];

const PHONE: Shape =
    &[("value", Member::Text), ("e164", Member::Text), ("ext", Member::Text), ("label", Member::Text)];

const CONSENT: Shape =
    &[("channel", Member::Text), ("basis", Member::Text), ("at", Member::Instant), ("proof", Member::Text)];

fn validate(changes: &Changes) -> Vec<Problem> {
    let mut problems = match changes.text("email") {
        Some(email) if !email.contains('@') => {
            vec![Problem::invalid("email", "email is not an e-mail address.")]
        }
        _ => Vec::new(),
    };
    problems.extend(shape::objects(changes, "emails", EMAIL));
    problems.extend(shape::objects(changes, "phones", PHONE));
    problems.extend(shape::objects(changes, "consent", CONSENT));
    problems.extend(shape::object(changes, "address", shape::ADDRESS));
    problems.extend(shape::texts(changes, "visitor_ids"));
    problems
}

/// The company that a contact names is the primary one of its links.
fn follow<'a>(
    transaction: &'a mut Transaction,
    old: Option<&'a Record>,
    new: Option<&'a Record>,
) -> Work<'a> {
    Box::pin(async move {
        let Some(contact) = new else { return Ok(()) };
        let company = contact.related_id("company");
        if company == old.and_then(|contact| contact.related_id("company")) {
            return Ok(());
        }
        links::follow_company(transaction, contact.id(), company).await
    })
}
