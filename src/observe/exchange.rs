//! One request from its head to the end of its answer.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderMap, Request, Response, header};
use http_body::Body;
use opentelemetry::ContextGuard;

use super::Observer;
use super::access::{Asked, client_of};
use crate::proxy::{FromClient, Rescued, UpstreamTime};
use crate::telemetry::{HttpOutcome, KnownMethod, KnownVersion, RequestSpan, Served};

/// The client left before the answer had been handed over.
const CANCELLED: &str = "cancelled";
/// The upstream's body broke off; the word is RFC 9209's.
const INCOMPLETE: &str = "http_response_incomplete";

/// A request that is in flight until the value is dropped.
#[derive(Debug)]
pub(super) struct Exchange {
    observer: Arc<Observer>,
    began: Instant,
    outcome: HttpOutcome,
    route: Option<Arc<str>>,
    received_bytes: Option<u64>,
    sent_bytes: u64,
    /// What the access log tells beyond that, where it is on.
    asked: Option<Box<Asked>>,
    /// Where the request is traced.
    span: Option<RequestSpan>,
}

impl Exchange {
    pub(super) fn begin(observer: &Arc<Observer>, request: &Request<FromClient>) -> Self {
        let method = KnownMethod::of(request.method());
        observer.metrics.http().began(method);
        let version = KnownVersion::of(request.version());
        let route = observer.route(request.uri().path()).cloned();
        let traces = observer.traces.as_ref();
        let span = traces.and_then(|traces| traces.request(request, route.as_deref(), client_of(request)));
        let trace = span.as_ref().map(RequestSpan::trace_id);
        Self {
            observer: Arc::clone(observer),
            began: Instant::now(),
            outcome: HttpOutcome { method, version, status: None, error: Some(CANCELLED) },
            route,
            received_bytes: told_length(request),
            sent_bytes: 0,
            asked: observer.access_log.then(|| Box::new(Asked::of(request, trace))),
            span,
        }
    }

    /// Its answer has begun; until its end it counts as one that the client did not wait for.
    pub(super) fn answered<B>(mut self, response: &Response<B>) -> Self {
        self.outcome.status = Some(response.status());
        if let Some(Rescued(error)) = response.extensions().get() {
            self.outcome.error = Some(error);
        }
        if let Some(asked) = &mut self.asked {
            let upstream = response.extensions().get::<UpstreamTime>().map(|time| time.0);
            let labels = self.route.is_some().then_some(response.headers());
            asked.answered(labels, upstream);
        }
        self
    }

    /// Makes its span the current one, where it is traced.
    pub(super) fn enter(&self) -> Option<ContextGuard> {
        self.span.as_ref().map(RequestSpan::enter)
    }

    pub(super) fn sent(&mut self, bytes: usize) {
        self.sent_bytes += bytes as u64;
    }

    pub(super) fn broke_off(&mut self) {
        self.outcome.error = Some(INCOMPLETE);
    }

    /// All of the answer has been handed over.
    pub(super) fn complete(&mut self) {
        // Any other error stays what it is.
        self.outcome.error = self.outcome.error.filter(|error| *error != CANCELLED);
    }

    fn served(&self, took: Duration) -> Served<'_> {
        Served {
            outcome: self.outcome,
            route: self.route.as_ref(),
            took,
            received_bytes: self.received_bytes,
            sent_bytes: self.sent_bytes,
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let served = self.served(self.began.elapsed());
        self.observer.metrics.http().ended(&served);
        if let Some(span) = &self.span {
            span.end(&served);
        }
        if let Some(asked) = &self.asked {
            asked.log(&served);
        }
    }
}

/// The length of a request's body, where it is known from the head.
fn told_length<B: Body>(request: &Request<B>) -> Option<u64> {
    let stated = |headers: &HeaderMap| headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok();
    if request.body().is_end_stream() { Some(0) } else { stated(request.headers()) }
}
