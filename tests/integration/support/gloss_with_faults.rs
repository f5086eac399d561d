//! `gloss serve` over a storage whose every operation waits for an order: the program under test where the fault has to
//! lie inside the process. Arguments: the configuration file, and the address that gives the orders.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use gloss::analysis::LogSourceKind;
use gloss::commands::serve::{Gloss, Reloads, drain_on_signal};
use gloss::config::{self, Config, Sources};
use gloss::reload::FileWatch;
use gloss::runlog::{
    BoxFuture, LogError, LogIdentity, LogName, LogSource, NamePattern, OpenLog, Place, Tracker,
};
use gloss::stack;
use gloss::telemetry::{Metrics, init_logging, log_panics};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().map(Into::into);
    let gate: SocketAddr = arguments.next().expect("the address of the gate").parse()?;
    let sources = Sources { file, ..Sources::default() };
    let loaded = config::load(&sources)?;
    let logging = init_logging(&loaded.config.telemetry.log_level, loaded.config.telemetry.log_format);
    let metrics = Metrics::new();
    log_panics(metrics.clone());
    let make_tracker = move |config: &Config, metrics: &Metrics| gated(gate, config, metrics);
    let mut gloss = Gloss::bind(loaded, metrics, Box::new(make_tracker)).await?;
    let file = sources.file().map(|path| FileWatch::begin(&path));
    gloss.reload_from(Reloads { sources, file, hangup: signal(SignalKind::hangup())?, logging });
    gloss.announce(&mut io::stdout())?;
    let drain = CancellationToken::new();
    drain_on_signal(&drain)?;
    gloss.serve(drain).await;
    Ok(())
}

fn gated(gate: SocketAddr, config: &Config, metrics: &Metrics) -> io::Result<Option<Tracker>> {
    let gated = |place: Place| Place { source: Arc::new(Gated { source: place.source, gate }), ..place };
    let places = stack::places(config)?.into_iter().map(gated).collect();
    stack::tracker_over(places, config, metrics).map(Some)
}

/// A storage behind the gate.
#[derive(Debug)]
struct Gated {
    source: Arc<dyn LogSource>,
    gate: SocketAddr,
}

#[derive(Debug)]
struct GatedLog {
    log: Box<dyn OpenLog>,
    gate: SocketAddr,
    kind: LogSourceKind,
}

impl LogSource for Gated {
    fn kind(&self) -> LogSourceKind {
        self.source.kind()
    }

    fn open<'a>(&'a self, name: &'a LogName) -> BoxFuture<'a, Result<Box<dyn OpenLog>, LogError>> {
        Box::pin(async move {
            pass(self.gate, "open", self.kind()).await?;
            let log = self.source.open(name).await?;
            Ok(Box::new(GatedLog { log, gate: self.gate, kind: self.kind() }) as Box<dyn OpenLog>)
        })
    }

    fn search<'a>(
        &'a self,
        pattern: &'a NamePattern,
        most: usize,
    ) -> BoxFuture<'a, Result<Vec<LogName>, LogError>> {
        Box::pin(async move {
            pass(self.gate, "search", self.kind()).await?;
            self.source.search(pattern, most).await
        })
    }
}

impl OpenLog for GatedLog {
    fn identity(&self) -> LogIdentity {
        self.log.identity()
    }

    fn length(&self) -> u64 {
        self.log.length()
    }

    fn stamp(&self) -> u128 {
        self.log.stamp()
    }

    fn read_at(&self, offset: u64, max_bytes: usize) -> BoxFuture<'_, Result<Bytes, LogError>> {
        Box::pin(async move {
            pass(self.gate, "read", self.kind).await?;
            self.log.read_at(offset, max_bytes).await
        })
    }
}

/// Waits for the order; where none will ever come, for ever.
async fn pass(gate: SocketAddr, operation: &str, kind: LogSourceKind) -> Result<(), LogError> {
    let what = if kind == LogSourceKind::Transcript { " transcript" } else { "" };
    match order(gate, &format!("{operation}{what}")).await.as_deref() {
        Ok("go\n") => Ok(()),
        Ok("panic\n") => panic!("as the test orders"),
        Ok(quoting) if quoting.starts_with("panic ") => panic!("as the test orders: {quoting}"),
        Ok("refuse\n") => Err(LogError::Unreadable("as the test orders".into())),
        Ok(_) | Err(_) => std::future::pending().await,
    }
}

async fn order(gate: SocketAddr, operation: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(gate).await?;
    stream.write_all(format!("{operation}\n").as_bytes()).await?;
    let mut order = String::new();
    BufReader::new(stream).read_line(&mut order).await?;
    Ok(order)
}
