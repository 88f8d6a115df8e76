//! Split conditions mean what the joins mean, on any records.

use proptest::prelude::*;
use pulse_jsonapi::ransack::{
    Compound, Condition, Given, Group, Operator, Predicate, Shape, Strictness, Value, key,
};
use pulse_store::schema::{companies, contacts, deals, stages};

use super::*;
use crate::condition::{Filter, Offered};
use crate::custom_fields::Definitions;
use crate::declare::{Resource, attribute, belongs_to, has_many};

static CONTACTS: Resource = Resource {
    name: "contacts",
    attributes: &[attribute::<contacts::score>().filter()],
    relationships: &[
        belongs_to::<contacts::company_id>("company", &COMPANIES),
        has_many::<deals::contact_id>("deals", &DEALS),
    ],
    ..Resource::DEFAULT
};

static COMPANIES: Resource = Resource {
    name: "companies",
    attributes: &[attribute::<companies::employees>().filter()],
    relationships: &[has_many::<deals::company_id>("deals", &DEALS)],
    ..Resource::DEFAULT
};

static DEALS: Resource = Resource {
    name: "deals",
    attributes: &[attribute::<deals::probability>().filter()],
    relationships: &[belongs_to::<deals::stage_id>("stage", &STAGES)],
    ..Resource::DEFAULT
};

static STAGES: Resource = Resource {
    name: "stages",
    attributes: &[attribute::<stages::probability>().filter()],
    ..Resource::DEFAULT
};

const NAMES: [&str; 6] = [
    "score",
    "company_employees",
    "deals_probability",
    "deals_stage_probability",
    "company_deals_probability",
    "company_deals_stage_probability",
];

const PREDICATES: [&str; 11] =
    ["eq", "not_eq", "lt", "in", "not_in", "not_eq_any", "not_eq_all", "eq_all", "null", "not_null", "blank"];

/// A record with one number and what its relationships lead to.
#[derive(Clone, Debug, Default)]
struct Record {
    number: Option<i64>,
    related: Vec<(&'static str, Vec<Record>)>,
}

impl Record {
    fn behind(&self, hop: &Hop) -> &[Self] {
        let known = self.related.iter().find(|(name, _)| *name == hop.relationship.name);
        known.map_or(&[], |(_, records)| records)
    }
}

/// One row of the joins: the record at the end of each path, if there is one.
type Joined<'r> = Vec<(Vec<Hop>, Option<&'r Record>)>;

fn rows<'r>(root: &'r Record, paths: &[Vec<Hop>]) -> Vec<Joined<'r>> {
    let mut rows: Vec<Joined<'r>> = vec![vec![(Vec::new(), Some(root))]];
    for path in paths {
        let (hop, before) = path.split_last().expect("a path has a hop");
        rows = rows
            .into_iter()
            .flat_map(|row| {
                let start = at(&row, before);
                let mut ends: Vec<Option<&Record>> =
                    start.map_or(Vec::new(), |start| start.behind(hop).iter().map(Some).collect());
                if ends.is_empty() {
                    ends.push(None);
                }
                ends.into_iter().map(move |end| {
                    let mut row = row.clone();
                    row.push((path.clone(), end));
                    row
                })
            })
            .collect();
    }
    rows
}

fn at<'r>(row: &Joined<'r>, path: &[Hop]) -> Option<&'r Record> {
    row.iter().find(|(known, _)| same_path(known, path)).and_then(|(_, record)| *record)
}

/// What the gem means: one row of the left joins fulfils everything.
fn means(node: &Node, root: &Record) -> bool {
    let mut paths: Vec<Vec<Hop>> = Vec::new();
    for comparison in node.comparisons() {
        for length in 1..=comparison.path.len() {
            let path = &comparison.path[..length];
            if comparison.reach() == Reach::Shared && !paths.iter().any(|known| same_path(known, path)) {
                paths.push(path.to_vec());
            }
        }
    }
    rows(root, &paths).iter().any(|row| holds_in(node, row, root))
}

fn holds_in(node: &Node, row: &Joined<'_>, root: &Record) -> bool {
    match node {
        Node::All(nodes) => nodes.iter().all(|node| holds_in(node, row, root)),
        Node::Any(nodes) => nodes.iter().any(|node| holds_in(node, row, root)),
        Node::Compare(comparison) => {
            let ends = || {
                let start = vec![root];
                comparison.path.iter().fold(start, |records, hop| {
                    records.into_iter().flat_map(|record| record.behind(hop)).collect()
                })
            };
            match comparison.reach() {
                Reach::Shared => {
                    compare(comparison, at(row, &comparison.path).and_then(|record| record.number))
                }
                Reach::Alone => ends().iter().any(|record| compare(comparison, record.number)),
                Reach::Every => {
                    let opposite = comparison.clone().opposite();
                    !ends().iter().any(|record| compare(&opposite, record.number))
                }
            }
        }
    }
}

