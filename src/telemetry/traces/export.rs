//! Between the library that exports spans and gloss: counts them, and tells of failures, but not of each.
//!
//! A collector that is away costs the spans that it does not get. Requests know nothing of it.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanExporter, SpanProcessor};

use crate::telemetry::{Metrics, SpanFate};

/// How often a failure is told.
const WARNING: Duration = Duration::from_mins(1);

/// An exporter whose outcomes are counted.
#[derive(Debug)]
pub(super) struct Watched<E> {
    inner: E,
    metrics: Metrics,
    warned: Mutex<Option<Instant>>,
}

impl<E> Watched<E> {
    pub(super) fn new(inner: E, metrics: Metrics) -> Self {
        Self { inner, metrics, warned: Mutex::default() }
    }

    /// Whether this failure is to be told.
    fn is_news(&self) -> bool {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = warned.is_none_or(|at| at.elapsed() >= WARNING);
        if is_news {
            *warned = Some(Instant::now());
        }
        is_news
    }
}

impl<E: SpanExporter> SpanExporter for Watched<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let outcome = self.inner.export(batch).await;
        self.metrics.spans(if outcome.is_ok() { SpanFate::Exported } else { SpanFate::Failed }, spans);
        if let Some(error) = outcome.as_ref().err().filter(|_| self.is_news()) {
            tracing::warn!(error = %error, spans, "traces could not be exported; further failures are told once a minute");
        }
        outcome
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// A processor whose spans are counted as they come: those that it drops for want of room are the difference.
#[derive(Debug)]
pub(super) struct Counted<P> {
    inner: P,
    metrics: Metrics,
}

impl<P> Counted<P> {
    pub(super) fn new(inner: P, metrics: Metrics) -> Self {
        Self { inner, metrics }
    }
}

impl<P: SpanProcessor> SpanProcessor for Counted<P> {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.inner.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        self.metrics.spans(SpanFate::Recorded, 1);
        self.inner.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}
