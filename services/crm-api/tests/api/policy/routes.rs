//! Every address, as the published description lists them, with every role and with tokens of every kind.

use crm_api::policy;
use crm_api::resources::RESOURCES;
use pulse_domain::Role;
use pulse_resource::{Deed, Reach, Resource};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{member, token};
use crate::app::{Answer, App, Caller};

/// Something that can be asked for.
#[derive(Debug)]
struct Route {
    method: Method,
    path: String,
    needs: Needs,
}

#[derive(Clone, Copy, Debug)]
enum Needs {
    Nothing,
    Session,
    Right(&'static Resource, Deed),
}

impl Route {
    /// Asks for it about a record that is not there, with a document that says nothing: whoever may is told so, and
    /// nothing happens.
    async fn ask(&self, caller: &Caller<'_>) -> Answer {
        let body = matches!(self.method, Method::POST | Method::PATCH).then(|| json!({}));
        caller.send(self.method.clone(), &self.path, body.as_ref()).await
    }
}

/// All of them.
fn routes() -> Vec<Route> {
    let document = crm_api::openapi::document();
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        let path = path.replace("{id}", &Uuid::now_v7().to_string()).replace(['{', '}'], "");
        for (method, operation) in item.as_object().expect("operations") {
            let Some(method) = method_named(method) else { continue };
            routes.push(Route { method, path: path.clone(), needs: needs(operation) });
        }
    }
    assert!(routes.len() > 400, "{} routes are not all there are", routes.len());
    routes
}

fn method_named(name: &str) -> Option<Method> {
    match name {
        "parameters" => None,
        name => Some(name.to_uppercase().parse().expect("a method")),
    }
}

fn needs(operation: &Value) -> Needs {
    if operation["security"] == json!([]) {
        return Needs::Nothing;
    }
    let Some(right) = operation["x-right"].as_object() else { return Needs::Session };
    let resource = RESOURCES.iter().find(|resource| right["resource"] == resource.name);
    let deed = Deed::ALL.into_iter().find(|deed| right["deed"] == deed.verb());
    Needs::Right(resource.expect("a resource"), deed.expect("a deed"))
}

#[tokio::test]
async fn every_address_asks_who_is_there_unless_it_is_public() {
    let app = App::spawn().await;
    for route in routes() {
        let body = matches!(route.method, Method::POST | Method::PATCH).then(|| json!({}));
        let response = app.send_raw(route.method.clone(), &route.path, body.as_ref()).await;
        let challenge = response.headers().get("www-authenticate").map(|value| value.to_str().expect("text"));
        let closed = !matches!(route.needs, Needs::Nothing);
        assert_eq!(response.status() == 401, closed, "{route:?}: {}", response.status());
        assert_eq!(challenge, closed.then_some("Bearer"), "{route:?}");
    }
}

#[tokio::test]
async fn every_role_does_at_every_address_what_the_table_says() {
    let app = App::spawn().await;
    let routes = routes();
    for role in Role::ALL {
        let (_, caller) = member(&app, role.name()).await;
        for route in &routes {
            let Needs::Right(resource, deed) = route.needs else { continue };
            let answer = route.ask(&caller).await;
            let refused = policy::reach(role, resource, deed) == Reach::Nothing;
            assert_eq!(answer.status == 403, refused, "{role:?} {route:?}: {}", answer.json);
            assert_ne!(answer.status, 401, "{role:?} {route:?}");
            if refused {
                assert_eq!(answer.errors()[0].0, "forbidden", "{role:?} {route:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_token_does_at_every_address_what_its_scopes_and_its_cap_say() {
    let app = App::spawn().await;
    let routes = routes();
    for (scopes, cap) in [
        (&["contacts:read"][..], Role::Owner),
        (&["contacts:write", "tags:read"], Role::Owner),
        (&["*:read"], Role::Owner),
        (&["*:write"], Role::Owner),
        (&["*:write"], Role::Viewer),
        (&["*:read", "deals:write"], Role::Manager),
    ] {
        let (_, caller) = token(&app, json!({ "scopes": scopes, "role_cap": cap.name() })).await;
        for route in &routes {
            let answer = match route.needs {
                Needs::Nothing => continue,
                Needs::Session => {
                    assert_eq!(route.ask(&caller).await.status, 403, "{route:?}");
                    continue;
                }
                Needs::Right(..) => route.ask(&caller).await,
            };
            let Needs::Right(resource, deed) = route.needs else { continue };
            let verbs: &[&str] = if deed == Deed::Read { &["read", "write"] } else { &["write"] };
            let covered = scopes.iter().any(|scope| {
                let (about, verb) = scope.split_once(':').expect("a scope");
                [resource.name, "*"].contains(&about) && verbs.contains(&verb)
            });
            let outlives = deed != Deed::Read && ["api_tokens", "user_sessions"].contains(&resource.name);
            let allowed = policy::reach(cap, resource, deed) != Reach::Nothing;
            let expected = match (allowed, outlives, covered) {
                (false, ..) | (_, true, _) => Some("forbidden"),
                (true, false, false) => Some("insufficient_scope"),
                (true, false, true) => None,
            };
            let code = (answer.status == 403).then(|| answer.errors()[0].0.clone());
            assert_eq!(code.as_deref(), expected, "{scopes:?} {cap:?} {route:?}: {}", answer.json);
            let challenge = answer.header("www-authenticate");
            let missing = (expected == Some("insufficient_scope")).then(|| {
                let scope = answer.json["errors"][0]["meta"]["scope"].as_str().expect("a scope");
                format!(r#"Bearer error="insufficient_scope", scope="{scope}""#)
            });
            assert_eq!(challenge, missing.as_deref(), "{route:?}");
        }
    }
}
