//! The life of a process: start, serve, stop in order.
//!
//! A signal (SIGTERM, SIGINT) stops accepting, lets requests and batches under way finish, then lets what drains after
//! them finish (the outbox), and exits 0. A task that ends before it was told to ends the process, so that nothing
//! runs on half.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use anyhow::Context;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::connections::Connections;
use crate::health::{self, Readiness};
use crate::http::Edge;
use crate::settings::Http;

type Outcome = (&'static str, anyhow::Result<()>);

/// A service that is being put together, and then run.
#[derive(Debug)]
pub struct Service {
    name: &'static str,
    stop: CancellationToken,
    drain: CancellationToken,
    tasks: JoinSet<Outcome>,
    drains: JoinSet<Outcome>,
}

impl Service {
    /// Begins a service.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            stop: CancellationToken::new(),
            drain: CancellationToken::new(),
            tasks: JoinSet::new(),
            drains: JoinSet::new(),
        }
    }

    /// Cancelled when the service shall stop; cancelling it stops the service.
    #[must_use]
    pub fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Cancelled when everything has ended that [`Service::task`] and [`Service::http`] started.
    #[must_use]
    pub fn drain(&self) -> CancellationToken {
        self.drain.clone()
    }

    /// Serves HTTP, with `/livez` and `/readyz` beside the service's own routes, and returns the address, which tells
    /// the port where 0 was asked for.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub fn http<R>(&mut self, settings: &Http, readiness: Readiness, routes: R) -> anyhow::Result<SocketAddr>
    where
        R: Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
    {
        let (edge, bounds) = (Arc::new(Edge::new(settings)), settings.bounds);
        let (head, idle) =
            (Duration::from_secs(bounds.head_seconds), Duration::from_secs(bounds.idle_seconds));
        let workers = match settings.workers {
            Some(workers) => workers,
            None => std::thread::available_parallelism()?.get(),
        };
        let connections = Connections::default();
        self.tasks.spawn({
            let (connections, stop) = (connections.clone(), self.stop.clone());
            async move { ("connections", connections.watch(idle + head, stop).await) }
        });
        let stop = self.stop.clone();
        let server = HttpServer::new(move || {
            let (edge, readiness, stop) = (edge.clone(), readiness.clone(), stop.clone());
            App::new()
                .wrap(from_fn(move |request, next| edge.clone().pass(request, next)))
                .configure(|config| health::routes(config, readiness, stop))
                .configure(routes.clone())
        })
        .workers(workers)
        .max_connections((bounds.connections / workers).max(1))
        .client_request_timeout(head)
        .keep_alive(idle)
        .on_connect(move |connection, data| connections.opened(connection, data))
        .shutdown_timeout(settings.shutdown_seconds)
        .disable_signals();
        let server =
            server.bind(settings.listen).with_context(|| format!("cannot listen on {}", settings.listen))?;
        let address = *server.addrs().first().context("no address is bound")?;
        let server: Server = server.run();
        let handle = server.handle();
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            tokio::pin!(server);
            let result = tokio::select! {
                result = &mut server => result,
                () = stop.cancelled() => {
                    let (result, ()) = tokio::join!(server, handle.stop(true));
                    result
                }
            };
            ("http", result.map_err(anyhow::Error::from))
        });
        Ok(address)
    }

    /// Runs a task beside the others; it ends when [`Service::stop`] is cancelled, and not before.
    pub fn task<F>(&mut self, name: &'static str, task: F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        self.tasks.spawn(async move { (name, task.await) });
    }

    /// Runs a task that outlives the others; it ends when [`Service::drain`] is cancelled, and not before.
    pub fn draining_task<F>(&mut self, name: &'static str, task: F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        self.drains.spawn(async move { (name, task.await) });
    }

    /// Runs until a signal or until [`Service::stop`] is cancelled.
    ///
    /// # Errors
    /// When a task failed or ended by itself.
    pub async fn run(mut self) -> anyhow::Result<()> {
        tracing::info!(service = self.name, "started");
        let mut result = tokio::select! {
            // In this order: a task that has ended because it was told to has not ended by itself.
            biased;
            () = signal() => Ok(()),
            () = self.stop.cancelled() => Ok(()),
            Some(ended) = self.tasks.join_next() => early(ended),
            Some(ended) = self.drains.join_next() => early(ended),
        };
        tracing::info!(service = self.name, "stopping");
        self.stop.cancel();
        result = result.and(finish(&mut self.tasks).await);
        self.drain.cancel();
        result = result.and(finish(&mut self.drains).await);
        tracing::info!(service = self.name, "stopped");
        result
    }
}

fn early(ended: Result<Outcome, tokio::task::JoinError>) -> anyhow::Result<()> {
    let (name, result) = ended.context("a task panicked")?;
    result.with_context(|| format!("the task `{name}` failed"))?;
    anyhow::bail!("the task `{name}` ended by itself")
}

async fn finish(tasks: &mut JoinSet<Outcome>) -> anyhow::Result<()> {
    let mut result = Ok(());
    while let Some(ended) = tasks.join_next().await {
        let one = ended.context("a task panicked").and_then(|(name, result)| {
            result.with_context(|| format!("the task `{name}` failed while stopping"))
        });
        result = result.and(one);
    }
    result
}

async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals cannot be listened to");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
