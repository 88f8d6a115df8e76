//! Where webhooks come from: the addresses that receivers may let through, as the operator has set them.

use actix_web::{HttpRequest, HttpResponse, web};
use pulse_jsonapi::document::{Links, Writer};
use pulse_resource::Deed;
use serde_json::json;

use super::webhook_subscriptions::WEBHOOK_SUBSCRIPTIONS;
use crate::auth::Caller;
use crate::operation::{Answer, Operation, Verb};
use crate::{App, Error, answer};

pub(super) const OPERATIONS: &[Operation] = &[Operation {
    id: "list_webhook_egress_ips",
    summary: "Addresses that webhooks come from",
    description: "Networks, such as `203.0.113.7/32`, that receivers can let through. Empty where the operator promises \
                  none.",
    verb: Verb::Get,
    path: "/webhook_egress_ips",
    right: Some((&WEBHOOK_SUBSCRIPTIONS, Deed::Read)),
    answers: &[Answer::Meta(200, || {
        json!({
            "type": "object",
            "required": ["addresses"],
            "properties": {
                "addresses": { "type": "array", "items": { "type": "string", "examples": ["203.0.113.7/32"] } },
            },
        })
    })],
    handler: || web::to(list),
    ..Operation::DEFAULT
}];

async fn list(request: HttpRequest, app: web::Data<App>, _caller: Caller) -> Result<HttpResponse, Error> {
    let addresses: Vec<String> = app.settings().egress.addresses.iter().map(ToString::to_string).collect();
    let links = Links::new(answer::self_link(&request));
    let document = Writer::meta_only(&links).finish(Some(&json!({ "addresses": addresses })));
    Ok(answer::fetched(&request, document, None))
}
