use super::*;
use crate::ransack::{Combinator, RawKey};

fn collection(raw: &str) -> Result<Query, Vec<Problem>> {
    parse(raw, &Accepts::COLLECTION.with(&["since", "types"]))
}

/// Code and parameter of each problem.
fn mistakes(raw: &str, accepts: &Accepts) -> Vec<(Code, String)> {
    let source = |problem: &Problem| match &problem.source {
        Some(crate::Source::Parameter(name)) => name.clone(),
        other => format!("{other:?}"),
    };
    parse(raw, accepts).unwrap_err().iter().map(|problem| (problem.code, source(problem))).collect()
}

#[test]
fn nothing_asked_is_the_first_page_of_everything() {
    let query = collection("").unwrap();
    assert_eq!(query.page, Page::Number { number: 1, size: 25 });
    assert_eq!((query.include, query.count, query.filter), (None, true, Search::default()));
    assert!(query.sort.is_empty() && query.fields.is_empty() && query.extra.is_empty());
}

#[test]
fn lists_have_three_spellings() {
    let expected = Some(vec![Path(vec!["company".into()]), Path(vec!["deals".into(), "stage".into()])]);
    for raw in [
        "include=company,deals.stage",
        "include=company%2Cdeals.stage",
        "include[]=company&include[]=deals.stage",
        "include%5B%5D=company&include%5B%5D=deals.stage",
        "include=company&include=deals.stage",
        "include=company,company,deals.stage",
    ] {
        assert_eq!(collection(raw).unwrap().include, expected, "{raw}");
    }
    assert_eq!(collection("include=").unwrap().include, Some(vec![]));
    assert_eq!(collection("include").unwrap().include, Some(vec![]));
}

#[test]
fn fields_are_gathered_per_type() {
    let fields = |raw: &str| collection(raw).unwrap().fields;
    let expected = [("tags".to_owned(), vec!["name".to_owned(), "color".to_owned()])];
    assert_eq!(fields("fields[tags]=name,color"), expected);
    assert_eq!(fields("fields[tags][]=name&fields[tags][]=color"), expected);
    assert_eq!(fields("fields[tags]=name&fields[tags]=color"), expected);
    assert_eq!(fields("fields[tags]="), [("tags".to_owned(), vec![])]);
    let wrong = ["fields=name", "fields[]=name", "fields[a][b]=c", "fields[a][][]=c"];
    for raw in wrong {
        assert_eq!(mistakes(raw, &Accepts::RESOURCE)[0].0, Code::UnknownParameter, "{raw}");
    }
}

#[test]
fn sorts_come_from_both_places() {
    let query = collection("q[s]=email+desc&sort=-created_at,company.name").unwrap();
    let keys: Vec<(&str, bool)> = query.sort.iter().map(|key| (key.path.as_str(), key.descending)).collect();
    assert_eq!(keys, [("created_at", true), ("company.name", false), ("email", true)]);
    assert_eq!(query.sort[0].parameter, "sort");
    assert_eq!(query.sort[2].parameter, "q[s]");
}

#[test]
fn both_filter_families_hold_together() {
    let query = collection("q[m]=or&q[a_eq]=1&q[b_eq]=2&filter[c_eq]=3").unwrap();
    assert_eq!(query.filter.combinator, Combinator::And);
    assert_eq!(query.filter.groups.len(), 2);
    assert_eq!(query.filter.groups[0].combinator, Combinator::Or);
    let query = collection("q[m]=or&q[a_eq]=1&q[b_eq]=2").unwrap();
    assert_eq!((query.filter.combinator, query.filter.conditions.len()), (Combinator::Or, 2));
}

