use super::*;
use crate::nested::{self, Caps};

fn read_q(raw: &str) -> Result<(Search, Vec<SortKey>), Vec<Problem>> {
    let pairs = nested::pairs(raw, &Caps::DEFAULT).unwrap();
    let tree = nested::tree(&pairs, &Caps::DEFAULT).unwrap().unwrap_or(Nested::Nil);
    read(Family::Q, &tree, &|name| pairs.iter().any(|pair| pair.name == name))
}

/// One line per condition, groups in parentheses.
fn outline(search: &Search) -> String {
    let mut parts = Vec::new();
    for condition in &search.conditions {
        let values = match &condition.values {
            Nested::Nil => "nil".to_owned(),
            Nested::Text(text) => format!("\"{text}\""),
            Nested::List(members) => {
                let text = |member: &Nested| match member {
                    Nested::Text(text) => text.clone(),
                    other => format!("{other:?}"),
                };
                format!("[{}]", members.iter().map(text).collect::<Vec<_>>().join("|"))
            }
            Nested::Map(_) => "map".to_owned(),
        };
        parts.push(match &condition.key {
            RawKey::Shorthand(key) => format!("{key}={values}"),
            RawKey::Explicit { attributes, combinator, predicate } => {
                format!("{}:{combinator:?}:{predicate}={values}", attributes.join("+"))
            }
        });
    }
    parts.extend(search.groups.iter().map(|group| format!("({})", outline(group))));
    let separator = if search.combinator == Combinator::Or { " or " } else { " and " };
    parts.join(separator)
}

#[test]
fn top_level_values_are_stripped_and_blank_ones_dropped() {
    for (raw, expected) in [
        ("q[a_eq]=+x%00+", "a_eq=\"x\""),
        ("q[a_eq]=++", ""),
        ("q[a_eq]=%C2%A0", ""),
        ("q[a_eq]=%C2%A0x", "a_eq=\"\u{a0}x\""),
        ("q[a_eq]", ""),
        ("q[a_in][]=&q[a_in][]=+", ""),
        ("q[a_in][]=+x+&q[a_in][]=", "a_in=[ x |]"),
        ("q=text", ""),
        ("q[]=x", ""),
        ("", ""),
    ] {
        assert_eq!(outline(&read_q(raw).unwrap().0), expected, "{raw}");
    }
}

#[test]
fn groups_nest_and_keep_their_blanks() {
    for (raw, expected) in [
        ("q[m]=or&q[a_eq]=1&q[b_eq]=2", "a_eq=\"1\" or b_eq=\"2\""),
        ("q[m]=OR&q[a_eq]=1&q[b_eq]=2", "a_eq=\"1\" and b_eq=\"2\""),
        ("q[combinator]=or&q[groupings][0][a_eq]=1&q[b_eq]=2", "b_eq=\"2\" or (a_eq=\"1\")"),
        ("q[g][0][m]=or&q[g][0][a_eq]=+1&q[g][0][b_eq]=", "(a_eq=\" 1\" or b_eq=\"\")"),
        ("q[g][0][g][1][a_eq]=1&q[g][0][g][2][a_eq]=2", "((a_eq=\"1\") and (a_eq=\"2\"))"),
        ("q[g][][a_eq]=1&q[g][][a_eq]=2", "(a_eq=\"1\") and (a_eq=\"2\")"),
        ("q[g]=", ""),
    ] {
        assert_eq!(outline(&read_q(raw).unwrap().0), expected, "{raw}");
    }
}

