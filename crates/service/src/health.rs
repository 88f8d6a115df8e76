//! `/livez`: the process answers. `/readyz`: what it depends on answers too, and it is not stopping.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use actix_web::{HttpResponse, web};
use tokio_util::sync::CancellationToken;

/// A check may take this long.
const PATIENCE: Duration = Duration::from_secs(2);

type Check = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send>> + Send + Sync>;

/// What has to answer for the service to be ready. Cheap to clone.
#[derive(Clone, Default)]
pub struct Readiness {
    checks: Vec<(&'static str, Check)>,
}

impl std::fmt::Debug for Readiness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.checks.iter().map(|(name, _)| name)).finish()
    }
}

impl Readiness {
    /// Adds a dependency.
    #[must_use]
    pub fn needs<F, C>(mut self, name: &'static str, check: C) -> Self
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
        C: Fn() -> F + Send + Sync + 'static,
    {
        self.checks.push((name, Arc::new(move || Box::pin(check()))));
        self
    }
}

pub(crate) fn routes(config: &mut web::ServiceConfig, readiness: Readiness, stop: CancellationToken) {
    config.route("/livez", web::get().to(|| async { HttpResponse::Ok().body("ok\n") })).route(
        "/readyz",
        web::get().to(move || {
            let (readiness, stop) = (readiness.clone(), stop.clone());
            async move { ready(readiness, &stop).await }
        }),
    );
}

async fn ready(readiness: Readiness, stop: &CancellationToken) -> HttpResponse {
    if stop.is_cancelled() {
        return HttpResponse::ServiceUnavailable().body("stopping\n");
    }
    let mut away = Vec::new();
    for (name, check) in &readiness.checks {
        let answer = tokio::time::timeout(PATIENCE, check()).await;
        let error = match answer {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => format!("{error:#}"),
            Err(_) => "no answer in time".to_owned(),
        };
        tracing::warn!(dependency = name, error, "not ready");
        away.push(*name);
    }
    if away.is_empty() {
        HttpResponse::Ok().body("ready\n")
    } else {
        HttpResponse::ServiceUnavailable().body(format!("away: {}\n", away.join(", ")))
    }
}
