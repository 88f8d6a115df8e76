//! What holds for the document, whatever is declared.

use std::collections::HashSet;

use pulse_jsonapi::Code;

use super::*;

/// Every member of this name, wherever it stands.
fn members<'a>(value: &'a Value, name: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(map) => {
            found.extend(map.get(name));
            map.values().for_each(|value| members(value, name, found));
        }
        Value::Array(items) => items.iter().for_each(|value| members(value, name, found)),
        _ => {}
    }
}

#[test]
fn the_committed_document_is_what_the_declarations_say() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let text = serde_json::to_string_pretty(&document()).expect("JSON") + "\n";
    #[expect(clippy::disallowed_methods, reason = "a switch of this test, not a setting")]
    if std::env::var("BLESS").is_ok() {
        std::fs::write(page, &text).expect("writes the document");
    }
    let committed = std::fs::read_to_string(page).expect("the document exists");
    assert!(committed == text, "run `make bless` to write docs/openapi.json again");
}

#[test]
fn every_reference_leads_to_a_component() {
    let document = document();
    let mut references = Vec::new();
    members(&document, "$ref", &mut references);
    for reference in references {
        let pointer =
            reference.as_str().and_then(|text| text.strip_prefix('#')).expect("within this document");
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
}

#[test]
fn every_code_has_a_response() {
    for code in Code::ALL {
        let mut found = Map::new();
        responses::refusals([code.status()], &mut found);
        assert!(found.contains_key(&code.status().to_string()), "{}", code.name());
    }
}

#[test]
fn every_operation_has_a_name_of_its_own_and_says_what_it_takes_and_answers() {
    let document = document();
    let mut names = HashSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        let of_path = item["parameters"].as_array().into_iter().flatten();
        let methods = item.as_object().expect("operations").iter().filter(|(name, _)| *name != "parameters");
        for (method, operation) in methods {
            let name = operation["operationId"].as_str().unwrap_or_default();
            assert!(!name.is_empty() && names.insert(name), "{method} {path}: {name:?} is taken");
            assert_ne!(operation["summary"], "", "{method} {path}");
            let answers = operation["responses"].as_object().expect("responses");
            assert!(answers.keys().any(|status| status.starts_with('2')), "{method} {path}");
            let parameters = of_path.clone().chain(operation["parameters"].as_array().into_iter().flatten());
            let in_path: Vec<_> = parameters
                .map(|parameter| match parameter["$ref"].as_str() {
                    Some(reference) => document.pointer(&reference[1..]).expect("a parameter"),
                    None => parameter,
                })
                .filter(|parameter| parameter["in"] == "path")
                .map(|parameter| format!("{{{}}}", parameter["name"].as_str().expect("a name")))
                .collect();
            assert_eq!(in_path.len(), path.matches('{').count(), "{method} {path}");
            assert!(in_path.iter().all(|name| path.contains(name)), "{method} {path}: {in_path:?}");
        }
    }
}
