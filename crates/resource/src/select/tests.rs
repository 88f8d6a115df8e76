//! The SQL that queries become.

use pulse_jsonapi::query::{self, Accepts};
use pulse_store::schema::{companies, contacts, taggings, tags};

use super::*;
use crate::Actor;
use crate::declare::{attribute, belongs_to, has_many, many_through_as};
use crate::scope::{NOW, Scope};
use pulse_domain::WorkspaceId;

static COMPANIES: Resource = Resource {
    name: "companies",
    table: "companies",
    attributes: &[
        attribute::<companies::name>().filter().sort(),
        attribute::<companies::created_at>().filter(),
    ],
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
    scopes: &[
        Scope { name: "hot", conditions: &[("score_gt", &["80"]), ("tags_name_in", &["hot", "warm"])] },
        Scope { name: "early", conditions: &[("company_created_at_lt", &[NOW])] },
    ],
    ..Resource::DEFAULT
};

static TAGS: Resource = Resource {
    name: "tags",
    table: "tags",
    attributes: &[attribute::<tags::name>().filter().sort(), attribute::<tags::color>().filter()],
    ..Resource::DEFAULT
};

const START: &str = "SELECT t.id, t.lock_version, t.email, t.score, (SELECT k.id FROM companies k WHERE \
                     k.workspace_id = t.workspace_id AND k.id = t.company_id AND k.deleted_at IS NULL) FROM contacts t \
                     WHERE t.workspace_id = ? AND t.deleted_at IS NULL";
const END: &str = " ORDER BY t.created_at DESC, t.id DESC LIMIT ? OFFSET ?";

fn plan(query: &str) -> Plan {
    let query = query::parse(query, &Accepts::COLLECTION).expect("a query");
    Plan::new(&[&COMPANIES, &CONTACTS, &TAGS], &CONTACTS, &query).expect("a plan")
}

fn act() -> Act {
    Act::new(WorkspaceId::generate(), Actor::System, Uuid::nil())
}

fn list(query: &str) -> String {
    page(&plan(query), &act(), None).text()
}

/// What a filter adds to a list.
fn condition(query: &str) -> String {
    let text = list(query);
    let condition = text.strip_prefix(START).and_then(|rest| rest.strip_suffix(END));
    condition.unwrap_or_else(|| panic!("{text}")).trim_start_matches(" AND ").to_owned()
}

#[test]
fn every_statement_starts_from_the_workspace_and_the_living() {
    let act = &act();
    assert_eq!(list(""), format!("{START}{END}"));
    let count = total(&plan("q[email_eq]=x"), act, None).text();
    assert!(count.starts_with(
        "SELECT count(*) FROM contacts t WHERE t.workspace_id = ? AND t.deleted_at IS NULL AND"
    ));
    assert!(by_ids(&CONTACTS, act, vec![]).text().starts_with(START));
    let held = all_held(&CONTACTS, act, vec![], Lock::Change).text();
    assert!(
        held.starts_with("SELECT t.id, t.lock_version, t.email, t.score, t.company_id FROM contacts t WHERE")
    );
    let tags = CONTACTS.relationship("tags").and_then(|tags| tags.hop(None)).expect("declared");
    let included = related(&CONTACTS, tags, act, vec![], 9).text();
    assert!(
        included.contains("WHERE t.workspace_id = ? AND t.deleted_at IS NULL AND l.parent_type = 'contacts'")
    );
}

#[test]
fn values_are_bound_and_never_text() {
    let hostile = "q[email_eq]=%27%3B+DROP+TABLE+contacts%3B--";
    assert_eq!(condition(hostile), "t.email = ?");
    assert_eq!(condition("q[email_in][]=a&q[email_in][]=b"), "t.email = ANY (?)");
}

#[test]
fn predicates_groups_and_names_joined_by_or() {
    assert_eq!(condition("q[score_gt]=1&q[email_cont]=x"), "(t.score > ? AND t.email ILIKE ?)");
    assert_eq!(condition("q[email_or_company_name_cont]=x").matches(" OR ").count(), 1);
    let group = "q[score_lt]=1&q[g][0][m]=or&q[g][0][email_eq]=a&q[g][0][email_blank]=1";
    assert_eq!(condition(group), "(t.score < ? AND (t.email = ? OR (t.email IS NULL OR t.email = '')))");
    assert_eq!(condition("q[score_present]=1"), "t.score IS NOT NULL");
    assert_eq!(
        condition("q[email_start_any][]=a&q[email_start_any][]=b"),
        "(t.email ILIKE ? OR t.email ILIKE ?)"
    );
}

#[test]
fn a_filter_through_a_relationship_is_an_exists_of_the_same_workspace() {
    let company = "EXISTS (SELECT 1 FROM companies t1 WHERE t1.workspace_id = ? AND t1.deleted_at IS NULL AND \
                   t1.id = t.company_id AND ";
    assert_eq!(condition("q[company_name_eq]=x"), format!("{company}t1.name = ?)"));
    // Contacts without a company are found too.
    assert_eq!(condition("q[company_name_null]=1"), format!("NOT {company}t1.name IS NOT NULL)"));
    let tags = "EXISTS (SELECT 1 FROM (tags t1 JOIN taggings t2 ON t2.workspace_id = t1.workspace_id AND \
                t2.tag_id = t1.id) WHERE t1.workspace_id = ? AND t1.deleted_at IS NULL AND t2.parent_id = t.id AND \
                t2.parent_type = 'contacts' AND ";
    assert_eq!(condition("q[tags_name_eq]=x"), format!("{tags}t1.name = ?)"));
    // Nobody violates it: contacts without tags are found too.
    assert_eq!(condition("q[tags_name_not_eq]=x"), format!("NOT {tags}t1.name = ?)"));
    assert_eq!(condition("q[tags_name_not_null]=1"), format!("{tags}t1.name IS NOT NULL)"));
}

