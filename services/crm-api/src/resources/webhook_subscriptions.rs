//! Webhook subscriptions: where events are delivered to. The secret that deliveries are signed with is shown once.

use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse};
use pulse_domain::catalogue;
use pulse_domain::token::{self, Purpose};
use pulse_jsonapi::query::Accepts;
use pulse_jsonapi::{Code, Problem};
use pulse_resource::{Bind, Changes, Resource, attribute, has_many};
use pulse_store::schema::{webhook_deliveries, webhook_subscriptions};
use serde_json::json;
use uuid::Uuid;

use super::webhook_deliveries::WEBHOOK_DELIVERIES;
use crate::auth::Caller;
use crate::operation::{Answer, Body, Operation};
use crate::{App, Error, collection};

/// The newest payload version.
const PAYLOAD_VERSION: i64 = 1;

/// The declaration.
pub(crate) static WEBHOOK_SUBSCRIPTIONS: Resource = Resource {
    name: "webhook_subscriptions",
    table: "webhook_subscriptions",
    attributes: &[
        attribute::<webhook_subscriptions::url>().required().max_len(2_048).filter().sort(),
        attribute::<webhook_subscriptions::description>().filter(),
        attribute::<webhook_subscriptions::event_types>().required(),
        attribute::<webhook_subscriptions::enabled>().filter().sort(),
        attribute::<webhook_subscriptions::max_retries>().filter(),
        attribute::<webhook_subscriptions::payload_version>().read_only().filter(),
        attribute::<webhook_subscriptions::secret_hint>().read_only(),
        attribute::<webhook_subscriptions::created_at>().read_only().filter().sort(),
        attribute::<webhook_subscriptions::updated_at>().read_only().filter().sort(),
    ],
    relationships: &[has_many::<webhook_deliveries::subscription_id>(
        "webhook_deliveries",
        &WEBHOOK_DELIVERIES,
    )],
    validate,
    ..Resource::DEFAULT
};

fn validate(changes: &Changes) -> Vec<Problem> {
    let Some(types) = changes.value("event_types") else { return Vec::new() };
    let at = "/data/attributes/event_types";
    let Some(types) = types.as_array().filter(|types| !types.is_empty()) else {
        let detail = "event_types is an array of event types, or [\"*\"] for all, also those to come.";
        return vec![Problem::new(Code::WrongKind, detail).at_pointer(at)];
    };
    let unknown = types.iter().enumerate().filter(|(_, name)| {
        let known = name.as_str().is_some_and(|name| name == "*" || catalogue::find(name).is_some());
        !known
    });
    unknown
        .map(|(index, name)| {
            let detail = format!("{name} is not an event type.");
            let known = std::iter::once("*").chain(catalogue::KINDS.iter().map(|kind| kind.name));
            Problem::new(Code::Invalid, detail).at_pointer(format!("{at}/{index}")).allowing(known)
        })
        .collect()
}

pub(super) const OPERATIONS: &[Operation] = &[Operation {
    id: "create_webhook_subscriptions",
    summary: "Subscribe to events",
    description: "`meta.secret`, which deliveries are signed with, is shown this once.",
    path: "/webhook_subscriptions",
    body: Body::NewRecord(&WEBHOOK_SUBSCRIPTIONS),
    answers: &[Answer::Record(201, &WEBHOOK_SUBSCRIPTIONS)],
    handler: || web::to(create),
    ..Operation::DEFAULT
}];

/// Refuses addresses that deliveries would be refused to.
pub(super) fn check_url(app: &App, changes: &Changes) -> Result<(), Error> {
    let Some(url) = changes.text("url") else { return Ok(()) };
    app.0.egress.vet(url).map(drop).map_err(|refused| {
        Problem::new(Code::Invalid, format!("url cannot be called: {refused}."))
            .at_pointer("/data/attributes/url")
            .into()
    })
}

/// Makes a subscription; `meta.secret` is the only time its secret is shown.
async fn create(
    request: HttpRequest,
    app: web::Data<App>,
    caller: Caller,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let plan = collection::plan(&request, &app, &WEBHOOK_SUBSCRIPTIONS, Accepts::RESOURCE)?;
    let mut changes = collection::new_record(&WEBHOOK_SUBSCRIPTIONS, payload).await?;
    app.check(&mut changes, None)?;
    let secret = Purpose::Webhook.generate();
    let changes = sealed(&app, changes, &secret);
    let listing = app.engine().create_shown(caller.act(), changes, &plan).await?;
    app.changed(&WEBHOOK_SUBSCRIPTIONS);
    collection::created_shown(&request, &plan, &listing, Some(&json!({ "secret": secret })))
}

/// Adds the secret, sealed for the record's id.
pub(crate) fn sealed(app: &App, mut changes: Changes, secret: &str) -> Changes {
    let id = *changes.id.get_or_insert_with(Uuid::now_v7);
    changes.set("secret_sealed", Bind::Bytes(app.0.master_key.seal(id.as_bytes(), secret.as_bytes())));
    changes.set("secret_hint", token::hint(secret).as_str());
    changes.set("payload_version", PAYLOAD_VERSION);
    changes
}