fn says(clause: &Clause, record: &Record) -> bool {
    match clause {
        Clause::All(clauses) => clauses.iter().all(|clause| says(clause, record)),
        Clause::Any(clauses) => clauses.iter().any(|clause| says(clause, record)),
        Clause::Compare(comparison) => compare(comparison, record.number),
        Clause::Some(hop, clause) => record.behind(hop).iter().any(|next| says(clause, next)),
        Clause::None(hop, clause) => !record.behind(hop).iter().any(|next| says(clause, next)),
        Clause::Joined(node) => means(node, record),
    }
}

/// A comparison as SQL has it: with null nothing is true.
fn compare(comparison: &Comparison, number: Option<i64>) -> bool {
    let one = |value: &Value| {
        let Value::Integer(value) = value else { panic!("{value:?} is no number") };
        let Some(number) = number else { return false };
        match comparison.operator {
            Operator::Eq => number == *value,
            Operator::NotEq => number != *value,
            Operator::Lt => number < *value,
            Operator::Gteq => number >= *value,
            other => panic!("{other:?} is not among the predicates"),
        }
    };
    let values: Vec<i64> = comparison
        .values
        .iter()
        .filter_map(|value| if let Value::Integer(value) = value { Some(*value) } else { None })
        .collect();
    match (comparison.operator, comparison.compound) {
        (Operator::Null | Operator::Blank, _) => number.is_none(),
        (Operator::NotNull | Operator::Present, _) => number.is_some(),
        (Operator::In, _) => number.is_some_and(|number| values.contains(&number)),
        (Operator::NotIn, _) => number.is_some_and(|number| !values.contains(&number)),
        (_, Some(Compound::All)) => comparison.values.iter().all(one),
        _ => comparison.values.iter().any(one),
    }
}

fn number() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![Just(None), (0..3i64).prop_map(Some)]
}

fn deals() -> impl Strategy<Value = Vec<Record>> {
    let stage = prop::collection::vec(number().prop_map(|number| Record { number, related: vec![] }), 0..2);
    let deal =
        (number(), stage).prop_map(|(number, stage)| Record { number, related: vec![("stage", stage)] });
    prop::collection::vec(deal, 0..4)
}

fn contacts() -> impl Strategy<Value = Record> {
    let company =
        (number(), deals()).prop_map(|(number, deals)| Record { number, related: vec![("deals", deals)] });
    (number(), prop::collection::vec(company, 0..2), deals()).prop_map(|(number, company, deals)| Record {
        number,
        related: vec![("company", company), ("deals", deals)],
    })
}

fn condition() -> impl Strategy<Value = Condition> {
    let names = prop::collection::vec(0..NAMES.len(), 1..3);
    (names, 0..PREDICATES.len(), any::<bool>(), prop::collection::vec(0..3u8, 1..3)).prop_map(
        |(names, predicate, or, values)| {
            let path =
                |name: &usize| key::path(&Offered::for_filters(&CONTACTS, &Definitions::NONE), NAMES[*name]);
            let predicate = Predicate::named(PREDICATES[predicate]).expect("it is one");
            let given = match predicate.shape {
                Shape::Flag => Given::Flag(values[0] > 0),
                Shape::One => Given::One(values[0].to_string()),
                Shape::List => Given::List(values.iter().map(ToString::to_string).collect()),
            };
            Condition {
                attributes: names.iter().map(|name| path(name).expect("it is offered")).collect(),
                combinator: if or { Combinator::Or } else { Combinator::And },
                predicate,
                given,
                parameter: String::new(),
            }
        },
    )
}

fn groups() -> impl Strategy<Value = Group> {
    let level = |groups: BoxedStrategy<Vec<Group>>| {
        (any::<bool>(), prop::collection::vec(condition(), 0..4), groups).prop_map(
            |(or, conditions, groups)| Group {
                combinator: if or { Combinator::Or } else { Combinator::And },
                conditions,
                groups,
                scopes: vec![],
            },
        )
    };
    let inner = level(Just(Vec::new()).boxed());
    let middle = level(prop::collection::vec(inner, 0..2).boxed());
    level(prop::collection::vec(middle, 0..3).boxed())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn what_is_split_says_what_the_joins_mean(group in groups(), contact in contacts()) {
        let mut problems = Vec::new();
        let Filter(node) = Filter::plan(Offered::for_filters(&CONTACTS, &Definitions::NONE), &group, Strictness::Strict, &mut problems);
        prop_assert!(problems.is_empty());
        prop_assert_eq!(says(&node.clone().split(), &contact), means(&node, &contact));
    }
}
