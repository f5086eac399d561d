//! The spans of one request: its own, the stages of its enrichment, the call of the upstream.

use http::{HeaderMap, Request, StatusCode};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, ContextGuard, KeyValue};
use opentelemetry_http::HeaderInjector;
use opentelemetry_sdk::propagation::TraceContextPropagator;

use super::{Recorder, described};
use crate::telemetry::Target;
use crate::telemetry::http::{HttpOutcome, KnownMethod, Peer, Served};

/// The span of a client's request.
#[derive(Debug)]
pub struct RequestSpan(Context);

/// A part of the work on a request, until the value is dropped.
#[derive(Debug)]
pub struct StageSpan(Option<Context>);

/// A request to the upstream.
#[derive(Debug)]
pub struct CallSpan(Option<Context>);

impl RequestSpan {
    pub(super) fn new(context: Context) -> Self {
        Self(context)
    }

    /// Makes it the current one of this thread, until the guard is dropped.
    pub fn enter(&self) -> ContextGuard {
        self.0.clone().attach()
    }

    /// The id of its trace.
    pub fn trace_id(&self) -> String {
        self.0.span().span_context().trace_id().to_string()
    }

    /// Ends it.
    pub fn end(&self, served: &Served<'_>) {
        let span = self.0.span();
        let sent = i64::try_from(served.sent_bytes).unwrap_or(i64::MAX);
        span.set_attribute(KeyValue::new("http.response.body.size", sent));
        tell(&self.0, served.outcome, StatusCode::is_server_error);
        span.end();
    }
}

impl StageSpan {
    /// Says something more of it, in constant words.
    pub fn note(&self, name: &'static str, value: &'static str) {
        if let Some(context) = &self.0 {
            context.span().set_attribute(KeyValue::new(name, value));
        }
    }
}

impl Drop for StageSpan {
    fn drop(&mut self) {
        if let Some(context) = &self.0 {
            context.span().end();
        }
    }
}

impl CallSpan {
    /// Puts the span into the head of the request as the parent of what the upstream does, where that is wanted; else
    /// the caller's own word stays.
    pub fn announce(&self, headers: &mut HeaderMap) {
        let Some(context) = &self.0 else { return };
        if context.get::<Recorder>().is_some_and(|recorder| recorder.propagate) {
            TraceContextPropagator::new().inject_context(context, &mut HeaderInjector(headers));
        }
    }

    /// Ends it.
    pub fn end(&self, outcome: HttpOutcome) {
        let Some(context) = &self.0 else { return };
        let is_error = |status: &StatusCode| status.is_client_error() || status.is_server_error();
        tell(context, outcome, is_error);
        context.span().end();
    }
}

/// Begins a span of the request that this thread works on, if that is recorded.
pub fn stage(name: &'static str) -> StageSpan {
    StageSpan(child(|recorder, context| {
        recorder.tracer.span_builder(name).start_with_context(&recorder.tracer, context)
    }))
}

/// Begins the span of a request to the upstream, if the request that this thread works on is recorded.
pub fn call<B>(request: &Request<B>, peer: &Peer) -> CallSpan {
    CallSpan(child(|recorder, context| {
        let method = KnownMethod::of(request.method());
        let name = if method == KnownMethod::Other { "HTTP" } else { method.as_str() };
        let target = Target::of(request);
        let query = target.query_names().map(|names| format!("?{names}")).unwrap_or_default();
        let mut attributes = described(request, &target, method);
        attributes.push(KeyValue::new("url.full", format!("{}{}{query}", peer.origin(), target.path())));
        attributes.push(KeyValue::new("server.address", peer.address.clone()));
        attributes.extend(peer.port.map(|port| KeyValue::new("server.port", i64::from(port))));
        let builder = recorder.tracer.span_builder(name).with_kind(SpanKind::Client);
        builder.with_attributes(attributes).start_with_context(&recorder.tracer, context)
    }))
}

/// The context of a new span below the current one, where that is recorded.
fn child(begin: impl FnOnce(&Recorder, &Context) -> opentelemetry_sdk::trace::Span) -> Option<Context> {
    Context::map_current(|context| {
        let recorder = context.get::<Recorder>()?;
        Some(context.with_span(begin(recorder, context)))
    })
}

/// What became of it, and whether that is an error.
fn tell(context: &Context, outcome: HttpOutcome, is_error: impl Fn(&StatusCode) -> bool) {
    let span = context.span();
    if let Some(status) = outcome.status {
        span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status.as_u16())));
    }
    let by_status = outcome.status.filter(is_error).map(|status| status.as_str().to_owned());
    if let Some(error) = outcome.error.map(str::to_owned).or(by_status) {
        span.set_attribute(KeyValue::new("error.type", error));
        span.set_status(Status::error(""));
    }
}
