//! Sends one request to the upstream and waits for the head of its answer.
//!
//! On failure: a request of which nothing was written is sent again on another connection, whatever its method. One
//! that met a dead pooled connection is sent once more on a fresh one if it is safe to repeat (see [`is_repeatable`]);
//! everything else is a [`ProxyError`].

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

use std::future::poll_fn;
use std::mem;
use std::pin::pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{Extensions, HeaderMap, Method, Request, Response, Uri};
use http_body::Body as _;
use http_body_util::Full;
use tokio::time::Instant;

use super::body::{Body, Source};
use super::calls::Calls;
use super::connect::{Connection, Connector, Speaker};
use super::deadline::Deadline;
use super::error::ProxyError;
use super::http1::ConnectionError;
use super::pool::{Lease, Pool, PoolParams};
use super::request_body::RequestBody;
use super::upload::Upload;
use super::upstream::Upstream;
use crate::telemetry::Metrics;

/// How the upstream is reached.
#[derive(Debug, Clone)]
pub struct ClientParams {
    /// Where it is.
    pub upstream: Upstream,
    /// How long making a connection may take.
    pub connect_timeout: Duration,
    /// How long the head of an answer may take, once nothing of the request moves any more.
    pub response_timeout: Duration,
    /// How long a connection may lie idle.
    pub idle_timeout: Duration,
    /// How many connections may lie idle.
    pub max_idle: usize,
    /// Whether header names go out as they came in, and come back likewise.
    pub preserve_header_case: bool,
}

/// A client for one upstream; a clone shares its pool.
#[derive(Debug, Clone)]
pub struct Client {
    connector: Connector,
    response_timeout: Duration,
    pool: Pool,
    calls: Calls,
    metrics: Metrics,
}

/// A request that is in the form in which it goes out.
///
/// It stays where it is until a connection takes it, since it is large: what sends it borrows it.
#[derive(Debug)]
pub struct Outgoing {
    /// An empty one once the library has it.
    request: Request<RequestBody>,
    /// Whether it asks to switch protocols.
    switches: bool,
    /// Whether it may be sent once more, should the connection have been dead.
    is_repeatable: bool,
    /// What is sent then, once the library has the request.
    spare: Option<Spare>,
}

/// What a failed attempt came to.
enum Failure {
    /// Nothing was written: the request is back in its place.
    Unsent(ProxyError),
    /// It may have been read, or even acted upon.
    Sent(ProxyError),
}

impl Client {
    /// A client with an empty pool. Has to be called on a tokio runtime.
    pub fn new(params: ClientParams, metrics: Metrics) -> Self {
        let pool = Pool::new(PoolParams { idle_timeout: params.idle_timeout, max_idle: params.max_idle });
        let connector = Connector {
            upstream: params.upstream,
            patience: params.connect_timeout,
            preserve_header_case: params.preserve_header_case,
        };
        let calls = Calls::new(connector.upstream.peer(), metrics.clone());
        Self { connector, response_timeout: params.response_timeout, pool, calls, metrics }
    }

    /// Whether answers tell how long they took, by [`UpstreamTime`](super::UpstreamTime); they do not, unless asked to.
    #[must_use]
    pub fn timed(mut self, timed: bool) -> Self {
        self.calls.tell(timed);
        self
    }