#[test]
fn explicit_conditions_are_read_in_all_their_spellings() {
    for (raw, expected) in [
        ("q[c][0][a][0][name]=a&q[c][0][p]=eq&q[c][0][v][0][value]=1", "a:None:eq=[1]"),
        ("q[c][][a][]=a&q[c][][p]=eq&q[c][][v][]=1", "a:None:eq=[1]"),
        ("q[conditions][x][v][]=1&q[conditions][x][p]=eq&q[conditions][x][a][]=a", "a:None:eq=[1]"),
        ("q[c][0][a][]=a&q[c][0][a][]=b&q[c][0][m]=or&q[c][0][p]=in&q[c][0][v][]=1", "a+b:Some(Or):in=[1]"),
        ("q[g][0][c][0][a][]=a&q[g][0][c][0][p]=null&q[g][0][c][0][v][]=1", "(a:None:null=[1])"),
        ("q[c][0][a][]=a&q[c][0][p]=eq", "a:None:eq=nil"),
    ] {
        assert_eq!(outline(&read_q(raw).unwrap().0), expected, "{raw}");
    }
}

#[test]
fn wrong_structure_is_refused_where_it_stands() {
    for (raw, parameter) in [
        ("q[g]=foo", "q[g]"),
        ("q[g][0]=foo", "q[g][0]"),
        ("q[c]=foo", "q[c]"),
        ("q[c][0][x]=1", "q[c][0][x]"),
        ("q[c][0][p]=eq", "q[c][0]"),
        ("q[c][0][a][]=a", "q[c][0]"),
        ("q[c][0][p][]=eq", "q[c][0][p]"),
        ("q[c][0][a][0][nom]=a&q[c][0][p]=eq", "q[c][0][a]"),
        ("q[a_eq]=x%00y", "q[a_eq]"),
        ("q[a_in][]=x%00", "q[a_in][]"),
        ("q[s][0][dir]=desc", "q[s][0]"),
    ] {
        let problems = read_q(raw).unwrap_err();
        assert_eq!(problems[0].source, Some(crate::Source::Parameter(parameter.into())), "{raw}");
        assert_eq!(problems[0].code, Code::InvalidFilter);
    }
}

#[test]
fn sorts_are_read_in_all_their_spellings() {
    let sorts = |raw: &str| -> Vec<String> {
        let (_, sorts) = read_q(raw).unwrap();
        sorts
            .iter()
            .map(|key| format!("{}{} {}", if key.descending { "-" } else { "" }, key.path, key.parameter))
            .collect()
    };
    assert_eq!(sorts("q[s]=name+desc"), ["-name q[s]"]);
    assert_eq!(sorts("q[sorts]=name"), ["name q[sorts]"]);
    assert_eq!(sorts("q[s]=name++DESC+"), ["-name q[s]"]);
    assert_eq!(sorts("q[s]=name+sideways"), ["name q[s]"]);
    assert_eq!(sorts("q[s]=a+asc,+b+desc"), ["a q[s]"]);
    assert_eq!(sorts("q[s][]=a+asc&q[s][]=&q[s][]=b+desc"), ["a q[s][]", "-b q[s][]"]);
    assert_eq!(
        sorts("q[s][0][name]=a&q[s][0][dir]=desc&q[s][1][name]=b"),
        ["-a q[s][0][name]", "b q[s][1][name]"]
    );
}

#[test]
fn the_parts_of_a_date_become_one_value() {
    let raw = "q[on_gteq(1i)]=2000&q[on_gteq(2i)]=1&q[on_gteq(3i)]=31&q[a_eq]=1";
    assert_eq!(outline(&read_q(raw).unwrap().0), "on_gteq=\"2000-01-31\" and a_eq=\"1\"");
    let raw = "q[at_lt(1i)]=2000&q[at_lt(2i)]=1&q[at_lt(3i)]=2&q[at_lt(4i)]=9&q[at_lt(5i)]=5";
    assert_eq!(outline(&read_q(raw).unwrap().0), "at_lt=\"2000-01-02 09:05:00\"");
    assert_eq!(outline(&read_q("q[on_gteq(1i)]=2000&q[on_gteq(2i)]=&q[on_gteq(3i)]=1").unwrap().0), "");
}

#[test]
fn a_bare_filter_is_refused() {
    let spelled = |_: &str| true;
    assert!(read(Family::Filter, &Nested::Text("x".into()), &spelled).is_err());
    assert!(read(Family::Filter, &Nested::Text(String::new()), &spelled).is_ok());
}
