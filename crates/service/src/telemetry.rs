//! Logs and traces: one JSON object per line with request and trace ids, and OTLP where an endpoint is set.

use anyhow::Context;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::settings::{Format, Telemetry};

/// Sends what is left when the process ends.
#[must_use]
#[derive(Debug)]
pub struct Flush(SdkTracerProvider);

/// Starts logs and traces for this process.
///
/// # Errors
/// When the filter or the endpoint is not readable, or telemetry has been started already.
pub fn start(service: &'static str, settings: &Telemetry) -> anyhow::Result<Flush> {
    let filter: EnvFilter = settings.log.parse().context("telemetry.log is not a filter")?;
    // Without anybody to send them to, spans only name what logs belong together.
    let sampler = if settings.otlp_endpoint.is_some() {
        Sampler::ParentBased(Box::new(Sampler::AlwaysOn))
    } else {
        Sampler::AlwaysOff
    };
    let mut provider = SdkTracerProvider::builder()
        .with_sampler(sampler)
        .with_resource(Resource::builder().with_service_name(service).build());
    if let Some(endpoint) = &settings.otlp_endpoint {
        // The exporter's client takes the provider of the process; an error says that there is one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let exporter = SpanExporter::builder().with_http().with_endpoint(endpoint).build()?;
        provider = provider.with_batch_exporter(exporter);
    }
    let provider = provider.build();
    opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
    let traces = tracing_opentelemetry::layer().with_tracer(provider.tracer(service));
    let lines = match settings.format {
        Format::Json => tracing_subscriber::fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .with_writer(std::io::stderr)
            .boxed(),
        Format::Text => tracing_subscriber::fmt::layer().with_writer(std::io::stderr).boxed(),
    };
    tracing_subscriber::registry().with(filter).with(lines).with(traces).try_init()?;
    Ok(Flush(provider))
}

impl Drop for Flush {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown() {
            tracing::warn!(%error, "traces were not sent");
        }
    }
}