    /// Sends a request of gloss's own, whose body is there.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn send_own(&self, request: Request<Full<Bytes>>) -> Result<Response<Body>, ProxyError> {
        self.send(&mut Outgoing::of(request.map(RequestBody::own), false), &Upload::none()).await
    }

    /// The upstream that this client speaks to.
    pub fn upstream(&self) -> &Upstream {
        &self.connector.upstream
    }

    /// Sends a request.
    ///
    /// # Cancel safety
    /// Dropping the future closes the connection that the request is on; the pool is unharmed.
    pub async fn send(&self, outgoing: &mut Outgoing, upload: &Upload) -> Result<Response<Body>, ProxyError> {
        let now = Instant::now();
        let call = self.calls.begin(&mut outgoing.request, now);
        outgoing.is_repeatable = !outgoing.switches && is_repeatable(&outgoing.request);
        let mut answered = self.send_patiently(outgoing, upload, now).await;
        match &mut answered {
            Ok(response) => call.answered(response),
            Err(error) => call.failed(error.proxy_status()),
        }
        answered
    }

    /// Sends it on a pooled connection, on another one where that is dead, or on a new one.
    async fn send_patiently(
        &self,
        outgoing: &mut Outgoing,
        upload: &Upload,
        now: Instant,
    ) -> Result<Response<Body>, ProxyError> {
        let by_library = self.needs_library(outgoing);
        while let Some(connection) = self.pool.take(now, by_library) {
            match self.attempt(connection, outgoing, upload).await {
                Ok(response) => return Ok(response),
                Err(Failure::Unsent(_)) => {}
                Err(Failure::Sent(error)) if outgoing.is_repeatable && is_lost_connection(&error) => {
                    self.metrics.upstream_retry();
                    outgoing.restore();
                    break;
                }
                Err(Failure::Sent(error)) => return Err(blame(error, upload)),
            }
        }
        Box::pin(self.send_fresh(outgoing, upload)).await
    }

    /// On the heap: with the name's lookup, the TLS handshake and an attempt of its own it takes up much memory, which
    /// every request would pay for though few make a connection.
    async fn send_fresh(
        &self,
        outgoing: &mut Outgoing,
        upload: &Upload,
    ) -> Result<Response<Body>, ProxyError> {
        let connection = self.connector.connect().await?;
        match self.attempt(connection, outgoing, upload).await {
            Ok(response) => Ok(response),
            Err(Failure::Unsent(error) | Failure::Sent(error)) => Err(blame(error, upload)),
        }
    }

    /// Whether bytes may go both ways at their own pace, or names are to be kept as they were written.
    fn needs_library(&self, outgoing: &Outgoing) -> bool {
        let both_ways = outgoing.switches || !outgoing.request.body().is_end_stream();
        both_ways || self.connector.preserve_header_case
    }

    /// Sends a request on this connection.
    async fn attempt(
        &self,
        mut connection: Box<Connection>,
        outgoing: &mut Outgoing,
        upload: &Upload,
    ) -> Result<Response<Body>, Failure> {
        let Connection { speaker: Speaker::Own(exchange), waiting } = &mut *connection else {
            return Box::pin(self.attempt_by_library(connection, outgoing, upload)).await;
        };
        if self.needs_library(outgoing) {
            return Box::pin(self.attempt_by_library(connection, outgoing, upload)).await;
        }
        exchange.begin(&outgoing.request);
        match self.unless_overdue(waiting, upload, |cx| exchange.poll_answer(cx)).await {
            Some(Ok((head, mut answer))) => {
                let is_whole = answer.settle(exchange);
                let lease = self.pool.lease(connection, upload.clone());
                // Without more to come the lease ends here, and the connection is free at once.
                let lease = (!is_whole).then_some(lease);
                Ok(head.map(|()| Body::from_upstream(Source::Own(answer), lease)))
            }
            Some(Err(fault)) => {
                let error = classify(fault.error);
                Err(if fault.is_unsent { Failure::Unsent(error) } else { Failure::Sent(error) })
            }
            None => Err(Failure::Sent(ProxyError::ResponseTimeout(self.response_timeout))),
        }
    }

    /// The same by the HTTP library, on the heap: few requests need it, and it takes up much memory.
    async fn attempt_by_library(
        &self,
        connection: Box<Connection>,
        outgoing: &mut Outgoing,
        upload: &Upload,
    ) -> Result<Response<Body>, Failure> {
        let handed_over = self.connector.hand_over(connection).await;
        let mut connection = handed_over.map_err(Failure::Unsent)?;
        let Connection { speaker: Speaker::Library(library), waiting } = &mut *connection else {
            unreachable!("it was handed over")
        };
        upload.moved();
        let mut answer = pin!(library.sender.try_send_request(outgoing.take()));
        match self.unless_overdue(waiting, upload, |cx| answer.as_mut().poll(cx)).await {
            Some(Ok(response)) => {
                upload.answer_begins();
                let upload = upload.clone();
                let lease = if outgoing.switches {
                    // What it speaks is no longer certain, once it was asked to switch protocols.
                    Lease::for_once(connection, upload)
                } else {
                    self.pool.lease(connection, upload)
                };
                Ok(response.map(|incoming| {
                    // Without a body the lease ends here, and the connection is free at once.
                    let lease = (!incoming.is_end_stream()).then_some(lease);
                    Body::from_upstream(Source::Library(incoming), lease)
                }))
            }
            Some(Err(mut error)) => {
                let unsent = error.take_message();
                let error = classify(error.into_error().into());
                Err(match unsent {
                    Some(request) => {
                        outgoing.request = request;
                        Failure::Unsent(error)
                    }
                    None => Failure::Sent(error),
                })
            }
            None => Err(Failure::Sent(ProxyError::ResponseTimeout(self.response_timeout))),
        }
    }

    /// Waits for an answer; `None` when nothing of the request has moved for too long. A client that pauses within its
    /// body is no fault of the upstream's, and has a limit of its own.
    async fn unless_overdue<T>(
        &self,
        waiting: &mut Deadline,
        upload: &Upload,
        mut poll_answer: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Option<T> {
        // Put where it stays as soon as it is there: an answer is large, and would be copied by each who hands it on.
        let mut came = None;
        poll_fn(|cx| {
            if let Poll::Ready(answer) = poll_answer(cx) {
                came = Some(answer);
                return Poll::Ready(());
            }
            loop {
                ready!(waiting.poll_missed(cx, self.response_timeout));
                let left = self.response_timeout.saturating_sub(upload.still().unwrap_or_default());
                if left.is_zero() {
                    return Poll::Ready(());
                }
                waiting.extend(left);
            }
        })
        .await;
        waiting.met();
        came
    }
}