#[test]
fn conditions_on_one_path_ask_for_one_record() {
    let both =
        condition("q[company_contacts_score_gt]=1&q[company_name_eq]=x&q[company_contacts_email_eq]=y");
    assert_eq!(both.matches("EXISTS").count(), 2, "{both}");
    assert!(both.contains("t1.name = ?") && both.contains("(t2.score > ? AND t2.email = ?)"), "{both}");
    // One that fulfils either is one that fulfils the first or one that fulfils the second.
    let either = condition("q[m]=or&q[company_contacts_score_gt]=1&q[company_contacts_email_eq]=y");
    assert_eq!(either.matches("EXISTS").count(), 2, "{either}");
    assert!(either.contains("(t2.score > ? OR t2.email = ?)"), "{either}");
}

#[test]
fn conditions_on_one_path_that_need_more_than_that_path_keep_their_joins() {
    let mixed = condition("q[tags_name_eq]=x&q[g][0][m]=or&q[g][0][tags_color_eq]=red&q[g][0][score_gt]=1");
    assert_eq!(
        mixed,
        "EXISTS (SELECT 1 FROM (SELECT) t3 LEFT JOIN (tags t1 JOIN taggings t2 ON t2.workspace_id = t1.workspace_id AND \
         t2.tag_id = t1.id) ON t1.workspace_id = ? AND t1.deleted_at IS NULL AND t2.parent_id = t.id AND \
         t2.parent_type = 'contacts' WHERE (t1.name = ? AND (t1.color = ? OR t.score > ?)))"
    );
    // Where there is one record at most, no condition can be met by another one.
    let one =
        condition("q[company_name_eq]=x&q[g][0][m]=or&q[g][0][company_name_null]=1&q[g][0][score_gt]=1");
    assert!(!one.contains("LEFT JOIN"), "{one}");
}

#[test]
fn scopes_are_joined_to_the_filter_by_and_and_choose_what_was_deleted() {
    let scope = condition("q[m]=or&q[score_lt]=1&q[email_eq]=x&q[hot]=true&filter[early]=1&q[trashed]=0");
    assert!(
        scope.starts_with("(t.score < ? OR t.email = ?) AND (t.score > ? AND EXISTS (SELECT 1 FROM (tags t1")
    );
    assert!(scope.contains("t1.name = ANY (?))) AND EXISTS (SELECT 1 FROM companies t3"), "{scope}");
    assert!(scope.ends_with("t3.created_at < ?)"), "{scope}");
    let trashed = list("q[trashed]=1");
    assert!(trashed.contains("WHERE t.workspace_id = ? AND t.deleted_at IS NOT NULL ORDER BY"), "{trashed}");
    let both = total(&plan("q[with_trashed]=t"), &act(), None).text();
    assert!(both.ends_with("WHERE t.workspace_id = ?"), "{both}");
    let query = query::parse("q[hot]=very&q[trashed][]=a", &Accepts::COLLECTION).expect("a query");
    let problems = Plan::new(&[&CONTACTS], &CONTACTS, &query).expect_err("none takes arguments");
    assert_eq!(problems.len(), 2);
}

#[test]
fn a_sort_through_a_relationship_is_one_value_and_ends_in_the_id() {
    let company = "(SELECT t1.name FROM companies t1 WHERE t1.workspace_id = ? AND t1.deleted_at IS NULL AND \
                   t1.id = t.company_id)";
    assert!(
        list("sort=-company.name,email")
            .ends_with(&format!(" ORDER BY {company} DESC, t.email, t.id LIMIT ? OFFSET ?"))
    );
}

#[test]
fn a_sort_by_one_of_several_records_takes_the_first_that_the_filter_asks_for() {
    let tags = "(SELECT t1.name FROM (SELECT) t3 LEFT JOIN (tags t1 JOIN taggings t2 ON t2.workspace_id = t1.workspace_id \
                AND t2.tag_id = t1.id) ON t1.workspace_id = ? AND t1.deleted_at IS NULL AND t2.parent_id = t.id AND \
                t2.parent_type = 'contacts'";
    let order = format!(" ORDER BY {tags} ORDER BY t1.name DESC LIMIT 1) DESC, t.id DESC LIMIT ? OFFSET ?");
    let text = list("sort=-tags.name&q[score_gt]=1");
    assert!(text.ends_with(&order), "{text}");
    let text = list("sort=-tags.name&q[tags_name_start]=a");
    assert!(text.contains(" WHERE t3.name ILIKE ? ORDER BY t3.name DESC LIMIT 1) DESC"), "{text}");
}

#[test]
fn what_is_looked_for_is_counted_along_as_long_as_it_is_little() {
    let counted = |query: &str| counted(&plan(query), &act(), None).map(|sql| sql.text());
    let (columns, all) = START.split_once(" FROM contacts").expect("a table");
    assert_eq!(
        counted("q[email_eq]=x").expect("a filter"),
        format!(
            "{columns}, count(*) OVER () FROM (SELECT * FROM contacts{all} AND t.email = ? LIMIT ?) t{END}"
        )
    );
    for query in ["", "q[email_eq]=x&page[total]=false", "q[email_eq]=x&page[number]=100&page[size]=25"] {
        assert_eq!(counted(query), None, "{query}");
    }
}
