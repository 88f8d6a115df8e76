//! Receivers of webhooks, as a customer writes them in Rust: each path verifies in the way that it was told by `PUT`, with
//! `{"form": "library" | "bare" | "public", "with": secret or address of the key set}`, and answers 200 or 400. `GET` tells
//! how many requests it has accepted and refused since.
//!
//! Nothing of Pulse is used: what verifies are published crates.

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use anyhow::{Context, ensure};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use chrono::Utc;
use reqwest::header::HeaderMap;
use ring::hmac;
use ring::signature::{ED25519, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::json;
use standardwebhooks::Webhook;
use tokio::sync::Mutex;

#[derive(Clone, Deserialize)]
struct Told {
    form: String,
    with: String,
}

struct Receiver {
    told: Told,
    /// What was last at the address of the key set.
    key_set: Option<KeySet>,
    accepted: u32,
    refused: u32,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Key>,
}

#[derive(Deserialize)]
struct Key {
    x: String,
}

impl Receiver {
    async fn verify(&mut self, headers: &HeaderMap, body: &[u8]) -> anyhow::Result<()> {
        let with = self.told.with.clone();
        match self.told.form.as_str() {
            "library" => Ok(Webhook::new(&with)?.verify(body, headers)?),
            "bare" => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, with.as_bytes());
                for header in ["x-pulse-signature", "x-pulsepost-signature"] {
                    let tag = hex::decode(text(headers, header)?)?;
                    hmac::verify(&key, body, &tag).ok().context(header)?;
                }
                Ok(())
            }
            _ => {
                if let Some(key_set) = &self.key_set
                    && key_set.is_signed(headers, body)?
                {
                    return Ok(());
                }
                let key_set: KeySet = serde_json::from_slice(&fetch(&with).await?)?;
                let signed = key_set.is_signed(headers, body)?;
                self.key_set = Some(key_set);
                ensure!(signed, "no key fits");
                Ok(())
            }
        }
    }
}

impl KeySet {
    fn is_signed(&self, headers: &HeaderMap, body: &[u8]) -> anyhow::Result<bool> {
        let (id, timestamp) = (text(headers, "webhook-id")?, text(headers, "webhook-timestamp")?);
        ensure!((Utc::now().timestamp() - timestamp.parse::<i64>()?).abs() < 300, "too old");
        let signed = [format!("{id}.{timestamp}.").as_bytes(), body].concat();
        for signature in text(headers, "webhook-signature")?.split(' ') {
            let Some(encoded) = signature.strip_prefix("v1a,") else { continue };
            let signature = BASE64_STANDARD.decode(encoded)?;
            for key in &self.keys {
                let key = UnparsedPublicKey::new(&ED25519, BASE64_URL_SAFE_NO_PAD.decode(&key.x)?);
                if key.verify(&signed, &signature).is_ok() {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &'static str) -> anyhow::Result<&'a str> {
    Ok(headers.get(name).context(name)?.to_str()?)
}

async fn fetch(address: &str) -> anyhow::Result<Bytes> {
    Ok(pulse_testing::http::client().get(address).send().await?.error_for_status()?.bytes().await?)
}

type Receivers = Arc<Mutex<HashMap<String, Receiver>>>;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "it is no service, and has no settings of one")]
    let port: u16 = std::env::var("PORT")?.parse()?;
    let receivers = Receivers::default();
    HttpServer::new(move || {
        App::new()
            .app_data(Data::new(receivers.clone()))
            .app_data(web::PayloadConfig::new(1 << 20))
            .default_service(web::to(answer))
    })
    .workers(1)
    .bind(("127.0.0.1", port))?
    .run()
    .await?;
    Ok(())
}

async fn answer(request: HttpRequest, body: Bytes, receivers: Data<Receivers>) -> HttpResponse {
    let mut receivers = receivers.lock().await;
    if request.method() == "PUT" {
        let Ok(told) = serde_json::from_slice(&body) else { return HttpResponse::BadRequest().finish() };
        let fresh = Receiver { told, key_set: None, accepted: 0, refused: 0 };
        receivers.insert(request.path().to_owned(), fresh);
        return HttpResponse::Ok().finish();
    }
    let Some(receiver) = receivers.get_mut(request.path()) else { return HttpResponse::NotFound().finish() };
    if request.method() == "GET" {
        return HttpResponse::Ok()
            .json(json!({ "accepted": receiver.accepted, "refused": receiver.refused }));
    }
    // The libraries of today read the headers of `http` 1, and actix has those of another version.
    let headers = request.headers().iter().filter_map(|(name, value)| {
        let name = reqwest::header::HeaderName::from_bytes(name.as_str().as_bytes()).ok()?;
        Some((name, reqwest::header::HeaderValue::from_bytes(value.as_bytes()).ok()?))
    });
    match receiver.verify(&headers.collect(), &body).await {
        Ok(()) => {
            receiver.accepted += 1;
            HttpResponse::Ok().finish()
        }
        Err(error) => {
            receiver.refused += 1;
            HttpResponse::BadRequest().body(format!("{error:#}"))
        }
    }
}
