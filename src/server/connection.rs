//! One client's connection from its first byte to its end.
//!
//! The first bytes tell HTTP/2 with prior knowledge from HTTP/1. A connection ends when the client leaves, when it has
//! been idle for too long, when it breaks the rules, and at a drain as soon as nothing of it is in flight.

use std::convert::Infallible;
use std::error::Error;
use std::future::{Future, pending};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use http::{Request, Response};
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::sync::CancellationToken;
use tower::Service;

use super::ServerParams;
use super::client_io::{ClientIo, Patience};
use super::listener::Socket;
use super::refusal::Refusal;
use super::seldom::Seldom;
use super::service::ConnectionService;
use super::state::ConnectionState;
use super::streams::{StreamExecutor, StreamService};
use crate::proxy::{FromClient, Occupied};
use crate::telemetry::Metrics;

/// What an HTTP/2 client with prior knowledge says first (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How many headers hyper takes where it is not told.
const HYPERS_MAX_HEADERS: usize = 100;

/// How much is read at first: the head of a usual request.
const FIRST_READ: usize = 4096;

/// How often a connection that is to end is asked whether anything of it is still in flight.
const GRACE: Duration = Duration::from_secs(1);

/// How long after the begin of a drain connections and requests still count as having come before it: they wait in the
/// system's queues, and the runtime has to look there once more. Not a matter of speed: the timer goes off behind that.
const SETTLE: Duration = Duration::from_millis(20);

/// How many requests an HTTP/2 client may have in flight: each may take a connection to the upstream.
const MAX_STREAMS: u32 = 100;

/// How much of one answer hyper takes before an HTTP/2 client does, in bytes; the chunk that passes it is taken whole.
///
/// A client that takes nothing thus holds at most `MAX_STREAMS` times this and three chunks of the upstream's: one that
/// waits here, one on its way, and one that is being read (128 KiB each at most, where the library reads them), or 45 MiB a connection,
/// until `write_timeout` ends it.
const SEND_AHEAD: usize = 64 * 1024;

/// How often an HTTP/2 client is asked whether it is still there, and how long it may take to say so.
const PING: Duration = Duration::from_secs(30);

/// What all connections of a listener have in common.
#[derive(Debug, Clone)]
pub(super) struct Connections {
    http1: http1::Builder,
    http2: http2::Builder<StreamExecutor>,
    patience: Patience,
    drain: CancellationToken,
}

impl Connections {
    pub(super) fn new(params: &ServerParams, metrics: &Metrics, drain: CancellationToken) -> Self {
        let patience =
            Patience { head: params.header_timeout, idle: params.idle_timeout, write: params.write_timeout };
        Self { http1: http1_builder(params), http2: http2_builder(params, metrics), patience, drain }
    }

    /// Serves one connection until it ends; the refusal, if gloss ended it.
    pub(super) async fn serve<S, B>(&self, mut socket: Socket, service: S, place: Occupied) -> Option<Refusal>
    where
        S: Service<Request<FromClient>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send + 'static,
        B: http_body::Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
    {
        let mut seen = BytesMut::new();
        let first = async {
            // A client that says nothing yet takes up no memory for it.
            socket.readable().await?;
            sniff(&mut socket, &mut seen).await
        };
        let is_http2 = tokio::select! {
            // What has come by now is answered.
            biased;
            sniffed = tokio::time::timeout(self.patience.head, first) => match sniffed {
                Ok(Ok(is_http2)) => is_http2,
                Ok(Err(_left)) => return None,
                Err(_elapsed) => return (!seen.is_empty()).then_some(Refusal::HeadTimeout),
            },
            // Nobody has asked for anything yet.
            () = settled(&self.drain) => return None,
        };
        let state = Arc::new(ConnectionState::default());
        let service = ConnectionService::new(service, socket.client(), place, Arc::clone(&state));
        let held = seen.freeze();
        let ended = if is_http2 {
            let io = TokioIo::new(ClientIo::http2(socket, held, self.patience, Arc::clone(&state)));
            let idle = idle_for(&state, self.patience.idle);
            let connection = Box::pin(self.http2.serve_connection(io, StreamService(service)));
            self.drive(connection, http2::Connection::graceful_shutdown, &state, idle).await
        } else {
            let io = TokioIo::new(ClientIo::http1(socket, held, self.patience, Arc::clone(&state)));
            // The socket's own watch notices an idle client.
            let connection = Box::pin(self.http1.serve_connection(io, service).with_upgrades());
            self.drive(connection, http1::UpgradeableConnection::graceful_shutdown, &state, pending()).await
        };
        let refusal = state.refusal().or_else(|| ended.as_ref().err().and_then(Refusal::of));
        if let Err(error) = ended {
            // What ends a connection early is the client's affair: it left, or spoke no HTTP.
            tracing::debug!(error = %error, "a client's connection ended early");
        }
        refusal
    }

