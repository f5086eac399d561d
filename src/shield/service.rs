//! The tower layer between the enrichment and forwarding: gives status requests kept answers, and asks for all who wait.
//!
//! What it cannot share passes as if it were not there. A client is never worse off: what fails for one who asks for all
//! is what each of them would have met.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderName, HeaderValue, Request, Response, header};
use http_body::Body as _;
use http_body_util::Empty;
use hyper::upgrade::OnUpgrade;
use tokio::time::Instant;
use tower::{Layer, Service, ServiceExt};

use super::key::{IgnoredHeaders, Key};
use super::rules::{Lifetime, Verdict, may_be_given_again, may_share};
use super::store::{Asked, Found, Kept, Store};
use crate::proxy::{AskAgain, Body, FromClient, Gathered, HeldLimit, ProxyError, asked_for};
use crate::route::StatusRoute;
use crate::telemetry::{Metrics, Shielded};

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// An extension of answers that stand in for those of a failing upstream.
#[derive(Debug, Clone, Copy)]
pub struct Stale;

/// What the shield depends on.
#[derive(Debug, Clone)]
pub struct ShieldParams {
    /// The routes whose answers are shared.
    pub routes: Vec<StatusRoute>,
    /// For how long.
    pub lifetime: Lifetime,
    /// How much memory kept answers may take up, in bytes.
    pub max_bytes: u64,
    /// Headers that do not distinguish requests.
    pub ignored: IgnoredHeaders,
    /// Whether the upstream is told of the caller's address, so that its answers may depend on it.
    pub by_address: bool,
    /// The longest answer that is kept, in bytes.
    pub max_body_bytes: usize,
    /// How much of answers may be held while they arrive, in bytes.
    pub max_held_bytes: usize,
    /// How long the body of an answer may take to arrive.
    pub body_timeout: Duration,
}

/// Puts a [`Shield`] around a service; without parameters the service is as it was.
#[derive(Debug, Clone)]
pub struct ShieldLayer(Option<Arc<Sharing>>);

#[derive(Debug)]
struct Sharing {
    params: ShieldParams,
    store: Store,
    held: HeldLimit,
    metrics: Metrics,
}

impl ShieldLayer {
    /// Nothing is kept yet.
    pub fn new(params: Option<ShieldParams>, metrics: &Metrics) -> Self {
        Self(params.map(|params| {
            Arc::new(Sharing {
                store: Store::new(params.lifetime, params.max_bytes, metrics.clone()),
                held: HeldLimit::new(params.max_held_bytes, metrics.clone()),
                metrics: metrics.clone(),
                params,
            })
        }))
    }
}

impl<S> Layer<S> for ShieldLayer {
    type Service = Shield<S>;

    fn layer(&self, inner: S) -> Shield<S> {
        Shield { inner, sharing: self.0.clone() }
    }
}

/// Shares answers to the same status requests.
#[derive(Debug, Clone)]
pub struct Shield<S> {
    inner: S,
    sharing: Option<Arc<Sharing>>,
}

type Forwarded = Result<Response<Body>, ProxyError>;

impl<S> Service<Request<FromClient>> for Shield<S>
where
    S: Service<Request<FromClient>, Response = Response<Body>, Error = ProxyError, Future: Send + 'static>
        + AskAgain,
{
    type Response = Response<Body>;
    type Error = ProxyError;
    type Future = ShieldFuture<<S as Service<Request<FromClient>>>::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ProxyError>> {
        Service::<Request<FromClient>>::poll_ready(&mut self.inner, cx)
    }

    fn call(&mut self, request: Request<FromClient>) -> Self::Future {
        let Some(sharing) = self.sharing.as_ref().filter(|sharing| sharing.concerns(&request)) else {
            return ShieldFuture::Passing { answer: self.inner.call(request), bypasses: false };
        };
        if !request.body().is_end_stream() || !may_share(request.headers()) {
            sharing.metrics.shield().met(Shielded::Bypass);
            return ShieldFuture::Passing { answer: self.inner.call(request), bypasses: true };
        }
        ShieldFuture::Shared { answer: Arc::clone(sharing).share(empty(request), self.inner.clone()) }
    }
}

