//! JSON:API to the letter, over HTTP. Names of tests say what holds; the numbers in comments are those of the checklist
//! that the protocol was built by.

mod cursors;
mod documents;
mod fetching;
mod http;
mod linkage;
mod negotiation;
mod parameters;
mod refusals;
mod versions;
mod writing;

use reqwest::Method;
use serde_json::Value;

use crate::app::{Answer, App};

/// The media type of every body.
const JSON_API: &str = "application/vnd.api+json";

/// A request of the owner with headers of its own, and a body where there is one.
async fn ask(
    app: &App,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<&Value>,
) -> Answer {
    let mut request = app.request(method, path).header("Authorization", &app.token);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(body) = body {
        request = request.body(body.to_string());
    }
    App::answer(request).await
}

/// A GET of the owner with headers of its own.
async fn get(app: &App, path: &str, headers: &[(&str, &str)]) -> Answer {
    ask(app, Method::GET, path, headers, None).await
}
