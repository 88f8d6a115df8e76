//! Ingest tokens: let browsers (`pub_…`) and servers (`sec_…`) send events. The token is shown once, when it is made.

use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse};
use pulse_domain::token::{self, Purpose};
use pulse_jsonapi::query::Accepts;
use pulse_resource::{Bind, Resource, attribute, belongs_to};
use pulse_store::schema::ingest_tokens;
use serde_json::json;

use super::ingest_sites::INGEST_SITES;
use crate::auth::Caller;
use crate::operation::{Answer, Body, Operation};
use crate::{App, Error, collection};

/// The declaration.
pub(crate) static INGEST_TOKENS: Resource = Resource {
    name: "ingest_tokens",
    table: "ingest_tokens",
    attributes: &[
        attribute::<ingest_tokens::name>().required().filter().sort(),
        attribute::<ingest_tokens::kind>().required().choices(&["public", "secret"]).filter().sort(),
        attribute::<ingest_tokens::enabled>().filter().sort(),
        attribute::<ingest_tokens::token_hint>().read_only(),
        attribute::<ingest_tokens::created_at>().read_only().filter().sort(),
        attribute::<ingest_tokens::updated_at>().read_only().filter().sort(),
    ],
    relationships: &[belongs_to::<ingest_tokens::site_id>("site", &INGEST_SITES)],
    ..Resource::DEFAULT
};

pub(super) const OPERATIONS: &[Operation] = &[Operation {
    id: "create_ingest_tokens",
    summary: "Make a token",
    description: "`meta.token` is the only time the token is shown.",
    path: "/ingest_tokens",
    body: Body::NewRecord(&INGEST_TOKENS),
    answers: &[Answer::Record(201, &INGEST_TOKENS)],
    handler: || web::to(create),
    ..Operation::DEFAULT
}];

/// Makes a token; `meta.token` is the only time it is shown.
async fn create(
    request: HttpRequest,
    app: web::Data<App>,
    caller: Caller,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let plan = collection::plan(&request, &app, &INGEST_TOKENS, Accepts::RESOURCE)?;
    let mut changes = collection::new_record(&INGEST_TOKENS, payload).await?;
    let purpose = match changes.text("kind") {
        Some("secret") => Purpose::IngestSecret,
        _ => Purpose::IngestPublic,
    };
    let made = purpose.generate();
    changes.set("token_digest", Bind::Bytes(token::digest(&made).to_vec()));
    changes.set("token_hint", token::hint(&made).as_str());
    let listing = app.engine().create_shown(caller.act(), changes, &plan).await?;
    app.changed(&INGEST_TOKENS);
    collection::created_shown(&request, &plan, &listing, Some(&json!({ "token": made })))
}
