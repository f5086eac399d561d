//! Requests to the upstream, timed: from sending one to the head of its answer. How long the body takes is more often
//! the client's doing.

use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use tokio::time::Instant;

use crate::telemetry::{self, CallSpan, HttpOutcome, KnownMethod, KnownVersion, Metrics, Peer};

/// As an extension of an answer: how long the upstream took to begin it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpstreamTime(pub Duration);

/// What became of a request whose client left before there was an answer.
const CANCELLED: &str = "cancelled";

/// Times the calls of one upstream.
#[derive(Debug, Clone)]
pub(super) struct Calls {
    peer: Arc<Peer>,
    /// Whether answers are told their time.
    told: bool,
    metrics: Metrics,
}

/// One request under way; dropped, it was cancelled.
#[derive(Debug)]
pub(super) struct Call<'a> {
    calls: &'a Calls,
    began: Instant,
    outcome: HttpOutcome,
    span: CallSpan,
}

impl Calls {
    pub(super) fn new(peer: Peer, metrics: Metrics) -> Self {
        Self { peer: Arc::new(peer), told: false, metrics }
    }

    pub(super) fn tell(&mut self, told: bool) {
        self.told = told;
    }

    pub(super) fn begin<B>(&self, request: &mut Request<B>, now: Instant) -> Call<'_> {
        let span = telemetry::call(request, &self.peer);
        span.announce(request.headers_mut());
        let method = KnownMethod::of(request.method());
        let outcome = HttpOutcome { method, version: None, status: None, error: Some(CANCELLED) };
        Call { calls: self, began: now, outcome, span }
    }
}

impl Call<'_> {
    pub(super) fn answered<B>(mut self, response: &mut Response<B>) {
        let (version, status) = (KnownVersion::of(response.version()), Some(response.status()));
        self.outcome = HttpOutcome { version, status, error: None, ..self.outcome };
        if self.calls.told {
            response.extensions_mut().insert(UpstreamTime(self.began.elapsed()));
        }
    }

    /// It failed by an error of RFC 9209's registry.
    pub(super) fn failed(mut self, error: &'static str) {
        self.outcome.error = Some(error);
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.span.end(self.outcome);
        self.calls.metrics.http().called(self.outcome, &self.calls.peer, self.began.elapsed());
    }
}