#[test]
fn a_repeated_filter_is_a_list_and_a_repeated_q_the_last() {
    let values = |raw: &str| {
        let condition = collection(raw).unwrap().filter.conditions.remove(0);
        assert_eq!(condition.key, RawKey::Shorthand("id_in".into()));
        (condition.values, condition.parameter)
    };
    let text = |text: &str| Nested::Text(text.to_owned());
    assert_eq!(values("q[id_in]=1&q[id_in]=2"), (text("2"), "q[id_in]".to_owned()));
    let list = Nested::List(vec![text("1"), text("2")]);
    assert_eq!(values("filter[id_in]=1&filter[id_in]=2"), (list.clone(), "filter[id_in]".to_owned()));
    assert_eq!(values("filter[id_in][]=1&filter[id_in][]=2"), (list, "filter[id_in][]".to_owned()));
}

#[test]
fn every_mistake_is_told_with_its_parameter() {
    let raw = "foo=1&fooBar=2&ns:x=3&page[size]=0&page[number]=x&page[total]=maybe&page[offset]=1&sort=a,,b\
               &include=a..b&fields=x&q[g]=1&filter=x&since[x]=1&types=%00";
    let found = mistakes(raw, &Accepts::COLLECTION.with(&["since", "types"]));
    let expected = [
        (Code::UnknownParameter, "foo"),
        (Code::UnknownParameter, "fooBar"),
        (Code::UnknownParameter, "ns:x"),
        (Code::UnknownSort, "sort"),
        (Code::UnknownInclude, "include"),
        (Code::UnknownParameter, "fields"),
        (Code::UnknownParameter, "page[offset]"),
        (Code::InvalidPage, "page[size]"),
        (Code::InvalidPage, "page[number]"),
        (Code::InvalidPage, "page[total]"),
        (Code::InvalidParameter, "since[x]"),
        (Code::InvalidParameter, "types"),
        (Code::InvalidFilter, "q[g]"),
        (Code::InvalidFilter, "filter"),
    ];
    assert_eq!(found, expected.map(|(code, parameter)| (code, parameter.to_owned())));
}

#[test]
fn what_an_endpoint_lacks_is_unknown_there() {
    for raw in ["q[a_eq]=1", "filter[a]=1", "sort=a", "page[size]=1", "include=a", "fields[a]=b"] {
        assert_eq!(mistakes(raw, &Accepts::NOTHING)[0].0, Code::UnknownParameter, "{raw}");
    }
    assert!(parse("include=a&fields[a]=b", &Accepts::RESOURCE).is_ok());
    let letter = Limits { q: false, ..Limits::DEFAULT };
    assert_eq!(mistakes("q[a_eq]=1", &Accepts::COLLECTION.within(letter))[0].0, Code::UnknownParameter);
    assert!(parse("filter[a_eq]=1", &Accepts::COLLECTION.within(letter)).is_ok());
}

#[test]
fn names_outside_the_grammar_are_refused() {
    for raw in [
        "page[size=1",
        "page]size[=1",
        "page[si[ze]]=1",
        "[x]=1",
        "=1",
        "page[size]x=1",
        "%ff=1",
        "a=%zz",
        "a%00=1",
    ] {
        assert_eq!(mistakes(raw, &Accepts::COLLECTION)[0].0, Code::InvalidParameter, "{raw}");
    }
    let nested = format!("q{}=1", "[a]".repeat(25));
    assert_eq!(mistakes(&nested, &Accepts::COLLECTION)[0].0, Code::InvalidParameter);
    assert_eq!(parse(&"a".repeat(70_000), &Accepts::COLLECTION).unwrap_err()[0].code, Code::UriTooLong);
}

#[test]
fn includes_end_at_the_depth_limit() {
    assert!(collection("include=a.b.c").is_ok());
    assert_eq!(
        mistakes("include=a.b.c.d", &Accepts::COLLECTION),
        [(Code::UnknownInclude, "include".to_owned())]
    );
}

#[test]
fn an_endpoint_reads_its_own_parameters() {
    let query = collection("since=2026-01-01&types=a,b&types[]=c").unwrap();
    assert_eq!(query.extra("since"), Some("2026-01-01"));
    assert_eq!(query.extra("types"), Some("c"));
    assert_eq!(query.extra[1].1, ["a,b", "c"]);
    assert_eq!(query.extra("nothing"), None);
}
