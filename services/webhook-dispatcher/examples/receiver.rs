//! A receiver of webhooks, as small as one can be: verifies the signature over the raw bytes, prints one line for each
//! delivery and answers 204.
//!
//! Listens on `RECEIVER_LISTEN` (127.0.0.1:8090 where it is not set) and verifies with `RECEIVER_SECRET`, the
//! `whsec_…` text that was shown when the subscription was made.

use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use pulse_domain::signature;
use serde::Deserialize;

#[derive(Deserialize)]
struct Envelope {
    event_id: String,
    event_type: String,
}

struct Secret(Option<String>);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let listen = variable("RECEIVER_LISTEN").unwrap_or_else(|| "127.0.0.1:8090".into());
    let secret = Data::new(Secret(variable("RECEIVER_SECRET")));
    println!("listening on http://{listen}/");
    HttpServer::new(move || App::new().app_data(secret.clone()).default_service(web::post().to(receive)))
        .workers(1)
        .bind(listen)?
        .run()
        .await?;
    Ok(())
}

async fn receive(request: HttpRequest, body: Bytes, secret: Data<Secret>) -> HttpResponse {
    // Over the bytes as they came: a body that is parsed and written again has another signature.
    let verified = match (&secret.0, request.headers().get("x-pulse-signature")) {
        (None, _) => "not checked",
        (Some(secret), Some(sent))
            if signature::verify(secret.as_bytes(), &body, sent.to_str().unwrap_or_default()) =>
        {
            "yes"
        }
        _ => "NO",
    };
    let Ok(Envelope { event_id, event_type }) = serde_json::from_slice(&body) else {
        println!("something else than a delivery: {}", String::from_utf8_lossy(&body));
        return HttpResponse::BadRequest().finish();
    };
    println!("{event_type} {event_id} verified: {verified} {}", String::from_utf8_lossy(&body));
    HttpResponse::NoContent().finish()
}

/// A variable that is set and not empty.
fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "a demonstration has no settings of a service")]
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
