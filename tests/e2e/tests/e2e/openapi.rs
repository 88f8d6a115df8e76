//! The OpenAPI document, read and believed by programs that know nothing else of Pulse.

use reqwest::Method;
use serde_json::json;

use crate::api::Api;
use crate::script;
use crate::stack::Stack;

const DOCUMENT: &str = "/api/v1/openapi.json";

/// What schemathesis looks for: answers of 5xx, and whatever of an answer the document does not say.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_headers_conformance,response_schema_conformance";

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_openapi() {
    let stack = Stack::start().await;
    let api = Api::anonymous(&stack);
    let document = api.get(DOCUMENT).await.expect(200);
    let file = std::env::temp_dir().join(format!("pulse-openapi-{}.json", std::process::id()));
    std::fs::write(&file, &document.body).expect("a temporary file");
    let mut validator = script::python("openapi-spec-validator");
    validator.arg(&file);
    script::finish(validator).await;
    std::fs::remove_file(&file).expect("the temporary file");

    let tag = document.header("etag").expect("it has a tag");
    api.send(Method::GET, DOCUMENT, &[("if-none-match", tag)], "").await.expect(304);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_the_document_allows_fails_or_is_answered_otherwise_than_it_says() {
    let stack = Stack::start().await;
    let api = Api::sign_up(&stack).await;
    #[expect(clippy::disallowed_methods, reason = "`make fuzz-api` asks this test for more")]
    let (phases, cases) = match std::env::var("FUZZ_CASES") {
        Ok(cases) => ("examples,coverage,fuzzing", cases),
        Err(_) => ("examples,fuzzing", "3".to_owned()),
    };
    let mut fuzzer = script::python("schemathesis");
    fuzzer.args(["run", &format!("{}{DOCUMENT}", stack.url())]);
    fuzzer.args(["--header", &format!("Authorization: Bearer {}", api.token())]);
    // It would end the session that everything else is asked for with.
    for operation in ["sign_out", "sign_out_everywhere"] {
        fuzzer.args(["--exclude-operation-id", operation]);
    }
    fuzzer.args(["--checks", CHECKS, "--phases", phases, "--max-examples", &cases, "--seed", "1"]);
    fuzzer.args(["--continue-on-failure", "--no-shrink", "--generation-database", "none"]);
    fuzzer.args(["--suppress-health-check", "all", "--warnings", "off", "--no-color"]);
    let said = script::finish(fuzzer).await;
    println!("{}", String::from_utf8_lossy(&said));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_that_shows_it_asks_no_other_host_for_anything() {
    let stack = Stack::start().await;
    let api = Api::anonymous(&stack);
    let page = api.get("/docs").await.expect(200);
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    assert!(!policy.contains("http"), "{policy}");
    let shown = script::run("clients/docs.mjs", &[&format!("{}/docs", stack.url())]).await;
    assert_eq!(shown, json!({ "said": [], "title": "Pulse API" }));
}
