//! Listeners and clients' connections: accepting, serving, limiting, draining.
//!
//! `listener` is where connections come from, `connection` serves one, `client_io` watches its bytes (by the rules of
//! `framing`, against the clock of a [`Deadline`](crate::proxy::Deadline)), `service` hands its requests to the stack, and `refusal` names why
//! gloss ends one. `streams` is the watch of what an HTTP/2 client takes.
//!
//! Everything that a client can hold ends: heads, pauses, slow bodies, idle connections and answers that are not taken each
//! have a time (`[server]` in the configuration), tunnels keep their place among `server.max_connections`, and what a
//! client holds of answers is bounded: about half a MiB a request, of which an HTTP/2 client may have `MAX_STREAMS`.
//!
//! A failed accept (out of descriptors, a client that left) is logged and waited out; it never ends the server. When
//! the drain begins, accepting stops, idle connections close, and requests in flight, or in the system's queues, finish.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads the clock")]

mod client_io;
mod connection;
mod descriptors;
pub mod framing;
mod linger;
mod listener;
mod refusal;
mod seldom;
mod service;
mod state;
mod streams;

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

use self::connection::{Connections, settled};
use self::listener::Socket;
use self::refusal::raw_answer;
use crate::proxy::{FromClient, Occupied};
use crate::telemetry::Metrics;

pub use self::descriptors::make_room;
pub use self::listener::Listener;
pub use self::refusal::Refusal;

/// How long accepting rests after a failure that another try would only repeat.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// How often a failing accept is logged.
const ACCEPT_WARNING: Duration = Duration::from_secs(10);

/// How long clients are accepted at most once the drain has begun, however fast they come.
const LAST_CALL: Duration = Duration::from_secs(1);

/// How many clients that came when there were too many are told so at a time; the others are just closed.
const TOLD_AT_A_TIME: usize = 64;

/// How long telling one of them may take.
const TELLING: Duration = Duration::from_secs(1);

/// Limits on clients' connections.
#[derive(Debug, Clone, Copy)]
pub struct ServerParams {
    /// How long the head of a request may take.
    pub header_timeout: Duration,
    /// How long a connection may wait for its next request.
    pub idle_timeout: Duration,
    /// How long a client may take nothing of an answer that waits for it.
    pub write_timeout: Duration,
    /// The longest head of a request, in bytes.
    pub max_header_bytes: usize,
    /// How many headers a request may have.
    pub max_headers: usize,
    /// Whether header names are remembered as they were written.
    pub preserve_header_case: bool,
    /// How many connections there may be at a time.
    pub max_connections: usize,
    /// How long requests in flight may take once the drain has begun.
    pub drain_timeout: Duration,
}

/// Serves every connection of `listener` with a clone of `service`, until `drain` is cancelled and the requests in
/// flight have finished or `drain_timeout` has passed.
///
/// Whether all of them finished.
pub async fn run<S, B>(
    listener: impl Into<Listener>,
    service: S,
    params: ServerParams,
    metrics: Metrics,
    drain: CancellationToken,
) -> bool
where
    S: Service<Request<FromClient>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let listener = listener.into();
    let connections = Connections::new(&params, &metrics, drain.clone());
    let (room, telling) =
        (Arc::new(Semaphore::new(params.max_connections)), Arc::new(Semaphore::new(TOLD_AT_A_TIME)));
    let open = TaskTracker::new();
    let mut trouble = AcceptTrouble::default();
    let mut settled = pin!(settled(&drain));
    let mut drain_began: Option<Instant> = None;
    while drain_began.is_none_or(|began| began.elapsed() < LAST_CALL) {
        let accepted = tokio::select! {
            // Clients that wait in the queue when the drain begins have been promised a connection.
            biased;
            accepted = listener.accept() => accepted,
            () = &mut settled => break,
        };
        if drain.is_cancelled() {
            drain_began.get_or_insert_with(Instant::now);
        }
        let socket = match accepted {
            Ok(socket) => socket,
            Err(error) => {
                trouble.rest_after(&error).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&room).try_acquire_owned() else {
            metrics.refusal(Refusal::ConnectionLimit.as_str());
            if let Ok(turn) = Arc::clone(&telling).try_acquire_owned() {
                tokio::spawn(async move {
                    // A client that does not listen misses it.
                    let _ = tokio::time::timeout(TELLING, turn_away(socket)).await;
                    drop(turn);
                });
            }
            continue;
        };
        let (counted, place) = (metrics.connection(), Occupied::by(place));
        let (connections, service, metrics) = (connections.clone(), service.clone(), metrics.clone());
        open.spawn(async move {
            if let Some(refusal) = connections.serve(socket, service, place).await {
                metrics.refusal(refusal.as_str());
                tracing::debug!(reason = refusal.as_str(), "a client's connection was refused");
            }
            drop(counted);
        });
    }
    // New connections are refused from here on, not left hanging in the queue.
    drop(listener);
    open.close();
    tokio::time::timeout(params.drain_timeout, open.wait()).await.is_ok()
}

/// Tells a client that there is no room for it.
async fn turn_away(mut socket: Socket) -> io::Result<()> {
    let detail = "gloss has as many connections as it may";
    let answer =
        raw_answer("503 Service Unavailable", "connection_limit_reached", detail, "retry-after: 1\r\n");
    socket.write_all(&answer).await?;
    socket.shutdown().await?;
    // Closed with its request unread, the connection would be reset, and the answer lost on the way.
    let mut unread = [0; 4096];
    while socket.read(&mut unread).await? > 0 {}
    Ok(())
}

/// Waits after accepts that fail, and says so now and then.
#[derive(Debug, Default)]
struct AcceptTrouble {
    failures: u64,
    warned: Option<Instant>,
}

impl AcceptTrouble {
    async fn rest_after(&mut self, error: &io::Error) {
        let client_left =
            matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset);
        if client_left {
            return;
        }
        self.failures += 1;
        if self.warned.is_none_or(|at| at.elapsed() >= ACCEPT_WARNING) {
            tracing::warn!(error = %error, failures = self.failures, "no connection could be accepted");
            self.warned = Some(Instant::now());
            self.failures = 0;
        }
        tokio::time::sleep(ACCEPT_REST).await;
    }
}
