//! The SQL that queries become.

use pulse_jsonapi::query::{self, Accepts};
use pulse_store::schema::{companies, contacts, taggings, tags};

use super::*;
use crate::declare::{attribute, belongs_to, has_many, many_through_as};

static COMPANIES: Resource = Resource {
    name: "companies",
    table: "companies",
    attributes: &[attribute::<companies::name>().filter().sort()],
    relationships: &[has_many::<contacts::company_id>("contacts", &CONTACTS)],
    ..Resource::DEFAULT
};

static CONTACTS: Resource = Resource {
    name: "contacts",
    table: "contacts",
    attributes: &[attribute::<contacts::email>().filter().sort(), attribute::<contacts::score>().filter()],
    relationships: &[
        belongs_to::<contacts::company_id>("company", &COMPANIES),
        many_through_as::<taggings::parent_type, taggings::parent_id, taggings::tag_id>(
            "tags", "taggings", &TAGS,
        ),
    ],
    ..Resource::DEFAULT
};

static TAGS: Resource = Resource {
    name: "tags",
    table: "tags",
    attributes: &[attribute::<tags::name>().filter()],
    ..Resource::DEFAULT
};

const START: &str = "SELECT t.id, t.lock_version, t.email, t.score, t.company_id FROM contacts t \
                     WHERE t.workspace_id = ? AND t.deleted_at IS NULL";
const END: &str = " ORDER BY t.created_at DESC, t.id DESC LIMIT ? OFFSET ?";

fn plan(query: &str) -> Plan {
    let query = query::parse(query, &Accepts::COLLECTION).expect("a query");
    Plan::new(&[&COMPANIES, &CONTACTS, &TAGS], &CONTACTS, &query).expect("a plan")
}

fn list(query: &str) -> String {
    page(&plan(query), WorkspaceId::generate(), None).text()
}

/// What a filter adds to a list.
fn condition(query: &str) -> String {
    let text = list(query);
    let condition = text.strip_prefix(START).and_then(|rest| rest.strip_suffix(END));
    condition.unwrap_or_else(|| panic!("{text}")).trim_start_matches(" AND ").to_owned()
}

#[test]
fn every_statement_starts_from_the_workspace_and_the_living() {
    let workspace = WorkspaceId::generate();
    assert_eq!(list(""), format!("{START}{END}"));
    let count = total(&plan("q[email_eq]=x"), workspace, None).text();
    assert!(count.starts_with(
        "SELECT count(*) FROM contacts t WHERE t.workspace_id = ? AND t.deleted_at IS NULL AND"
    ));
    assert!(by_ids(&CONTACTS, workspace, vec![], None).text().starts_with(START));
    let tags = CONTACTS.relationship("tags").and_then(|tags| tags.hop(None)).expect("declared");
    let included = related(&CONTACTS, tags, workspace, vec![], 9).text();
    assert!(
        included.contains("WHERE t.workspace_id = ? AND t.deleted_at IS NULL AND l.parent_type = 'contacts'")
    );
}

#[test]
fn values_are_bound_and_never_text() {
    let hostile = "q[email_eq]=%27%3B+DROP+TABLE+contacts%3B--";
    assert_eq!(condition(hostile), "((t.email = ?))");
    assert_eq!(condition("q[email_in][]=a&q[email_in][]=b"), "((t.email = ANY (?)))");
}

#[test]
fn predicates_groups_and_names_joined_by_or() {
    assert_eq!(condition("q[score_gt]=1&q[email_cont]=x"), "((t.score > ?) AND (t.email ILIKE ?))");
    assert_eq!(condition("q[email_or_company_name_cont]=x").matches(" OR ").count(), 1);
    let group = "q[score_lt]=1&q[g][0][m]=or&q[g][0][email_eq]=a&q[g][0][email_blank]=1";
    assert_eq!(
        condition(group),
        "((t.score < ?) AND ((t.email = ?) OR ((t.email IS NULL OR t.email = ''))))"
    );
    assert_eq!(condition("q[score_present]=1"), "((t.score IS NOT NULL))");
    assert_eq!(
        condition("q[email_start_any][]=a&q[email_start_any][]=b"),
        "(((t.email ILIKE ? OR t.email ILIKE ?)))"
    );
}

#[test]
fn a_filter_through_a_relationship_is_an_exists_of_the_same_workspace() {
    let company = "EXISTS (SELECT 1 FROM companies t_company WHERE t_company.workspace_id = ? AND \
                   t_company.deleted_at IS NULL AND t_company.id = t.company_id AND ";
    assert_eq!(condition("q[company_name_eq]=x"), format!("({company}t_company.name = ?))"));
    assert_eq!(
        condition("q[company_name_null]=1"),
        format!("(((NOT {company}TRUE) OR {company}t_company.name IS NULL))))")
    );
    let tags = "EXISTS (SELECT 1 FROM tags t_tags JOIN taggings t_tags_link ON t_tags_link.workspace_id = \
                t_tags.workspace_id AND t_tags_link.tag_id = t_tags.id WHERE t_tags.workspace_id = ? AND \
                t_tags.deleted_at IS NULL AND t_tags_link.parent_id = t.id AND t_tags_link.parent_type = 'contacts' AND ";
    // Nobody violates it: contacts without tags are found too.
    assert_eq!(condition("q[tags_name_not_eq]=x"), format!("((NOT {tags}t_tags.name = ?)))"));
}

#[test]
fn conditions_on_one_path_ask_for_one_record() {
    let both =
        condition("q[company_contacts_score_gt]=1&q[company_name_eq]=x&q[company_contacts_email_eq]=y");
    assert_eq!(both.matches("EXISTS").count(), 2, "{both}");
    let contacts = "t_company_contacts.score > ? AND t_company_contacts.email = ?";
    assert!(
        both.contains("t_company.name = ? AND EXISTS (SELECT 1 FROM contacts") && both.contains(contacts),
        "{both}"
    );
    let either = condition("q[m]=or&q[company_contacts_score_gt]=1&q[company_contacts_email_eq]=y");
    assert_eq!(either.matches("EXISTS").count(), 4, "{either}");
}

#[test]
fn a_sort_through_a_relationship_is_one_value_and_ends_in_the_id() {
    let company = "(SELECT t_company.name FROM companies t_company WHERE t_company.workspace_id = ? AND \
                   t_company.id = t.company_id)";
    assert!(
        list("sort=-company.name,email")
            .ends_with(&format!(" ORDER BY {company} DESC, t.email, t.id LIMIT ? OFFSET ?"))
    );
}

#[test]
fn what_is_looked_for_is_counted_along_as_long_as_it_is_little() {
    let counted = |query: &str| counted(&plan(query), WorkspaceId::generate(), None).map(|sql| sql.text());
    let columns = START.split(" FROM ").next().expect("columns");
    let all = START.strip_prefix(columns).expect("a start");
    assert_eq!(
        counted("q[email_eq]=x").expect("a filter"),
        format!("{columns}, count(*) OVER () FROM (SELECT *{all} AND ((t.email = ?)) LIMIT ?) t{END}")
    );
    for query in ["", "q[email_eq]=x&page[total]=false", "q[email_eq]=x&page[number]=100&page[size]=25"] {
        assert_eq!(counted(query), None, "{query}");
    }
}
