//! Webhook subscriptions: where events are delivered to, which of them, and how. What is secret of one is sealed when it
//! comes in: the secret that deliveries are signed with is shown once, the values of its headers never.

mod disabled;
mod enable;
mod headers;
mod health;
mod payload_version;
mod ping;
mod recover;
mod rotation;

pub(super) use rotation::Rotation;

use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse};
use chrono::Utc;
use pulse_domain::catalogue;
use pulse_domain::token::{self, Purpose};
use pulse_jsonapi::query::Accepts;
use pulse_jsonapi::ransack::Filter;
use pulse_jsonapi::{Code, Problem};
use pulse_resource::render::Record;
use pulse_resource::write::{Transaction, Work};
use pulse_resource::{Bind, Changes, Resource, attribute, has_many};
use pulse_store::schema::{webhook_deliveries, webhook_recoveries, webhook_subscriptions};
use serde_json::{Value, json};
use uuid::Uuid;

use super::webhook_deliveries::WEBHOOK_DELIVERIES;
use super::webhook_recoveries::WEBHOOK_RECOVERIES;
use crate::auth::Caller;
use crate::operation::{Answer, Body, Operation};
use crate::{App, Error, collection};

/// The declaration.
pub(crate) static WEBHOOK_SUBSCRIPTIONS: Resource = Resource {
    name: "webhook_subscriptions",
    table: "webhook_subscriptions",
    attributes: &[
        attribute::<webhook_subscriptions::url>().required().max_len(2_048).filter().sort(),
        attribute::<webhook_subscriptions::description>().filter(),
        attribute::<webhook_subscriptions::event_types>().required(),
        attribute::<webhook_subscriptions::filter>(),
        attribute::<webhook_subscriptions::headers>(),
        attribute::<webhook_subscriptions::enabled>().filter().sort(),
        attribute::<webhook_subscriptions::enabled_at>().read_only().filter().sort(),
        attribute::<webhook_subscriptions::max_retries>().filter(),
        attribute::<webhook_subscriptions::rate_per_second>().filter(),
        attribute::<webhook_subscriptions::concurrency>().filter(),
        attribute::<webhook_subscriptions::ordering>().choices(&["none", "per_record"]).filter(),
        attribute::<webhook_subscriptions::payload_version>().filter(),
        attribute::<webhook_subscriptions::ed25519>().filter(),
        attribute::<webhook_subscriptions::secret_hint>().read_only(),
        attribute::<webhook_subscriptions::previous_secret_hint>().read_only(),
        attribute::<webhook_subscriptions::previous_secret_expires_at>().read_only().filter().sort(),
        attribute::<webhook_subscriptions::created_at>().read_only().filter().sort(),
        attribute::<webhook_subscriptions::updated_at>().read_only().filter().sort(),
    ],
    relationships: &[
        has_many::<webhook_deliveries::subscription_id>("webhook_deliveries", &WEBHOOK_DELIVERIES),
        has_many::<webhook_recoveries::subscription_id>("webhook_recoveries", &WEBHOOK_RECOVERIES),
    ],
    validate,
    prepare: Some(prepare),
    ..Resource::DEFAULT
};

/// Numbers that a subscription may have; the checks of the table are the same.
const BOUNDS: [(&str, i64, i64); 4] = [
    ("max_retries", 0, 12),
    ("rate_per_second", 1, 10_000),
    ("concurrency", 1, 64),
    ("payload_version", 1, 2),
];

fn validate(changes: &Changes) -> Vec<Problem> {
    let mut problems = event_types(changes);
    if let Some(filter) = changes.value("filter").filter(|filter| !filter.is_null()) {
        let read = Filter::read(filter, &["data", "attributes", "filter"]);
        problems.extend(read.err().unwrap_or_default());
    }
    for (name, least, most) in BOUNDS {
        if let Some(number) = changes.value(name).and_then(Value::as_i64)
            && !(least..=most).contains(&number)
        {
            problems.push(Problem::invalid(name, format!("{name} is from {least} to {most}.")));
        }
    }
    problems.extend(headers::faults(changes));
    problems
}

fn event_types(changes: &Changes) -> Vec<Problem> {
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

/// Pins a payload version where none is named, and notes when a subscription is enabled: what was found out about its
/// receiver before that no longer holds.
fn prepare<'a>(
    transaction: &'a mut Transaction,
    old: Option<&'a Record>,
    changes: &'a mut Changes,
) -> Work<'a> {
    Box::pin(async move {
        headers::require_kept(old, changes)?;
        if old.is_none() && changes.column("payload_version").is_none() {
            let workspace = transaction.workspace();
            let version = payload_version::default(transaction.connection(), workspace).await?;
            changes.set("payload_version", i64::from(version));
        }
        let was_enabled = old.is_some_and(|old| old.get("enabled") == true);
        if let (Some(Bind::Boolean(true)), false) = (changes.column("enabled"), was_enabled) {
            changes.set("enabled_at", Bind::Instant(Utc::now()));
        }
        Ok(())
    })
}

pub(super) use disabled::require_enabled;

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        id: "create_webhook_subscriptions",
        summary: "Subscribe to events",
        description: "`meta.secret`, which deliveries are signed with, is shown this once.",
        path: "/webhook_subscriptions",
        body: Body::NewRecord(&WEBHOOK_SUBSCRIPTIONS),
        answers: &[Answer::Record(201, &WEBHOOK_SUBSCRIPTIONS)],
        handler: || web::to(create),
        ..Operation::DEFAULT
    },
    rotation::ROTATE,
    rotation::PROMOTE,
    enable::ENABLE,
    health::SHOW,
    ping::TEST,
    recover::RECOVER,
    payload_version::SHOW,
    payload_version::SET,
];

/// Refuses addresses that deliveries would be refused to, and seals the values of headers; `existing` is the id of the
/// subscription that is changed.
pub(super) async fn check(app: &App, changes: &mut Changes, existing: Option<Uuid>) -> Result<(), Error> {
    headers::seal(app, changes, existing);
    let Some(url) = changes.text("url") else { return Ok(()) };
    let problem = |refused| {
        Problem::new(Code::Invalid, format!("url cannot be called: {refused}."))
            .at_pointer("/data/attributes/url")
    };
    let refused = app.0.egress.admit(url).await.err().unwrap_or_default();
    match refused.is_empty() {
        true => Ok(()),
        false => Err(refused.iter().map(problem).collect::<Vec<_>>().into()),
    }
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
    app.check(&mut changes, None).await?;
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
    changes
}
