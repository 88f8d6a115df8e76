use proptest::prelude::*;
use serde_json::{Value, json};

use super::Filter;
use crate::ransack::predicate::{PREDICATES, Shape};

fn read(filter: &Value) -> Result<Filter, Vec<(String, String)>> {
    Filter::read(filter, &["filter"]).map_err(|problems| {
        let at = |problem: crate::Problem| match problem.source {
            Some(crate::Source::Pointer(at)) => (problem.detail, at),
            other => panic!("{other:?}"),
        };
        problems.into_iter().map(at).collect()
    })
}

fn takes(filter: &Value, value: &Value) -> bool {
    read(filter).unwrap_or_else(|problems| panic!("{filter}: {problems:?}")).takes(value)
}

fn deal() -> Value {
    json!({
        "id": "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b",
        "title": "Renewal 50%",
        "status": "won",
        "amount": "1250.00",
        "probability": 75,
        "score": 0.5,
        "archived": false,
        "code": "007",
        "description": "",
        "lost_reason": null,
        "expected_close_date": "2026-03-31",
        "created_at": "2026-01-31T12:00:00.250Z",
        "scopes": ["read", "write"],
        "lines": [{ "sku": "A", "count": 2 }, { "sku": "B", "count": 5 }],
        "custom_fields": { "tier": "gold", "terms_and_conditions": true },
    })
}

#[test]
fn what_a_filter_takes() {
    for (filter, expected) in [
        (json!({}), true),
        (json!({ "status_eq": "won" }), true),
        (json!({ "status_eq": "Won" }), false),
        (json!({ "status_not_eq": "lost", "title_cont": "RENEW" }), true),
        (json!({ "status_in": ["open", "won"] }), true),
        (json!({ "status_in": "won" }), true),
        (json!({ "status_not_in": ["open", "won"] }), false),
        // Numbers, whether JSON has them as such or as texts, by their value.
        (json!({ "amount_gt": 1000 }), true),
        (json!({ "amount_gt": "1250" }), false),
        (json!({ "amount_eq": 1250 }), true),
        (json!({ "probability_gteq": "75.0" }), true),
        (json!({ "score_lt": 0.51 }), true),
        // A code is no number.
        (json!({ "code_eq": "7" }), false),
        (json!({ "code_eq": "007" }), true),
        // Times in any spelling.
        (json!({ "created_at_gt": "2026-01-31" }), true),
        (json!({ "created_at_lt": "2026-01-31T12:00:00Z" }), false),
        (json!({ "expected_close_date_lteq": "2026-03-31" }), true),
        (json!({ "created_at_gt": "no date" }), false),
        (json!({ "archived_true": true }), false),
        (json!({ "archived_true": "0" }), true),
        (json!({ "archived_eq": false }), true),
        // Nulls, and members that are not there.
        (json!({ "lost_reason_null": true, "nothing_null": 1 }), true),
        (json!({ "lost_reason_eq": "price" }), false),
        (json!({ "lost_reason_not_eq": "price" }), false),
        (json!({ "lost_reason_not_in": ["price"] }), false),
        (json!({ "description_blank": true, "description_null": false }), true),
        (json!({ "status_present": true }), true),
        // Patterns are for texts.
        (json!({ "title_start": "renew" }), true),
        (json!({ "title_end": "50%" }), true),
        (json!({ "title_end": "0_" }), false),
        (json!({ "title_matches": "r%al _0\\%" }), true),
        (json!({ "title_does_not_match": "%50%" }), false),
        (json!({ "title_not_cont": "new business" }), true),
        (json!({ "probability_cont": "7" }), false),
        (json!({ "probability_not_cont": "7" }), false),
        (json!({ "title_cont_any": ["x", "50"] }), true),
        (json!({ "title_cont_all": ["x", "50"] }), false),
        // Several names.
        (json!({ "title_or_status_eq": "won" }), true),
        (json!({ "title_and_status_eq": "won" }), false),
        (json!({ "custom_fields.tier_eq": "gold" }), true),
        (json!({ "custom_fields.terms_and_conditions_true": true }), true),
        (json!({ "status.deeper_eq": "won" }), false),
        // Lists: some member, or under a negative predicate all.
        (json!({ "scopes_eq": "write" }), true),
        (json!({ "scopes_not_eq": "write" }), false),
        (json!({ "scopes_not_in": ["admin"] }), true),
        (json!({ "lines.count_gt": 4 }), true),
        (json!({ "lines.sku_eq": "C" }), false),
        (json!({ "scopes_present": true }), true),
        // Groups and explicit conditions.
        (json!({ "m": "or", "status_eq": "lost", "amount_gt": 1 }), true),
        (json!({ "status_eq": "lost", "amount_gt": 1 }), false),
        (
            json!({ "g": [{ "m": "or", "status_eq": "lost", "amount_gt": 1 }, { "archived_eq": true }] }),
            false,
        ),
        (json!({ "m": "or", "g": [{ "status_eq": "lost" }, { "archived_eq": false }] }), true),
        (json!({ "c": [{ "a": ["title", "status"], "m": "or", "p": "eq", "v": ["won"] }] }), true),
    ] {
        assert_eq!(takes(&filter, &deal()), expected, "{filter}");
    }
}

