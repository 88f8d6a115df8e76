//! webhook-dispatcher: tells the outside world what happened, signed and retried for 24 hours, every attempt on record.
//!
//! In reading order: [`settings`] say what can be set, [`link`] leads to the database, [`subscriptions`] are kept in
//! memory, [`fan_out`] turns an event from the bus into one [`delivery`] for each that asks for it, with bytes that
//! are rendered once, a [`strand`] keeps the events of a record in order, [`room`] bounds what a process holds, [`deliver`]
//! sends what is due and schedules what failed, [`health`] is how receivers do, a [`command`] makes a delivery again, or
//! many, or one that tells of nothing, [`sweep`] makes what the broker has lost, [`upkeep`] keeps the log in order.
//!
//! PostgreSQL is the truth: a delivery is a row with a due time from the commit of its fan-out to its end, and whoever
//! works on it holds a lease. The bus brings events and commands; losing it loses no delivery.

mod command;
mod deliver;
mod delivery;
mod fan_out;
mod health;
mod link;
mod room;
pub mod settings;
mod strand;
mod subscriptions;
mod sweep;
mod upkeep;

use std::net::SocketAddr;

use anyhow::Context;
use pulse_bus::Publisher;
use pulse_domain::seal::MasterKey;
use pulse_service::health::Readiness;
use pulse_service::{Service, egress};
use pulse_store::Pool;
use pulse_store::notify::{Channel, Listener, Waker};
use secrecy::ExposeSecret;

pub use settings::Settings;

/// The settings that hold unless others are given.
pub const DEFAULTS: &str = include_str!("../settings.default.toml");

/// A part of the work that can be scaled apart. Any number of processes may play each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::Subcommand)]
pub enum Role {
    /// Turns events into deliveries.
    FanOut,
    /// Sends deliveries that are due.
    Deliver,
    /// Makes deliveries that somebody asked for: repeated ones, and pings.
    Replay,
    /// Makes deliveries whose events the broker has lost, and looks after receivers and the log.
    Sweep,
}

/// Puts the service together in one role, or in all, and returns the address of its health checks.
///
/// # Errors
/// When a setting is not usable or the address cannot be listened on.
pub fn build(service: &mut Service, settings: &Settings, role: Option<Role>) -> anyhow::Result<SocketAddr> {
    let plays = |one| role.is_none_or(|role| role == one);
    let pool = Pool::new(&settings.database)?;
    let mut readiness = Readiness::default().needs("database", {
        let pool = pool.clone();
        move || {
            let pool = pool.clone();
            async move { pool.ping().await }
        }
    });
    let subscriptions = subscriptions::Subscriptions::new(
        MasterKey::from_base64(settings.security.master_key.expose_secret())
            .context("security.master_key")?,
        egress::Rules::new(&settings.egress),
        settings.delivery.per_subscription,
    );
    if plays(Role::Deliver) || plays(Role::FanOut) {
        let url = settings.database.url.expose_secret();
        let listener = Listener::new(url, Channel::WebhookSubscriptions, subscriptions::SWEEP);
        service.task("subscriptions", subscriptions.clone().listen(listener, service.stop()));
    }
    let (waker, journal) = (Waker::new(Channel::WebhookDeliveries), Waker::new(Channel::Events));
    let mut hand = None;
    if plays(Role::Deliver) {
        let (deliver, own) =
            deliver::Deliver::new(settings, subscriptions.clone(), waker.clone(), journal.clone())
                .context("the role `deliver`")?;
        hand = Some(own);
        service.task("deliver", deliver.run(service.stop()));
    }
    if plays(Role::Sweep) {
        service.task("sweep", sweep::run(settings, waker.clone(), service.stop()));
        service.task("health", health::run(settings, journal.clone(), service.stop()));
        service.task("upkeep", upkeep::run(settings, service.stop()));
    }
    if plays(Role::FanOut) || plays(Role::Replay) {
        let bus = Publisher::new(&settings.bus, "webhook-dispatcher (readiness)");
        readiness = readiness.needs("broker", move || {
            let bus = bus.clone();
            async move { Ok(bus.ping().await?) }
        });
    }
    if plays(Role::FanOut) {
        service.task("fan-out", fan_out::run(settings, subscriptions, waker.clone(), hand, service.stop()));
    }
    if plays(Role::Replay) {
        command::add_tasks(service, settings, &waker);
    }
    // Drain, so that the last batch before a stop still wakes whoever delivers.
    for (name, waker) in [("waker", waker), ("waker of the journal", journal)] {
        let (pool, drain) = (pool.clone(), service.drain());
        service.draining_task(name, async move {
            waker.run(pool, drain).await;
            Ok(())
        });
    }
    service.http(&settings.http, readiness, |_| {})
}
