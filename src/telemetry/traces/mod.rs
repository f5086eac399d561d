//! Traces: spans of requests, handed to a collector by OTLP where one is configured.
//!
//! The span of a request continues the trace that its caller names, and is recorded if that one is; where there is none,
//! a share is. While such a request is worked on, its span is the thread's current context: whoever is on its way adds
//! a span of its own by [`stage`] or [`call`], which do nothing at all for other requests.
//!
//! Attributes carry the names of OpenTelemetry's conventions and, of a request, its redacted [`Target`] alone.

mod export;
mod span;

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use http::{HeaderMap, Request};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{Span as _, SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{HeaderExtractor, HttpClient};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider};

use self::export::{Counted, Watched};
use super::http::{KnownMethod, KnownVersion};
use super::{Metrics, Target};

pub use self::span::{CallSpan, RequestSpan, StageSpan, call, stage};

/// How long handing over what is left may take when gloss ends.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// What tracing depends on.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceParams {
    /// Where spans are sent, as `scheme://authority`.
    pub endpoint: String,
    /// The share of traces that begin here which are recorded, 0 to 1.
    pub sample_ratio: f64,
    /// Whether the upstream is told gloss's own span as its parent.
    pub propagate: bool,
}

/// Why there are no traces.
#[derive(Debug, thiserror::Error)]
#[error("the exporter of traces cannot be set up: {0}")]
pub struct TraceSetupError(#[from] opentelemetry_otlp::ExporterBuildError);

/// Begins the spans of requests; a clone begins spans of the same.
#[derive(Clone)]
pub struct Traces {
    provider: SdkTracerProvider,
    recorder: Recorder,
}

/// In the context of a request that is recorded: what further spans of it are made by.
#[derive(Clone)]
struct Recorder {
    tracer: SdkTracer,
    propagate: bool,
}

impl Traces {
    /// Sends spans by `client` in batches, from a thread of its own; at most 2048 wait, further ones are dropped. The
    /// variables of OpenTelemetry (`OTEL_SERVICE_NAME`, `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_BSP_…`) count.
    ///
    /// # Errors
    /// When the exporter cannot be set up.
    pub fn start(
        params: &TraceParams,
        client: impl HttpClient + 'static,
        metrics: &Metrics,
    ) -> Result<Self, TraceSetupError> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_endpoint(format!("{}/v1/traces", params.endpoint))
            .build()?;
        let exporter = Watched::new(exporter, metrics.clone());
        let processor = BatchSpanProcessor::builder(exporter).build();
        let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(params.sample_ratio)));
        let provider = SdkTracerProvider::builder()
            .with_sampler(sampler)
            .with_resource(resource())
            .with_span_processor(Counted::new(processor, metrics.clone()))
            .build();
        let recorder = Recorder { tracer: provider.tracer("gloss"), propagate: params.propagate };
        Ok(Self { provider, recorder })
    }

    /// Begins the span of a client's request; `None` if it is not recorded.
    pub fn request<B>(
        &self,
        request: &Request<B>,
        route: Option<&str>,
        client: Option<IpAddr>,
    ) -> Option<RequestSpan> {
        let method = KnownMethod::of(request.method());
        let name = match (method, route) {
            (KnownMethod::Other, route) => route.map_or("HTTP".to_owned(), |route| format!("HTTP {route}")),
            (known, Some(route)) => format!("{} {route}", known.as_str()),
            (known, None) => known.as_str().to_owned(),
        };
        let tracer = &self.recorder.tracer;
        let builder = tracer.span_builder(name).with_kind(SpanKind::Server);
        let mut span = builder.start_with_context(tracer, &caller_of(request.headers()));
        if !span.is_recording() {
            return None;
        }
        let target = Target::of(request);
        span.set_attributes(described(request, &target, method));
        span.set_attribute(KeyValue::new("url.scheme", "http"));
        span.set_attribute(KeyValue::new("url.path", target.path().to_string()));
        span.set_attributes(target.query_names().map(|names| KeyValue::new("url.query", names.to_string())));
        span.set_attributes(route.map(|route| KeyValue::new("http.route", route.to_owned())));
        span.set_attributes(client.map(|client| KeyValue::new("client.address", client.to_string())));
        Some(RequestSpan::new(Context::new().with_value(self.recorder.clone()).with_span(span)))
    }

    /// Hands over what is left. Waits for it: not for a thread that others wait for.
    pub fn finish(&self) {
        // What could not be handed over was told where it failed.
        let _ = self.provider.shutdown_with_timeout(LAST_WORDS);
    }
}

impl fmt::Debug for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traces").finish_non_exhaustive()
    }
}

/// The span that the caller says its request belongs to.
fn caller_of(headers: &HeaderMap) -> Context {
    TraceContextPropagator::new().extract_with_context(&Context::new(), &HeaderExtractor(headers))
}

/// Who records: `gloss`, unless the environment says otherwise.
fn resource() -> Resource {
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let own = Resource::builder_empty().with_attribute(KeyValue::new("service.name", "gloss"));
    let own = own.with_attribute(version).build();
    let stated = Resource::builder().build();
    let is_named = |(key, value): &(&opentelemetry::Key, &opentelemetry::Value)| {
        key.as_str() != "service.name" || !value.as_str().starts_with("unknown_service")
    };
    let stated = stated.iter().filter(is_named).map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    Resource::builder_empty()
        .with_attributes(own.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone())))
        .with_attributes(stated)
        .build()
}

/// What both sides of gloss tell of a request.
fn described<B>(request: &Request<B>, target: &Target, method: KnownMethod) -> Vec<KeyValue> {
    let mut attributes = vec![KeyValue::new("http.request.method", method.as_str())];
    let written = target.unknown_method();
    let written = written.map(|method| KeyValue::new("http.request.method_original", method.to_owned()));
    let version = KnownVersion::of(request.version());
    let version = version.map(|version| KeyValue::new("network.protocol.version", version.as_str()));
    attributes.extend([written, version].into_iter().flatten());
    attributes
}
