//! The SQL of cursors, and what is refused as one.

use pulse_domain::WorkspaceId;
use pulse_jsonapi::query::{self, Accepts};
use pulse_store::schema::{companies, contacts};

use super::*;
use crate::declare::{Resource, attribute, belongs_to};
use crate::{Act, Actor};

static COMPANIES: Resource = Resource {
    name: "companies",
    table: "companies",
    attributes: &[attribute::<companies::name>().filter().sort()],
    ..Resource::DEFAULT
};

static CONTACTS: Resource = Resource {
    name: "contacts",
    table: "contacts",
    attributes: &[
        attribute::<contacts::email>().sort(),
        attribute::<contacts::score>().sort(),
        attribute::<contacts::created_at>().sort(),
    ],
    relationships: &[belongs_to::<contacts::company_id>("company", &COMPANIES)],
    ..Resource::DEFAULT
};

fn act() -> Act {
    Act::new(WorkspaceId::generate(), Actor::System, uuid::Uuid::nil())
}

fn plan(query: &str) -> Result<Plan, Vec<Problem>> {
    let query = query::parse(query, &Accepts::COLLECTION).expect("a query");
    Plan::new(&[&COMPANIES, &CONTACTS], &CONTACTS, &query)
}

/// The cursor of a record with these cells in an order.
fn cursor(sort: &str, cells: &[Option<&[u8]>]) -> String {
    let order = plan(sort).expect("a plan").order;
    let mut bytes = Vec::new();
    for cell in cells {
        let length = cell.map_or(0, |cell| u16::try_from(cell.len() + 1).expect("short"));
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(cell.unwrap_or_default());
    }
    let text = BASE64.encode(bytes);
    check("contacts", &order, &text) + &text
}

/// What the cursor adds to the list, and the order of it.
fn condition(sort: &str, page: &str, cells: &[Option<&[u8]>]) -> String {
    let plan = plan(&format!("{sort}&page[{page}]={}", cursor(sort, cells))).expect("a plan");
    let text = select::page(&plan, &act(), None).text();
    let (_, condition) = text.split_once("t.deleted_at IS NULL AND ").expect("a condition");
    condition.strip_suffix(" LIMIT ? OFFSET ?").expect("an end").to_owned()
}

const ID: Option<&[u8]> = Some(&[7; 16]);
const NUMBER: Option<&[u8]> = Some(&[0; 4]);
const TIME: Option<&[u8]> = Some(&[0; 8]);

#[test]
fn keys_without_nulls_in_one_direction_are_compared_as_a_row() {
    let newest = "(t.created_at, t.id) < (?, ?) ORDER BY t.created_at DESC, t.id DESC";
    assert_eq!(condition("", "after", &[TIME, ID]), newest);
    let oldest = "(t.created_at, t.id) < (?, ?) ORDER BY t.created_at DESC, t.id DESC";
    assert_eq!(condition("sort=created_at", "before", &[TIME, ID]), oldest);
    assert_eq!(condition("sort=id", "after", &[ID, ID]), "(t.id, t.id) > (?, ?) ORDER BY t.id, t.id");
}

#[test]
fn null_is_greater_than_everything() {
    assert_eq!(
        condition("sort=email", "after", &[Some(b"x"), ID]),
        "(t.email > ? OR t.email IS NULL OR (t.email = ? AND (t.id > ?))) ORDER BY t.email, t.id"
    );
    assert_eq!(
        condition("sort=email", "after", &[None, ID]),
        "(FALSE OR (t.email IS NULL AND (t.id > ?))) ORDER BY t.email, t.id"
    );
    assert_eq!(
        condition("sort=-email", "after", &[Some(b"x"), ID]),
        "t.email <= ? AND (t.email < ? OR (t.email = ? AND (t.id < ?))) ORDER BY t.email DESC, t.id DESC"
    );
    assert_eq!(
        condition("sort=-email", "after", &[None, ID]),
        "(t.email IS NOT NULL OR (t.email IS NULL AND (t.id < ?))) ORDER BY t.email DESC, t.id DESC"
    );
    assert_eq!(
        condition("sort=-email", "before", &[None, ID]),
        "(FALSE OR (t.email IS NULL AND (t.id > ?))) ORDER BY t.email, t.id"
    );
}

#[test]
fn a_key_of_a_related_record_is_read_beside_the_record() {
    let sort = "sort=company.name,-score";
    let cursor = cursor(sort, &[Some(b"Acme"), NUMBER, ID]);
    let plan = plan(&format!("{sort}&page[after]={cursor}")).expect("a plan");
    let text = select::page(&plan, &act(), None).text();
    let name = |alias: &str| {
        format!(
            "(SELECT {alias}.name FROM companies {alias} WHERE {alias}.workspace_id = ? AND {alias}.deleted_at IS NULL AND \
             {alias}.id = t.company_id)"
        )
    };
    assert!(text.starts_with(&format!(
        "SELECT t.id, t.lock_version, t.email, t.score, t.created_at, (SELECT k.id FROM companies k WHERE \
         k.workspace_id = t.workspace_id AND k.id = t.company_id AND k.deleted_at IS NULL), {} FROM contacts t",
        name("t1")
    )));
    let [value, null, same] = ["t2", "t3", "t4"].map(name);
    let beyond = format!("AND ({value} > ? OR {null} IS NULL OR ({same} = ? AND (t.score < ? OR ");
    assert!(text.contains(&beyond), "{text}");
}

#[test]
fn what_is_not_ours_is_refused() {
    let ours = cursor("sort=email", &[Some(b"x"), ID]);
    assert!(plan(&format!("sort=email&page[after]={ours}")).is_ok());
    let nul = cursor("sort=email", &[Some(b"\0"), ID]);
    let past = cursor("sort=created_at", &[Some(&(i64::MIN / 2).to_be_bytes()), ID]);
    let short = cursor("sort=email", &[Some(b"x")]);
    for (sort, cursor) in [
        ("sort=-email", ours.as_str()),
        ("sort=score", &ours),
        ("", &ours),
        ("sort=email", &ours[1..]),
        ("sort=email", &ours[..ours.len() - 1]),
        ("sort=email", ""),
        ("sort=email", "%C3%A4bcdefghijklmn"),
        ("sort=email", &nul),
        ("sort=email", &short),
        ("sort=created_at", &past),
    ] {
        let problems = plan(&format!("{sort}&page[before]={cursor}")).expect_err("refused");
        assert_eq!(problems[0].code, Code::InvalidCursor, "{sort} {cursor}");
        assert_eq!(problems[0].source, Some(pulse_jsonapi::Source::Parameter("page[before]".into())));
    }
}
