//! What holds for the table, whatever stands in it.

use proptest::prelude::*;
use pulse_resource::Ownership;

use super::table::{LINES, NOT_BY_TOKENS, PERSONAL};
use super::*;
use crate::operation::Operation;
use crate::resources::{OPERATIONS, RESOURCES};
use crate::{auth, public};

#[test]
fn the_committed_page_is_what_the_table_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/permissions.md");
    #[expect(clippy::disallowed_methods, reason = "a switch of this test, not a setting")]
    if std::env::var("BLESS").is_ok() {
        std::fs::write(path, page()).expect("writes the page");
    }
    let committed = std::fs::read_to_string(path).expect("the page exists");
    assert!(committed == page(), "run `make bless` to write docs/permissions.md again");
}

fn resource(name: &str) -> &'static Resource {
    RESOURCES.iter().find(|resource| resource.name == name).unwrap_or_else(|| panic!("no resource {name}"))
}

#[test]
fn a_resource_is_in_one_line_at_most() {
    let names: Vec<_> = LINES.iter().flat_map(|line| line.resources).collect();
    for name in &names {
        assert_eq!(resource(name).name, **name);
        assert_eq!(names.iter().filter(|other| other == &name).count(), 1, "{name}");
    }
    for name in PERSONAL.into_iter().chain(NOT_BY_TOKENS) {
        resource(name);
    }
}

#[test]
fn records_of_nobody_are_reached_all_or_none() {
    for resource in RESOURCES.iter().filter(|resource| resource.ownership == Ownership::Nobody) {
        for (party, deed) in Party::ALL.into_iter().flat_map(|party| Deed::ALL.map(|deed| (party, deed))) {
            let reach = grant(party, resource).reach(deed);
            let said = matches!(reach, Reach::Nothing | Reach::All);
            assert!(said, "{} belong to nobody: they need a line that says so", resource.name);
        }
    }
}

#[test]
fn what_has_an_owner_says_so() {
    for resource in RESOURCES {
        let owned = resource.relationship("owner").is_some();
        let said = matches!(resource.ownership, Ownership::Columns { .. });
        assert!(said || !owned, "{} has an owner and does not say so", resource.name);
        if let Ownership::Part(name) = resource.ownership {
            let whole =
                resource.relationship(name).unwrap_or_else(|| panic!("{} has no {name}", resource.name));
            assert!(whole.to_one(), "{} is a part of several records", resource.name);
        }
    }
}

#[test]
fn more_role_is_never_less_right() {
    for resource in RESOURCES {
        for pair in Role::ALL.windows(2) {
            for deed in Deed::ALL {
                let (less, more) = (reach(pair[0], resource, deed), reach(pair[1], resource, deed));
                assert!(less <= more, "{:?} {} {:?}", pair, resource.name, deed);
            }
        }
    }
}

#[test]
fn who_may_do_something_with_a_record_may_read_it() {
    for (resource, party) in RESOURCES.iter().flat_map(|resource| Party::ALL.map(|party| (resource, party))) {
        let grant = grant(party, resource);
        for deed in Deed::ALL {
            assert!(grant.reach(deed) <= grant.reach(Deed::Read), "{party:?} {} {deed:?}", resource.name);
        }
    }
}

#[test]
fn a_viewer_never_writes_but_what_is_personal_and_their_own() {
    for resource in RESOURCES {
        for deed in [Deed::Create, Deed::Change, Deed::Delete, Deed::Purge] {
            let reach = reach(Role::Viewer, resource, deed);
            let most = if PERSONAL.contains(&resource.name) { Reach::Own } else { Reach::Nothing };
            assert!(reach <= most, "a viewer may {} {}", deed.verb(), resource.name);
        }
    }
}

#[test]
fn workflows_own_nothing() {
    for resource in RESOURCES {
        for deed in Deed::ALL {
            let reach = grant(Party::Workflow, resource).reach(deed);
            assert!(matches!(reach, Reach::Nothing | Reach::All), "{} {deed:?}", resource.name);
        }
    }
}

#[test]
fn an_operation_beside_a_resource_takes_a_right_and_any_other_a_session() {
    let all = |operations: &[&'static [Operation]]| operations.iter().copied().flatten().collect::<Vec<_>>();
    for operation in all(OPERATIONS) {
        assert!(matches!(operation.need(), Need::Right(..)), "{}", operation.id);
    }
    for operation in all(&[auth::OPERATIONS]) {
        assert!(matches!(operation.need(), Need::Session | Need::Nothing), "{}", operation.id);
    }
    for operation in all(public::OPERATIONS) {
        assert!(matches!(operation.need(), Need::Nothing), "{}", operation.id);
    }
}

/// Scopes of all sorts, some of which are none.
fn scopes() -> impl Strategy<Value = Vec<String>> {
    let about = prop_oneof![
        Just("*".to_owned()),
        Just("nobody".to_owned()),
        (0..RESOURCES.len()).prop_map(|index| RESOURCES[index].name.to_owned()),
    ];
    let verb = prop_oneof![Just("read"), Just("write"), Just("own")];
    proptest::collection::vec((about, verb).prop_map(|(about, verb)| format!("{about}:{verb}")), 0..6)
}

proptest! {
    #[test]
    fn a_scope_never_widens_a_role(role in 0..5_usize, texts in scopes(), index in 0..RESOURCES.len(), deed in 0..5_usize) {
        let (role, resource, deed) = (Role::ALL[role], RESOURCES[index], Deed::ALL[deed]);
        let permit = Permit::of_token(role, Scopes::of(texts.iter().map(String::as_str)));
        let (own, scoped) = (reach(role, resource, deed), permit.reach(resource, deed));
        prop_assert!(scoped <= own);
        let needs = scopes::needed(resource, deed);
        let (_, verb) = needs.split_once(':').expect("a scope");
        let given = texts.iter().any(|text| {
            let (about, given) = text.split_once(':').expect("a scope");
            [resource.name, "*"].contains(&about) && (given == "write" || given == verb && verb == "read")
        });
        let expected = if given && !is_beyond_tokens(resource, deed) { own } else { Reach::Nothing };
        prop_assert_eq!(scoped, expected);
    }

    #[test]
    fn more_scopes_are_never_less_right(texts in scopes(), more in scopes(), index in 0..RESOURCES.len(), deed in 0..5_usize) {
        let (resource, deed) = (RESOURCES[index], Deed::ALL[deed]);
        let less = Scopes::of(texts.iter().map(String::as_str));
        let all = Scopes::of(texts.iter().chain(&more).map(String::as_str));
        prop_assert!(!less.allow(resource, deed) || all.allow(resource, deed));
    }

    #[test]
    fn any_text_is_a_scope_or_opens_nothing(text in ".{0,30}") {
        let opens = Scopes::of([text.as_str()]);
        let any = RESOURCES.iter().any(|resource| Deed::ALL.iter().any(|deed| opens.allow(resource, *deed)));
        prop_assert_eq!(any, scopes::is_scope(&text));
    }
}
