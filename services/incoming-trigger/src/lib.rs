//! incoming-trigger: trigger URLs that start workflows, and the worker that runs them.
//!
//! In reading order: [`settings`]; a request is answered by [`receive`], which reads its [`body`], keeps what it is made
//! of as [`capture`] says, stores it with the run it starts through [`intake`], or answers a [`refusal`]. [`worker`]
//! claims [`runs`], executes each [`step`] through the client of [`crm`], and commits it before the next.

mod body;
mod capture;
mod crm;
mod intake;
mod receive;
mod refusal;
mod runs;
pub mod settings;
mod step;
mod worker;

use std::net::SocketAddr;

use actix_web::web::ServiceConfig;
use pulse_service::Service;
use pulse_service::health::Readiness;
use pulse_service::limit::Store;
use pulse_store::Pool;
use pulse_store::notify::{Channel, Waker};

pub use settings::{DEFAULTS, Settings};

/// What a process does; all of it where none is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::Subcommand)]
pub enum Role {
    /// Answers trigger URLs.
    Serve,
    /// Executes runs.
    Work,
}

/// Puts the service together and returns the address it listens on.
///
/// # Errors
/// When a setting is unusable or the address cannot be listened on.
pub fn build(service: &mut Service, settings: &Settings, role: Option<Role>) -> anyhow::Result<SocketAddr> {
    let pool = Pool::new(&settings.database)?;
    let waker = Waker::new(Channel::WorkflowRuns);

    if role != Some(Role::Serve) {
        let worker = worker::Worker::new(settings, pool.clone(), waker.clone(), service.stop())?;
        service.task("worker", worker.run());
    }
    let limits = Store::of(settings.limits.store.as_ref())?;
    let receiver = (role != Some(Role::Work))
        .then(|| receive::Receiver::new(&settings.trigger, limits, pool.clone(), waker.clone()));
    let routes = move |config: &mut ServiceConfig| {
        if let Some(receiver) = &receiver {
            receive::routes(config, receiver.clone());
        }
    };

    let (notifier, drain) = (pool.clone(), service.drain());
    service.draining_task("waker", async move {
        waker.run(notifier, drain).await;
        Ok(())
    });
    let readiness = Readiness::default().needs("database", move || {
        let pool = pool.clone();
        async move { pool.ping().await }
    });
    service.http(&settings.http, readiness, routes)
}