impl<S> Service<Request<Empty<Bytes>>> for Shield<S>
where
    S: AskAgain,
{
    type Response = Response<Body>;
    type Error = ProxyError;
    type Future = ShieldFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ProxyError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Empty<Bytes>>) -> Self::Future {
        match self.sharing.as_ref().filter(|sharing| sharing.concerns(&request)) {
            Some(sharing) if may_share(request.headers()) => {
                ShieldFuture::Shared { answer: Arc::clone(sharing).share(request, self.inner.clone()) }
            }
            _ => ShieldFuture::Passing { answer: self.inner.call(request), bypasses: false },
        }
    }
}

/// The request without its body, which is empty, and without what would keep its connection from being closed.
fn empty(request: Request<FromClient>) -> Request<Empty<Bytes>> {
    let client = request.body().client();
    let mut request = request.map(|_| Empty::new());
    request.extensions_mut().insert(client);
    request.extensions_mut().remove::<OnUpgrade>();
    request
}

pin_project_lite::pin_project! {
    /// The answer of a [`Shield`].
    #[project = ShieldFutureProjection]
    pub enum ShieldFuture<F> {
        /// What the inner service says.
        Passing {
            #[pin]
            answer: F,
            bypasses: bool,
        },
        /// What it says to all who ask the same.
        Shared {
            answer: BoxFuture<'static, Forwarded>,
        },
    }
}

impl<F: Future<Output = Forwarded>> Future for ShieldFuture<F> {
    type Output = Forwarded;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Forwarded> {
        match self.project() {
            ShieldFutureProjection::Shared { answer } => answer.as_mut().poll(cx),
            ShieldFutureProjection::Passing { answer, bypasses } => {
                let mut answered = answer.poll(cx);
                if *bypasses && let Poll::Ready(Ok(answer)) = &mut answered {
                    tell(answer, "gloss; fwd=request");
                }
                answered
            }
        }
    }
}

/// Says in an answer what the shield had to do with it (RFC 9211).
fn tell(answer: &mut Response<Body>, status: &'static str) {
    answer.headers_mut().append(CACHE_STATUS, HeaderValue::from_static(status));
}

/// Where the one who asks for all leaves what only he may have.
type Own = Arc<Mutex<Option<Forwarded>>>;

impl Sharing {
    fn concerns<B>(&self, request: &Request<B>) -> bool {
        let routes = &self.params.routes;
        request.method() == http::Method::GET
            && routes.iter().any(|route| route.run_segment(request.uri().path()).is_some())
    }

    fn key(&self, request: &Request<Empty<Bytes>>) -> Key {
        let address = asked_for(request).0.filter(|_| self.params.by_address).map(|address| address.ip());
        Key::of(request.method(), request.uri(), request.headers(), address, &self.params.ignored)
    }

