//! What the OpenAPI document says of every resource is what is answered.

use std::collections::HashMap;

use crm_api::resources::RESOURCES;
use jsonschema::Validator;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Answer, App, Caller};
use crate::sample;

/// The document, and what it makes of each body that was looked at.
struct Document {
    json: Value,
    validators: HashMap<String, Validator>,
}

impl Document {
    async fn of(app: &App) -> Self {
        let answer = app.send(Method::GET, "/api/v1/openapi.json", None, None).await;
        assert_eq!(answer.status, 200);
        Self { json: answer.json, validators: HashMap::new() }
    }

    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        let Some(reference) = value["$ref"].as_str() else { return value };
        self.json.pointer(reference.trim_start_matches('#')).expect("it leads to a component")
    }

    /// Fails the test unless the answer to a request is one that the document says.
    fn assert_says(&mut self, method: &Method, path: &str, answer: &Answer) {
        let operation = &self.json["paths"][path][method.as_str().to_lowercase()];
        let status = answer.status.to_string();
        let response = self.resolve(&operation["responses"][&status]);
        assert!(response.is_object(), "{method} {path} is not said to answer {status}: {}", answer.json);
        for name in response["headers"].as_object().into_iter().flat_map(|headers| headers.keys()) {
            assert!(answer.header(name).is_some(), "{method} {path} {status} has no {name}");
        }
        let media_type = answer.header("content-type").expect("a media type");
        let schema = &response["content"][media_type]["schema"];
        assert!(schema.is_object(), "{method} {path} {status} is not said to be {media_type}");
        let key = schema.to_string();
        if !self.validators.contains_key(&key) {
            let whole = json!({ "allOf": [schema], "components": self.json["components"] });
            let validator = jsonschema::options().should_validate_formats(true).build(&whole);
            self.validators.insert(key.clone(), validator.expect("a schema"));
        }
        let faults: Vec<_> =
            self.validators[&key].iter_errors(&answer.json).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{method} {path} {status}: {faults:?} in {}", answer.json);
    }

    /// Asks, and looks whether the answer is one that the document says.
    async fn ask(&mut self, caller: &Caller<'_>, method: Method, path: &str, id: Option<&str>) -> Answer {
        let (address, query) = path.split_once('?').unwrap_or((path, ""));
        let asked = format!("{}?{query}", address.replace("{id}", id.unwrap_or_default()));
        let answer = caller.send(method.clone(), asked.trim_end_matches('?'), None).await;
        self.assert_says(&method, address, &answer);
        answer
    }
}

#[tokio::test]
async fn every_record_looks_as_the_document_says_wherever_it_is_shown() {
    let app = App::spawn().await;
    let caller = app.caller();
    let mut document = Document::of(&app).await;
    for resource in RESOURCES.iter().filter(|resource| resource.actions.create) {
        let path = format!("/api/v1/{}", resource.path());
        let (created, _) = sample::post(&caller, resource).await;
        document.assert_says(&Method::POST, &path, &created);
        let id = created.id();
        let id = Some(id.as_str());

        let names: Vec<_> = resource.relationships.iter().map(|relationship| relationship.name).collect();
        let include = if names.is_empty() { String::new() } else { format!("?include={}", names.join(",")) };
        document.ask(&caller, Method::GET, &format!("{path}/{{id}}{include}"), id).await;
        let list = document.ask(&caller, Method::GET, &format!("{path}{include}"), None).await;
        assert!(!list.ids().is_empty(), "{path}");
        for name in names {
            document.ask(&caller, Method::GET, &format!("{path}/{{id}}/{name}"), id).await;
            document.ask(&caller, Method::GET, &format!("{path}/{{id}}/relationships/{name}"), id).await;
        }
        if resource.actions.destroy {
            document.ask(&caller, Method::DELETE, &format!("{path}/{{id}}"), id).await;
            document.ask(&caller, Method::GET, &format!("{path}/{{id}}"), id).await;
        }
        if resource.actions.destroy && resource.has_trash() {
            document.ask(&caller, Method::POST, &format!("{path}/{{id}}/restore"), id).await;
            document.ask(&caller, Method::DELETE, &format!("{path}/{{id}}"), id).await;
            document.ask(&caller, Method::DELETE, &format!("{path}/{{id}}/purge"), id).await;
        }
    }
}

#[tokio::test]
async fn every_list_is_a_collection_as_the_document_says() {
    let app = App::spawn().await;
    let caller = app.caller();
    let mut document = Document::of(&app).await;
    for resource in RESOURCES {
        let path = format!("/api/v1/{}", resource.path());
        let list = document.ask(&caller, Method::GET, &path, None).await;
        for id in list.ids() {
            document.ask(&caller, Method::GET, &format!("{path}/{{id}}"), Some(&id)).await;
        }
        document.ask(&caller, Method::GET, &format!("{path}?sort=nothing&other=1"), None).await;
    }
}

#[tokio::test]
async fn every_address_does_what_the_document_says_and_nothing_else() {
    let app = App::spawn().await;
    let document = Document::of(&app).await;
    let id = uuid::Uuid::now_v7().to_string();
    for (path, item) in document.json["paths"].as_object().expect("paths") {
        let address = path.replace("{id}", &id).replace("{code}", "not_found");
        for method in [Method::GET, Method::POST, Method::PATCH, Method::PUT, Method::DELETE] {
            let said = item.get(method.as_str().to_lowercase()).is_some();
            if said && path.contains("/sign_out") {
                // It would end the session that the other requests are made with.
                continue;
            }
            let mut request = app.request(method.clone(), &address).header("Authorization", &app.token);
            if method != Method::GET {
                request = request.json(&json!({ "data": null }));
            }
            let answer = request.send().await.expect("an answer");
            let status = answer.status().as_u16();
            let text = answer.text().await.expect("a text");
            // A relationship that cannot be changed is there all the same (jsonapi.org, "Updating Relationships").
            let refused = status == 405 || (status == 403 && path.contains("/relationships/"));
            assert_eq!(said, !refused, "{method} {path}: {status} {text}");
            assert!(!text.contains("Nothing is at"), "{method} {path}: {status} {text}");
        }
    }
}
