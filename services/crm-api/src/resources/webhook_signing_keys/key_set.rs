//! The public keys of a workspace at an address that needs no credential, as a JSON Web Key Set (RFC 7517, RFC 8037).
//!
//! A key that has expired is not among them: what it signed is not to be trusted any longer.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use pulse_domain::signature::asymmetric::VerifyingKey;
use pulse_jsonapi::document::{Links, Writer};
use pulse_jsonapi::{Code, Problem};
use pulse_resource::Error::Database;
use pulse_store::schema::webhook_signing_keys as keys;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::auth::Caller;
use crate::operation::{Answer, Operation, Verb};
use crate::{App, Error, answer, public, version};

const PATH: &str = "/webhook_keys/{workspace}";

/// Kept that long without asking again; a rotation that leaves the previous key good for longer breaks nobody.
const CACHE: &str = "public, max-age=300";

pub(super) const ADDRESS: Operation = Operation {
    id: "show_webhook_key_set_address",
    summary: "Where receivers find the public keys",
    verb: Verb::Get,
    path: "/webhook_signing_keys/key_set",
    answers: &[Answer::Meta(200, || {
        json!({
            "type": "object",
            "required": ["url"],
            "properties": { "url": { "type": "string", "format": "uri" } },
        })
    })],
    handler: || web::to(address),
    ..Operation::DEFAULT
};

pub(crate) const PUBLIC_OPERATIONS: &[Operation] = &[Operation {
    id: "show_webhook_key_set",
    summary: "The keys that webhooks of a workspace are verified with",
    description: "A JSON Web Key Set of ed25519 keys; `whpk` is the same key as libraries of Standard Webhooks read it. It \
                  may be kept for five minutes.",
    verb: Verb::Get,
    path: PATH,
    public: true,
    answers: &[Answer::Plain(200, schema)],
    handler: || web::to(show),
    ..Operation::DEFAULT
}];

fn schema() -> Value {
    let text = json!({ "type": "string" });
    json!({
        "type": "object",
        "required": ["keys"],
        "properties": { "keys": { "type": "array", "items": {
            "type": "object",
            "required": ["kty", "crv", "alg", "use", "kid", "x", "whpk"],
            "properties": {
                "kty": { "const": "OKP" },
                "crv": { "const": "Ed25519" },
                "alg": { "const": "EdDSA" },
                "use": { "const": "sig" },
                "kid": text,
                "x": text,
                "whpk": text,
            },
        } } },
    })
}

async fn address(request: HttpRequest, app: web::Data<App>, caller: Caller) -> Result<HttpResponse, Error> {
    let path = PATH.replace("{workspace}", &caller.workspace.to_string());
    let url = format!("{}{}{path}", app.settings().gateway.url, public::ROOT);
    let links = Links::new(answer::self_link(&request));
    let document = Writer::meta_only(&links).finish(Some(&json!({ "url": url })));
    Ok(answer::fetched(&request, document, None))
}

async fn show(request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, Error> {
    let good = match request.match_info().query("workspace").parse::<Uuid>() {
        Ok(workspace) => good(&app, workspace).await?,
        Err(_) => Vec::new(),
    };
    // A workspace has a key from its first day.
    if good.is_empty() {
        return Err(Problem::new(Code::NotFound, "There is no such workspace.").into());
    }
    let keys = good.iter().map(|(id, public)| jwk(*id, public)).collect::<anyhow::Result<Vec<_>>>()?;
    let body = json!({ "keys": keys }).to_string();
    let tag = version::tag(None, body.as_bytes());
    let mut response = if version::is_known(request.headers(), &tag) {
        HttpResponse::NotModified().insert_header((header::CACHE_CONTROL, CACHE)).finish()
    } else {
        HttpResponse::Ok()
            .insert_header((header::CACHE_CONTROL, CACHE))
            .content_type("application/json")
            .body(body)
    };
    version::name(&mut response, &tag);
    Ok(response)
}

/// The keys of a workspace that have not expired, the one that stays last first.
async fn good(app: &App, workspace: Uuid) -> Result<Vec<(Uuid, String)>, Error> {
    let mut connection = app.0.pool.get().await?;
    let good = keys::table
        .filter(keys::workspace_id.eq(workspace))
        .filter(keys::expires_at.is_null().or(keys::expires_at.gt(diesel::dsl::now)))
        .order(keys::expires_at.desc().nulls_first())
        .select((keys::id, keys::public_key));
    Ok(good.load(&mut connection).await.map_err(Database)?)
}

fn jwk(id: Uuid, public: &str) -> anyhow::Result<Value> {
    let key: VerifyingKey = public.parse()?;
    Ok(json!({
        "kty": "OKP",
        "crv": "Ed25519",
        "alg": "EdDSA",
        "use": "sig",
        "kid": id,
        "x": BASE64_URL_SAFE_NO_PAD.encode(key.bytes()),
        "whpk": public,
    }))
}
