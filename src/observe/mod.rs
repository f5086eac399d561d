//! The tower layer around everything: what a request was, what became of it, and how long that took, for metrics, traces
//! and the access log.
//!
//! A request ends when its answer's body has been handed over whole, has broken off, or is dropped because the client
//! left; an upgrade ends with the 101. Then it is counted, and written to the access log where that is on. What the
//! server refuses before it is a request (framing, limits) does not come here and is counted as refused connections.

mod access;
mod body;
mod collector;
mod exchange;
mod secrets;

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use self::exchange::Exchange;
use crate::proxy::FromClient;
use crate::route::StatusRoute;
use crate::telemetry::{Metrics, Traces};

pub use self::body::ObservedBody;
pub use self::collector::Collector;
pub use self::secrets::{MarkSecrets, MarkSecretsLayer};

/// What observing depends on.
#[derive(Debug, Clone)]
pub struct ObserveParams {
    /// The routes that gloss knows by name.
    pub routes: Vec<StatusRoute>,
    /// Whether each request is written to the access log.
    pub access_log: bool,
}

/// Puts an [`Observe`] around a service.
#[derive(Debug, Clone)]
pub struct ObserveLayer {
    observer: Arc<Observer>,
}

/// What all requests have in common.
struct Observer {
    routes: Vec<(StatusRoute, Arc<str>)>,
    access_log: bool,
    traces: Option<Traces>,
    metrics: Metrics,
}

impl Observer {
    /// The template of the route that a path is on.
    fn route(&self, path: &str) -> Option<&Arc<str>> {
        let on = |(route, _): &&(StatusRoute, Arc<str>)| route.run_segment(path).is_some();
        self.routes.iter().find(on).map(|(_, template)| template)
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observer").finish_non_exhaustive()
    }
}

impl ObserveLayer {
    /// Requests are counted in `metrics`, and traced by `traces`.
    pub fn new(params: ObserveParams, traces: Option<Traces>, metrics: Metrics) -> Self {
        let named = |route: StatusRoute| {
            let template = route.template().into();
            (route, template)
        };
        let routes = params.routes.into_iter().map(named).collect();
        Self { observer: Arc::new(Observer { routes, access_log: params.access_log, traces, metrics }) }
    }
}

impl<S> Layer<S> for ObserveLayer {
    type Service = Observe<S>;

    fn layer(&self, inner: S) -> Observe<S> {
        Observe { inner, observer: Arc::clone(&self.observer) }
    }
}

/// Observes the requests and answers of the inner service.
#[derive(Debug, Clone)]
pub struct Observe<S> {
    inner: S,
    observer: Arc<Observer>,
}

impl<S, B> Service<Request<FromClient>> for Observe<S>
where
    S: Service<Request<FromClient>, Response = Response<B>, Error = Infallible>,
    B: Body,
{
    type Response = Response<ObservedBody<B>>;
    type Error = Infallible;
    type Future = ObserveFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<FromClient>) -> Self::Future {
        let exchange = Exchange::begin(&self.observer, &request);
        let entered = exchange.enter();
        let inner = self.inner.call(request);
        drop(entered);
        ObserveFuture { inner, exchange: Some(exchange) }
    }
}

pin_project! {
    /// The answer of an [`Observe`].
    pub struct ObserveFuture<F> {
        #[pin]
        inner: F,
        exchange: Option<Exchange>,
    }
}

impl<F, B> Future for ObserveFuture<F>
where
    F: Future<Output = Result<Response<B>, Infallible>>,
    B: Body,
{
    type Output = Result<Response<ObservedBody<B>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let entered = this.exchange.as_ref().and_then(Exchange::enter);
        let response = ready!(this.inner.poll(cx))?;
        drop(entered);
        let exchange = this.exchange.take().map(|exchange| exchange.answered(&response));
        Poll::Ready(Ok(response.map(|inner| ObservedBody::new(inner, exchange))))
    }
}
