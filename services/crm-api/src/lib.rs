//! crm-api: the JSON:API of the CRM, and the only writer of its records. Publishes every change through the journal.
//!
//! In reading order: [`settings`]; [`App`] is what handlers share; [`auth`] says who asks; [`resources`] are the
//! declarations, each with what it can do besides CRUD; [`collection`], [`related`] and [`trash`] serve all of them;
//! [`operation`] is how the rest is declared; [`command`] asks other services to do something; [`policy`] is who may do
//! what; [`openapi`] describes all of it and [`docs`] shows that; [`rewrite`] is what a request passes first, after
//! [`cors`] and before `limits`, and `once` what it passes last; [`answer`] writes documents, with what [`page`] knows of
//! collections and [`version`] of tags; [`error`] is what is answered instead, and [`catalogue`] explains it; [`relay`]
//! publishes the journal; [`mail`] writes and sends mails; [`upkeep`] chains the audit log and forgets idempotency keys;
//! [`seed`] makes
//! the workspace of the demonstration; [`roles`] are what the program can be told to do.

pub mod answer;
pub mod auth;
mod catalogue;
pub mod collection;
mod command;
pub mod cors;
mod docs;
pub mod error;
mod limits;
pub mod mail;
mod markdown;
mod once;
pub mod openapi;
mod operation;
mod page;
pub mod policy;
mod public;
pub mod related;
pub mod relay;
pub mod resources;
mod rewrite;
pub mod roles;
pub mod seed;
pub mod settings;
pub mod trash;
pub mod upkeep;
mod version;

use std::sync::Arc;
use std::time::Duration;

use actix_web::middleware::from_fn;
use actix_web::web;
use pulse_bus::Publisher;
use pulse_domain::chain;
use pulse_domain::refresh::RefreshKey;
use pulse_domain::seal::MasterKey;
use pulse_jsonapi::BASE;
use pulse_resource::Engine;
use pulse_service::Service;
use pulse_service::credential::{InternalKey, SessionKeys};
use pulse_service::health::Readiness;
use pulse_service::http::Refuse;
use pulse_service::limit::{Limit, Store};
use pulse_store::notify::{Channel, Waker};
use pulse_store::{Pool, Quick};
use secrecy::ExposeSecret;

use crate::limits::Limits;

pub use error::Error;
pub use settings::Settings;

/// Name of the service.
pub const NAME: &str = "crm-api";

/// A thread that serves requests has this many connections at least: a slow query must not keep all others waiting.
const CONNECTIONS_PER_THREAD: usize = 4;

/// So many of them are for what is read by its key.
const QUICK_PER_THREAD: usize = 2;

/// And so many more for whoever has not proven yet who they are: however many try at once, they keep nobody else
/// waiting.
const DOOR_PER_THREAD: usize = 1;
const HOUR: Duration = Duration::from_secs(3_600);

/// What handlers share. Cheap to clone.
#[derive(Clone, Debug)]
pub struct App(Arc<Shared>);

#[derive(Clone, Debug)]
struct Shared {
    settings: Settings,
    pool: Pool,
    door: Pool,
    engine: Engine,
    sessions: Arc<auth::Lookup<auth::Session>>,
    api_tokens: Arc<auth::Lookup<auth::ApiToken>>,
    uses: Arc<auth::Uses>,
    publisher: Publisher,
    session_keys: Arc<SessionKeys>,
    refresh_key: Arc<RefreshKey>,
    internal_key: Arc<InternalKey>,
    master_key: Arc<MasterKey>,
    audit_key: Arc<chain::Key>,
    csrf_key: Arc<auth::csrf::Key>,
    passwords: Arc<auth::Passwords>,
    egress: pulse_service::egress::Client,
    events: Waker,
    tokens: Waker,
    mails: Waker,
    openapi: Arc<openapi::Served>,
    limits: Arc<Limits>,
    submissions: Arc<Limit>,
}

impl App {
    /// Builds everything that handlers need; connections are opened when they are first needed.
    ///
    /// # Errors
    /// When a key or an address in the settings is not usable.
    pub fn new(settings: &Settings) -> anyhow::Result<Self> {
        let pool = Pool::new(&settings.database)?;
        let quick = Arc::new(Quick::new(&settings.database, 1));
        let store = Store::of(settings.limits.store.as_ref())?;
        let events = Waker::new(Channel::Events);
        let master_key = MasterKey::from_base64(settings.security.master_key.expose_secret())?;
        Ok(Self(Arc::new(Shared {
            engine: Engine::new(
                pool.clone(),
                quick.clone(),
                Pool::new(&settings.analytics())?,
                events.clone(),
                resources::RESOURCES,
            ),
            publisher: Publisher::new(&settings.bus, NAME),
            session_keys: settings.security.session_keys()?.into(),
            refresh_key: RefreshKey::of_master(settings.security.master_key.expose_secret())?.into(),
            internal_key: InternalKey::new(&settings.security.internal_key)?.into(),
            audit_key: chain::Key::new(&master_key.derive("heads of audit logs")).into(),
            csrf_key: auth::csrf::Key::new(&master_key.derive("tokens against cross-site requests")).into(),
            master_key: master_key.into(),
            passwords: auth::Passwords::new()?.into(),
            egress: pulse_service::egress::Client::new(&settings.egress)?,
            events,
            tokens: Waker::new(Channel::IngestTokens),
            mails: Waker::new(Channel::Mails),
            openapi: Arc::default(),
            sessions: auth::Lookup::new(quick.clone()).into(),
            api_tokens: auth::Lookup::new(quick).into(),
            uses: Arc::default(),
            limits: Limits::new(&settings.limits, store.as_ref()).into(),
            submissions: Limit::new("submissions", settings.forms.submissions_per_hour, HOUR)
                .shared(store)
                .into(),
            door: pool.clone(),
            pool,
            settings: settings.clone(),
        })))
    }

    fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The same with connections of its own, for one of `threads` threads that serve requests. A connection is driven
    /// by the thread that uses it: a query costs no wake-up of another one.
    fn on_this_thread(&self, threads: usize) -> anyhow::Result<Self> {
        let settings = &self.0.settings;
        let share = (settings.database.connections / threads).max(CONNECTIONS_PER_THREAD) - QUICK_PER_THREAD;
        let pool = Pool::new(&pulse_store::Settings { connections: share, ..settings.database.clone() })?;
        let door = pulse_store::Settings { connections: DOOR_PER_THREAD, ..settings.database.clone() };
        let door = Pool::new(&door)?;
        let quick = Arc::new(Quick::new(&settings.database, QUICK_PER_THREAD));
        let engine = self.0.engine.over(pool.clone(), quick.clone());
        let sessions = auth::Lookup::new(quick.clone()).into();
        let api_tokens = auth::Lookup::new(quick).into();
        Ok(Self(Arc::new(Shared { pool, door, engine, sessions, api_tokens, ..Shared::clone(&self.0) })))
    }

    fn engine(&self) -> &Engine {
        &self.0.engine
    }
}

/// Adds the role `serve`: the JSON:API.
///
/// # Errors
/// When the address cannot be listened on.
pub fn serve(service: &mut Service, app: &App) -> anyhow::Result<std::net::SocketAddr> {
    for waker in [&app.0.events, &app.0.tokens, &app.0.mails] {
        let (waker, pool, drained) = (waker.clone(), app.0.pool.clone(), service.drain());
        service.draining_task("waker", async move {
            waker.run(pool, drained).await;
            Ok(())
        });
    }
    let (uses, pool, drained) = (app.0.uses.clone(), app.0.pool.clone(), service.drain());
    service.draining_task("uses of tokens", async move {
        uses.write(pool, drained).await;
        Ok(())
    });
    let http = &app.0.settings.http;
    let threads = match http.workers {
        Some(workers) => workers,
        None => std::thread::available_parallelism()?.get(),
    };
    let shared = app.clone();
    service.http(http, readiness(app), move |config| {
        let app = shared.on_this_thread(threads).expect("the same settings made a pool before");
        routes(config, &app);
    })
}

/// Listens for health checks alone, where the JSON:API is not served.
///
/// # Errors
/// When the address cannot be listened on.
pub fn health(service: &mut Service, app: &App) -> anyhow::Result<std::net::SocketAddr> {
    service.http(&app.0.settings.http, readiness(app), |_| {})
}

fn readiness(app: &App) -> Readiness {
    let pool = app.0.pool.clone();
    // Not the broker: while it is away, changes are taken and wait in the journal.
    Readiness::default().needs("database", move || {
        let pool = pool.clone();
        async move { pool.ping().await }
    })
}

/// Adds the role `relay`: publishing the journal.
pub fn publish(service: &mut Service, app: &App) {
    service.draining_task("relay", relay::run(app.clone(), service.drain()));
}

/// Adds the role `upkeep`: what is done beside requests, a little at a time.
pub fn keep_up(service: &mut Service, app: &App) {
    service.draining_task("upkeep", upkeep::run(app.clone(), service.drain()));
}

/// Adds the role `mail`: sending what is queued.
///
/// # Errors
/// When the settings name no server that mails could be sent by.
pub fn send_mail(service: &mut Service, app: &App) -> anyhow::Result<()> {
    let transport = mail::Transport::new(&app.0.settings.mail)?;
    service.draining_task("mail", mail::run(app.clone(), transport, service.drain()));
    Ok(())
}

/// What every request passes, from the outside in, and where it then goes.
fn routes(config: &mut web::ServiceConfig, app: &App) {
    let sign_in = |config: &mut web::ServiceConfig| operation::routes(config, auth::OPERATIONS);
    // Scopes hand what they do not know to the one service that is the application's, within what they wrap it in.
    config
        .default_service(web::to(answer::no_such_path))
        .app_data(web::Data::new(app.clone()))
        .app_data(Refuse(error::excessive))
        .service(
            web::scope("")
                .wrap(from_fn(limits::count))
                .wrap(from_fn(auth::credential::read))
                .wrap(from_fn(rewrite::rewrite))
                .wrap(from_fn(cors::share))
                .configure(openapi::routes)
                .configure(docs::routes)
                .configure(public::routes)
                .configure(catalogue::routes)
                .service(
                    web::scope("/auth")
                        .wrap(from_fn(answer::negotiate))
                        .wrap(from_fn(auth::csrf::guard))
                        .configure(sign_in),
                )
                .service(
                    web::scope(BASE)
                        .wrap(from_fn(once::once))
                        .wrap(from_fn(answer::negotiate))
                        .wrap(from_fn(auth::csrf::guard))
                        .service(web::scope("/auth").configure(sign_in))
                        .configure(resources::routes),
                ),
        );
}
