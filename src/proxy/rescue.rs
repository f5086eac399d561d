//! Turns what failed further in into an answer: `{"detail":"…"}` with `Proxy-Status`.
//!
//! It also catches panics, so that a fault in gloss costs one request and not the connection. Each rescue is logged
//! and counted here, once.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

use std::any::Any;
use std::convert::Infallible;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use chrono::Utc;
use futures_util::FutureExt;
use futures_util::future::CatchUnwind;
use http::{HeaderValue, Request, Response, StatusCode, header};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use super::body::Body;
use super::error::ProxyError;
use crate::telemetry::{Metrics, Target};

/// Puts a [`Rescue`] around a service.
#[derive(Debug, Clone)]
pub struct RescueLayer {
    metrics: Metrics,
}

impl RescueLayer {
    /// Rescues are counted in `metrics`.
    pub fn new(metrics: Metrics) -> Self {
        Self { metrics }
    }
}

impl<S> Layer<S> for RescueLayer {
    type Service = Rescue<S>;

    fn layer(&self, inner: S) -> Rescue<S> {
        Rescue { inner, metrics: self.metrics.clone() }
    }
}

/// Answers where the inner service could not.
#[derive(Debug, Clone)]
pub struct Rescue<S> {
    inner: S,
    metrics: Metrics,
}

impl<S, B> Service<Request<B>> for Rescue<S>
where
    S: Service<Request<B>, Response = Response<Body>, Error = ProxyError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = RescueFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // An error here would close the connection without an answer; the call itself will report it.
        let _ = ready!(self.inner.poll_ready(cx));
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let asked = Target::of(&request);
        // The call itself may panic, too, before there is a future.
        let called = catch_unwind(AssertUnwindSafe(|| self.inner.call(request)));
        let inner = called.ok().map(|future| AssertUnwindSafe(future).catch_unwind());
        RescueFuture { inner, asked, metrics: self.metrics.clone() }
    }
}

pin_project! {
    /// The answer of a [`Rescue`].
    pub struct RescueFuture<F> {
        #[pin]
        inner: Option<CatchUnwind<AssertUnwindSafe<F>>>,
        asked: Target,
        metrics: Metrics,
    }
}

impl<F> Future for RescueFuture<F>
where
    F: Future<Output = Result<Response<Body>, ProxyError>>,
{
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let outcome = match this.inner.as_pin_mut() {
            Some(inner) => ready!(inner.poll(cx)),
            None => Err(Box::new("the call panicked") as Box<dyn Any + Send>),
        };
        Poll::Ready(Ok(match outcome {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                this.metrics.rescue(error.proxy_status());
                if let Some(reason) = error.refusal() {
                    this.metrics.refusal(reason);
                }
                tracing::warn!(request = %this.asked, error = %error, "a request could not be forwarded");
                synthetic(error.status(), error.proxy_status(), error.detail())
            }
            // What the panic said was logged by the panic hook; which request it was, only this knows.
            Err(_panic) => {
                tracing::error!(request = %this.asked, "gloss failed on a request");
                this.metrics.rescue("proxy_internal_error");
                synthetic(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "proxy_internal_error",
                    "gloss failed on this request",
                )
            }
        }))
    }
}

/// As an extension of an answer of gloss's own: the error that it is for, of RFC 9209's registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rescued(pub &'static str);

/// An answer of gloss's own.
fn synthetic(status: StatusCode, error: &'static str, detail: &'static str) -> Response<Body> {
    let body = serde_json::json!({ "detail": detail }).to_string();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.extensions_mut().insert(Rescued(error));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let proxy_status = HeaderValue::from_str(&format!("gloss; error={error}"));
    headers.insert("proxy-status", proxy_status.expect("an error type is a token"));
    // The server invents no date, since upstream answers bring their own; this one has no upstream.
    let date = Utc::now().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    headers.insert(header::DATE, HeaderValue::from_str(&date).expect("a formatted date is ASCII"));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers
            .insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
    }
    if status.is_client_error() {
        // What follows on the connection may be the rest of a request that was not understood.
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

#[cfg(test)]
mod tests {
    use std::future::{Ready, ready};

    use tower::{ServiceExt, service_fn};

    use super::*;

    async fn status_of<F>(inner: fn(Request<()>) -> F) -> StatusCode
    where
        F: Future<Output = Result<Response<Body>, ProxyError>>,
    {
        let rescue = RescueLayer::new(Metrics::new()).layer(service_fn(inner));
        rescue
            .oneshot(Request::new(()))
            .await
            .map_or_else(|never| match never {}, |response| response.status())
    }

    #[tokio::test]
    async fn errors_and_panics_become_answers_wherever_they_happen() {
        assert_eq!(status_of(|_| ready(Err(ProxyError::Target))).await, StatusCode::BAD_REQUEST);
        let early = status_of(|_| -> Ready<_> { panic!("before there is a future, for the test") }).await;
        assert_eq!(early, StatusCode::INTERNAL_SERVER_ERROR);
        let late = status_of(|_| async { panic!("in the future, for the test") }).await;
        assert_eq!(late, StatusCode::INTERNAL_SERVER_ERROR);
    }
}
