//! What is true after checking: a configuration that can be run.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use secrecy::SecretString;

use super::logs::SourceConfig;
use crate::analysis::Prior;
use crate::proxy::{HopParams, Upstream};
use crate::rollout::{Overrides, Rollout};
use crate::route::{StartRoute, StatusRoute};
use crate::shield::rules::Lifetime;
use crate::telemetry::LogFormat;

/// Everything that `gloss serve` runs by.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where clients connect.
    pub listen: ListenAddress,
    /// The service behind.
    pub upstream: UpstreamConfig,
    /// What forwarding changes.
    pub proxy: ProxyConfig,
    /// The routes that status requests come on.
    pub routes: Vec<StatusRoute>,
    /// The routes that runs are started by.
    pub start_routes: Vec<StartRoute>,
    /// Where the service describes itself: absolute paths.
    pub descriptions: Vec<String>,
    /// The name of the opt-in header.
    pub opt_in_header: HeaderName,
    /// Whether scripts of other origins may read the `Gloss-*` headers.
    pub expose_headers: bool,
    /// Who gets what.
    pub rollout: Rollout,
    /// What operators set at run time in an earlier life of the process; `None` when that is not kept.
    pub rollout_kept: Option<KeptRollout>,
    /// Limits of the enrichment.
    pub enrich: EnrichConfig,
    /// Live updates.
    pub stream: StreamConfig,
    /// Whether callers may ask for both answers in one.
    pub compare: bool,
    /// Answers that are shared; `None` where none are.
    pub shield: Option<ShieldConfig>,
    /// Where logs are.
    pub logs: LogsConfig,
    /// What progress estimates rest on.
    pub prior: Arc<Prior>,
    /// Whether runs' processes are looked at.
    pub process_check: bool,
    /// Bounds of the cache of analyses.
    pub cache: CacheConfig,
    /// The operators' listener; `None` when it is off.
    pub admin: Option<AdminConfig>,
    /// Limits on clients' connections.
    pub server: ServerConfig,
    /// How long a drain waits.
    pub drain_timeout: Duration,
    /// What gloss tells of itself.
    pub telemetry: TelemetryConfig,
    /// Headers whose values are never shown.
    pub secret_headers: Arc<[HeaderName]>,
}

/// Where to listen: `HOST:PORT` or `unix:PATH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenAddress {
    /// A TCP port; port 0 lets the system choose.
    Tcp(SocketAddr),
    /// A socket in the file system.
    Unix(PathBuf),
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "http://{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// The service behind.
#[derive(Debug, Clone)]
pub struct UpstreamConfig {
    /// Where it is.
    pub url: Upstream,
    /// How long making a connection may take.
    pub connect_timeout: Duration,
    /// How long the head of an answer may take.
    pub response_timeout: Duration,
    /// How long a connection may lie idle.
    pub idle_timeout: Duration,
    /// How many connections may lie idle.
    pub max_idle: usize,
}

/// What forwarding changes.
#[derive(Debug, Clone, Copy)]
pub struct ProxyConfig {
    /// Whether `Host` becomes the upstream's own.
    pub rewrite_host: bool,
    /// What is told of the way that messages came.
    pub hops: HopParams,
    /// Whether header names pass as they were written.
    pub preserve_header_case: bool,
}

/// What operators set at run time, kept for the next start.
#[derive(Debug, Clone)]
pub struct KeptRollout {
    /// Where it is kept.
    pub file: PathBuf,
    /// What was in it; nothing, if there was no file yet.
    pub overrides: Overrides,
}

/// Limits of the enrichment.
#[derive(Debug, Clone, Copy)]
pub struct EnrichConfig {
    /// How long a client may wait for notes after the upstream's answer has arrived.
    pub budget: Duration,
    /// The longest body that is read in advance, in bytes.
    pub max_body_bytes: usize,
    /// How much of answers may be held in memory, all requests together, in bytes.
    pub max_held_bytes: usize,
    /// How long reading it may take.
    pub body_timeout: Duration,
    /// How many logs may be read at the same time.
    pub max_concurrent: usize,
    /// Whether runs that ended badly get notes.
    pub failed: bool,
    /// Whether the names that one published client looks for are added, too.
    pub compat_fields: bool,
    /// Whether the service's description of itself gets the added fields, too.
    pub openapi: bool,
}

/// Live updates.
#[derive(Debug, Clone, Copy)]
pub struct StreamConfig {
    /// How often the upstream is asked again for each stream.
    pub upstream_interval: Duration,
    /// How often a silent stream shows that it is still there.
    pub heartbeat: Duration,
    /// How many there may be at a time.
    pub max: usize,
}

/// Shared answers.
#[derive(Debug, Clone)]
pub struct ShieldConfig {
    /// For how long.
    pub lifetime: Lifetime,
    /// How much memory they may take up, in bytes.
    pub max_bytes: u64,
    /// Headers that do not distinguish requests, beside those that never do.
    pub ignore_headers: Vec<HeaderName>,
}

/// Where logs are.
#[derive(Debug, Clone)]
pub struct LogsConfig {
    /// In the order in which they are looked at; never empty.
    pub sources: Vec<SourceConfig>,
    /// From when on a storage operation counts as hanging.
    pub timeout: Duration,
    /// The longest line that is read, in bytes.
    pub max_line_bytes: usize,
    /// How much of a log one poll reads at most, in bytes.
    pub max_bytes_per_poll: u64,
}

/// Bounds of the cache of analyses.
#[derive(Debug, Clone, Copy)]
pub struct CacheConfig {
    /// How much memory it may hold, in bytes.
    pub max_bytes: u64,
    /// How long an analysis that nobody asks for is kept.
    pub idle: Duration,
}

/// The operators' listener.
#[derive(Debug, Clone)]
pub struct AdminConfig {
    /// Where it listens.
    pub listen: SocketAddr,
    /// What callers have to present; always there when the address is not a loopback one.
    pub token: Option<SecretString>,
    /// Names and addresses, beside those of loopback, by which it may be asked without a token; without a port.
    pub hosts: Vec<String>,
}

/// Limits on clients' connections.
#[derive(Debug, Clone, Copy)]
pub struct ServerConfig {
    /// How long the head of a request may take.
    pub header_timeout: Duration,
    /// How long a client may pause within a body.
    pub body_timeout: Duration,
    /// How many bytes of a body a client has to bring for each second that it is waited for; 0 for as few as it likes.
    pub body_min_rate: u64,
    /// How long a connection may wait for its next request.
    pub idle_timeout: Duration,
    /// How long a client may take nothing of an answer that waits for it.
    pub write_timeout: Duration,
    /// The longest head of a request, in bytes.
    pub max_header_bytes: usize,
    /// How many headers a request may have.
    pub max_headers: usize,
    /// How many connections there may be at a time.
    pub max_connections: usize,
}

/// What gloss tells of itself.
#[derive(Debug, Clone)]
pub struct TelemetryConfig {
    /// A level or a list of directives.
    pub log_level: String,
    /// For people or for programs.
    pub log_format: LogFormat,
    /// Whether each request is written to the log.
    pub access_log: bool,
    /// Where traces go; `None` when they go nowhere.
    pub traces: Option<TracesConfig>,
}

/// Traces.
#[derive(Debug, Clone)]
pub struct TracesConfig {
    /// The collector, as it was written.
    pub endpoint: String,
    /// The collector, as it is reached.
    pub collector: Upstream,
    /// The share of traces that begin here which are recorded, 0 to 1.
    pub sample_ratio: f64,
    /// Whether the upstream is told gloss's own span as its parent.
    pub propagate: bool,
}
