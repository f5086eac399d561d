//! The operators' listener: liveness, readiness, metrics, the comparison, and the rollout, which can be switched here.
//!
//! Everything but `/livez` and `/readyz` is for those only whom [`Access`] lets in. No GET changes anything. It never
//! shows a value that a client sent.

mod access;
mod comparison;
mod rollout;

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body;
use http_body_util::Full;
use tower::{BoxError, Service};

use self::access::Denied;
use crate::comparison::Comparison;
use crate::runlog::Tracker;
use crate::switch::RolloutSwitch;
use crate::telemetry::{Exposition, Metrics};

pub use self::access::Access;

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
    /// What they have to show.
    pub access: Access,
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
        let (parts, body) = request.into_parts();
        let is_probe = matches!(parts.uri.path(), "/livez" | "/readyz");
        if let Err(denied) = self.access.check(&parts)
            && !is_probe
        {
            return turned_away(denied);
        }
        let request = Request::from_parts(parts, body);
        let path = request.uri().path();
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
            "/metrics" => self.metrics(Exposition::wanted(request.headers())),
            comparison::PATH => comparison::answer(&self.comparison),
            _ => text(
                StatusCode::NOT_FOUND,
                "there is /livez, /readyz, /metrics, /api/comparison and /api/rollout\n",
            ),
        }
    }

    fn metrics(&self, form: Exposition) -> Response<Full<Bytes>> {
        if let Some(tracker) = &self.tracker {
            tracker.tidy();
        }
        let mut response = text(StatusCode::OK, self.metrics.exposition(form));
        response.headers_mut().insert(header::CONTENT_TYPE, form.content_type());
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept"));
        response
    }
}

/// What a caller gets who is not let in.
fn turned_away(denied: Denied) -> Response<Full<Bytes>> {
    match denied {
        Denied::Token => {
            let mut refused = text(StatusCode::UNAUTHORIZED, "Authorization: Bearer TOKEN is needed here\n");
            refused.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            refused
        }
        Denied::Host => text(
            StatusCode::MISDIRECTED_REQUEST,
            "without admin.token operators are answered at loopback names and addresses only, such as localhost; list \
             other names of this listener in admin.hosts\n",
        ),
        Denied::CrossSite => text(StatusCode::FORBIDDEN, "a page of another origin changes nothing here\n"),
    }
}

/// Another method than this path knows.
fn not_allowed(allowed: &'static str) -> Response<Full<Bytes>> {
    let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, format!("only {allowed} is answered here\n"));
    refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    refused
}

/// JSON, ended by a line feed.
fn json_answer(status: StatusCode, value: &serde_json::Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(format!("{value}\n").into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
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
