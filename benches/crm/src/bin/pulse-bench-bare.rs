//! `GET /api/v1/contacts/{id}` without what guards it: no credential, no limit, no policy, no negotiation. The same
//! engine, declarations and document as crm-api's, behind the same edge, so that what its requests cost less is what the
//! guard costs.

use std::hash::{DefaultHasher, Hasher};
use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use anyhow::Context;
use clap::Parser;
use mimalloc::MiMalloc;
use pulse_domain::WorkspaceId;
use pulse_jsonapi::document::{Links, Writer};
use pulse_jsonapi::query::{self, Accepts};
use pulse_resource::plan::Plan;
use pulse_resource::{Act, Actor, Engine, Resource};
use pulse_service::health::Readiness;
use pulse_service::settings::{Format, Http, Telemetry};
use pulse_service::{Service, telemetry};
use pulse_store::notify::{Channel, Waker};
use pulse_store::{Pool, Quick};
use uuid::Uuid;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// As many connections for what is read by its key as a thread of crm-api has.
const QUICK: usize = 2;

/// Serves contacts to everybody.
#[derive(Debug, Parser)]
struct Cli {
    /// Where to listen.
    #[arg(long)]
    listen: SocketAddr,
    /// The database: `postgres://…`.
    #[arg(long)]
    database: String,
    /// Whose contacts.
    #[arg(long)]
    workspace: Uuid,
}

#[derive(Clone)]
struct Bare {
    engine: Engine,
    contacts: &'static Resource,
    act: Act,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    // As crm-api logs.
    let log = Telemetry { log: "info,lapin=warn".into(), format: Format::Json, otlp_endpoint: None };
    let _flush = telemetry::start("bare", &log)?;
    let database =
        pulse_store::Settings { url: cli.database.into(), connections: QUICK, acquire_timeout_ms: 3_000 };
    let resources = crm_api::resources::RESOURCES;
    let contacts = resources.iter().find(|one| one.name == "contacts").context("there are contacts")?;
    let act = Act::new(WorkspaceId(cli.workspace), Actor::Workflow, Uuid::now_v7()).unlimited();
    let http = Http {
        listen: cli.listen,
        trusted_proxies: Default::default(),
        workers: None,
        shutdown_seconds: 1,
        strict_transport_seconds: 0,
        bounds: Default::default(),
    };
    let mut service = Service::new("bare");
    service.http(&http, Readiness::default(), move |config| {
        let pool = Pool::new(&database).expect("the settings make a pool");
        let quick = Arc::new(Quick::new(&database, QUICK));
        let engine = Engine::new(pool.clone(), quick, pool, Waker::new(Channel::Events), resources);
        let bare = Bare { engine, contacts, act: act.clone() };
        config.app_data(web::Data::new(bare)).service(
            web::scope("/api/v1").service(web::scope("/contacts").route("/{id}", web::get().to(show))),
        );
    })?;
    service.run().await
}

async fn show(request: HttpRequest, bare: web::Data<Bare>) -> HttpResponse {
    match answer(&request, &bare).await {
        Ok(response) => response,
        Err(error) => HttpResponse::InternalServerError().body(format!("{error:#}")),
    }
}

async fn answer(request: &HttpRequest, bare: &Bare) -> anyhow::Result<HttpResponse> {
    let refused = |problems| anyhow::anyhow!("{problems:?}");
    let id = request.match_info().query("id").parse()?;
    let query = query::parse(request.query_string(), &Accepts::RESOURCE).map_err(refused)?;
    let plan = Plan::new(bare.engine.resources(), bare.contacts, &query).map_err(refused)?;
    let listing =
        bare.engine.find(&bare.act, &plan, id).await.map_err(|error| anyhow::anyhow!("{error:?}"))?;
    let record = listing.records.first().context("a contact")?;
    let mut writer = Writer::single(&Links::new(request.path()));
    record.write_object(plan.fields(), writer.resource());
    let document = writer.finish(None);
    let mut hasher = DefaultHasher::new();
    hasher.write(&document.body);
    let tag = format!("\"v{}-{:016x}\"", record.version().unwrap_or_default(), hasher.finish());
    Ok(HttpResponse::Ok()
        .content_type(document.media_type().as_ref())
        .insert_header((header::VARY, "Accept"))
        .insert_header((header::ETAG, tag))
        .body(document.body))
}
