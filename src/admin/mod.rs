//! The operators' listener: liveness, readiness, metrics.
//!
//! With a token, everything but `/livez` and `/readyz` needs `Authorization: Bearer TOKEN`. It never shows a value that
//! a client sent.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::future::{Ready, ready};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use tower::Service;

use crate::runlog::Tracker;
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

/// Answers operators' requests.
#[derive(Debug, Clone)]
pub struct Admin {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    token: Option<SecretString>,
    readiness: Readiness,
    metrics: Metrics,
    tracker: Option<Tracker>,
}

impl Admin {
    /// A service that shows this process's state.
    pub fn new(
        token: Option<SecretString>,
        readiness: Readiness,
        metrics: Metrics,
        tracker: Option<Tracker>,
    ) -> Self {
        Self { shared: Arc::new(Shared { token, readiness, metrics, tracker }) }
    }
}

impl Service<Request<Incoming>> for Admin {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        ready(Ok(self.shared.answer(request.method(), request.uri().path(), request.headers())))
    }
}

impl Shared {
    fn answer(&self, method: &Method, path: &str, headers: &HeaderMap) -> Response<Full<Bytes>> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, "only GET is answered here\n");
            refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return refused;
        }
        match path {
            "/livez" => text(StatusCode::OK, "alive\n"),
            "/readyz" if self.readiness.get() => text(StatusCode::OK, "ready\n"),
            "/readyz" => text(StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
            _ if !self.admits(headers) => {
                let mut refused =
                    text(StatusCode::UNAUTHORIZED, "Authorization: Bearer TOKEN is needed here\n");
                refused.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
                refused
            }
            "/metrics" => self.metrics(),
            _ => text(StatusCode::NOT_FOUND, "there is /livez, /readyz and /metrics\n"),
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

fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(token: Option<&str>, path: &str, authorization: Option<&str>) -> u16 {
        let readiness = Readiness::default();
        readiness.set(true);
        let admin = Admin::new(token.map(SecretString::from), readiness, Metrics::new(), None);
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        }
        admin.shared.answer(&Method::GET, path, &headers).status().as_u16()
    }

    #[test]
    fn probes_need_no_token_and_the_rest_does() {
        assert_eq!(status(Some("s3cret"), "/livez", None), 200);
        assert_eq!(status(Some("s3cret"), "/readyz", None), 200);
        for wrong in [None, Some("Bearer "), Some("Bearer s3cre"), Some("Bearer s3cret "), Some("s3cret")] {
            assert_eq!(status(Some("s3cret"), "/metrics", wrong), 401, "{wrong:?}");
        }
        assert_eq!(status(Some("s3cret"), "/metrics", Some("Bearer s3cret")), 200);
        assert_eq!(status(None, "/metrics", None), 200);
        assert_eq!(status(None, "/nothing", None), 404);
    }

    #[test]
    fn readiness_is_what_it_was_set_to() {
        let readiness = Readiness::default();
        let admin = Admin::new(None, readiness.clone(), Metrics::new(), None);
        let ask = || admin.shared.answer(&Method::GET, "/readyz", &HeaderMap::new()).status().as_u16();
        assert_eq!(ask(), 503);
        readiness.set(true);
        assert_eq!(ask(), 200);
    }

    #[test]
    fn nothing_is_changed_here() {
        let admin = Admin::new(None, Readiness::default(), Metrics::new(), None);
        let refused = admin.shared.answer(&Method::POST, "/metrics", &HeaderMap::new());
        assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
    }
}
