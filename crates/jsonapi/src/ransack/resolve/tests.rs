use proptest::prelude::*;

use super::*;
use crate::nested::{self, Caps};
use crate::ransack::{Hop, search};

/// A resource of the tests: its name, attributes and associations.
struct Resource {
    name: &'static str,
    attributes: &'static [&'static str],
    associations: &'static [(&'static str, &'static str)],
}

#[rustfmt::skip]
static RESOURCES: [Resource; 5] = [
    Resource {
        name: "contacts",
        attributes: &["id", "first_name", "last_name", "email", "score", "company_id", "terms_and_conditions",
                      "period_start", "is_null", "foo_not", "b"],
        associations: &[("company", "companies"), ("deals", "deals"), ("deals_owned", "deals"), ("manager", "contacts")],
    },
    Resource { name: "companies", attributes: &["id", "name"], associations: &[("owner", "users"), ("contacts", "contacts")] },
    Resource { name: "deals", attributes: &["id", "name", "owned_by", "status"], associations: &[("company", "companies")] },
    Resource { name: "users", attributes: &["id", "name", "email"], associations: &[] },
    Resource { name: "tasks", attributes: &["id", "title", "subject_id"], associations: &[("assignee", "users")] },
];

#[derive(Clone, Copy)]
struct Node(&'static Resource);

fn resource(name: &str) -> Node {
    Node(RESOURCES.iter().find(|resource| resource.name == name).unwrap())
}

impl Names for Node {
    fn resource(&self) -> &str {
        self.0.name
    }
    fn attribute(&self, name: &str) -> bool {
        self.0.attributes.contains(&name)
    }
    fn association(&self, name: &str) -> Option<Self> {
        let (_, target) = self.0.associations.iter().find(|(known, _)| *known == name)?;
        Some(resource(target))
    }
    fn association_of_type(&self, name: &str, of_type: &str) -> Option<Self> {
        match (self.0.name, name, of_type) {
            ("tasks", "subject", "Contact") => Some(resource("contacts")),
            ("tasks", "subject", "Deal") => Some(resource("deals")),
            _ => None,
        }
    }
    fn scope(&self, name: &str) -> bool {
        matches!(name, "vip_only" | "score_over")
    }
    fn attributes(&self) -> Vec<&str> {
        self.0.attributes.to_vec()
    }
    fn associations(&self) -> Vec<&str> {
        self.0.associations.iter().map(|(name, _)| *name).collect()
    }
}

fn read(family: Family, raw: &str) -> Search {
    let pairs = nested::pairs(raw, &Caps::DEFAULT).unwrap();
    let tree = nested::tree(&pairs, &Caps::DEFAULT).unwrap().unwrap_or(Nested::Nil);
    search::read(family, &tree, &|name| pairs.iter().any(|pair| pair.name == name)).unwrap().0
}

fn resolve_q(on: &str, raw: &str, strictness: Strictness) -> Result<Group, Vec<Problem>> {
    resolve(&read(Family::Q, raw), &resource(on), strictness)
}

fn spell(path: &AttributePath) -> String {
    let hop = |hop: &Hop| match &hop.of_type {
        Some(of_type) => format!("{}({of_type}).", hop.association),
        None => format!("{}.", hop.association),
    };
    path.associations.iter().map(hop).chain([path.attribute.clone()]).collect()
}

fn spell_group(group: &Group) -> String {
    let mut parts: Vec<String> = group
        .conditions
        .iter()
        .map(|condition| {
            let attributes: Vec<String> = condition.attributes.iter().map(spell).collect();
            let joint = if condition.combinator == Combinator::Or { "|" } else { "&" };
            let given = match &condition.given {
                Given::Flag(flag) => flag.to_string(),
                Given::One(text) => text.clone(),
                Given::List(texts) => format!("[{}]", texts.join(",")),
                Given::Misplaced(texts) => format!("misplaced[{}]", texts.join(",")),
            };
            format!("{} {} {given}", attributes.join(joint), condition.predicate.name)
        })
        .collect();
    parts.extend(group.groups.iter().map(|group| format!("({})", spell_group(group))));
    parts.join(if group.combinator == Combinator::Or { " or " } else { " and " })
}

#[test]
fn keys_are_read_as_the_gem_reads_them() {
    for (on, raw, expected) in [
        ("contacts", "q[first_name_eq]=a", "first_name eq a"),
        ("contacts", "q[first_name_not_eq]=a", "first_name not_eq a"),
        ("contacts", "q[foo_not_not_eq]=a", "foo_not not_eq a"),
        ("contacts", "q[period_start_gteq]=a", "period_start gteq a"),
        ("contacts", "q[is_null_null]=1", "is_null null true"),
        ("contacts", "q[company_id_eq]=a", "company_id eq a"),
        ("contacts", "q[company_name_cont]=a", "company.name cont a"),
        ("contacts", "q[company_owner_email_not_cont_all][]=a", "company.owner.email not_cont_all [a]"),
        ("contacts", "q[manager_manager_last_name_end]=a", "manager.manager.last_name end a"),
        ("contacts", "q[terms_and_conditions_cont]=a", "terms_and_conditions cont a"),
        ("contacts", "q[first_name_or_last_name_cont]=a", "first_name|last_name cont a"),
        ("contacts", "q[first_name_and_company_name_cont]=a", "first_name&company.name cont a"),
        ("contacts", "q[first_name_or_last_name_and_email_cont]=a", "first_name|last_name|email cont a"),
        ("contacts", "q[score_in]=1%2C2", "score in [1,2]"),
        ("contacts", "q[score_in][]=1&q[score_in][]=&q[score_in][]=2", "score in [1,2]"),
        ("contacts", "q[email_present]=0", "email present false"),
        (
            "contacts",
            "q[g][0][m]=or&q[g][0][email_eq]=a&q[g][0][b_eq]=c&q[score_gt]=1",
            "score gt 1 and (email eq a or b eq c)",
        ),
        ("contacts", "q[g][0][email_eq]=", ""),
        ("contacts", "q[g][0][email_in][]=", ""),
        ("contacts", "q[g][0][email_eq]=+++", "(email eq    )"),
        ("contacts", "q[c][0][a][]=email&q[c][0][p]=eq&q[c][0][v][]=x", "email eq x"),
        ("contacts", "q[c][0][a][]=email&q[c][0][p]=eq&q[c][0][v][]=", ""),
        ("tasks", "q[subject_of_Contact_type_first_name_eq]=a", "subject(Contact).first_name eq a"),
        ("tasks", "q[subject_of_Deal_type_company_name_eq]=a", "subject(Deal).company.name eq a"),
        ("tasks", "q[title_or_subject_of_Deal_type_name_eq]=a", "title|subject(Deal).name eq a"),
    ] {
        let group =
            resolve_q(on, raw, Strictness::Strict).unwrap_or_else(|problems| panic!("{raw}: {problems:?}"));
        assert_eq!(spell_group(&group), expected, "{raw}");
    }
}

#[test]
fn what_is_not_offered_is_unknown_or_dropped() {
    for (on, key) in [
        ("contacts", "first_name"),
        ("contacts", "first_name_true_any"),
        ("contacts", "first_name_EQ"),
        ("contacts", "period_start"),
        ("contacts", "nothing_eq"),
        ("contacts", "_eq"),
        ("contacts", "eq"),
        ("contacts", "company_eq"),
        ("contacts", "company_nothing_eq"),
        ("contacts", "terms_and_conditions_or_email_cont"),
        ("contacts", "first_name_or_nothing_eq"),
        // The longest association wins, without going back to `deals` and `owned_by`.
        ("contacts", "deals_owned_by_eq"),
        ("contacts", "x) OR 1 IS 1--_eq"),
        ("contacts", "manager_manager_manager_manager_manager_manager_manager_email_eq"),
        ("tasks", "subject_first_name_eq"),
        ("tasks", "subject_of_User_type_name_eq"),
        ("tasks", "assignee_of_Contact_type_name_eq"),
    ] {
        let raw = format!("q[{key}]=1&q[id_eq]=2");
        let problems = resolve_q(on, &raw, Strictness::Strict).unwrap_err();
        assert_eq!(problems.len(), 1, "{key}");
        assert_eq!(problems[0].code, Code::UnknownFilter, "{key}");
        assert_eq!(problems[0].source, Some(crate::Source::Parameter(format!("q[{key}]"))), "{key}");
        assert_eq!(spell_group(&resolve_q(on, &raw, Strictness::Lenient).unwrap()), "id eq 2", "{key}");
    }
}

#[test]
fn values_of_the_wrong_shape_are_refused_or_read_as_the_gem_does() {
    for (raw, lenient) in [
        ("q[email_null]=yes", ""),
        ("q[email_null][]=1", ""),
        ("q[email_eq][]=a&q[email_eq][]=b", "email eq misplaced[a,b]"),
        ("q[email_in][0]=a", ""),
        ("q[email_eq][0]=a", ""),
        ("q[c][0][a][]=email&q[c][0][p]=eq&q[c][0][v][]=a&q[c][0][v][]=b", ""),
        ("q[c][0][a][]=email&q[c][0][a][]=b&q[c][0][p]=eq&q[c][0][v][]=a", ""),
    ] {
        let problems = resolve_q("contacts", raw, Strictness::Strict).unwrap_err();
        assert_eq!(problems[0].code, Code::InvalidFilter, "{raw}");
        assert_eq!(spell_group(&resolve_q("contacts", raw, Strictness::Lenient).unwrap()), lenient, "{raw}");
    }
}

#[test]
fn an_explicit_condition_keeps_its_known_attributes_when_lenient() {
    let raw = "q[c][0][a][]=email&q[c][0][a][]=nothing&q[c][0][m]=or&q[c][0][p]=eq&q[c][0][v][]=a";
    assert!(resolve_q("contacts", raw, Strictness::Strict).is_err());
    assert_eq!(spell_group(&resolve_q("contacts", raw, Strictness::Lenient).unwrap()), "email eq a");
    let raw = "q[c][0][a][]=email&q[c][0][p]=like&q[c][0][v][]=a";
    assert!(resolve_q("contacts", raw, Strictness::Lenient).is_err());
}

#[test]
fn all_mistakes_are_told_at_once() {
    let raw = "q[x_eq]=1&q[email_null]=maybe&q[g][0][y_eq]=1&q[c][0][a][]=z&q[c][0][p]=eq&q[c][0][v][]=1";
    assert_eq!(resolve_q("contacts", raw, Strictness::Strict).unwrap_err().len(), 4);
}

#[test]
fn a_problem_says_what_would_have_been_allowed() {
    let problems = resolve_q("companies", "q[nom_eq]=1", Strictness::Strict).unwrap_err();
    assert_eq!(
        problems[0].detail,
        "companies has no attribute or association \"nom\" to use here; allowed: id, name, owner, contacts"
    );
}

#[test]
fn filters_may_name_attributes_and_associations_bare() {
    for (raw, expected) in [
        ("filter[id]=1,2", "id in [1,2]"),
        ("filter[id][]=1&filter[id][]=2", "id in [1,2]"),
        ("filter[company]=1,2", "company_id in [1,2]"),
        ("filter[deals]=1", "deals.id in [1]"),
        ("filter[score_in]=1,2", "score in [1,2]"),
        ("filter[email_eq]=a,b", "email eq a,b"),
    ] {
        let group = resolve(&read(Family::Filter, raw), &resource("contacts"), Strictness::Strict).unwrap();
        assert_eq!(spell_group(&group), expected, "{raw}");
    }
}

#[test]
fn scopes_are_called_only_at_the_top() {
    let scopes = |raw: &str| resolve_q("contacts", raw, Strictness::Lenient).unwrap().scopes;
    let call = |arguments: &[&str]| scopes_of(arguments);
    assert_eq!(scopes("q[vip_only]=true"), call(&[]));
    assert_eq!(scopes("q[vip_only]=f"), []);
    assert_eq!(scopes("q[vip_only]=a"), call(&["a"]));
    assert_eq!(scopes("q[g][0][vip_only]=true"), []);
    assert_eq!(scopes("q[score_over][]=1&q[score_over][]=2")[0].arguments, ["1", "2"]);
}

fn scopes_of(arguments: &[&str]) -> Vec<ScopeCall> {
    let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
    vec![ScopeCall { name: "vip_only".into(), arguments, parameter: "q[vip_only]".into() }]
}

#[test]
fn the_first_condition_that_asks_for_too_much_is_refused() {
    let tails = ["company_name", "deals_name", "deals_owned_name"];
    let key = |managers: usize, tail| format!("q[{}{tail}_eq]=1", "manager_".repeat(managers));
    let keys: Vec<String> = (0..6).flat_map(|managers| tails.map(|tail| key(managers, tail))).collect();
    assert!(resolve_q("contacts", &keys[..3].join("&"), Strictness::Strict).is_ok());
    let names = vec!["first_name"; 300].join("_or_");
    let compared = format!("q[{names}_cont_any][]=a&q[{names}_cont_any][]=b&q[{names}_cont_any][]=c");
    for (raw, parameter) in [
        (keys.join("&"), "q[manager_manager_manager_manager_company_name_eq]"),
        (format!("{compared}&q[score_gt]=1&q[email_cont_any][]=d"), ""),
        (format!("{compared}&q[g][0][{names}_eq]=1"), &format!("q[g][0][{names}_eq]")),
    ] {
        for strictness in [Strictness::Strict, Strictness::Lenient] {
            match resolve_q("contacts", &raw, strictness) {
                Ok(_) => assert_eq!(parameter, ""),
                Err(problems) => {
                    assert_eq!(problems.len(), 1);
                    let source = crate::Source::Parameter(parameter.to_owned());
                    assert_eq!(problems[0].source, Some(source), "{}", problems[0].detail);
                }
            }
        }
    }
}

fn sort_keys(paths: &[&str], parameter: &str) -> Vec<SortKey> {
    let key =
        |path: &&str| SortKey { path: (*path).to_owned(), descending: true, parameter: parameter.to_owned() };
    paths.iter().map(key).collect()
}

#[test]
fn sorts_are_resolved_with_dots_and_underscores() {
    let sort = |path: &str, strictness| {
        let sorts = resolve_sorts(&sort_keys(&[path, "email"], "q[s]"), &resource("contacts"), strictness);
        sorts.map(|sorts| sorts.iter().map(|sort| spell(&sort.path)).collect::<Vec<_>>())
    };
    assert_eq!(sort("company_owner_name", Strictness::Strict).unwrap(), ["company.owner.name", "email"]);
    assert_eq!(sort("company.owner.name", Strictness::Strict).unwrap(), ["company.owner.name", "email"]);
    for unknown in
        ["", ".", "company", "company.", "company.nothing", "first_name_or_email", " email", "-email"]
    {
        assert_eq!(sort(unknown, Strictness::Strict).unwrap_err()[0].code, Code::UnknownSort, "{unknown}");
        assert_eq!(sort(unknown, Strictness::Lenient).unwrap(), ["email"], "{unknown}");
    }
    let json_api = resolve_sorts(&sort_keys(&["x"], "sort"), &resource("contacts"), Strictness::Lenient);
    assert!(json_api.is_err(), "JSON:API says that an unknown sort is refused");
}

#[test]
fn too_many_sorts_are_refused() {
    let problems = |paths: &[&str]| {
        resolve_sorts(&sort_keys(paths, "sort"), &resource("contacts"), Strictness::Strict).err()
    };
    assert_eq!(problems(&["email"; MAX_SORTS]), None);
    assert_eq!(problems(&["email"; MAX_SORTS + 2]).unwrap().len(), 1);
    let names: Vec<String> = (0..6)
        .flat_map(|managers| {
            ["company.name", "deals.name", "deals_owned.name"].map(|tail| "manager.".repeat(managers) + tail)
        })
        .take(MAX_SORTS)
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(problems(&names).unwrap()[0].code, Code::InvalidParameter);
}

#[test]
fn every_predicate_resolves_on_every_path() {
    for predicate in &PREDICATES {
        for name in ["email", "company_owner_name", "period_start"] {
            let value = if predicate.shape == Shape::Flag { "1" } else { "x" };
            let group =
                resolve_q("contacts", &format!("q[{name}_{}]={value}", predicate.name), Strictness::Strict)
                    .unwrap();
            assert_eq!(group.conditions[0].predicate.name, predicate.name);
        }
    }
}

proptest! {
    #[test]
    fn resolving_never_panics(key in "[a-z_.]{0,20}(company_|manager_|_or_|_and_|deals|_of_|_type|email)*(_not)?(_eq|_in|_null)?(_any)?",
                              odd in "[^\\[\\]&=%+\0]{1,12}", value in "[a-z0-9 ,]{0,8}") {
        for key in [&key, &odd] {
            for raw in [format!("q[{key}]={value}"), format!("q[{key}][]={value}"), format!("q[g][0][{key}]={value}")] {
                let Ok(pairs) = nested::pairs(&raw, &Caps::DEFAULT) else { continue };
                let Ok(Some(tree)) = nested::tree(&pairs, &Caps::DEFAULT) else { continue };
                if let Ok((search, _)) = search::read(Family::Q, &tree, &|_| false) {
                    let _ = resolve(&search, &resource("contacts"), Strictness::Strict);
                    prop_assert!(resolve(&search, &resource("tasks"), Strictness::Lenient).is_ok() || key.contains("_or_"));
                }
            }
        }
    }
}
