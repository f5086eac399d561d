//! The tower layer around forwarding: tells status requests from all others.
//!
//! Requests for anything else, but for the service's description of itself, pass without a look at them. An error of the inner service is handed on.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response, header};
use tower::{Layer, Service};

use super::again::Again;
use super::exchange::{EnrichParams, Enricher};
use super::live::Caller;
use super::respond::ask_for_whole_answer;
use crate::proxy::headers::drop_headers;
use crate::proxy::{AskAgain, Body, FromClient, ProxyError};
use crate::rollout;
use crate::runlog::Tracker;
use crate::stream::Streams;
use crate::stream::accept::wants_events;
use crate::telemetry::Metrics;

/// Puts an [`Enrich`] around a service.
#[derive(Debug, Clone)]
pub struct EnrichLayer {
    enricher: Arc<Enricher>,
}

impl EnrichLayer {
    /// Notes are made from the logs of `tracker`; without one, every enrichment falls back.
    pub fn new(params: EnrichParams, tracker: Option<Tracker>, streams: Streams, metrics: Metrics) -> Self {
        Self { enricher: Arc::new(Enricher::new(params, tracker, streams, metrics)) }
    }
}

impl<S> Layer<S> for EnrichLayer {
    type Service = Enrich<S>;

    fn layer(&self, inner: S) -> Enrich<S> {
        Enrich { inner, enricher: Arc::clone(&self.enricher) }
    }
}

/// Adds notes to the status answers of the inner service.
#[derive(Debug, Clone)]
pub struct Enrich<S> {
    inner: S,
    enricher: Arc<Enricher>,
}

impl<S> Service<Request<FromClient>> for Enrich<S>
where
    S: Service<Request<FromClient>, Response = Response<Body>, Error = ProxyError, Future: Send + 'static>
        + AskAgain,
{
    type Response = Response<Body>;
    type Error = ProxyError;
    type Future = EnrichFuture<<S as Service<Request<FromClient>>>::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ProxyError>> {
        Service::<Request<FromClient>>::poll_ready(&mut self.inner, cx)
    }

    fn call(&mut self, mut request: Request<FromClient>) -> Self::Future {
        let asked = self.enricher.status_request(request.method(), request.uri(), request.headers());
        let Some(asked) = asked else { return self.call_other(request) };
        let address = request.body().client().0;
        let caller = rollout::Caller {
            headers: request.headers(),
            query: request.uri().query().unwrap_or_default(),
            address: address.map(|address| address.ip()),
        };
        let again = || Again::of(&request, self.inner.clone(), &[]);
        let mut exchange = self.enricher.begin(asked, &caller, again);
        if exchange.is_to_be_rewritten() {
            if exchange.can_go_on() && wants_events(request.headers()) {
                exchange = exchange.go_on_for(Caller::of(&request, self.inner.clone()));
                drop_headers(request.headers_mut(), |name| *name == header::ACCEPT);
            }
            ask_for_whole_answer(request.headers_mut());
        }
        let forwarded = self.inner.call(request);
        EnrichFuture::Status { answer: Box::pin(Arc::clone(&self.enricher).answer(exchange, forwarded)) }
    }
}

impl<S> Enrich<S>
where
    S: Service<Request<FromClient>, Response = Response<Body>, Error = ProxyError, Future: Send + 'static>,
{
    /// Answers what is no status request.
    fn call_other(&mut self, mut request: Request<FromClient>) -> EnrichFuture<S::Future> {
        if let Some(overheard) = self.enricher.starts.overhear(&mut request) {
            let forwarded = self.inner.call(request);
            return EnrichFuture::Status {
                answer: Box::pin(Arc::clone(&self.enricher).started(overheard, forwarded)),
            };
        }
        if !self.enricher.is_description(request.method(), request.uri()) {
            return EnrichFuture::Passing { forwarded: self.inner.call(request) };
        }
        ask_for_whole_answer(request.headers_mut());
        let forwarded = self.inner.call(request);
        EnrichFuture::Status { answer: Box::pin(Arc::clone(&self.enricher).describe(forwarded)) }
    }
}

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

pin_project_lite::pin_project! {
    /// The answer of an [`Enrich`].
    #[project = EnrichFutureProjection]
    pub enum EnrichFuture<F> {
        /// Not a status request: what the inner service says.
        Passing {
            #[pin]
            forwarded: F,
        },
        /// A status request, or another whose answer is looked at.
        Status {
            answer: BoxFuture<Result<Response<Body>, ProxyError>>,
        },
    }
}

impl<F> Future for EnrichFuture<F>
where
    F: Future<Output = Result<Response<Body>, ProxyError>>,
{
    type Output = Result<Response<Body>, ProxyError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            EnrichFutureProjection::Passing { forwarded } => forwarded.poll(cx),
            EnrichFutureProjection::Status { answer } => answer.as_mut().poll(cx),
        }
    }
}
