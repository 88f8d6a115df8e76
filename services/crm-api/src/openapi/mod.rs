//! The OpenAPI document of the JSON:API: everything in it follows from the declarations of resources and operations.
//!
//! In reading order: [`paths`] are the addresses every resource has, [`relationships`] those of its relationships,
//! [`operations`] what it can do besides, [`writes`] what all that change something take; [`parameters`] and
//! [`responses`] are what they take and answer, with [`headers`]; [`schemas`]
//! describe a resource, [`attributes`] a value of it, [`shared`] what all of them have in common; [`names`] is how
//! things are called.

mod attributes;
mod headers;
mod names;
mod operations;
mod parameters;
mod paths;
mod relationships;
mod responses;
mod schemas;
mod served;
mod shared;
#[cfg(test)]
mod tests;
mod writes;

pub(crate) use attributes::properties;
pub(crate) use served::{Served, routes};

use pulse_resource::Resource;
use pulse_resource::render::BASE;
use serde_json::{Map, Value, json};

use crate::public;
use crate::resources::{OPERATIONS, RESOURCES};
use crate::{auth, catalogue};

/// Where the document is served.
pub(crate) const PATH: &str = "/api/v1/openapi.json";

const ABOUT: &str = "The JSON:API of Pulse. Bodies are `application/vnd.api+json`; `application/json` is read too. \
    Every collection is filtered by Ransack's predicates: `q[last_name_cont]=love`, `q[company_name_or_email_eq]=…`, \
    groups as `q[g][0][m]=or`, what is in the trash by `q[trashed]=true`. Lists are written `a,b`, `k[]=a&k[]=b` or \
    `k=a&k=b`. `HEAD` is answered wherever `GET` is, and `/auth` is another name for `/api/v1/auth`. Every mistake of a \
    request is answered at once, each with a `code` that never changes.";

/// The whole document.
#[must_use]
pub fn document() -> Value {
    let mut paths = Map::new();
    operations::add(auth::OPERATIONS, &format!("{BASE}/auth"), &mut paths);
    for resource in RESOURCES {
        paths::add(resource, &mut paths);
        for relationship in resource.relationships {
            relationships::add(resource, relationship, &mut paths);
        }
    }
    for declared in OPERATIONS {
        operations::add(declared, BASE, &mut paths);
    }
    for declared in public::OPERATIONS {
        operations::add(declared, public::ROOT, &mut paths);
    }
    writes::describe(&mut paths);
    paths.insert(PATH.to_owned(), served::described());
    catalogue::describe(&mut paths);
    let tags = ["auth"].into_iter().chain(RESOURCES.iter().map(|resource| resource.name)).chain(["meta"]);
    let mut document = json!({
        "openapi": "3.1.0",
        "info": { "title": "Pulse", "version": env!("CARGO_PKG_VERSION"), "description": ABOUT },
        "servers": [{ "url": "/" }],
        "security": [{ "session": [] }, { "cookie": [] }, { "token": [] }],
        "tags": tags.map(|name| json!({ "name": name })).collect::<Vec<_>>(),
        "paths": paths,
        "components": components(RESOURCES),
    });
    headers::add_to_all(&mut document);
    document
}

fn components(resources: &[&'static Resource]) -> Value {
    let (mut schemas, mut parameters, mut responses) = (Map::new(), Map::new(), Map::new());
    shared::add(resources, &mut schemas);
    parameters::add_shared(resources, &mut parameters);
    writes::add_shared(&mut parameters);
    responses::add(&mut responses);
    for resource in resources {
        schemas::add(resource, &mut schemas);
        parameters::add(resource, &mut parameters, &mut schemas);
        responses::add_of(resource, &mut responses);
    }
    json!({
        "schemas": schemas,
        "parameters": parameters,
        "responses": responses,
        "headers": headers::components(),
        "securitySchemes": {
            "session": {
                "type": "http", "scheme": "bearer",
                "description": "The token that sign-up and sign-in answer in `Authorization`.",
            },
            "token": {
                "type": "http", "scheme": "bearer",
                "description": "An API token, `pat_…`, with the scopes that are named. `x-right` says which right of its \
                                user an operation takes; the roles that have it stand in docs/permissions.md.",
            },
            "cookie": {
                "type": "apiKey", "in": "cookie", "name": "__Host-pulse_session",
                "description": "The cookie of a sign-in with `cookie`, for browsers.",
            },
        },
    })
}
