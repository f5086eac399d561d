//! The embedded sample of the upstream, for trying gloss out with nothing else installed.
//!
//! It behaves like the Python service at the version which gloss was planned against: the same status route with its
//! 24 keys, the same errors and headers, logs with the same losses. What it serves are four recorded runs, replayed
//! into real log files. It is not a test double: tests that need a real peer run a real uvicorn.
//!
//! ```text
//! runs/*.jsonl → script → entry (what the log says) → replay → log files ← reading ← service → answer
//! ```

mod answer;
mod clock;
mod entry;
mod load;
mod openapi;
mod python;
mod reading;
mod replay;
mod response;
mod routes;
mod run;
mod script;
mod service;
mod value;

#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use load::{Ask, Load, Manner};
pub use script::{SampleRun, runs};

use replay::Speed;
use service::Service;

/// uvicorn closes a connection that has been idle for so long.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// How long requests under way may take once the sample is asked to stop.
const DRAIN: Duration = Duration::from_secs(2);
/// The pause after a connection could not be accepted, which is mostly for lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a status answer's `logs` say of a log: its last 1000 entries as text, as Python prints them. A log that is not
/// UTF-8 says nothing.
pub fn logs_in_answer(log: &[u8]) -> String {
    reading::read(log).text
}

/// How the sample upstream is to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many times faster than recorded the runs are replayed; finite and above zero. At 1 the run that goes on
    /// takes about five minutes.
    pub speed: f64,
    /// Where the run logs are written, as `run_{run_id}.log`; made if it is not there, and left as it is at the end.
    pub log_dir: PathBuf,
    /// What callers have to send as `x-api-key`, in the header or the query.
    pub api_key: String,
}

/// A sample of the service that gloss stands in front of.
#[derive(Clone, Copy, Debug)]
pub struct SampleUpstream;

impl SampleUpstream {
    /// Writes the finished runs' logs whole, starts replaying the others, and serves on `listener` until `shutdown`
    /// is cancelled; then finishes the requests under way, for two seconds at most, and stops the replays.
    ///
    /// The finished runs' logs are written before the first poll of this future returns. Memory is bounded by the
    /// recordings (some hundred kilobytes) and by each status answer, which holds its log: 32 runs started by callers
    /// are kept, then the oldest goes, its log with it.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a speed that is not finite and positive, and what the file system says where a log cannot
    /// be written at the start. A replay which fails later is logged and ends alone.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops accepting, but connections and replays go on until `shutdown` is cancelled.
    pub async fn serve(
        listener: TcpListener,
        options: Options,
        shutdown: CancellationToken,
    ) -> io::Result<()> {
        let speed = Speed::new(options.speed).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                "the speed of the sample must be finite and above zero",
            )
        })?;
        let service = Service::new(&options.log_dir, options.api_key, speed, shutdown.clone())?;
        let service = Arc::new(service);
        service.start_replays();
        let connections = GracefulShutdown::new();
        while let Some(accepted) = shutdown.run_until_cancelled(listener.accept()).await {
            match accepted {
                Ok((stream, _)) => {
                    tokio::spawn(connection(Arc::clone(&service), stream, connections.watcher()));
                }
                Err(error) => {
                    tracing::debug!(%error, "the sample could not accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        // Nobody is owed an answer beyond the time given.
        let _ = tokio::time::timeout(DRAIN, connections.shutdown()).await;
        service.replays_ended().await;
        Ok(())
    }
}

/// Serves one connection until either side closes it; a connection that breaks concerns nobody else.
async fn connection<S>(service: Arc<Service>, stream: S, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let answer = service_fn(move |request| {
        let service = Arc::clone(&service);
        async move { Ok::<_, std::convert::Infallible>(service.answer(request).await) }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(KEEP_ALIVE)
        .serve_connection(TokioIo::new(stream), answer);
    if let Err(error) = watcher.watch(serving).await {
        tracing::debug!(%error, "a connection to the sample ended early");
    }
}
