//! ingest-gateway: website and revenue events. It takes them from browsers and servers at `POST /api/ingest`, answers
//! 202 when they are safe, and stores them.
//!
//! In reading order: [`settings`]; `edge` is what a request passes until its event is published; `accepted` is the
//! event on the bus; `worker` stores batches of them; `salts` is what both know of the salts of fingerprints. The two
//! roles share nothing but the bus and the database, so operators scale them apart.

mod accepted;
mod edge;
mod salts;
pub mod settings;
mod worker;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use pulse_bus::Publisher;
use pulse_service::Service;
use pulse_service::health::Readiness;
use pulse_service::limit::Store;
use pulse_store::Pool;
use secrecy::ExposeSecret;

pub use settings::{DEFAULTS, Settings};

use crate::edge::Edge;

/// A part of this service that can run on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::Subcommand)]
pub enum Role {
    /// Takes events over HTTP.
    Serve,
    /// Stores events.
    Work,
}

/// Puts the service together, with all roles unless one is named, and returns the address that it listens on.
///
/// # Errors
/// When the address cannot be listened on, or the settings make no pool.
pub fn build(service: &mut Service, settings: &Settings, role: Option<Role>) -> anyhow::Result<SocketAddr> {
    if role != Some(Role::Serve) {
        work(service, settings);
    }
    if role == Some(Role::Work) {
        return health(service, settings);
    }
    serve(service, settings)
}

fn serve(service: &mut Service, settings: &Settings) -> anyhow::Result<SocketAddr> {
    let crm = Pool::new(&settings.database)?;
    let analytics = match &settings.analytics.database_url {
        Some(_) => Pool::new(&settings.analytics_database())?,
        None => crm.clone(),
    };
    let publisher = Publisher::new(&settings.bus, "ingest-gateway edge");
    let limits = Store::of(settings.limits.store.as_ref())?;
    let edge = Arc::new(Edge::new(&settings.ingest, limits, crm, analytics, publisher.clone()));

    let (stop, drain) = (service.stop(), service.drain());
    let (watched, url) = (Arc::clone(&edge), settings.database.url.clone());
    let ttl = Duration::from_secs(settings.ingest.token_ttl_seconds.get().into());
    service.task("tokens", async move {
        watched.watch_tokens(url.expose_secret(), ttl, stop).await;
        Ok(())
    });
    let closing = publisher.clone();
    service.draining_task("publisher", async move {
        drain.cancelled().await;
        closing.close().await;
        Ok(())
    });
    // Not the database: while it is away, events under tokens that are remembered are still taken.
    let readiness = Readiness::default().needs("bus", move || {
        let publisher = publisher.clone();
        async move { Ok(publisher.ping().await?) }
    });
    service.http(&settings.http, readiness, edge::routes(edge))
}

fn work(service: &mut Service, settings: &Settings) {
    let (stop, bus, ingest) = (service.stop(), settings.bus.clone(), settings.ingest.clone());
    let url = settings.analytics_database().url;
    let salt_days = ingest.salt_days;
    service.task("upkeep", {
        let (stop, url) = (stop.clone(), url.clone());
        async move {
            worker::upkeep::run(url, salt_days, stop).await;
            Ok(())
        }
    });
    service.task("worker", async move {
        worker::run(bus, url, &ingest, stop).await;
        Ok(())
    });
}

/// What a worker without an edge listens for.
fn health(service: &mut Service, settings: &Settings) -> anyhow::Result<SocketAddr> {
    let analytics = Pool::new(&settings.analytics_database())?;
    let readiness = Readiness::default().needs("database", move || {
        let analytics = analytics.clone();
        async move { analytics.ping().await }
    });
    service.http(&settings.http, readiness, |_| {})
}
