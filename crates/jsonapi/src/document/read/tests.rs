use serde_json::json;

use super::*;
use crate::Source;

const CREATE: Expect<'_> =
    Expect { r#type: "contacts", id: None, new_id: Some("9"), client_id_allowed: true };
const UPDATE: Expect<'_> =
    Expect { r#type: "contacts", id: Some("7"), new_id: None, client_id_allowed: true };

fn read(document: &Value, expect: Expect<'_>) -> Result<ResourceInput, Vec<Problem>> {
    read_resource(document.to_string().as_bytes(), expect)
}

/// Code and pointer of each problem.
fn mistakes(problems: Vec<Problem>) -> Vec<(Code, String)> {
    let at = |problem: Problem| match problem.source {
        Some(Source::Pointer(pointer)) => (problem.code, pointer),
        other => (problem.code, format!("{other:?}")),
    };
    problems.into_iter().map(at).collect()
}

fn identifier(r#type: &str, id: &str) -> Identifier {
    Identifier { r#type: r#type.into(), id: id.into() }
}

#[test]
fn a_resource_is_read_whole() {
    let document = json!({
        "data": {
            "type": "contacts", "id": "7", "lid": "a", "attributes": {"email": "x", "@note": 1},
            "relationships": {
                "company": {"data": {"type": "companies", "id": "1"}, "links": {}},
                "owner": {"data": null},
                "tags": {"data": [{"type": "tags", "id": "2", "meta": {}}]},
                "@note": 1
            },
            "links": {}, "unknown": 1
        },
        "meta": {}, "jsonapi": {"ext": ["https://jsonapi.org/ext/atomic"]}
    });
    let expected = ResourceInput {
        id: Some("7".into()),
        lid: Some("a".into()),
        attributes: json!({"email": "x"}).as_object().unwrap().clone(),
        relationships: vec![
            ("company".into(), Linkage::ToOne(Some(identifier("companies", "1")))),
            ("owner".into(), Linkage::ToOne(None)),
            ("tags".into(), Linkage::ToMany(vec![identifier("tags", "2")])),
        ],
    };
    assert_eq!(read(&document, CREATE), Ok(expected.clone()));
    assert_eq!(read(&document, UPDATE), Ok(expected));
}

#[test]
fn of_a_member_given_twice_the_last_counts() {
    let body = br#"{"data":{"type":"x","type":"contacts","attributes":{"a":1,"a":2}}}"#;
    assert_eq!(read_resource(body, CREATE).unwrap().attributes["a"], 2);
}

#[test]
fn what_is_no_document_is_malformed() {
    for body in [b"".as_slice(), b"{", b"\xff", b"{\"data\":}", b"nul", b"{} {}"] {
        assert_eq!(
            mistakes(read_resource(body, CREATE).unwrap_err()),
            [(Code::MalformedJson, "None".into())]
        );
    }
    let deep = "[".repeat(200);
    assert_eq!(read_linkage(deep.as_bytes()).unwrap_err()[0].code, Code::MalformedJson);
    for (document, pointer) in [
        (json!([]), ""),
        (json!("data"), ""),
        (json!({}), ""),
        (json!({"meta": {}}), ""),
        (json!({"data": null}), "/data"),
        (json!({"data": []}), "/data"),
        (json!({"data": {}}), "/data"),
        (json!({"data": {"type": 1}}), "/data/type"),
        (json!({"data": {"type": "contacts", "id": 1}}), "/data/id"),
        (json!({"data": {"type": "contacts", "lid": 1}}), "/data/lid"),
        (json!({"data": {"type": "contacts", "attributes": []}}), "/data/attributes"),
        (json!({"data": {"type": "contacts", "relationships": null}}), "/data/relationships"),
    ] {
        let found = mistakes(read(&document, CREATE).unwrap_err());
        assert_eq!(found, [(Code::MalformedDocument, pointer.to_owned())], "{document}");
        assert!(pointer.is_empty() || document.pointer(pointer).is_some(), "{pointer} leads nowhere");
    }
}

#[test]
fn all_mistakes_are_told_with_pointers_that_exist() {
    let document = json!({"data": {
        "type": "companies", "id": "8", "attributes": {"a/b": "x\0", "c": [{"d~": "\0"}]},
        "relationships": {
            "a": {}, "b": 1, "c": {"data": 1}, "d": {"data": {"type": "x"}}, "e": {"data": {"id": 1, "type": 2}},
            "f": {"data": [{"type": "x", "id": "1"}, 3, {"id": "1"}, {"type": "x", "id": "\0"}]}
        }
    }});
    let expected = [
        (Code::WrongType, "/data/type"),
        (Code::WrongId, "/data/id"),
        (Code::Invalid, "/data/attributes/a~1b"),
        (Code::Invalid, "/data/attributes/c/0/d~0"),
        (Code::MalformedDocument, "/data/relationships/a"),
        (Code::MalformedDocument, "/data/relationships/b"),
        (Code::MalformedDocument, "/data/relationships/c/data"),
        (Code::MalformedDocument, "/data/relationships/d/data"),
        (Code::MalformedDocument, "/data/relationships/e/data/type"),
        (Code::MalformedDocument, "/data/relationships/e/data/id"),
        (Code::MalformedDocument, "/data/relationships/f/data/1"),
        (Code::MalformedDocument, "/data/relationships/f/data/2"),
        (Code::Invalid, "/data/relationships/f/data/3/id"),
    ];
    let found = mistakes(read(&document, UPDATE).unwrap_err());
    for (_, pointer) in &found {
        assert!(document.pointer(pointer).is_some(), "{pointer} leads nowhere");
    }
    assert_eq!(found, expected.map(|(code, pointer)| (code, pointer.to_owned())));
}

#[test]
fn ids_are_checked_against_the_url() {
    let with_id = json!({"data": {"type": "contacts", "id": "7"}});
    let without = json!({"data": {"type": "contacts"}});
    assert_eq!(read(&without, CREATE).unwrap().id.as_deref(), Some("9"));
    assert_eq!(mistakes(read(&without, UPDATE).unwrap_err()), [(Code::MalformedDocument, "/data".into())]);
    let forbidden = Expect { client_id_allowed: false, ..CREATE };
    assert_eq!(
        mistakes(read(&with_id, forbidden).unwrap_err()),
        [(Code::ClientIdForbidden, "/data/id".into())]
    );
}

#[test]
fn linkage_documents_are_read() {
    let read = |document: Value| read_linkage(document.to_string().as_bytes());
    assert_eq!(read(json!({"data": null})), Ok(Linkage::ToOne(None)));
    assert_eq!(read(json!({"data": []})), Ok(Linkage::ToMany(vec![])));
    let tags = json!({"data": [{"type": "tags", "id": "1"}]});
    assert_eq!(read(tags), Ok(Linkage::ToMany(vec![identifier("tags", "1")])));
    for document in [json!({}), json!({"data": "1"}), json!({"data": {"id": "1"}}), json!({"data": [1]})] {
        assert!(read(document).is_err());
    }
}

#[test]
fn a_new_resource_may_link_to_itself_by_its_lid() {
    let document = |lid: &str| {
        json!({"data": {"type": "contacts", "lid": "a", "relationships": {
            "assistant": {"data": {"type": "contacts", "lid": lid}}
        }}})
    };
    let input = read(&document("a"), CREATE).unwrap();
    assert_eq!(input.id.as_deref(), Some("9"));
    assert_eq!(input.relationships[0].1, Linkage::ToOne(Some(identifier("contacts", "9"))));
    let unknown = read(&document("b"), CREATE).unwrap_err();
    let pointer = "/data/relationships/assistant/data/lid".to_owned();
    assert_eq!(mistakes(unknown), [(Code::MalformedDocument, pointer)]);
}

#[test]
fn a_relationship_that_comes_back_with_our_links_alone_says_nothing() {
    let document = |link: Value| json!({"data": {"type": "contacts", "id": "7", "relationships": {"tags": {"links": {"self": link}}}}});
    for ours in [json!("/x/7/relationships/tags"), json!({"href": "/x/7/relationships/tags"})] {
        assert_eq!(read(&document(ours), UPDATE).unwrap().relationships, []);
    }
    let pointer = "/data/relationships/tags".to_owned();
    let other = read(&document(json!("/x/8/relationships/tags")), UPDATE).unwrap_err();
    assert_eq!(mistakes(other), [(Code::MalformedDocument, pointer.clone())]);
    let new = json!({"data": {"type": "contacts", "relationships": {"tags": {"links": {}}}}});
    assert_eq!(mistakes(read(&new, CREATE).unwrap_err()), [(Code::MalformedDocument, pointer)]);
}