    /// Runs a connection to its end, which is near once `idle` ends or the drain begins. On the heap, since a future that
    /// is handed on has a place in both of those that it goes through.
    async fn drive<C: Future<Output = Result<(), hyper::Error>>>(
        &self,
        mut connection: Pin<Box<C>>,
        finish: impl FnOnce(Pin<&mut C>),
        state: &ConnectionState,
        idle: impl Future<Output = ()>,
    ) -> Result<(), hyper::Error> {
        tokio::select! {
            // A request that has come by now is seen before the end begins, and then answered.
            biased;
            ended = connection.as_mut() => return ended,
            () = Seldom::new(settled(&self.drain)) => {}
            () = idle => {}
        }
        finish(connection.as_mut());
        loop {
            tokio::select! {
                ended = connection.as_mut() => return ended,
                // Half a head, or a client that does not say goodbye: nothing is lost by closing.
                () = tokio::time::sleep(GRACE) => if state.is_idle() { return Ok(()) },
            }
        }
    }
}

/// Ends a moment after the drain has begun: when the system has been asked once more what has come, and whoever waits for
/// it has seen it.
pub(super) async fn settled(drain: &CancellationToken) {
    drain.cancelled().await;
    tokio::time::sleep(SETTLE).await;
}

/// Reads until it is certain which protocol the client speaks: whether it is HTTP/2.
async fn sniff(socket: &mut (impl AsyncRead + Unpin), seen: &mut BytesMut) -> io::Result<bool> {
    seen.reserve(FIRST_READ);
    loop {
        let came = socket.read_buf(seen).await?;
        let compared = seen.len().min(PREFACE.len());
        if came == 0 || seen[..compared] != PREFACE[..compared] {
            return Ok(false);
        }
        if compared == PREFACE.len() {
            return Ok(true);
        }
    }
}

/// Ends when no request has come or been in flight for once to twice `limit`.
async fn idle_for(state: &ConnectionState, limit: Duration) {
    let mut requests = None;
    loop {
        tokio::time::sleep(limit).await;
        let now = state.requests();
        if state.is_idle() && requests == Some(now) {
            return;
        }
        requests = Some(now);
    }
}

fn http1_builder(params: &ServerParams) -> http1::Builder {
    let mut builder = http1::Builder::new();
    // With hyper's own number, requests take no memory for it.
    if params.max_headers != HYPERS_MAX_HEADERS {
        builder.max_headers(params.max_headers);
    }
    builder
        .timer(TokioTimer::new())
        // The socket's watch keeps the time, without a timer for each request.
        .header_read_timeout(None)
        .max_buf_size(params.max_header_bytes)
        .max_header_size(params.max_header_bytes)
        .preserve_header_case(params.preserve_header_case)
        // The socket's watch sees, too, whether a client that waits has left.
        .half_close(true)
        // The upstream's date, or none.
        .auto_date_header(false);
    builder
}

fn http2_builder(params: &ServerParams, metrics: &Metrics) -> http2::Builder<StreamExecutor> {
    let executor = StreamExecutor { patience: params.write_timeout, metrics: metrics.clone() };
    let mut builder = http2::Builder::new(executor);
    builder
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(params.max_header_bytes).unwrap_or(u32::MAX))
        .max_concurrent_streams(MAX_STREAMS)
        .max_send_buf_size(SEND_AHEAD)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING)
        .auto_date_header(false);
    builder
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn sniffed(mut bytes: &[u8]) -> bool {
        sniff(&mut bytes, &mut BytesMut::new()).await.unwrap()
    }

    #[tokio::test]
    async fn only_the_whole_preface_is_http_2() {
        assert!(sniffed(PREFACE).await);
        assert!(sniffed(&[PREFACE, b"\0\0\0\x04"].concat()).await);
        for length in 0..PREFACE.len() {
            assert!(!sniffed(&PREFACE[..length]).await, "the first {length} bytes of it");
        }
        for other in ["GET / HTTP/1.1\r\n\r\n", "POST / HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"] {
            assert!(!sniffed(other.as_bytes()).await, "{other:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_http_2_connection_is_idle_without_requests_only() {
        let state = Arc::new(ConnectionState::default());
        let limit = Duration::from_secs(10);
        let request = state.request();
        assert!(tokio::time::timeout(10 * limit, idle_for(&state, limit)).await.is_err());
        drop(request);
        let began = tokio::time::Instant::now();
        idle_for(&state, limit).await;
        assert!(began.elapsed() <= 2 * limit + Duration::from_millis(5), "{:?}", began.elapsed());
    }
}