    fn share(
        self: Arc<Self>,
        request: Request<Empty<Bytes>>,
        inner: impl AskAgain,
    ) -> BoxFuture<'static, Forwarded> {
        Box::pin(async move {
            let key = self.key(&request);
            match self.store.find(&key).await {
                Found::Usable(kept, renews) => {
                    if renews {
                        Arc::clone(&self).renew(key, Arc::clone(&kept), request, inner);
                    }
                    self.metrics.shield().met(Shielded::Hit);
                    Ok(given_again(&kept))
                }
                Found::Nothing(stale) => self.ask(key, request, inner, stale).await,
            }
        })
    }

    /// Asks, or waits for another who does. In a task of its own: whoever else waits is not to lose the answer when this
    /// client leaves.
    async fn ask(
        self: Arc<Self>,
        key: Key,
        request: Request<Empty<Bytes>>,
        inner: impl AskAgain,
        stale: Option<Arc<Kept>>,
    ) -> Forwarded {
        let own = Own::default();
        let asking = {
            let (sharing, request, inner, own) =
                (Arc::clone(&self), request.clone(), inner.clone(), Arc::clone(&own));
            tokio::spawn(async move {
                let asking = sharing.ask_upstream(request, inner, &own);
                sharing.store.ask(key, asking).await
            })
        };
        // It panicked, or the runtime is shutting down.
        let Ok((asked, is_own)) = asking.await else { return inner.oneshot(request).await };
        self.metrics.shield().met(if is_own { Shielded::Miss } else { Shielded::Joined });
        let told = match asked {
            Asked::Told(kept) if kept.verdict() != Verdict::Fails => return Ok(first_given(&kept, is_own)),
            Asked::Told(kept) => Ok(kept),
            Asked::Failed(error) => Err(error),
            Asked::Alone => {
                let left = own.lock().unwrap_or_else(PoisonError::into_inner).take();
                return match left {
                    Some(answer) => answer.map(|mut answer| {
                        tell(&mut answer, "gloss; fwd=miss");
                        answer
                    }),
                    // Somebody else's: this one has to ask itself.
                    None => inner.oneshot(request).await,
                };
            }
        };
        match (stale, told) {
            (Some(stale), _) => {
                self.metrics.shield().met(Shielded::Stale);
                let mut answer = given_again(&stale);
                answer.extensions_mut().insert(Stale);
                Ok(answer)
            }
            (None, Ok(kept)) => Ok(first_given(&kept, is_own)),
            (None, Err(error)) => Err(ProxyError::Shared(error)),
        }
    }

    fn renew(
        self: Arc<Self>,
        key: Key,
        kept: Arc<Kept>,
        request: Request<Empty<Bytes>>,
        inner: impl AskAgain,
    ) {
        self.metrics.shield().met(Shielded::Renewal);
        tokio::spawn(async move {
            let asked = self.ask_upstream(request, inner, &Own::default()).await;
            self.store.renew(key, &kept, asked).await;
        });
    }

    /// Asks the upstream. What others may not have is left in `own`.
    async fn ask_upstream(&self, request: Request<Empty<Bytes>>, inner: impl AskAgain, own: &Own) -> Asked {
        let response = match inner.oneshot(request).await {
            Ok(response) => response,
            Err(error) => return Asked::Failed(Arc::new(error)),
        };
        let alone = |response| {
            *own.lock().unwrap_or_else(PoisonError::into_inner) = Some(Ok(response));
            Asked::Alone
        };
        if !may_be_given_again(response.headers(), &self.params.ignored) {
            return alone(response);
        }
        let (parts, body) = response.into_parts();
        let deadline = Instant::now() + self.params.body_timeout;
        let body = match body.gather(self.params.max_body_bytes, deadline, &self.held).await {
            Gathered::Whole(body, None, _held) => {
                // A copy, which takes no more memory than it has bytes.
                return Asked::Told(Arc::new(Kept::new(parts, Bytes::copy_from_slice(&body))));
            }
            Gathered::Whole(body, trailers, held) => {
                Body::from_chunks([body]).with_trailers(trailers).with_held(held)
            }
            Gathered::TooLarge(body)
            | Gathered::NoRoom(body)
            | Gathered::Slow(body)
            | Gathered::Broken(body) => body,
        };
        alone(Response::from_parts(parts, body))
    }
}

/// A kept answer, once more.
fn given_again(kept: &Kept) -> Response<Body> {
    let mut answer = kept.response();
    let before = answer.headers().get(header::AGE).and_then(|age| age.to_str().ok()?.parse::<u64>().ok());
    let age = kept.age().as_secs().saturating_add(before.unwrap_or(0));
    answer.headers_mut().insert(header::AGE, age.into());
    tell(&mut answer, "gloss; hit");
    answer
}

/// An answer for one of those who waited for it.
fn first_given(kept: &Kept, is_own: bool) -> Response<Body> {
    let mut answer = kept.response();
    tell(&mut answer, if is_own { "gloss; fwd=miss" } else { "gloss; fwd=miss; collapsed" });
    answer
}
