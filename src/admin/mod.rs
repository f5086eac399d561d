//! The operators' listener: liveness, readiness, metrics, the runs in the cache, the comparison, the
//! rollout, which can be switched here, and a page that shows all of it.
//!
//! With a token, everything but `/livez`, `/readyz` and the page's own files needs `Authorization: Bearer TOKEN`. These
//! files hold no data: they are the same in every gloss of a version, and the page asks for the token itself. No GET
//! changes anything. Metrics and errors never show a value that a client sent.

mod comparison;
mod live;
mod page;
mod rollout;
mod routes;
mod runs;

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body;
use http_body_util::{Either, Full};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use subtle::ConstantTimeEq;
use tower::{BoxError, Service};

use crate::comparison::Comparison;
use crate::proxy;
use crate::runlog::Tracker;
use crate::switch::RolloutSwitch;
use crate::telemetry::Metrics;

use routes::Route;
pub use runs::RunPages;

/// Whole answers, and streams of events.
pub type AdminBody = Either<Full<Bytes>, proxy::Body>;

/// Whether clients may be sent here.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// The listener is up, or a drain has begun.
    pub fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::Release);
    }

    fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// What operators are shown, and what they can change.
#[derive(Debug)]
pub struct AdminParams {
    /// What they have to present; `None` lets everybody in.
    pub token: Option<SecretString>,
    /// Whether clients may be sent here.
    pub readiness: Readiness,
    /// Where everything is counted.
    pub metrics: Metrics,
    /// The analyses; `None` when no log source is configured.
    pub tracker: Option<Tracker>,
    /// The rollout in force.
    pub rollout: RolloutSwitch,
    /// What the A/B measures.
    pub comparison: Comparison,
    /// The runs in the cache.
    pub runs: RunPages,
}

/// Answers operators' requests.
#[derive(Debug, Clone)]
pub struct Admin {
    params: Arc<AdminParams>,
}

impl Admin {
    /// A service that shows this process's state.
    pub fn new(params: AdminParams) -> Self {
        Self { params: Arc::new(params) }
    }
}

impl<B> Service<Request<B>> for Admin
where
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response<AdminBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let params = Arc::clone(&self.params);
        Box::pin(async move {
            let mut response = params.answer(request).await;
            page::protect(response.headers_mut());
            Ok(response)
        })
    }
}

impl AdminParams {
    async fn answer<B>(&self, request: Request<B>) -> Response<AdminBody>
    where
        B: Body<Data: Send, Error: Into<BoxError>> + Send,
    {
        let target = request.uri().clone();
        let route = Route::of(target.path());
        if !route.is_open() && !self.admits(request.headers()) {
            let mut refused = text(StatusCode::UNAUTHORIZED, "Authorization: Bearer TOKEN is needed here\n");
            refused.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            return refused.map(Either::Left);
        }
        if route == Route::Rollout {
            return rollout::answer(&self.rollout, request).await.map(Either::Left);
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return not_allowed("GET, HEAD").map(Either::Left);
        }
        let query = target.query().unwrap_or_default();
        let whole = match route {
            Route::RunsEvents => return self.runs.follow_all(query),
            Route::RunEvents(id) => return self.runs.follow_one(id),
            Route::Runs => self.runs.list(query).await,
            Route::Run(id) => self.runs.one(id).await,
            Route::Page(asset) => asset.answer(request.headers()),
            Route::Livez => text(StatusCode::OK, "alive\n"),
            Route::Readyz if self.readiness.get() => text(StatusCode::OK, "ready\n"),
            Route::Readyz => text(StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
            Route::Metrics => self.metrics(),
            Route::Comparison => comparison::answer(&self.comparison),
            Route::Rollout | Route::Unknown => text(StatusCode::NOT_FOUND, routes::OVERVIEW),
        };
        whole.map(Either::Left)
    }

    /// Whether the caller presents the token, compared in a time that does not depend on where they differ.
    fn admits(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else { return true };
        let presented = headers.get(header::AUTHORIZATION).map_or(&b""[..], HeaderValue::as_bytes);
        let presented = presented.strip_prefix(b"Bearer ").unwrap_or_default();
        presented.ct_eq(token.expose_secret().as_bytes()).into()
    }

    fn metrics(&self) -> Response<Full<Bytes>> {
        if let Some(tracker) = &self.tracker {
            tracker.tidy();
        }
        let mut response = text(StatusCode::OK, self.metrics.text());
        let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        response
    }
}

/// Another method than this path knows.
fn not_allowed(allowed: &'static str) -> Response<Full<Bytes>> {
    let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, format!("only {allowed} is answered here\n"));
    refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    refused
}

/// JSON, ended by a line feed.
fn json_answer(status: StatusCode, value: &impl Serialize) -> Response<Full<Bytes>> {
    let mut bytes = serde_json::to_vec(value).expect("texts, numbers and lists of them always serialise");
    bytes.push(b'\n');
    let mut response = text(status, bytes);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests;