impl Outgoing {
    /// Of a request in the form in which it goes out, which asks to switch protocols or not.
    pub fn of(request: Request<RequestBody>, switches: bool) -> Self {
        Self { request, switches, is_repeatable: false, spare: None }
    }

    /// The request, of which a copy is kept where it may have to be sent again.
    fn take(&mut self) -> Request<RequestBody> {
        self.spare = self.is_repeatable.then(|| Spare::of(&self.request));
        mem::take(&mut self.request)
    }

    /// Makes it ready to be sent once more, and not again.
    fn restore(&mut self) {
        self.is_repeatable = false;
        if let Some(spare) = self.spare.take() {
            self.request = spare.into_request();
        }
    }
}

/// What is kept of a request that may have to be sent again.
#[derive(Debug)]
struct Spare {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    /// How the names were written, where that is to be kept; else nothing.
    extensions: Extensions,
}

impl Spare {
    fn of(request: &Request<RequestBody>) -> Self {
        Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            headers: request.headers().clone(),
            extensions: request.extensions().clone(),
        }
    }

    fn into_request(self) -> Request<RequestBody> {
        let mut request = Request::new(RequestBody::empty());
        *request.method_mut() = self.method;
        *request.uri_mut() = self.uri;
        *request.headers_mut() = self.headers;
        *request.extensions_mut() = self.extensions;
        request
    }
}

/// Whether sending a request twice does no more than sending it once (RFC 9110, section 9.2.2), as far as gloss may
/// decide that: never with a body.
fn is_repeatable(request: &Request<RequestBody>) -> bool {
    let idempotent = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE
    );
    idempotent && request.body().is_end_stream()
}

fn is_lost_connection(error: &ProxyError) -> bool {
    matches!(error, ProxyError::Closed(_))
}

fn classify(error: ConnectionError) -> ProxyError {
    if error.is_malformed() { ProxyError::Malformed(error) } else { ProxyError::Closed(error) }
}

fn blame(error: ProxyError, upload: &Upload) -> ProxyError {
    upload.failure().unwrap_or(error)
}
