//! What is open to everybody who knows an address: forms, requests to sign, and the keys that webhooks are verified with.
//! Bodies are plain JSON or what browsers send, so nothing is negotiated.

use actix_web::web;

use crate::operation::{self, Operation};
use crate::{answer, resources};

/// Where it begins.
pub(crate) const ROOT: &str = "/api/v1/public";

/// All of it.
pub(crate) static OPERATIONS: &[&[Operation]] = &[
    resources::esignature_requests::PUBLIC_OPERATIONS,
    resources::forms::PUBLIC_OPERATIONS,
    resources::webhook_signing_keys::PUBLIC_OPERATIONS,
];

pub(crate) fn routes(config: &mut web::ServiceConfig) {
    let mut scope = web::scope(ROOT);
    for operations in OPERATIONS {
        scope = scope.configure(|config| operation::routes(config, operations));
    }
    config.service(scope.default_service(web::to(answer::no_such_path)));
}