#[test]
fn mistakes_are_all_reported_where_they_stand() {
    let filter = json!({
        "status": "won",
        "status_eq": [],
        "amount_gt": null,
        "lost_reason_eq": "",
        "title_eq": ["a", "b"],
        "archived_true": "perhaps",
        "a..b_eq": 1,
        "m": "OR",
        "g": { "0": {} },
        "c": [{ "a": "x", "p": "eq", "v": [1] }, { "a": ["x"], "p": "is", "v": [1] },
              { "a": ["x", "y"], "p": "eq", "v": [1] }, { "a": ["x"], "p": "eq", "v": [1], "z": 1 }],
        "nul_eq": "\0",
        "map_eq": { "a": 1 },
    });
    let mut found: Vec<String> = read(&filter).expect_err("mistakes").into_iter().map(|(_, at)| at).collect();
    found.sort();
    assert_eq!(
        found,
        [
            "/filter/a..b_eq",
            "/filter/amount_gt",
            "/filter/archived_true",
            "/filter/c/0/a",
            "/filter/c/1/p",
            "/filter/c/2",
            "/filter/c/3/z",
            "/filter/g",
            "/filter/lost_reason_eq",
            "/filter/m",
            "/filter/map_eq",
            "/filter/nul_eq",
            "/filter/status",
            "/filter/status_eq",
            "/filter/title_eq",
        ]
    );
    assert_eq!(read(&json!([])).expect_err("an array")[0].1, "/filter");
}

#[test]
fn a_filter_cannot_ask_for_much_work() {
    let many: Vec<String> = (0..101).map(|number| number.to_string()).collect();
    assert!(read(&json!({ "status_in": many })).is_err());
    assert!(read(&json!({ "status_in": many[..100] })).is_ok());
    let deep = (0..10).fold(json!({ "status_eq": "won" }), |inner, _| json!({ "g": [inner] }));
    assert!(read(&deep).is_err());
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-cA-C%_\\\\]{0,4}".prop_map(Value::from),
        "-?[0-9]{1,3}\\.[0-9]{2}".prop_map(Value::from),
        "20[0-9]{2}-0[1-9]-1[0-9](T1[0-9]:00:00Z)?".prop_map(Value::from),
    ]
}

fn tree() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[abcgmpv]|[ab]_(eq|in|null)", inner, 0..4)
                .prop_map(|members| members.into_iter().collect()),
        ]
    })
}

/// Whether the member `a` fulfils one condition.
fn fulfils(value: impl Into<Value>, condition: &str, given: impl Into<Value>) -> bool {
    takes(&json!({ (format!("a_{condition}")): given.into() }), &json!({ "a": value.into() }))
}

proptest! {
    #[test]
    fn neither_reading_nor_matching_panics(filter in tree(), value in tree()) {
        if let Ok(filter) = Filter::read(&filter, &[]) {
            let _ = filter.takes(&value);
        }
    }

    #[test]
    fn no_value_fulfils_a_predicate_and_its_opposite(value in scalar(), given in "[a-c]{1,2}|[0-9]{1,3}(\\.5)?|true|2026-01-01") {
        for (positive, negative) in [
            ("eq", "not_eq"), ("lt", "gteq"), ("gt", "lteq"), ("in", "not_in"), ("cont", "not_cont"),
            ("start", "not_start"), ("end", "not_end"), ("matches", "does_not_match"),
        ] {
            let yes = fulfils(value.clone(), positive, given.as_str());
            let no = fulfils(value.clone(), negative, given.as_str());
            prop_assert!(!(yes && no), "{positive} {given} of {value}");
            if value.is_null() {
                prop_assert!(!yes && !no);
            }
        }
    }

    #[test]
    fn every_scalar_equals_itself_and_is_in_its_own_list(value in scalar()) {
        let empty = value.is_null() || value == "";
        prop_assert_eq!(fulfils(value.clone(), "present", true), !empty);
        if !empty {
            prop_assert!(fulfils(value.clone(), "eq", value.clone()));
            prop_assert!(fulfils(value.clone(), "in", vec![value.clone()]));
            prop_assert!(!fulfils(value.clone(), "not_eq", value));
        }
    }

    #[test]
    fn a_pattern_finds_the_text_that_it_was_made_of(before in "[a-c%_]{0,3}", text in "[A-C%_\\\\]{1,3}", after in "[a-c%_]{0,3}") {
        let whole = format!("{before}{text}{after}");
        prop_assert!(fulfils(whole.as_str(), "cont", text.as_str()));
        prop_assert!(fulfils(whole.as_str(), "start", before + &text));
        prop_assert!(fulfils(whole, "end", text + &after));
    }
}

#[test]
fn every_predicate_can_be_used() {
    for predicate in &PREDICATES {
        let value = if predicate.shape == Shape::List { json!(["true"]) } else { json!("true") };
        assert!(read(&json!({ (format!("a_{}", predicate.name)): value })).is_ok(), "{}", predicate.name);
    }
}
