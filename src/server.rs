//! Listeners and clients' connections: accepting, serving, draining.
//!
//! A failed accept (out of descriptors, a client that left) is logged and waited out; it never ends the server. When
//! the drain begins, accepting stops, idle connections close, and requests in flight finish.

mod presence;

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tower::Service;
use tower_http::add_extension::AddExtension;

use self::presence::{Attended, Present};
use crate::proxy::{ClientAddress, Progress};
use crate::telemetry::Metrics;

/// How long accepting rests after a failure that another try would only repeat.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// Limits on clients' connections.
#[derive(Debug, Clone, Copy)]
pub struct ServerParams {
    /// How long the head of a request may take, and an idle connection may wait for the next.
    pub header_timeout: Duration,
    /// The longest head of a request, in bytes.
    pub max_header_bytes: usize,
    /// How many headers a request may have.
    pub max_headers: usize,
    /// How long requests in flight may take once the drain has begun.
    pub drain_timeout: Duration,
    /// Whether header names are remembered as they were written.
    pub preserve_header_case: bool,
}

/// Serves every connection of `listener` with a clone of `service`, until `drain` is cancelled and the requests in
/// flight have finished or `drain_timeout` has passed.
///
/// Whether all of them finished.
pub async fn run<S, B>(
    listener: TcpListener,
    service: S,
    params: ServerParams,
    metrics: Metrics,
    drain: CancellationToken,
) -> bool
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let builder = connection_builder(&params);
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = drain.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                rest_after(&error).await;
                continue;
            }
        };
        let open = metrics.connection();
        let progress = Progress::default();
        let io = TokioIo::new(Present::new(prepared(stream), progress.clone()));
        let service = AddExtension::new(service.clone(), ClientAddress(Some(peer)));
        let service = Attended { inner: TowerToHyperService::new(service), progress };
        let connection = graceful.watch(builder.serve_connection_with_upgrades(io, service).into_owned());
        tokio::spawn(async move {
            // What ends a connection early is the client's affair: it left, or spoke no HTTP.
            if let Err(error) = connection.await {
                tracing::debug!(error, "a client's connection ended early");
            }
            drop(open);
        });
    }
    // New connections are refused from here on, not left hanging in the queue.
    drop(listener);
    tokio::time::timeout(params.drain_timeout, graceful.shutdown()).await.is_ok()
}

fn connection_builder(params: &ServerParams) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(params.header_timeout)
        .max_buf_size(params.max_header_bytes)
        .max_headers(params.max_headers)
        .preserve_header_case(params.preserve_header_case)
        // The upstream's date, or none.
        .auto_date_header(false);
    let max_header_list = u32::try_from(params.max_header_bytes).unwrap_or(u32::MAX);
    builder.http2().timer(TokioTimer::new()).max_header_list_size(max_header_list).auto_date_header(false);
    builder
}

fn prepared(stream: TcpStream) -> TcpStream {
    // Without it small answers wait for acknowledgements. A failure means that the client has gone already.
    let _ = stream.set_nodelay(true);
    let _ = presence::probe(&stream);
    stream
}

async fn rest_after(error: &io::Error) {
    let client_left =
        matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset);
    if !client_left {
        tracing::warn!(error = %error, "no connection could be accepted");
        tokio::time::sleep(ACCEPT_REST).await;
    }
}
