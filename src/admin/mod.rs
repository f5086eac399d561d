//! The operators' listener: liveness, readiness, metrics, and the rollout, which can be switched here.
//!
//! With a token, everything but `/livez` and `/readyz` needs `Authorization: Bearer TOKEN`. No GET changes anything. It
//! never shows a value that a client sent.

mod rollout;

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body;
use http_body_util::Full;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use tower::{BoxError, Service};

use crate::runlog::Tracker;
use crate::switch::RolloutSwitch;
use crate::telemetry::Metrics;

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
    /// The analyses; `None` where none are made, as in tests.
    pub tracker: Option<Tracker>,
    /// The rollout in force.
    pub rollout: RolloutSwitch,
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
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let params = Arc::clone(&self.params);
        Box::pin(async move { Ok(params.answer(request).await) })
    }
}

impl AdminParams {
    async fn answer<B>(&self, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body<Data: Send, Error: Into<BoxError>> + Send,
    {
        let path = request.uri().path();
        let is_probe = matches!(path, "/livez" | "/readyz");
        if !is_probe && !self.admits(request.headers()) {
            let mut refused = text(StatusCode::UNAUTHORIZED, "Authorization: Bearer TOKEN is needed here\n");
            refused.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            return refused;
        }
        if path == rollout::PATH {
            return rollout::answer(&self.rollout, request).await;
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return not_allowed("GET, HEAD");
        }
        match path {
            "/livez" => text(StatusCode::OK, "alive\n"),
            "/readyz" if self.readiness.get() => text(StatusCode::OK, "ready\n"),
            "/readyz" => text(StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
            "/metrics" => self.metrics(),
            _ => text(StatusCode::NOT_FOUND, "there is /livez, /readyz, /metrics and /api/rollout\n"),
        }
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
